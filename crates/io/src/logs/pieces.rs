//! A file that is too large for the memory, in pieces of whole rows.

use super::bytes::Content;
use super::skipped::Skipped;
use crate::error::IoError;
use std::path::Path;

/// What is known of a file before anything is read of it, for its format to be told.
const HEAD: usize = 4 << 20;
/// A row that is longer has no end, as far as this program goes.
const LONGEST_ROW: usize = 64 << 20;

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

/// The text of a file, piece by piece.
pub(super) struct Pieces<'p> {
    content: Content<'p>,
    /// The piece, and what was read behind it.
    text: Vec<u8>,
    /// Length of the piece.
    piece: usize,
    size: usize,
    before: Before,
    /// All of the file has been read.
    ended: bool,
    /// The file's first bytes have been seen.
    begun: bool,
    /// A row had no end.
    gave_up: bool,
}

impl<'p> Pieces<'p> {
    /// Pieces of about `size` bytes.
    pub(super) fn open(path: &'p Path, size: usize) -> Result<Self, IoError> {
        Ok(Self {
            content: Content::open(path)?,
            text: Vec::new(),
            piece: 0,
            size: size.max(1),
            before: Before::default(),
            ended: false,
            begun: false,
            gave_up: false,
        })
    }

    /// The first bytes of the file.
    pub(super) fn head(&mut self) -> Result<&[u8], IoError> {
        self.read(HEAD)?;
        Ok(&self.text)
    }

    /// The next piece, which ends where `cut` says that rows end: a length, 0 if it sees no end of a row.
    /// `None` at the end of the file. A row without end is one piece with the file's last bytes that
    /// were looked at, and what follows is not read.
    pub(super) fn next(
        &mut self,
        cut: impl Fn(&[u8]) -> usize,
    ) -> Result<Option<(&[u8], Before)>, IoError> {
        self.before.lines += memchr::memchr_iter(b'\n', &self.text[..self.piece]).count();
        self.before.bytes += self.piece;
        self.text.drain(..self.piece);
        self.piece = 0;
        let mut size = self.size;
        loop {
            self.read(size)?;
            let end = size.min(self.text.len());
            if self.ended && end == self.text.len() {
                if self.content.cut_short() {
                    // The last row may be half a row.
                    let rows = cut(&self.text);
                    self.text.truncate(if rows > 0 { rows } else { end });
                }
                self.piece = self.text.len();
                break;
            }
            self.piece = cut(&self.text[..end]);
            if self.piece > 0 {
                break;
            }
            if end >= LONGEST_ROW {
                self.text.truncate(end);
                (self.piece, self.ended, self.gave_up) = (end, true, true);
                break;
            }
            size *= 2;
        }
        Ok((self.piece > 0).then(|| (&self.text[..self.piece], self.before)))
    }

    /// Whether the last piece is not the end of the file, but a row without an end.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
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
    fn read(&mut self, bytes: usize) -> Result<(), IoError> {
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
