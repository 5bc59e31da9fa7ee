//! A file's content in memory, decompressed if it is compressed.

use crate::error::{IoError, Place};
use crate::memory::MemoryLimit;
use crate::remote::{self, Object};
use bzip2::read::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::FrameDecoderError::ReadFrameHeaderError as Header;
use ruzstd::decoding::errors::ReadFrameHeaderError::SkipFrame;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes that are read of a file at a time.
const BUFFER: usize = 256 << 10;

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

    /// The form of what begins like this.
    fn of(head: &[u8]) -> Option<(Self, &'static str)> {
        let begins = |form, magic| match form {
            // A text may begin with these letters; the digits of pi follow the block size.
            Self::Bzip2 => head.starts_with(magic) && head.get(4..7) == Some(&[0x31, 0x41, 0x59]),
            _ => head.starts_with(magic),
        };
        let packed = Self::ALL.into_iter().find(|(form, magic, _)| begins(*form, magic));
        packed.map(|(form, _, name)| (form, name))
    }

    /// What is packed in `raw`.
    fn unpack<'r>(
        self,
        raw: impl BufRead + Send + 'r,
        memory: MemoryLimit,
    ) -> Box<dyn Read + Send + 'r> {
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(raw)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(raw)),
            Self::Xz => Box::new(XzReader::new_mem_limit(raw, true, memory.window_kib())),
            Self::Zstd => Box::new(Frames { raw, decoder: FrameDecoder::new(), open: false }),
        }
    }
}

/// Frames of zstd, one behind the other.
struct Frames<R> {
    raw: R,
    decoder: FrameDecoder,
    /// A frame has begun.
    open: bool,
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.open && !self.raw.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.raw) {
                Ok(()) => self.open = true,
                // Parallel packers write lengths between the frames.
                Err(Header(SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.raw.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(other) => return Err(io::Error::other(other)),
            }
        }
        Ok(self.open)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.begin()? {
            let decoder = &mut self.decoder;
            while decoder.can_collect() < into.len() && !decoder.is_finished() {
                let wanted = BlockDecodingStrategy::UptoBytes(into.len() - decoder.can_collect());
                decoder.decode_blocks(&mut self.raw, wanted).map_err(io::Error::other)?;
            }
            let read = decoder.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let right = decoder.get_checksum_from_data();
            if right.is_some() && right != decoder.get_calculated_checksum() {
                return Err(io::Error::other("wrong checksum"));
            }
            self.open = false;
        }
        Ok(0)
    }
}

/// The content of `path`, unpacked if it is gzip, zstd, bzip2 or xz.
///
/// # Errors
/// [`IoError::Memory`] if it is longer than `most` bytes: how long packed content is shows when it has been
/// unpacked, whatever the file says.
pub(super) fn read(path: &Path, most: u64, memory: MemoryLimit) -> Result<Vec<u8>, IoError> {
    let too_long = || {
        let cause = format!("more than {} MB of text, which is read at once", most / 1_000_000);
        IoError::memory(path, Place::default(), cause, memory)
    };
    let raw = if remote::is_address(path) {
        let object = Object::open(path)?;
        // Packed content is longer than its file.
        if object.has_ranges() && object.size()? > most {
            return Err(too_long());
        }
        object.read()?
    } else {
        let fail = |e| IoError::os("read", path, e);
        let file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        if length > most {
            return Err(too_long());
        }
        let mut raw = Vec::with_capacity(length as usize);
        file.take(most + 1).read_to_end(&mut raw).map_err(fail)?;
        raw
    };
    if raw.len() as u64 > most {
        return Err(too_long());
    }
    let Some((form, name)) = Packed::of(&raw) else { return Ok(raw) };
    let mut unpacked = Vec::new();
    let read = form.unpack(&raw[..], memory).take(most + 1).read_to_end(&mut unpacked);
    read.map_err(|e| broken(path, name, &e, unpacked.len() as u64))?;
    if unpacked.len() as u64 > most { Err(too_long()) } else { Ok(unpacked) }
}

/// The same content from its beginning on.
pub(crate) struct Content {
    path: PathBuf,
    form: Option<&'static str>,
    reader: Box<dyn Read + Send>,
    read: u64,
}

impl Content {
    pub(crate) fn open(path: &Path, memory: MemoryLimit) -> Result<Self, IoError> {
        let fail = |e| IoError::os("read", path, e);
        let raw: Box<dyn Read + Send> = if remote::is_address(path) {
            Object::open(path)?.stream()?
        } else {
            Box::new(File::open(path).map_err(fail)?)
        };
        let mut raw = BufReader::with_capacity(BUFFER, raw);
        let head = raw.fill_buf().map_err(fail)?;
        let (reader, form): (Box<dyn Read + Send>, _) = match Packed::of(head) {
            Some((form, name)) => (form.unpack(raw, memory), Some(name)),
            None => (Box::new(raw), None),
        };
        Ok(Self { path: path.to_owned(), form, reader, read: 0 })
    }

    /// Whether it is unpacked on the way.
    pub(crate) fn is_packed(&self) -> bool {
        self.form.is_some()
    }

    /// Appends the next bytes, fewer than `bytes` only at the end.
    pub(crate) fn append(&mut self, into: &mut Vec<u8>, bytes: usize) -> Result<(), IoError> {
        let appended = self.reader.by_ref().take(bytes as u64).read_to_end(into);
        let appended = appended.map_err(|e| match self.form {
            Some(name) => broken(&self.path, name, &e, self.read),
            None => IoError::os("read", &self.path, e),
        })?;
        self.read += appended as u64;
        Ok(())
    }
}

fn broken(path: &Path, form: &str, error: &io::Error, after: u64) -> IoError {
    IoError::Content {
        path: path.to_owned(),
        place: Box::new(Place::default()),
        cause: format!("broken {form} data ({error}) after {after} bytes"),
        expected: format!("a complete {form} file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LIMIT: MemoryLimit = MemoryLimit::of_bytes(MemoryLimit::LEAST);
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
            assert_eq!(read(&path, LIMIT.text(), LIMIT).unwrap(), [TEXT, TEXT].concat(), "{name}");
        }
        std::fs::write(&path, TEXT).unwrap();
        assert_eq!(read(&path, LIMIT.text(), LIMIT).unwrap(), TEXT);
    }

    #[test]
    fn what_is_cut_short_or_broken_is_an_error_that_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.txt");
        for (name, bytes) in packed() {
            for cut in 7..bytes.len() {
                std::fs::write(&path, &bytes[..cut]).unwrap();
                let error = read(&path, LIMIT.text(), LIMIT).unwrap_err().to_string();
                assert!(error.contains(&format!("broken {name} data")), "{name} {cut}: {error}");
            }
        }
    }

    #[test]
    fn frames_of_zstd_may_be_skipped_and_have_checksums() {
        let frame = packed().swap_remove(1).1;
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &frame[..]].concat();
        let mut unpacked = Vec::new();
        Packed::Zstd.unpack(&skipped[..], LIMIT).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, TEXT);
        // The last four bytes are the checksum's.
        let mut wrong = frame;
        *wrong.last_mut().unwrap() ^= 1;
        assert!(Packed::Zstd.unpack(&wrong[..], LIMIT).read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn a_short_file_of_xz_that_wants_the_whole_memory_is_refused() {
        let mut bytes = packed().swap_remove(3).1;
        // Behind the 12 bytes of the stream's header stands the block's: its length in words, the filter
        // LZMA2 with a byte that stands for the size of its window, and a checksum.
        let header = 12..12 + 4 * (usize::from(bytes[12]) + 1);
        let filter = bytes.windows(2).position(|two| two == [0x21, 1]).unwrap();
        bytes[filter + 2] = 40;
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[header.start..header.end - 4]);
        bytes[header.end - 4..header.end].copy_from_slice(&sum.sum().to_le_bytes());
        let error = Packed::Xz.unpack(&bytes[..], LIMIT).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{error}");
    }

    #[test]
    fn unpacking_ends_at_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.txt");
        let most = LIMIT.text() as usize;
        for (length, fits) in [(most, true), (most + 1, false)] {
            let text = vec![b'a'; length];
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&text).unwrap();
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            let zstd = ruzstd::encoding::compress_to_vec(&text[..], level);
            for bytes in [gzip.finish().unwrap(), zstd, text] {
                std::fs::write(&path, bytes).unwrap();
                match read(&path, LIMIT.text(), LIMIT) {
                    Ok(read) => assert!(fits && read.len() == length),
                    Err(error) => {
                        let words = "more than 4 MB of text, which is read at once: ";
                        assert!(!fits && error.to_string().starts_with(words), "{error}");
                    }
                }
            }
        }
    }
}
