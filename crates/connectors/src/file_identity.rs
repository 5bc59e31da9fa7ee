//! What a file holds, whatever it is called and however it is compressed.
//!
//! Logs are renamed, touched, rotated and compressed after they have been read. Their content stays, so
//! that is what a file is recognised by: the length and a hash of all its bytes, unpacked. A hash of the
//! first and last block alone would be cheaper, and would skip a file that differs from a known one in the
//! middle only; reading the file once more costs a small part of parsing it.

use dfp_logs::{FileType, bytes, format};
use dfp_storage::files::{Stamp, is_address};
use dfp_storage::memory_limit::MemoryLimit;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Bytes of the first block: it says which known contents a longer file may begin with.
const FIRST: usize = 4 << 10;
/// Bytes of a unit of UTF-16.
const UNIT: usize = 2;
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
    /// Line feeds in it.
    pub(crate) lines: u64,
}

/// What the rows are that are appended to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// JSON: they have the places behind the rows before. One that was cut was broken, and no row.
    Events,
    /// CSV: the same; of one that was cut a part may have been taken for the whole.
    Lines,
    /// They cannot be told from those before: Parquet, which is not appended to, and CSV with a column of
    /// labels, where an appended table may begin with 0 again. That a file has labels is known best when it has
    /// been read: see [`LABELLED`](dfp_logs::LABELLED).
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
    let (head, units) = Units::of(path, &block);
    let short = known.short.range(..=first.bytes);
    let mut beginnings: Vec<Beginning> = short
        .filter_map(|&bytes| {
            let at = usize::try_from(bytes).ok().filter(|at| *at <= block.len())?;
            let is_cut = units.is_cut(&block, at, &[]);
            let (content, lines) =
                (Content::of_short(&block[..at]), units.line_feeds(&block[..at], 0));
            Some(Beginning { content, is_cut, lines })
        })
        .collect();
    let appended = Appended::to(path, &head);
    let long = known.long.get(&first.first).filter(|_| first.bytes == FIRST as u64);
    let mut long = long.into_iter().flatten().copied().peekable();
    let (mut hasher, mut read, mut lines) = (Xxh3::new(), 0_u64, 0);
    let mut last = Vec::new();
    while !block.is_empty() {
        // What is behind one that ended with the last block.
        if let Some(begin) = beginnings.last_mut().filter(|begin| begin.content.bytes == read) {
            begin.is_cut = units.is_cut(&block, 0, &last);
        }
        let (begin, mut hashed) = (read, 0);
        while let Some(bytes) = long.next_if(|bytes| *bytes <= begin + block.len() as u64) {
            let at = usize::try_from(bytes - begin).ok()?;
            hasher.update(&block[hashed..at]);
            lines += units.line_feeds(&block[..at], hashed);
            hashed = at;
            let content = Content { bytes, first: first.first, whole: hasher.digest() };
            let is_cut = units.is_cut(&block, at, &last);
            beginnings.push(Beginning { content, is_cut, lines });
        }
        hasher.update(&block[hashed..]);
        lines += units.line_feeds(&block, hashed);
        read += block.len() as u64;
        last = block[block.len().saturating_sub(UNIT)..].to_vec();
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

/// What the bytes of a text are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Units {
    /// Every sign of ASCII is a byte.
    Bytes,
    /// UTF-16: every sign of ASCII is two.
    Wide { little: bool },
}

impl Units {
    /// Those of a file that begins with this block, and what the block is in UTF-8.
    fn of(path: &Path, block: &[u8]) -> (Vec<u8>, Self) {
        let same = || (block.to_vec(), Self::Bytes);
        let mark = block.get(..UNIT);
        let is_marked = matches!(mark, Some([0xff, 0xfe] | [0xfe, 0xff]));
        if !is_marked && !block.contains(&0) {
            return same();
        }
        // The reader of logs says what is UTF-16.
        let mut text = Vec::new();
        let decoded = bytes::Content::open(path, MemoryLimit::of_bytes(1 << 30))
            .and_then(|mut content| content.append(&mut text, block.len()));
        let both = block.len().min(text.len());
        if decoded.is_err() || block[..both] == text[..both] {
            return same();
        }
        let zeros = |at: usize| block.iter().skip(at).step_by(UNIT).filter(|b| **b == 0).count();
        let little = match mark {
            Some([0xff, 0xfe]) => true,
            Some([0xfe, 0xff]) => false,
            _ => zeros(1) >= zeros(0),
        };
        (text, Self::Wide { little })
    }

    /// Whether a line continues at a place of a block, given the last bytes before the block.
    fn is_cut(self, block: &[u8], at: usize, last: &[u8]) -> bool {
        let (before, behind) = block.split_at(at);
        let before = if before.is_empty() { last } else { before };
        let ends = match self {
            Self::Bytes => {
                let ends = |byte: Option<&u8>| matches!(byte, None | Some(b'\n' | b'\r'));
                ends(before.last()) || ends(behind.first())
            }
            // Blocks have whole units.
            Self::Wide { .. } if !before.len().is_multiple_of(UNIT) => false,
            Self::Wide { little } => {
                let ends = |unit: Option<&[u8; UNIT]>| {
                    let unit = unit.map(|unit| match little {
                        true => u16::from_le_bytes(*unit),
                        false => u16::from_be_bytes(*unit),
                    });
                    unit.is_some_and(|unit| unit == u16::from(b'\n') || unit == u16::from(b'\r'))
                };
                before.is_empty()
                    || behind.is_empty()
                    || ends(before.last_chunk())
                    || ends(behind.first_chunk())
            }
        };
        !ends
    }
}

impl Units {
    /// How many lines end in a block, behind a place in it.
    fn line_feeds(self, block: &[u8], from: usize) -> u64 {
        let feeds = match self {
            Self::Bytes => memchr::memchr_iter(b'\n', &block[from..]).count(),
            // A unit that was cut there had no end before.
            Self::Wide { little } => {
                let feed = if little { [b'\n', 0] } else { [0, b'\n'] };
                let units = block[from / UNIT * UNIT..].as_chunks::<UNIT>().0;
                units.iter().filter(|unit| **unit == feed).count()
            }
        };
        feeds as u64
    }
}

impl Appended {
    /// To a file that begins like this.
    fn to(path: &Path, head: &[u8]) -> Self {
        match format(path, head, FileType::Auto) {
            FileType::Json => Self::Events,
            FileType::Parquet => Self::Other,
            FileType::Csv | FileType::Auto if is_labelled(head) => Self::Other,
            FileType::Csv | FileType::Auto => Self::Lines,
        }
    }
}

/// Whether a CSV file that begins like this seems to have a column of labels: one without a name, or one field
/// more in each row than in the header.
fn is_labelled(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let filler = text.iter().take_while(|byte| **byte == 0 || byte.is_ascii_whitespace()).count();
    let text = match text.first() {
        Some(b'\t') => text,
        _ => &text[filler..],
    };
    let (said, text) = match text {
        [b's', b'e', b'p', b'=', said, b'\r', b'\n', rest @ ..]
        | [b's', b'e', b'p', b'=', said, b'\n', rest @ ..] => (Some(*said), rest),
        text => (None, text),
    };
    let unnamed = text.strip_prefix(b"\"\"").unwrap_or(text).first();
    let separates = |byte: &u8| said.map_or(b",;\t|".contains(byte), |said| said == *byte);
    if unnamed.is_some_and(separates) {
        return true;
    }
    let separator = said.unwrap_or(b',');
    // The last line may continue.
    let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    let mut lines = text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let Some(header) = lines.next().map(|line| separators(line, separator)) else { return false };
    let mut rows = lines.peekable();
    rows.peek().is_some() && rows.all(|row| separators(row, separator) == header + 1)
}

/// How often a line has a separator outside of quotes.
fn separators(line: &[u8], separator: u8) -> usize {
    let mut is_quoted = false;
    let mut separates = |byte: &&u8| {
        is_quoted ^= **byte == b'"';
        !is_quoted && **byte == separator
    };
    line.iter().filter(|byte| separates(byte)).count()
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
            assert_eq!(found[0].lines, bytes as u64 / 8);
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
            ("a,b\n\"x,y\",2\n", Appended::Lines),
            ("a,b\n0,1,2\n0,1\n", Appended::Lines),
            (";a\n0;1\n", Appended::Other),
            ("\ta\n0\t1\n", Appended::Other),
            ("sep=;\r\n\"\";a\r\n0;1\r\n", Appended::Other),
            ("sep=;\na;b\n0;1;2\n", Appended::Other),
            ("sep=;\na;b\n0,7;1,5\n", Appended::Lines),
            ("PAR1", Appended::Other),
        ] {
            assert_eq!(Appended::to(Path::new("log"), text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_line_of_utf16_is_cut_between_its_ends_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let lines = "abc\u{a0a}def\r\n".repeat(20_000);
        let wide = |little: bool| -> Vec<u8> {
            let units = std::iter::once(0xfeff).chain(lines.encode_utf16());
            let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
            units.flat_map(bytes).collect()
        };
        for (little, text) in [(true, wide(true)), (false, wide(false))] {
            // A line is 18 bytes, behind a mark of two.
            for bytes in [2 + 18, 16, 18, 19, 21, 10, 4_096, 4_106, 262_144, 262_136, 100 * 18 + 2]
            {
                let mut known = Lengths::default();
                std::fs::write(&path, &text[..bytes]).unwrap();
                known.add(&look(&path, Stamp::of(&path), &known).unwrap().content);
                std::fs::write(&path, &text).unwrap();
                let found = look(&path, Stamp::of(&path), &known).unwrap();
                assert_eq!(found.beginnings.len(), 1, "{bytes}");
                let is_cut = !matches!((bytes - 2) % 18, 0 | 14 | 16);
                assert_eq!(found.beginnings[0].is_cut, is_cut, "{little} {bytes}");
                assert_eq!(found.beginnings[0].lines, (bytes as u64 - 2) / 18);
                assert_eq!(found.appended, Appended::Lines);
            }
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
