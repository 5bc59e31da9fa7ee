//! A file that is too large for the memory, in pieces of whole rows.

use super::bytes::Content;
use crate::error::LogError;
use crate::skipped::Skipped;
use dfp_storage::memory_limit::MemoryLimit;
use std::path::Path;

/// What is known of a file before anything is read of it, for its format to be told.
pub(super) const HEAD: usize = 4 << 20;
/// Which some programs put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What was in the file before a piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    /// Line feeds.
    pub(super) lines: usize,
    pub(super) bytes: usize,
    /// Rows, skipped ones included.
    pub(super) rows: i64,
}

/// What comes next.
pub(super) enum Next<'t> {
    /// Whole rows, and what was before them.
    Piece(&'t [u8], Before),
    /// The beginning of a row that is too long for the memory.
    TooLong(&'t [u8], Before),
    /// Nothing.
    End,
}

/// The text of a file, piece by piece.
pub(super) struct Pieces {
    content: Content,
    /// The piece, and what was read behind it.
    text: Vec<u8>,
    /// Length of the piece.
    piece: usize,
    size: usize,
    /// A row that is longer has no end.
    longest: usize,
    before: Before,
    /// All of the file has been read.
    ended: bool,
    /// The file's first bytes have been seen.
    begun: bool,
}

impl Pieces {
    /// Pieces of about `size` bytes.
    pub(super) fn open(path: &Path, size: usize, memory: MemoryLimit) -> Result<Self, LogError> {
        Ok(Self {
            content: Content::open(path, memory)?,
            longest: memory.row(),
            text: Vec::new(),
            piece: 0,
            size: size.max(1),
            before: Before::default(),
            ended: false,
            begun: false,
        })
    }

    /// The first bytes of the file.
    pub(super) fn head(&mut self) -> Result<&[u8], LogError> {
        self.read(HEAD)?;
        Ok(&self.text)
    }

    /// The next piece, which ends where `cut` says that rows end: a length, 0 if it sees no end of a row.
    pub(super) fn next(&mut self, cut: impl Fn(&[u8]) -> usize) -> Result<Next<'_>, LogError> {
        self.pass();
        let mut size = self.size;
        loop {
            self.read(size)?;
            let end = size.min(self.text.len());
            if self.ended && end == self.text.len() {
                if self.content.cut_short() {
                    // The last row may be half a row.
                    let rows = cut(&self.text);
                    let begins = rows == 0 && self.before.bytes == 0;
                    // A header stays without the half row behind it.
                    let lines = || memchr::memrchr(b'\n', &self.text).map_or(end, |at| at + 1);
                    let whole = if begins { lines() } else { rows };
                    self.text.truncate(whole);
                }
                self.piece = self.text.len();
                break;
            }
            self.piece = cut(&self.text[..end]);
            if self.piece > 0 {
                break;
            }
            if end >= self.longest {
                self.piece = end;
                return Ok(Next::TooLong(&self.text[..end], self.before));
            }
            size = (2 * size).min(self.longest.max(size + 1));
        }
        match self.piece {
            0 => Ok(Next::End),
            piece => Ok(Next::Piece(&self.text[..piece], self.before)),
        }
    }

    /// Counts the piece as one of what was before.
    fn pass(&mut self) {
        self.before.lines += memchr::memchr_iter(b'\n', &self.text[..self.piece]).count();
        self.before.bytes += self.piece;
        self.text.drain(..self.piece);
        self.piece = 0;
    }

    /// Leaves out the rest of a line that is too long, which counts as a row.
    pub(super) fn skip_line(&mut self) -> Result<(), LogError> {
        loop {
            self.pass();
            self.read(self.size)?;
            let found = memchr::memchr(b'\n', &self.text);
            self.piece = found.map_or(self.text.len(), |end| end + 1);
            if found.is_some() || self.piece == 0 {
                self.before.rows += 1;
                return Ok(());
            }
        }
    }

    /// Leaves out all that is behind the last piece.
    pub(super) fn skip_rest(&mut self) {
        self.text.truncate(self.piece);
        self.ended = true;
    }

    /// Gives back the room that the last piece has taken.
    pub(super) fn shrink(&mut self) {
        self.pass();
        self.text.shrink_to_fit();
    }

    /// Whether the next piece is the first.
    pub(super) fn at_beginning(&self) -> bool {
        self.before.bytes + self.piece == 0
    }

    /// Whether compressed data turned out to end early.
    pub(super) fn cut_short(&self) -> bool {
        self.content.cut_short()
    }

    /// What of the file is in no piece, once it has ended.
    pub(super) fn skipped(&mut self) -> Skipped {
        if self.ended { self.content.skipped() } else { Skipped::default() }
    }

    /// Counts the rows of the piece.
    pub(super) fn count(&mut self, rows: i64) {
        self.before.rows += rows;
    }

    /// Reads until there are so many bytes.
    fn read(&mut self, bytes: usize) -> Result<(), LogError> {
        let bytes = bytes.max(MARK.len());
        let lacking = bytes.saturating_sub(self.text.len());
        if lacking > 0 && !self.ended {
            self.content.append(&mut self.text, lacking)?;
            self.ended = self.text.len() < bytes;
            if !self.begun {
                self.begun = true;
                let mark = self.text.starts_with(MARK);
                self.text.drain(..if mark { MARK.len() } else { 0 });
            }
        }
        Ok(())
    }
}
