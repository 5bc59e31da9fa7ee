//! A CSV file in parts: one pass finds the types of its columns, a second one makes the tables.

use super::builder::{Builder, Met};
use super::cells::Numbers;
use super::header::{Chosen, Header, LeftOut};
use super::records::{BLOCK, Block, Records};
use super::{CsvOptions, End, Pass, Slot, finish, slots};
use crate::error::LogError;
use crate::file_table::FileTable;
use crate::pieces::Before;
use crate::texts::Cells;
use dfp_storage::memory_limit::MemoryLimit;
use rayon::prelude::*;
use std::path::Path;

/// The columns of a file.
pub(crate) struct Layout {
    header: Header,
    left_out: LeftOut,
    /// Every row has one field more than the header, its label.
    labelled: bool,
    /// By field; `None` if unwanted.
    fields: Vec<Option<Met>>,
    memory: MemoryLimit,
}

impl Layout {
    /// The columns of a file that begins with `head`, of yet unknown types.
    pub(crate) fn new(
        head: &[u8],
        path: &Path,
        options: &CsvOptions<'_>,
    ) -> Result<Self, LogError> {
        let header = Header::read(head, path, options.delimiter)?.without_envelope(options);
        let mut block = Block::new(head);
        Records::new(head, header.body, header.delimiter).fill(&mut block, BLOCK);
        let labelled = block.every_row_has(header.names.len() + 1, &header.cells);
        let label = labelled.then(|| Some(Met::new(Numbers { as_pandas: true })));
        let (chosen, left_out) = header.choose(options);
        let columns = chosen.into_iter().map(|column| {
            let met = |column| match column {
                Chosen::Text => Met::text(),
                Chosen::Guess(numbers) => Met::new(numbers),
            };
            column.map(met)
        });
        let fields = label.into_iter().chain(columns).collect();
        Ok(Self { header, left_out, labelled, fields, memory: options.memory })
    }

    fn pass<'a>(&'a self, text: &'a [u8], path: &'a Path, before: Before) -> Pass<'a> {
        let body = if before.bytes == 0 { self.header.body } else { 0 };
        let mut pass = Pass::new(text, body, path, &self.header);
        (pass.labelled, pass.width) = (self.labelled, self.fields.len());
        pass.before = before;
        pass.records.start_at(before.rows);
        pass
    }

    /// Looks at the rows of a piece; how many there are, those that will be skipped included.
    pub(crate) fn meet(
        &mut self,
        text: &[u8],
        path: &Path,
        before: Before,
    ) -> Result<i64, LogError> {
        let mut fields = std::mem::take(&mut self.fields);
        let mut pass = self.pass(text, path, before);
        pass.width = fields.len();
        let mut block = Block::new(text);
        loop {
            let more = pass.fill(&mut block);
            pass.keep_good_rows(&mut block, None);
            fields.par_iter_mut().enumerate().for_each(|(field, met)| {
                if let Some(met) = met {
                    met.add(&block, field);
                }
            });
            if !more {
                let rows = pass.records.position() - before.rows;
                self.fields = fields;
                return Ok(rows);
            }
        }
    }

    /// Names of the columns that are read.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let columns = self.fields.iter().skip(usize::from(self.labelled));
        let named = self.header.names.iter().zip(columns);
        named.filter(|(_, met)| met.is_some()).map(|(name, _)| name.as_str())
    }

    /// The number of columns.
    pub(crate) fn width(&self) -> usize {
        self.fields.iter().flatten().count()
    }

    /// The rows of a piece with only those columns that `options` want, which have the types of this piece.
    pub(crate) fn narrow(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        options: &CsvOptions<'_>,
    ) -> Result<FileTable<Cells>, LogError> {
        let mut pass = self.pass(text, path, before);
        let mut slots = slots(&self.header.choose(options).0, self.labelled);
        let mut block = Block::new(text);
        let more = pass.fill(&mut block);
        let (positions, skipped) = pass.fill_all(block, more, &mut slots, self.memory)?;
        finish(slots, &pass, positions, skipped)
    }

    /// The rows of a piece, once all pieces were looked at, and their number as in [`meet`](Self::meet).
    pub(crate) fn read(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
    ) -> Result<(FileTable<Cells>, i64), LogError> {
        let mut pass = self.pass(text, path, before);
        let mut slots: Vec<Slot> = self
            .fields
            .iter()
            .map(|met| met.map_or(Slot::Unwanted, |met| Slot::Building(Builder::of(met))))
            .collect();
        let mut block = Block::new(text);
        let more = pass.fill(&mut block);
        let (positions, mut skipped) = pass.fill_all(block, more, &mut slots, self.memory)?;
        if before.bytes == 0 {
            self.left_out.count(path, &mut skipped);
        }
        let rows = pass.records.position() - before.rows;
        let table = finish(slots, &pass, positions, skipped)?;
        Ok((table, rows))
    }
}

impl Layout {
    /// Cuts before the last row, which may go on behind the text. The first piece has the header, whatever
    /// blank lines precede it.
    pub(crate) fn cut(&self, text: &[u8], first: bool) -> usize {
        let end = last_row(text, self.header.delimiter);
        if first && end <= self.header.body { 0 } else { end }
    }

    /// Whether a text ends inside quotes.
    pub(crate) fn is_open(&self, text: &[u8]) -> bool {
        let mut records = Records::new(text, 0, self.header.delimiter);
        let mut block = Block::new(text);
        loop {
            match records.fill(&mut block, BLOCK) {
                End::More => {}
                End::Input => return false,
                End::Unclosed => return true,
            }
        }
    }
}

/// The length of the rows that are whole in a text that was cut somewhere.
pub(crate) fn whole_rows(text: &[u8], delimiter: Option<u8>) -> usize {
    let delimiter = Header::read(text, Path::new(""), delimiter).map_or(b',', |h| h.delimiter);
    last_row(text, delimiter)
}

/// Where the last row begins that may continue behind the text; its end if there is none.
fn last_row(text: &[u8], delimiter: u8) -> usize {
    let mut records = Records::new(text, 0, delimiter);
    let mut block = Block::new(text);
    let mut last = 0;
    loop {
        let end = records.fill(&mut block, BLOCK);
        last = block.last_start().unwrap_or(last);
        match end {
            End::More => {}
            End::Input if text.ends_with(b"\n") => return text.len(),
            End::Input => return last,
            End::Unclosed => return records.record_start(),
        }
    }
}
