//! JSON lines in parts: one pass finds the columns and their types, a second one makes the tables.

use super::builder::{Builder, Met};
use super::event::Events;
use super::pieces::Piece;
use super::{Nested, Schema, content, lines, most_cells, skip_not_objects};
use crate::error::{IoError, Place};
use crate::logs::pieces::Before;
use crate::logs::{Column, FileTable, MAX_COLUMNS};
use crate::texts::Cells;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::path::Path;

/// The columns of a file, in order of first appearance.
#[derive(Default)]
pub(in crate::logs) struct Layout {
    columns: Vec<(String, Met)>,
    known: HashMap<String, usize>,
    rows: usize,
}

impl Layout {
    /// Looks at the events of a piece; how many there are, those that will be skipped included.
    pub(in crate::logs) fn meet(
        &mut self,
        text: &[u8],
        path: &Path,
        schema: &dyn Schema,
        nested: Nested,
    ) -> Result<i64, IoError> {
        let piece = events(text, 0, path, schema, nested);
        let rows = piece.positions.len();
        self.rows += rows;
        for (name, mut builder) in piece.columns {
            builder.pad(rows);
            let column = *self.known.entry(name).or_insert_with_key(|name| {
                self.columns.push((name.clone(), Met::default()));
                self.columns.len() - 1
            });
            self.columns[column].1.merge(&builder.met());
        }
        if self.columns.len() > MAX_COLUMNS
            || self.columns.len().saturating_mul(rows) > most_cells(text)
        {
            let cause = format!("{rows} rows of {} columns", self.columns.len());
            return Err(content(path, Place::default(), cause));
        }
        Ok(piece.next_position)
    }

    /// The events of a piece, once all pieces were looked at, and their number as in [`meet`](Self::meet).
    pub(in crate::logs) fn read(
        &self,
        text: &[u8],
        path: &Path,
        before: Before,
        schema: &dyn Schema,
        nested: Nested,
    ) -> Result<(FileTable<Cells>, i64), IoError> {
        let Piece { columns, mut positions, mut not_objects, next_position, mut skipped } =
            events(text, before.lines, path, schema, nested);
        let rows = positions.len();
        let mut builders: HashMap<String, Builder> = columns.into_iter().collect();
        let builders: Vec<_> = self
            .columns
            .iter()
            .map(|(name, met)| (name, met, builders.remove(name).unwrap_or(Builder::new(0))))
            .collect();
        let columns = builders.into_par_iter().map(|(name, met, mut builder)| {
            builder.pad(rows);
            let values = builder.finish_as(&met.kind(self.rows))?;
            Ok(Column { name: name.clone(), values })
        });
        let columns = columns.collect::<Result<_, IoError>>()?;
        positions.iter_mut().chain(&mut not_objects).for_each(|p| *p += before.rows);
        skip_not_objects(not_objects, path, &mut skipped);
        Ok((FileTable { columns, labels: None, positions, skipped }, next_position))
    }
}

fn events(
    text: &[u8],
    lines_before: usize,
    path: &Path,
    schema: &dyn Schema,
    nested: Nested,
) -> Piece {
    let mut events = Events::new(schema, nested, most_cells(text));
    let skipped = lines(text, lines_before, path, &mut events);
    Piece { skipped, ..events.finish() }
}
