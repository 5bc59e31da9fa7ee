//! Unit tests.

use super::*;
use dfp_storage::StorageError;
use std::io::Write as _;

const LIMIT: MemoryLimit = MemoryLimit::of_bytes(1 << 30);
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
        assert_eq!(
            read(&path, LIMIT.text(), LIMIT).unwrap().bytes,
            [TEXT, TEXT].concat(),
            "{name}"
        );
    }
    std::fs::write(&path, TEXT).unwrap();
    assert_eq!(read(&path, LIMIT.text(), LIMIT).unwrap().bytes, TEXT);
}

#[test]
fn what_is_cut_short_keeps_what_was_whole_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.txt");
    for (name, bytes) in packed() {
        for cut in 7..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let message = match read(&path, LIMIT.text(), LIMIT) {
                Ok(text) => {
                    assert!(text.cut_short && !text.bytes.is_empty(), "{name} {cut}");
                    assert!(TEXT.starts_with(&text.bytes), "{name} {cut}");
                    let reasons = text.skipped.reasons();
                    assert_eq!((reasons.len(), reasons[0].unit), (1, Unit::End));
                    reasons[0].messages[0].clone()
                }
                Err(error) => error.to_string(),
            };
            assert!(message.contains(&format!("broken {name} data")), "{name} {cut}: {message}");
        }
    }
}

#[test]
fn padding_behind_the_last_member_is_fine_and_other_bytes_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.txt");
    for (name, bytes) in packed() {
        for padding in [1, 4, 511, 1 << 19] {
            let padded = [&bytes[..], &vec![0; padding]].concat();
            std::fs::write(&path, &padded).unwrap();
            let text = read(&path, LIMIT.text(), LIMIT).unwrap();
            assert_eq!((text.bytes, text.skipped.is_empty()), (TEXT.to_vec(), true), "{name}");
            std::fs::write(&path, [&padded[..], &bytes, b"garbage"].concat()).unwrap();
            let text = read(&path, LIMIT.text(), LIMIT).unwrap();
            assert_eq!(text.bytes, [TEXT, TEXT].concat(), "{name} {padding}");
            assert!(!text.cut_short);
            let reason = &text.skipped.reasons()[0];
            assert_eq!((reason.unit, reason.count), (Unit::End, 1));
            assert!(reason.messages[0].starts_with(&format!("7 bytes behind the {name} data")));
        }
    }
}

#[test]
fn content_in_pieces_is_the_whole_content() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.txt");
    let text = "{\"a\": \"\u{e9}\u{1f600}\"}\n".repeat(1_000);
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&[b"\xff\xfe", &little[..]].concat()).unwrap();
    for content in [
        text.clone().into_bytes(),
        [b"\xff\xfe", &little[..]].concat(),
        [b"\xfe\xff", &big[..]].concat(),
        gzip.finish().unwrap(),
    ] {
        std::fs::write(&path, &content).unwrap();
        assert!(read(&path, LIMIT.text(), LIMIT).unwrap().bytes == text.as_bytes());
        for size in [1, 2, 3, 1_000] {
            let mut content = Content::open(&path, LIMIT).unwrap();
            let mut all = Vec::new();
            loop {
                let before = all.len();
                content.append(&mut all, size).unwrap();
                if all.len() - before < size {
                    break;
                }
            }
            assert!(all == text.as_bytes() && content.skipped().is_empty());
        }
    }
}

#[test]
fn frames_of_zstd_may_be_skipped_and_have_checksums() {
    let frame = packed().swap_remove(1).1;
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &frame[..]].concat();
    let mut unpacked = Vec::new();
    Unpacked::new(Packed::Zstd, &skipped[..], 1 << 18).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, TEXT);
    // The last four bytes are the checksum's.
    let mut wrong = frame;
    *wrong.last_mut().unwrap() ^= 1;
    assert!(Unpacked::new(Packed::Zstd, &wrong[..], 1 << 18).read_to_end(&mut Vec::new()).is_err());
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
    let error =
        Unpacked::new(Packed::Xz, &bytes[..], 1 << 18).read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{error}");
}

#[test]
fn unpacking_ends_at_the_limit() {
    for (form, (name, bytes)) in Packed::ALL.into_iter().zip(packed()) {
        let mut unpacked = Vec::new();
        Unpacked::new(form, &bytes[..], 1 << 18).take(5).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, &TEXT[..5], "{name}");
    }
}

/// Gives some bytes, then an error of the system.
struct Failing(Vec<u8>);

impl Read for Failing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::from_raw_os_error(5));
        }
        let bytes = into.len().min(self.0.len());
        into[..bytes].copy_from_slice(&self.0[..bytes]);
        self.0.drain(..bytes);
        Ok(bytes)
    }
}

#[test]
fn an_error_of_the_system_is_no_broken_content() {
    for (name, bytes) in packed() {
        let reader = BufReader::new(Failing(bytes[..bytes.len() / 2].to_vec()));
        let content = Content::of(Path::new("log"), reader, MemoryLimit::default());
        let read = content.and_then(|mut content| content.append(&mut Vec::new(), 1 << 20));
        assert!(
            matches!(read, Err(LogError::Storage(StorageError::Os { .. }))),
            "{name}: {read:?}"
        );
    }
}
