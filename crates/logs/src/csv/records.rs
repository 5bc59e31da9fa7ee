//! Rows of a CSV text in blocks; their cells are places in the text.
//!
//! Delimiters and line ends of 64 bytes at a time are found as the bits of a word. The state machine of
//! `csv-core` reads the rows that have quotes or lone carriage returns, unquoted into a buffer.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Rows of a block: enough to guess types from, small enough for the second-level cache.
pub(super) const BLOCK: usize = 1024;

/// Fields of a block, unless a single row has more: a header of a million names must not fill the memory.
const FIELDS: usize = 4 << 20;

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

/// Rows of `input`.
pub(super) struct Block<'a> {
    input: &'a [u8],
    /// Rows that had to be unquoted, one behind the other.
    unquoted: Vec<u8>,
    rows: Vec<Span>,
    /// For each row where its fields begin, and where a further one would.
    bounds: Vec<usize>,
    /// Field ends as the state machine gives them.
    ends: Vec<usize>,
    positions: Vec<i64>,
    /// Rows that had NUL bytes in front, which are no part of them.
    padded: Vec<i64>,
}

#[derive(Clone, Copy)]
struct Span {
    /// The bounds are among the unquoted rows instead of in the input.
    unquoted: bool,
    /// The first of its bounds.
    bound: usize,
    fields: usize,
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

impl<'a> Block<'a> {
    /// A block without rows.
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            unquoted: Vec::new(),
            rows: Vec::new(),
            bounds: Vec::new(),
            ends: Vec::new(),
            positions: Vec::new(),
            padded: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn positions(&self) -> &[i64] {
        &self.positions
    }

    /// Offset in the input of the last row, or of blank lines before it.
    pub(super) fn last_start(&self) -> Option<usize> {
        self.rows.last().map(|row| row.start)
    }

    pub(super) fn width(&self, row: usize) -> usize {
        self.rows[row].fields
    }

    /// Rows that had NUL bytes in front.
    pub(super) fn padded(&self) -> &[i64] {
        &self.padded
    }

    /// Whether every row that is neither the header again nor padding is that wide, and there is one.
    pub(super) fn every_row_has(&self, width: usize, header: &[Vec<u8>]) -> bool {
        let mut rows = (0..self.rows.len()).filter(|row| !self.is_no_row(*row, header)).peekable();
        rows.peek().is_some() && rows.all(|row| self.rows[row].fields == width)
    }

    /// Whether a row has the header's cells, as where files were put one behind the other.
    pub(super) fn is_header(&self, row: usize, header: &[Vec<u8>]) -> bool {
        let fields = self.rows[row].fields;
        fields == header.len() && (0..fields).all(|field| self.cell(row, field) == header[field])
    }

    /// Whether a row is NUL bytes only, as a crash leaves them.
    pub(super) fn is_nul(&self, row: usize) -> bool {
        let cell = self.cell(row, 0);
        self.rows[row].fields == 1 && !cell.is_empty() && cell.iter().all(|byte| *byte == 0)
    }

    fn is_no_row(&self, row: usize, header: &[Vec<u8>]) -> bool {
        self.is_nul(row) || self.is_header(row, header)
    }

    /// Whether all rows are rows.
    pub(super) fn has_rows_only(&self, header: &[Vec<u8>]) -> bool {
        (0..self.rows.len()).all(|row| !self.is_no_row(row, header))
    }

    /// Whether no row has more than `width` fields.
    pub(super) fn none_longer(&self, width: usize) -> bool {
        self.rows.iter().all(|row| row.fields <= width)
    }

    /// Drops the rows that `keep` refuses.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Self, usize, RowView<'_>) -> bool) {
        let mut kept = 0;
        for i in 0..self.rows.len() {
            let row = self.rows[i];
            let (first, gap) = (self.bounds[row.bound], usize::from(!row.unquoted));
            let data = if row.unquoted { &self.unquoted } else { self.input };
            let view = RowView {
                data: &data[first..self.bounds[row.bound + row.fields] - gap],
                fields: row.fields,
                start: row.start,
                end: row.end,
                position: self.positions[i],
            };
            if keep(self, i, view) {
                self.rows.swap(kept, i);
                self.positions.swap(kept, i);
                kept += 1;
            }
        }
        self.rows.truncate(kept);
        self.positions.truncate(kept);
    }

    /// A cell; empty if the row is shorter.
    #[inline]
    pub(super) fn cell(&self, row: usize, field: usize) -> &[u8] {
        let row = &self.rows[row];
        if field >= row.fields {
            return b"";
        }
        let bound = row.bound + field;
        let (begin, next) = (self.bounds[bound], self.bounds[bound + 1]);
        if row.unquoted {
            &self.unquoted[begin..next]
        } else {
            // The delimiter or the line end is not part of it.
            &self.input[begin..next - 1]
        }
    }

    /// The cells of one field, top to bottom.
    pub(super) fn column(&self, field: usize) -> impl Iterator<Item = &[u8]> + Clone {
        (0..self.rows.len()).map(move |row| self.cell(row, field))
    }

    fn clear(&mut self) {
        self.unquoted.clear();
        self.rows.clear();
        self.bounds.clear();
        self.positions.clear();
        self.padded.clear();
    }
}

/// Places of the bytes that may end a field, from some offset on.
struct Marks<'a> {
    input: &'a [u8],
    delimiter: u8,
    /// Offset of the bytes that `bits` are about.
    base: usize,
    bits: u64,
}

impl<'a> Marks<'a> {
    fn new(input: &'a [u8], offset: usize, delimiter: u8) -> Self {
        let mut marks = Self { input, delimiter, base: offset, bits: 0 };
        marks.look();
        marks
    }

    fn look(&mut self) {
        let rest = self.input.get(self.base..).unwrap_or_default();
        self.bits = match rest.first_chunk() {
            Some(bytes) => marks(bytes, self.delimiter),
            None => {
                let mut bytes = [0; 64];
                bytes[..rest.len()].copy_from_slice(rest);
                marks(&bytes, self.delimiter)
            }
        };
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            if self.base >= self.input.len() {
                return None;
            }
            self.base += 64;
            self.look();
        }
        let place = self.base + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(place)
    }
}

/// A bit for each delimiter, line feed, carriage return and quote. Both loops are of a form that
/// compilers turn into a few vector instructions.
#[inline]
fn marks(bytes: &[u8; 64], delimiter: u8) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, byte) in flags.iter_mut().zip(bytes) {
        *flag = u8::from(*byte == delimiter)
            | u8::from(*byte == b'\n')
            | u8::from(*byte == b'\r')
            | u8::from(*byte == b'"');
    }
    let mut bits = 0;
    let (words, _) = flags.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // The product moves the lowest bits of eight bytes side by side into the highest byte.
        let packed = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= packed << (8 * i);
    }
    bits
}

/// The tokeniser.
pub(super) struct Records<'a> {
    /// Made when a row needs it: its tables are large.
    reader: Option<Box<Reader>>,
    input: &'a [u8],
    marks: Marks<'a>,
    offset: usize,
    record_start: usize,
    position: i64,
}

impl<'a> Records<'a> {
    pub(super) fn new(input: &'a [u8], offset: usize, delimiter: u8) -> Self {
        let marks = Marks::new(input, offset, delimiter);
        Self { reader: None, input, marks, offset, record_start: offset, position: 0 }
    }

    /// Input consumed so far, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Rows so far.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// The first row is one of many in its file.
    pub(super) fn start_at(&mut self, position: i64) {
        self.position = position;
    }

    /// Offset of the row that was begun last.
    pub(super) fn record_start(&self) -> usize {
        self.record_start
    }

    /// Replaces the block's rows by the next ones, at most `limit`.
    pub(super) fn fill(&mut self, block: &mut Block<'a>, limit: usize) -> End {
        block.clear();
        while block.rows.len() < limit && block.bounds.len() < FIELDS {
            self.record_start = self.offset;
            let is_padded = self.pass_padding();
            let bound = block.bounds.len();
            let unquoted = !self.plain_record(block);
            if unquoted {
                block.bounds.truncate(bound);
                if let Err(end) = self.record(block) {
                    return end;
                }
                self.marks = Marks::new(self.input, self.offset, self.marks.delimiter);
            }
            let fields = block.bounds.len() - bound - 1;
            if fields == 1 && is_blank(&self.input[self.record_start..self.offset]) {
                block.bounds.truncate(bound);
                continue;
            }
            if is_padded {
                block.padded.push(self.position);
            }
            block.rows.push(Span {
                unquoted,
                bound,
                fields,
                start: self.record_start,
                end: self.offset,
            });
            block.positions.push(self.position);
            self.position += 1;
        }
        End::More
    }

    /// Passes NUL bytes in front of a row, unless they are all of it; whether there were any.
    fn pass_padding(&mut self) -> bool {
        let rest = self.input.get(self.offset..).unwrap_or_default();
        if rest.first() != Some(&0) {
            return false;
        }
        let padding = rest.iter().take_while(|byte| **byte == 0).count();
        if matches!(rest.get(padding), None | Some(b'\n' | b'\r')) {
            return false;
        }
        self.offset += padding;
        self.marks = Marks::new(self.input, self.offset, self.marks.delimiter);
        true
    }

    /// Appends the bounds of the next line; false if it needs the state machine.
    fn plain_record(&mut self, block: &mut Block<'a>) -> bool {
        block.bounds.push(self.offset);
        while let Some(place) = self.marks.next() {
            match self.input[place] {
                byte if byte == self.marks.delimiter => block.bounds.push(place + 1),
                b'\n' => {
                    block.bounds.push(place + 1);
                    self.offset = place + 1;
                    return true;
                }
                b'\r' if self.input.get(place + 1) == Some(&b'\n') => {
                    block.bounds.push(place + 1);
                    self.offset = place + 2;
                    // The line feed's own mark.
                    self.marks.next();
                    return true;
                }
                _ => return false,
            }
        }
        false
    }

    /// Appends the next row unquoted, or says why the input ends before.
    fn record(&mut self, block: &mut Block<'a>) -> Result<(), End> {
        let reader = self.reader.get_or_insert_with(|| {
            let mut reader = ReaderBuilder::new().delimiter(self.marks.delimiter).build();
            // Only a reader that has not read yet would take a byte-order mark away.
            reader.read_record(b"\n", &mut [0], &mut [0]);
            Box::new(reader)
        });
        let begin = block.unquoted.len();
        let (mut written, mut fields) = (0, 0);
        let mut ended = false;
        loop {
            // At the end a line feed shows whether the last row is complete or inside quotes.
            let rest: &[u8] = if ended { b"\n" } else { &self.input[self.offset..] };
            // Room is made, and set to zero, for this row only: doubling the whole block would
            // clear it again for every row.
            block.unquoted.resize(begin + 2 * written + 256, 0);
            block.ends.resize(2 * fields + 64, 0);
            let (result, read, wrote, ends) = reader.read_record(
                rest,
                &mut block.unquoted[begin + written..],
                &mut block.ends[fields..],
            );
            if !ended {
                self.offset += read;
            }
            written += wrote;
            fields += ends;
            match result {
                ReadRecordResult::Record => {
                    block.unquoted.truncate(begin + written);
                    block.bounds.push(begin);
                    block.bounds.extend(block.ends[..fields].iter().map(|end| begin + end));
                    return Ok(());
                }
                ReadRecordResult::InputEmpty
                    if !ended && !self.input.is_empty() && self.offset >= self.input.len() =>
                {
                    ended = true;
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {
                    block.unquoted.truncate(begin);
                    let blank = self.offset <= skip_blank(self.input, self.record_start);
                    return Err(if fields == 0 && blank { End::Input } else { End::Unclosed });
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
    }
}

pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

fn skip_blank(input: &[u8], start: usize) -> usize {
    start + input[start..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}
