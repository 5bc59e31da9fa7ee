//! A file that is read piece by piece: where its reader stands.

use super::file_table::FileTable;
use super::pieces::Pieces;
use super::{csv, json, parquet};
use crate::skipped::Skipped;
use crate::texts::Cells;
use hashbrown::HashMap;
use std::path::PathBuf;

/// How many columns beside the first one each name needs in a whole file that is read in parts.
pub(super) type Further = HashMap<String, usize>;

/// The rows of a file, piece by piece, with the columns and types of the whole.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) rows: Rows,
    /// Names that need further columns in some piece.
    pub(super) further: Further,
    /// Rows that are too long, until a table takes them along.
    pub(super) skipped: Skipped,
}

/// What the rows are read from, by format.
pub(super) enum Rows {
    Csv(Pieces, csv::parts::Layout),
    Json(Pieces, Box<json::parts::Layout>),
    Parquet(Box<parquet::Rows>),
    /// What does not come in pieces.
    Whole(Option<FileTable<Cells>>),
}

impl Source {
    /// Names that need further columns in some piece.
    pub(super) fn further(&self) -> &Further {
        &self.further
    }

    /// What was left out behind the last table.
    pub(super) fn left_out(&mut self) -> Skipped {
        std::mem::take(&mut self.skipped)
    }

    /// Gives back the room that the last piece has taken.
    pub(super) fn shrink(&mut self) {
        match &mut self.rows {
            Rows::Csv(pieces, _) | Rows::Json(pieces, _) => pieces.shrink(),
            Rows::Parquet(_) | Rows::Whole(_) => {}
        }
    }
}
