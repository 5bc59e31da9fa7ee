//! What a file holds, whatever it is called and however it is compressed.
//!
//! Logs are renamed, touched, rotated and compressed after they have been read. Their content stays, so
//! that is what a file is recognised by: the length and a hash of all its bytes, unpacked. A hash of the
//! first and last block alone would be cheaper, and would skip a file that differs from a known one in the
//! middle only; reading the file once more costs a small part of parsing it.

use crate::files::{Stamp, is_address};
use crate::logs::bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Bytes of the first block: it says which known contents a longer file may begin with.
const FIRST: usize = 4 << 10;
/// Bytes that are hashed at a time.
const BLOCK: usize = 256 << 10;
/// A file that unpacks to more than this has no content that can be recognised: the reader refuses it too.
const MAX_UNPACKED: u64 = 8 << 30;

/// What identifies the content of a file: all its bytes, unpacked if it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Number of bytes.
    pub bytes: u64,
    /// XXH3 of the first block.
    pub first: u64,
    /// XXH3 of all bytes.
    pub whole: u64,
}

impl Content {
    fn of_short(text: &[u8]) -> Self {
        let hash = xxh3_64(text);
        Self { bytes: text.len() as u64, first: hash, whole: hash }
    }
}

/// The lengths of known contents, by how they begin.
#[derive(Debug, Default)]
pub(crate) struct Lengths {
    /// Of contents that are shorter than a block.
    short: BTreeSet<u64>,
    long: HashMap<u64, BTreeSet<u64>>,
}

impl Lengths {
    pub(crate) fn add(&mut self, content: &Content) {
        match content.bytes < FIRST as u64 {
            true => self.short.insert(content.bytes),
            false => self.long.entry(content.first).or_default().insert(content.bytes),
        };
    }

    pub(crate) fn remove(&mut self, content: &Content) {
        // Short contents of other files may have the length in common, and there are few such lengths.
        if let Some(lengths) = self.long.get_mut(&content.first) {
            lengths.remove(&content.bytes);
        }
    }
}

/// A file that has been looked through.
pub(crate) struct Look {
    /// All of it, up to the length of its stamp.
    pub(crate) content: Content,
    /// The known contents that it may begin with, the longest last.
    pub(crate) beginnings: Vec<Beginning>,
    /// What is appended to it.
    pub(crate) appended: Appended,
}

/// The beginning of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) content: Content,
    /// Whether it ends in the middle of a line.
    pub(crate) is_cut: bool,
}

/// What the rows are that are appended to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// JSON: they have the places behind the rows before. One that was cut was broken, and no row.
    Events,
    /// CSV: the same; of one that was cut a part may have been taken for the whole.
    Lines,
    /// They cannot be told from those before: Parquet, which is not appended to, and CSV with a column of
    /// labels, where an appended table may begin with 0 again.
    Other,
}

/// Looks through a file; `None` if it has no content that can be recognised: an object in a store, a pipe,
/// a file that cannot be read or unpacked.
pub(crate) fn look(path: &Path, stamp: Stamp, known: &Lengths) -> Option<Look> {
    if is_address(path) || !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut file = bytes::Content::open_unchanged(path).ok()?;
    // What is appended meanwhile belongs to a later stamp.
    let end = if file.is_packed() { MAX_UNPACKED + 1 } else { stamp.bytes };
    let mut block = Vec::with_capacity(BLOCK);
    file.append(&mut block, FIRST.min(usize::try_from(end).unwrap_or(FIRST))).ok()?;
    let first = Content::of_short(&block);
    let short = known.short.range(..=first.bytes);
    let mut beginnings: Vec<Beginning> = short
        .filter_map(|&bytes| block.split_at_checked(usize::try_from(bytes).ok()?))
        .map(|(before, behind)| Beginning {
            content: Content::of_short(before),
            is_cut: is_cut(before.last(), behind.first()),
        })
        .collect();
    let appended = Appended::to(&block);
    let long = known.long.get(&first.first).filter(|_| first.bytes == FIRST as u64);
    let mut long = long.into_iter().flatten().copied().peekable();
    let (mut hasher, mut read) = (Xxh3::new(), 0_u64);
    let mut last = None;
    while !block.is_empty() {
        let mut rest = block.as_slice();
        // What is behind one that ended with the last block.
        if let Some(begin) = beginnings.last_mut().filter(|begin| begin.content.bytes == read) {
            begin.is_cut = is_cut(last.as_ref(), rest.first());
        }
        while let Some(bytes) = long.next_if(|bytes| *bytes <= read + rest.len() as u64) {
            let (before, behind) = rest.split_at(usize::try_from(bytes - read).ok()?);
            hasher.update(before);
            (rest, read) = (behind, bytes);
            let content = Content { bytes, first: first.first, whole: hasher.digest() };
            let is_cut = is_cut(before.last().or(last.as_ref()), behind.first());
            beginnings.push(Beginning { content, is_cut });
        }
        hasher.update(rest);
        read += rest.len() as u64;
        last = block.last().copied();
        block.clear();
        let left = usize::try_from(end - read).unwrap_or(BLOCK);
        file.append(&mut block, BLOCK.min(left)).ok()?;
    }
    if read > MAX_UNPACKED && file.is_packed() {
        return None;
    }
    let content = Content { bytes: read, first: first.first, whole: hasher.digest() };
    Some(Look { content, beginnings, appended })
}

/// Whether a line goes on between two bytes.
fn is_cut(last: Option<&u8>, next: Option<&u8>) -> bool {
    let ends = |byte: Option<&u8>| matches!(byte, None | Some(b'\n' | b'\r'));
    !ends(last) && !ends(next)
}

impl Appended {
    /// To a file that begins like this.
    fn to(block: &[u8]) -> Self {
        let text = block.strip_prefix(b"\xef\xbb\xbf").unwrap_or(block).trim_ascii_start();
        if text.starts_with(b"{") || text.starts_with(b"[") {
            return Self::Events;
        }
        let mut lines = text.split(|byte| *byte == b'\n');
        let mut fields =
            || lines.next().map_or(0, |line| line.iter().filter(|b| **b == b',').count());
        let labels = text.starts_with(b",") || text.starts_with(b"\"\",");
        match labels || text.starts_with(b"PAR1") || fields() < fields() {
            true => Self::Other,
            false => Self::Lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn content_is_that_of_all_unpacked_bytes_and_every_beginning_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let text: Vec<u8> = (0..700_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let lengths = [0, 1, 4_095, 4_096, 4_097, 262_144, 300_000, 699_999];
        let mut known = Lengths::default();
        let look = |content: &[u8], known: &Lengths| {
            std::fs::write(&path, content).unwrap();
            super::look(&path, Stamp::of(&path), known).unwrap()
        };
        let contents = lengths.map(|length| look(&text[..length], &known).content);
        contents.iter().for_each(|content| known.add(content));
        let whole = look(&text, &known);
        let of = |look: &Look| -> Vec<Content> {
            look.beginnings.iter().map(|begin| begin.content).collect()
        };
        assert_eq!(of(&whole), contents);
        assert_eq!(whole.content.bytes, 700_000);
        assert_eq!(look(&packed(&text), &known).content, whole.content);
        assert_eq!(of(&look(&packed(&text), &known)), contents);
        // One byte in the middle makes another content.
        let mut other = text.clone();
        other[500_000] ^= 1;
        let other = look(&other, &known);
        assert_ne!(other.content, whole.content);
        let other = of(&other);
        assert_eq!(other[..7], contents[..7]);
        assert_ne!(other[7], contents[7]);
    }

    #[test]
    fn what_is_appended_later_belongs_to_a_later_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "one\n").unwrap();
        let stamp = Stamp::of(&path);
        let before = look(&path, stamp, &Lengths::default()).unwrap();
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let after = look(&path, stamp, &Lengths::default()).unwrap();
        assert_eq!(before.content, after.content);
    }

    #[test]
    fn a_line_that_was_cut_is_seen_wherever_blocks_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let text = "abcdefg\n".repeat(100_000);
        for bytes in [7, 8, 12, 4_096, 4_100, 262_144, 262_145, 524_287, 524_288, 600_003] {
            let mut known = Lengths::default();
            std::fs::write(&path, &text[..bytes]).unwrap();
            known.add(&look(&path, Stamp::of(&path), &known).unwrap().content);
            std::fs::write(&path, &text).unwrap();
            let found = look(&path, Stamp::of(&path), &known).unwrap().beginnings;
            assert_eq!(found.len(), 1, "{bytes}");
            // A line without its end may be whole.
            assert_eq!(found[0].is_cut, !matches!(bytes % 8, 0 | 7), "{bytes}");
        }
    }

    #[test]
    fn what_is_appended_depends_on_the_form() {
        for (text, expected) in [
            ("{\"a\":1}\n", Appended::Events),
            ("\u{feff}[\n{}", Appended::Events),
            ("a,b\n1,2\n", Appended::Lines),
            (",a\n0,1\n", Appended::Other),
            ("\"\",a\n0,1\n", Appended::Other),
            ("a,b\n0,1,2\n", Appended::Other),
            ("PAR1", Appended::Other),
        ] {
            assert_eq!(Appended::to(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_file_has_no_content() {
        let folder = tempfile::tempdir().unwrap();
        assert!(look(folder.path(), Stamp::default(), &Lengths::default()).is_none());
        assert!(look(Path::new("s3://b/k"), Stamp::default(), &Lengths::default()).is_none());
        let broken = folder.path().join("a.gz");
        std::fs::write(&broken, &packed(b"text")[..12]).unwrap();
        assert!(look(&broken, Stamp::of(&broken), &Lengths::default()).is_none());
    }
}
