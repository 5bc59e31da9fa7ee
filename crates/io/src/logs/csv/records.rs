//! Rows of a CSV text in blocks: the cells of a block lie unquoted in one buffer.
//!
//! A line without a quote is taken as it is, commas included; the state machine of `csv-core` reads
//! the others.

use csv_core::{ReadRecordResult, Reader};
use memchr::{memchr, memchr_iter, memchr2};

/// Rows of a block: enough to guess types from, small enough for the second-level cache.
pub(super) const BLOCK: usize = 1024;

/// Why a block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The block is full.
    More,
    /// The input has ended.
    Input,
    /// The input has ended inside quotes; the unfinished row is not in the block.
    Unclosed,
}

/// Unquoted rows.
#[derive(Default)]
pub(super) struct Block {
    data: Vec<u8>,
    text: String,
    rows: Vec<Span>,
    /// End of every field, counted from its row's first byte in `data`.
    ends: Vec<usize>,
    positions: Vec<i64>,
}

struct Span {
    data: usize,
    length: usize,
    field: usize,
    fields: usize,
    /// Bytes between two fields in `data`: the comma of a line taken as it is.
    gap: usize,
    start: usize,
    end: usize,
}

/// A row as [`Block::retain`] shows it.
pub(super) struct RowView<'a> {
    pub(super) data: &'a [u8],
    pub(super) fields: usize,
    /// Offset in the input of the row, or of blank lines before it.
    pub(super) start: usize,
    /// Offset in the input behind the row.
    pub(super) end: usize,
    pub(super) position: i64,
}

impl Block {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn positions(&self) -> &[i64] {
        &self.positions
    }

    pub(super) fn width(&self, row: usize) -> usize {
        self.rows[row].fields
    }

    pub(super) fn every_row_has(&self, width: usize) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.fields == width)
    }

    /// Makes the cells readable as text if every row is UTF-8 and none has more than `width` fields.
    pub(super) fn accept_all(&mut self, width: usize) -> bool {
        // A line feed stands between rows, so that no character can span two of them.
        self.rows.iter().all(|row| row.fields <= width) && self.make_text()
    }

    /// Drops the rows that `keep` refuses.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(RowView<'_>) -> bool) {
        let mut kept = 0;
        let mut good_data = true;
        for i in 0..self.rows.len() {
            let row = &self.rows[i];
            let view = RowView {
                data: &self.data[row.data..row.data + row.length],
                fields: row.fields,
                start: row.start,
                end: row.end,
                position: self.positions[i],
            };
            if keep(view) {
                self.rows.swap(kept, i);
                self.positions.swap(kept, i);
                kept += 1;
            } else {
                good_data = false;
            }
        }
        self.rows.truncate(kept);
        self.positions.truncate(kept);
        if !good_data {
            self.compact();
        }
    }

    /// Closes the gaps that dropped rows left: they may hold bytes that are not UTF-8.
    fn compact(&mut self) {
        let mut data = Vec::with_capacity(self.data.len());
        for row in &mut self.rows {
            let moved = data.len();
            data.extend_from_slice(&self.data[row.data..row.data + row.length]);
            data.push(b'\n');
            row.data = moved;
        }
        self.data = data;
    }

    /// Makes the cells readable as text; false if they are not UTF-8.
    pub(super) fn make_text(&mut self) -> bool {
        match String::from_utf8(std::mem::take(&mut self.data)) {
            Ok(text) => {
                self.text = text;
                true
            }
            Err(e) => {
                self.data = e.into_bytes();
                false
            }
        }
    }

    /// A cell; empty if the row is shorter.
    #[inline]
    pub(super) fn cell(&self, row: usize, field: usize) -> &str {
        let row = &self.rows[row];
        if field >= row.fields {
            return "";
        }
        let begin = if field == 0 { 0 } else { self.ends[row.field + field - 1] + row.gap };
        let end = self.ends[row.field + field];
        self.text.get(row.data + begin..row.data + end).unwrap_or_default()
    }

    /// The cells of one field, top to bottom.
    pub(super) fn column(&self, field: usize) -> impl Iterator<Item = &str> + Clone {
        (0..self.rows.len()).map(move |row| self.cell(row, field))
    }

    fn clear(&mut self) {
        if self.data.is_empty() {
            // Reuse the memory that the last block's text holds.
            self.data = std::mem::take(&mut self.text).into_bytes();
        }
        self.data.clear();
        self.rows.clear();
        self.ends.clear();
        self.positions.clear();
    }
}

/// The tokeniser.
pub(super) struct Records<'a> {
    reader: Reader,
    input: &'a [u8],
    offset: usize,
    record_start: usize,
    position: i64,
}

impl<'a> Records<'a> {
    pub(super) fn new(input: &'a [u8], offset: usize) -> Self {
        let mut reader = Reader::new();
        // Only a reader that has not read yet would take a byte-order mark away.
        reader.read_record(b"\n", &mut [0], &mut [0]);
        Self { reader, input, offset, record_start: offset, position: 0 }
    }

    /// Input consumed so far, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Offset of the row that was begun last.
    pub(super) fn record_start(&self) -> usize {
        self.record_start
    }

    /// Replaces the block's rows by the next ones, at most `limit`.
    pub(super) fn fill(&mut self, block: &mut Block, limit: usize) -> End {
        block.clear();
        while block.rows.len() < limit {
            self.record_start = self.offset;
            let (data, field) = (block.data.len(), block.ends.len());
            let plain = self.plain_record(block);
            let gap = usize::from(plain.is_some());
            let Some(fields) = plain.or_else(|| self.record(block)) else {
                let pending = block.ends.len() > field
                    || self.offset > skip_blank(self.input, self.record_start);
                block.data.truncate(data);
                block.ends.truncate(field);
                return if pending { End::Unclosed } else { End::Input };
            };
            if fields == 1 && is_blank(&self.input[self.record_start..self.offset]) {
                block.data.truncate(data);
                block.ends.truncate(field);
                continue;
            }
            let length = block.data.len() - data;
            block.data.push(b'\n');
            block.rows.push(Span {
                data,
                length,
                field,
                fields,
                gap,
                start: self.record_start,
                end: self.offset,
            });
            block.positions.push(self.position);
            self.position += 1;
        }
        End::More
    }

    /// Appends the next line as a row if nothing in it needs the state machine.
    fn plain_record(&mut self, block: &mut Block) -> Option<usize> {
        let rest = &self.input[self.offset..];
        let length = memchr(b'\n', rest)?;
        let line = &rest[..length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || memchr2(b'"', b'\r', line).is_some() {
            return None;
        }
        let field = block.ends.len();
        block.data.extend_from_slice(line);
        block.ends.extend(memchr_iter(b',', line));
        block.ends.push(line.len());
        self.offset += length + 1;
        Some(block.ends.len() - field)
    }

    /// Appends the next row and returns its number of fields; `None` if the input ends before.
    fn record(&mut self, block: &mut Block) -> Option<usize> {
        let (data, field) = (block.data.len(), block.ends.len());
        let (mut written, mut fields) = (0, 0);
        let mut ended = false;
        loop {
            // At the end a line feed shows whether the last row is complete or inside quotes.
            let rest: &[u8] = if ended { b"\n" } else { &self.input[self.offset..] };
            // Room is made, and set to zero, for this row only: doubling the whole block would
            // clear it again for every row.
            block.data.resize(data + 2 * written + 256, 0);
            block.ends.resize(field + 2 * fields + 64, 0);
            let (result, read, wrote, ends) = self.reader.read_record(
                rest,
                &mut block.data[data + written..],
                &mut block.ends[field + fields..],
            );
            if !ended {
                self.offset += read;
            }
            written += wrote;
            fields += ends;
            match result {
                ReadRecordResult::Record => {
                    block.data.truncate(data + written);
                    block.ends.truncate(field + fields);
                    return Some(fields);
                }
                ReadRecordResult::InputEmpty
                    if !ended && !self.input.is_empty() && self.offset >= self.input.len() =>
                {
                    ended = true;
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {
                    block.data.truncate(data + written);
                    block.ends.truncate(field + fields);
                    return None;
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

fn skip_blank(input: &[u8], start: usize) -> usize {
    start + input[start..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}
