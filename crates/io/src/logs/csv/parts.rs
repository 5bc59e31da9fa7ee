//! A CSV file in parts: one pass finds the types of its columns, a second one makes the tables.

use super::builder::{Builder, Met};
use super::records::{BLOCK, Block, Records, is_blank};
use super::{CsvOptions, End, Pass, Slot, finish, header, slots};
use crate::error::IoError;
use crate::logs::FileTable;
use crate::logs::pieces::Before;
use crate::texts::Cells;
use rayon::prelude::*;
use std::path::Path;

/// The columns of a file.
pub(in crate::logs) struct Layout {
    names: Vec<String>,
    /// Every row has one field more than the header, its label.
    labelled: bool,
    /// By field; `None` if unwanted.
    fields: Vec<Option<Met>>,
}

impl Layout {
    /// The columns of a file that begins with `head`, of yet unknown types.
    pub(in crate::logs) fn new(
        head: &[u8],
        path: &Path,
        options: &CsvOptions<'_>,
    ) -> Result<Self, IoError> {
        let (names, body) = header(head, path)?;
        let mut block = Block::new(head);
        Records::new(head, body).fill(&mut block, BLOCK);
        let labelled = block.every_row_has(names.len() + 1);
        let label = labelled.then(|| Some(Met::default()));
        let columns = names.iter().map(|name| {
            let met = if (options.text)(name) { Met::text() } else { Met::default() };
            (options.wanted)(name).then_some(met)
        });
        let fields = label.into_iter().chain(columns).collect();
        Ok(Self { names, labelled, fields })
    }

    fn pass<'a>(
        &self,
        text: &'a [u8],
        path: &'a Path,
        before: Before,
    ) -> Result<(Pass<'a>, usize), IoError> {
        let body = if before.bytes == 0 { header(text, path)?.1 } else { 0 };
        let mut pass = Pass::new(text, body, path, self.fields.len());
        pass.labelled = self.labelled;
        pass.before = before;
        pass.records.start_at(before.rows);
        Ok((pass, body))
    }

    /// Looks at the rows of a piece; how many there are, those that will be skipped included.
    pub(in crate::logs) fn meet(
        &mut self,
        text: &[u8],
        path: &Path,
        before: Before,
    ) -> Result<i64, IoError> {
        let (mut pass, _) = self.pass(text, path, before)?;
        let mut block = Block::new(text);
        loop {
            let more = pass.fill(&mut block);
            pass.keep_good_rows(&mut block, None);
            self.fields.par_iter_mut().enumerate().for_each(|(field, met)| {
                if let Some(met) = met {
                    met.add(&block, field);
                }
            });
            if !more {
                return Ok(pass.records.position() - before.rows);
            }
        }
    }

    /// The number of columns.
    pub(in crate::logs) fn width(&self) -> usize {
        self.fields.iter().flatten().count()
    }

    /// The rows of a piece with only those columns that `options` want, which have the types of this piece.
    pub(in crate::logs) fn narrow(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        options: &CsvOptions<'_>,
    ) -> Result<FileTable<Cells>, IoError> {
        let (mut pass, body) = self.pass(text, path, before)?;
        let mut slots = slots(&self.names, self.labelled, options);
        let mut block = Block::new(text);
        let more = pass.fill(&mut block);
        let (positions, skipped) = pass.fill_all(block, more, &mut slots);
        finish(slots, &self.names, &pass, text, body, positions, skipped)
    }

    /// The rows of a piece, once all pieces were looked at, and their number as in [`meet`](Self::meet).
    pub(in crate::logs) fn read(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
    ) -> Result<(FileTable<Cells>, i64), IoError> {
        let (mut pass, body) = self.pass(text, path, before)?;
        let mut slots: Vec<Slot> = self
            .fields
            .iter()
            .map(|met| met.map_or(Slot::Unwanted, |met| Slot::Building(Builder::of(met))))
            .collect();
        let mut block = Block::new(text);
        let more = pass.fill(&mut block);
        let (positions, skipped) = pass.fill_all(block, more, &mut slots);
        let rows = pass.records.position() - before.rows;
        let table = finish(slots, &self.names, &pass, text, body, positions, skipped)?;
        Ok((table, rows))
    }
}

/// Cuts before the last row, which may go on behind the text. The first piece has the header, whatever
/// blank lines stand before it.
pub(in crate::logs) fn cut(text: &[u8], first: bool) -> usize {
    let end = last_row(text);
    if first && is_blank(&text[..end]) { 0 } else { end }
}

/// Whether a text ends inside quotes.
pub(in crate::logs) fn is_open(text: &[u8]) -> bool {
    let mut records = Records::new(text, 0);
    let mut block = Block::new(text);
    loop {
        match records.fill(&mut block, BLOCK) {
            End::More => {}
            End::Input => return false,
            End::Unclosed => return true,
        }
    }
}

fn last_row(text: &[u8]) -> usize {
    let mut records = Records::new(text, 0);
    let mut block = Block::new(text);
    let mut last = 0;
    loop {
        let end = records.fill(&mut block, BLOCK);
        last = block.last_start().unwrap_or(last);
        match end {
            End::More => {}
            End::Input => return last,
            End::Unclosed => return records.record_start(),
        }
    }
}
