//! A file's content in memory, decompressed if it is gzip.

use crate::error::{IoError, Place};
use flate2::bufread::MultiGzDecoder;
use std::io::Read;
use std::path::Path;

/// Most bytes that a compressed file may unpack to: a small file must not fill the memory.
const MAX_UNPACKED: u64 = 8 << 30;

/// The content of `path`. Gzip is told by its first two bytes, whatever the name.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, IoError> {
    let raw = std::fs::read(path).map_err(|e| IoError::os("read", path, e))?;
    if !raw.starts_with(&[0x1f, 0x8b]) {
        return Ok(raw);
    }
    let refuse = |cause: String, expected: &str| IoError::Content {
        path: path.to_owned(),
        place: Box::new(Place::default()),
        cause,
        expected: expected.to_owned(),
    };
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(raw.as_slice()).take(MAX_UNPACKED + 1).read_to_end(&mut unpacked).map_err(
        |e| {
            refuse(
                format!("broken gzip data ({e}) after {} bytes", unpacked.len()),
                "a complete gzip file",
            )
        },
    )?;
    if unpacked.len() as u64 > MAX_UNPACKED {
        return Err(refuse(
            "too large".into(),
            "at most 8 GiB after decompression; split the file",
        ));
    }
    Ok(unpacked)
}
