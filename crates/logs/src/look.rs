//! What a first pass over a file sees of its times, without keeping anything else of its rows.

use super::file;
use super::file_table::{Column, FileTable};
use super::part::{EVENT_DT, Part};
use super::projection::Wanted;
use super::time::TimeColumn;
use super::when::{TIMELESS, Times, in_order};
use crate::error::LogError;
use crate::texts::Cells;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use std::path::Path;

/// Bytes that a cell takes besides its text.
const CELL: u64 = 4;

/// What a pass over a file sees of its times.
pub(super) struct Look<'a> {
    /// The column of times.
    pub(super) narrow: Wanted<'a>,
    pub(super) times: Times,
    /// The earliest time in each piece; the beginning of time if there is none.
    pub(super) earliest: Vec<i64>,
}

impl<'a> Look<'a> {
    pub(super) fn new(narrow: Wanted<'a>) -> Self {
        Self { narrow, times: Times::default(), earliest: Vec::new() }
    }

    /// Sees a piece of so many rows, bytes of text and columns.
    pub(super) fn piece(
        &mut self,
        path: &Path,
        tables: Vec<FileTable<Cells>>,
        rows: i64,
        text: usize,
        columns: usize,
    ) -> Result<(), LogError> {
        let mut earliest = None;
        for table in tables {
            let part = file::clean(path, table, &self.narrow, 1, None)?;
            let times = of_part(part, self.narrow.options.clock)?;
            earliest = earliest.into_iter().chain(times.iter().copied()).min();
            self.times.add(&times);
        }
        self.earliest.push(earliest.unwrap_or(i64::MIN));
        let (all_text, all) = self.times.bytes.unwrap_or_default();
        let cells = u64::try_from(rows).unwrap_or_default().saturating_mul(columns as u64);
        let table = text as u64 + cells.saturating_mul(CELL);
        self.times.bytes = Some((all_text + text as u64, all.saturating_add(table)));
        Ok(())
    }

    /// Sees a file that comes in one piece.
    pub(super) fn whole(&mut self, path: &Path, table: &FileTable<Cells>) -> Result<(), LogError> {
        let clean = self.narrow.dialect.clean;
        let wanted = table.columns.iter().filter(|c| self.narrow.column(&clean(&c.name)));
        let columns: Vec<Column<Cells>> = wanted.cloned().collect();
        let positions = table.positions.clone();
        let bytes = table.columns.iter().map(|column| column.values.memory()).sum();
        let (rows, width) = (positions.len() as i64, table.columns.len());
        let narrow = FileTable { columns, labels: None, positions, skipped: Default::default() };
        self.piece(path, vec![narrow], rows, bytes, width)
    }
}

/// When each row happened; those without a readable time come after all others.
pub(super) fn of_part(part: Part, clock: Option<&TimeColumn>) -> Result<Vec<i64>, LogError> {
    let rows = part.rows;
    for (name, mut cells) in part.columns {
        if name == EVENT_DT {
            let times = cells.array()?.as_primitive::<TimestampMicrosecondType>();
            return Ok(in_order(times.iter()));
        }
        if let Some(clock) = clock.filter(|clock| clock.name == name) {
            return Ok(in_order(file::clock_times(cells.array()?, clock)?));
        }
    }
    Ok(vec![TIMELESS; rows])
}
