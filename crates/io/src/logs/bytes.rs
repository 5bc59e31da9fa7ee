//! A file's content in memory, decompressed if it is compressed.

use crate::error::{IoError, Place};
use crate::remote::{self, Object};
use bzip2::read::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::FrameDecoderError::ReadFrameHeaderError as Header;
use ruzstd::decoding::errors::ReadFrameHeaderError::SkipFrame;
use std::io::{self, Read};
use std::path::Path;

/// Most bytes that a compressed file may unpack to: a small file must not fill the memory.
const MAX_UNPACKED: u64 = 8 << 30;

/// The forms, told by their first bytes, whatever the name.
#[derive(Clone, Copy)]
enum Packed {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Packed {
    const ALL: [(Self, &'static [u8], &'static str); 4] = [
        (Self::Gzip, &[0x1f, 0x8b], "gzip"),
        (Self::Zstd, &[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (Self::Bzip2, b"BZh", "bzip2"),
        (Self::Xz, &[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    ];

    /// Appends what is packed, at most `limit` bytes.
    fn unpack(self, mut raw: &[u8], limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip => MultiGzDecoder::new(raw).take(limit).read_to_end(into)?,
            Self::Bzip2 => MultiBzDecoder::new(raw).take(limit).read_to_end(into)?,
            Self::Xz => XzReader::new(raw, true).take(limit).read_to_end(into)?,
            Self::Zstd => {
                // One frame behind the other.
                while !raw.is_empty() && (into.len() as u64) < limit {
                    let left = limit - into.len() as u64;
                    let mut frame = match StreamingDecoder::new(&mut raw) {
                        Ok(frame) => frame,
                        // Parallel packers write lengths between the frames.
                        Err(Header(SkipFrame { length, .. })) => {
                            raw = raw.get(length as usize..).ok_or(io::ErrorKind::UnexpectedEof)?;
                            continue;
                        }
                        Err(other) => return Err(io::Error::other(other)),
                    };
                    frame.by_ref().take(left).read_to_end(into)?;
                    let decoder = &frame.decoder;
                    let whole = decoder.is_finished() && decoder.can_collect() == 0;
                    let right = decoder.get_checksum_from_data();
                    if whole && right.is_some() && right != decoder.get_calculated_checksum() {
                        return Err(io::Error::other("wrong checksum"));
                    }
                }
                0
            }
        };
        Ok(())
    }
}

/// The content of `path`, unpacked if it is gzip, zstd, bzip2 or xz.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, IoError> {
    let raw = if remote::is_address(path) {
        Object::open(path)?.read()?
    } else {
        std::fs::read(path).map_err(|e| IoError::os("read", path, e))?
    };
    let begins = |form, magic| match form {
        // A text may begin with these letters; the digits of pi follow the block size.
        Packed::Bzip2 => raw.starts_with(magic) && raw.get(4..7) == Some(&[0x31, 0x41, 0x59]),
        _ => raw.starts_with(magic),
    };
    let packed = Packed::ALL.into_iter().find(|(form, magic, _)| begins(*form, magic));
    let Some((form, _, name)) = packed else { return Ok(raw) };
    let refuse = |cause: String, expected: String| IoError::Content {
        path: path.to_owned(),
        place: Box::new(Place::default()),
        cause,
        expected,
    };
    let mut unpacked = Vec::new();
    form.unpack(&raw, MAX_UNPACKED + 1, &mut unpacked).map_err(|e| {
        refuse(
            format!("broken {name} data ({e}) after {} bytes", unpacked.len()),
            format!("a complete {name} file"),
        )
    })?;
    if unpacked.len() as u64 > MAX_UNPACKED {
        return Err(refuse(
            "too large".into(),
            "at most 8 GiB after decompression; split the file".into(),
        ));
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const TEXT: &[u8] = b"one\ntwo\n";

    /// The text packed in each form, by the crates' own encoders.
    fn packed() -> Vec<(&'static str, Vec<u8>)> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(TEXT).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(TEXT).unwrap();
        let options = lzma_rust2::XzOptions::default();
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        xz.write_all(TEXT).unwrap();
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        vec![
            ("gzip", gzip.finish().unwrap()),
            ("zstd", ruzstd::encoding::compress_to_vec(TEXT, level)),
            ("bzip2", bzip2.finish().unwrap()),
            ("xz", xz.finish().unwrap()),
        ]
    }

    #[test]
    fn every_form_is_told_by_its_content_and_may_have_several_members() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.txt");
        for (name, bytes) in packed() {
            std::fs::write(&path, [&bytes[..], &bytes[..]].concat()).unwrap();
            assert_eq!(read(&path).unwrap(), [TEXT, TEXT].concat(), "{name}");
        }
        std::fs::write(&path, TEXT).unwrap();
        assert_eq!(read(&path).unwrap(), TEXT);
    }

    #[test]
    fn what_is_cut_short_or_broken_is_an_error_that_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.txt");
        for (name, bytes) in packed() {
            for cut in 7..bytes.len() {
                std::fs::write(&path, &bytes[..cut]).unwrap();
                let error = read(&path).unwrap_err().to_string();
                assert!(error.contains(&format!("broken {name} data")), "{name} {cut}: {error}");
            }
        }
    }

    #[test]
    fn frames_of_zstd_may_be_skipped_and_have_checksums() {
        let frame = packed().swap_remove(1).1;
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &frame[..]].concat();
        let mut unpacked = Vec::new();
        Packed::Zstd.unpack(&skipped, 100, &mut unpacked).unwrap();
        assert_eq!(unpacked, TEXT);
        // The last four bytes are the checksum's.
        let mut wrong = frame;
        *wrong.last_mut().unwrap() ^= 1;
        assert!(Packed::Zstd.unpack(&wrong, 100, &mut Vec::new()).is_err());
    }

    #[test]
    fn unpacking_ends_at_the_limit() {
        for ((form, ..), (name, bytes)) in Packed::ALL.into_iter().zip(packed()) {
            let mut unpacked = Vec::new();
            form.unpack(&bytes, 5, &mut unpacked).unwrap();
            assert_eq!(unpacked, &TEXT[..5], "{name}");
        }
    }
}
