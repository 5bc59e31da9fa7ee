//! Parquet files: exports of log lakes, and tables of other programs.
//!
//! Columns become what the other readers would make of the same values: integers and floats of 64
//! bits, booleans, text; times and all else are text. Structs become columns `outer.inner`, lists are
//! text as Python prints them. Integers with gaps are floats unless they would be other integers then.

mod codes;
mod columns;
mod content;
mod python;
mod values;

pub(super) use content::Content;
pub(super) use values::Types;

use super::file_table::{Column, FileTable, MAX_COLUMNS};
use crate::error::{LogError, Place};
use crate::skipped::{Skipped, TOO_MANY_COLUMNS, Unit};
use crate::texts::Cells;
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::basic::Type as PhysicalType;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use codes::coded;
use columns::{each_column, flatten, mask, ranges};
use dfp_storage::memory_limit::MemoryLimit;
use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use values::plain;

/// The first bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// What is wanted of the columns of a file, by the names that they have in their events.
pub(super) trait Choice {
    /// Whether the column is read at all.
    fn is_wanted(&self, name: &str) -> bool;

    /// Whether the column is wanted by name, and not only since all are.
    fn is_asked(&self, name: &str) -> bool;

    /// Whether the column is text with exact digits.
    fn identifies(&self, name: &str) -> bool;

    /// Of the names of all columns, what those of the events begin with if there are others around them.
    fn envelope(&self, names: &[String]) -> Option<String>;

    /// How much memory the columns may take.
    fn memory(&self) -> MemoryLimit;
}

/// Reads a Parquet file, of its columns only those that are wanted; `path` is for messages only.
///
/// # Errors
/// [`LogError::Content`] if it is broken, [`LogError::Memory`] if its rows take more than `most` bytes.
pub(super) fn read(
    content: Content,
    path: &Path,
    wanted: &dyn Choice,
    most: u64,
) -> Result<FileTable<Cells>, LogError> {
    let file = Groups::open(content, path, wanted)?;
    if file.bytes() > most {
        return Err(file.too_large(most, wanted));
    }
    guarded(path, || {
        let reader = file.reader((0..file.count()).collect(), most)?;
        let (mut batches, mut bytes) = (Vec::new(), 0);
        for batch in reader {
            let batch = batch.map_err(|e| broken(path, &e))?;
            bytes += bytes_of(&batch);
            batches.push(batch);
            if bytes > most {
                return Err(file.too_large(most, wanted));
            }
        }
        file.table(file.columns(&batches, wanted)?, 0, wanted, &Types::default())
    })
}

/// The rows of a Parquet file, some at a time.
pub(super) struct Rows {
    groups: Groups,
    /// What decides the types of columns.
    types: Types,
    /// Names of the columns.
    names: Vec<String>,
    /// Bytes of rows that are in memory at a time, roughly.
    max_bytes: u64,
    /// The group that is read now.
    group: usize,
    reader: Option<ParquetRecordBatchReader>,
    rows: i64,
}

impl Rows {
    /// Opens a file. Its rows can be read when all of them have been met.
    pub(super) fn open(
        content: Content,
        path: &Path,
        wanted: &dyn Choice,
        max_bytes: usize,
    ) -> Result<Self, LogError> {
        let groups = Groups::open(content, path, wanted)?;
        let (types, names) = (Types::default(), Vec::new());
        let max_bytes = max_bytes as u64;
        Ok(Self { groups, types, names, max_bytes, group: 0, reader: None, rows: 0 })
    }

    /// Looks at the next rows for what decides the types of columns. `None` if there are no more, and the rows
    /// can be read.
    pub(super) fn meet(&mut self, wanted: &dyn Choice) -> Result<Option<Met>, LogError> {
        let path = self.groups.path.clone();
        let Some((columns, rows)) = guarded(&path, || self.columns(wanted))? else {
            self.group = 0;
            return Ok(None);
        };
        for Column { name, values } in &columns {
            self.types.meet(name, values).map_err(|e| broken(&path, &e))?;
        }
        if self.names.is_empty() {
            self.names = columns.iter().map(|column| column.name.clone()).collect();
        }
        Ok(Some(Met { columns, rows }))
    }

    /// Of rows that have been met the columns that are wanted, in types of their own.
    pub(super) fn narrow(
        &self,
        met: Met,
        wanted: &dyn Choice,
    ) -> Result<FileTable<Cells>, LogError> {
        let columns = met.columns.into_iter().filter(|c| wanted.is_wanted(&c.name)).collect();
        self.groups.table((columns, met.rows), 0, wanted, &Types::default())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn next(
        &mut self,
        wanted: &dyn Choice,
    ) -> Result<Option<FileTable<Cells>>, LogError> {
        let path = self.groups.path.clone();
        let table = guarded(&path, || {
            let Some(columns) = self.columns(wanted)? else { return Ok(None) };
            self.groups.table(columns, self.rows, wanted, &self.types).map(Some)
        })?;
        let Some(table) = table else { return Ok(None) };
        self.rows += table.positions.len() as i64;
        Ok(Some(table))
    }

    /// The next rows in the file's own types, and how many there are.
    fn columns(&mut self, wanted: &dyn Choice) -> Result<Option<(Vec<Column>, usize)>, LogError> {
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while bytes < self.max_bytes
            && let Some(batch) = self.batch(!batches.is_empty())?
        {
            bytes += bytes_of(&batch);
            batches.push(batch);
        }
        if batches.is_empty() {
            return Ok(None);
        }
        self.groups.columns(&batches, wanted).map(Some)
    }

    /// The next rows, if there are any; `same_group` asks for more of the current group only.
    fn batch(&mut self, same_group: bool) -> Result<Option<RecordBatch>, LogError> {
        loop {
            if let Some(reader) = &mut self.reader {
                match reader.next() {
                    Some(batch) => {
                        return batch.map(Some).map_err(|e| broken(&self.groups.path, &e));
                    }
                    None => {
                        self.reader = None;
                        self.group += 1;
                        if same_group {
                            return Ok(None);
                        }
                    }
                }
            }
            if self.group == self.groups.count() {
                return Ok(None);
            }
            self.reader = Some(self.groups.reader(vec![self.group], self.max_bytes)?);
        }
    }
}

/// Rows that have been met.
pub(super) struct Met {
    columns: Vec<Column>,
    rows: usize,
}

impl Met {
    pub(super) fn rows(&self) -> i64 {
        self.rows as i64
    }

    /// How many columns the rows have.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Bytes that the rows take.
    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(|column| column.values.get_array_memory_size()).sum()
    }
}

/// The groups of rows of a Parquet file.
struct Groups {
    content: Content,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    /// What the names of the events' columns begin with, if there are others around them.
    envelope: Option<String>,
    /// Columns that are not read, since there are too many and nobody asked for these.
    left_out: HashSet<String>,
}

/// Bytes of a cell besides its text.
const CELL: u64 = 8;
/// Rows that are decoded at a time. How long their texts are shows when they are there, whatever the file says:
/// a text that is written once can stand in every row.
const ROWS: usize = 1024;

impl Groups {
    fn open(content: Content, path: &Path, reading: &dyn Choice) -> Result<Self, LogError> {
        let metadata = guarded(path, || {
            let metadata = ArrowReaderMetadata::load(&content, Default::default())
                .map_err(|e| broken(path, &e))?;
            coded(&metadata).map_err(|e| broken(path, &e))
        })?;
        let mut names = Vec::new();
        for field in metadata.schema().fields() {
            each_column(field.name(), field, &mut |name| names.push(name.to_owned()));
        }
        let envelope = reading.envelope(&names);
        let prefix = envelope.as_deref();
        let wanted = |name: &str| inside(prefix, name).is_some_and(|name| reading.is_wanted(name));
        let asked = |name: &str| inside(prefix, name).is_some_and(|name| reading.is_asked(name));
        let others = names.into_iter().filter(|name| wanted(name) && !asked(name));
        let left_out: HashSet<String> = others.skip(MAX_COLUMNS).collect();
        let mask = mask(&metadata, &|name| wanted(name) && !left_out.contains(name));
        Ok(Self { content, path: path.to_owned(), metadata, mask, envelope, left_out })
    }

    /// Counts the columns that are not read.
    fn count_left_out(&self, skipped: &mut Skipped) {
        let mut names: Vec<&String> = self.left_out.iter().collect();
        names.sort_unstable();
        let message = |name: &String| {
            let cause = format!("column {name:?} is left out");
            let expected = format!("at most {MAX_COLUMNS} columns");
            let (path, place) = (self.path.clone(), Box::default());
            LogError::Content { path, place, cause, expected }.to_string()
        };
        let messages = names.iter().map(|name| message(name));
        skipped.add_many(Unit::Value, TOO_MANY_COLUMNS, names.len(), messages);
    }

    fn count(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Bytes of the wanted columns of a group, roughly: what is written once may be in every row.
    fn bytes_of(&self, group: usize) -> u64 {
        let group = self.metadata.metadata().row_group(group);
        let chunks = group.columns().iter().enumerate();
        let bytes = chunks.filter(|(leaf, _)| self.mask.leaf_included(*leaf)).map(|(_, chunk)| {
            let cells = u64::try_from(chunk.num_values()).unwrap_or_default();
            let bytes = u64::try_from(chunk.uncompressed_size()).unwrap_or_default();
            cells.saturating_mul(CELL).saturating_add(bytes)
        });
        bytes.fold(0, u64::saturating_add)
    }

    fn bytes(&self) -> u64 {
        (0..self.count()).map(|group| self.bytes_of(group)).fold(0, u64::saturating_add)
    }

    fn too_large(&self, most: u64, wanted: &dyn Choice) -> LogError {
        let rows = self.metadata.metadata().file_metadata().num_rows();
        let cause = format!("{rows} rows of more than {} MB", most / 1_000_000);
        LogError::memory(&self.path, Place::default(), cause, wanted.memory())
    }

    /// Rows of a group that are decoded at a time: [`ROWS`], or so few that they are no more than `most` bytes
    /// even if each of their texts in lists, which have no codes, is as long as all that is written of its
    /// column.
    fn rows_at_a_time(&self, group: usize, most: u64) -> usize {
        let group = self.metadata.metadata().row_group(group);
        let rows = group.num_rows().max(1);
        let chunks = group.columns().iter().enumerate();
        let repeated = chunks.filter(|(leaf, chunk)| {
            self.mask.leaf_included(*leaf)
                && chunk.column_descr().max_rep_level() > 0
                && chunk.column_type() == PhysicalType::BYTE_ARRAY
                && chunk.dictionary_page_offset().is_some()
        });
        let bytes = repeated.map(|(_, chunk)| {
            let of_row = u64::try_from(chunk.num_values() / rows + 1).unwrap_or_default();
            of_row.saturating_mul(u64::try_from(chunk.uncompressed_size()).unwrap_or_default())
        });
        let bytes = bytes.fold(0, u64::saturating_add);
        match most.checked_div(bytes) {
            Some(rows) => usize::try_from(rows).unwrap_or(ROWS).clamp(1, ROWS),
            None => ROWS,
        }
    }

    /// Reads groups some rows at a time, of about `most` bytes.
    fn reader(&self, groups: Vec<usize>, most: u64) -> Result<ParquetRecordBatchReader, LogError> {
        let rows = groups.iter().map(|group| self.rows_at_a_time(*group, most)).min();
        let fail = |e: &dyn std::fmt::Display| broken(&self.path, e);
        let ranges = ranges(&self.metadata, &self.mask, &groups);
        let content = self.content.clone().with(&ranges).map_err(|e| fail(&e))?;
        let metadata = self.metadata.clone();
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata)
            .with_projection(self.mask.clone())
            .with_row_groups(groups)
            .with_batch_size(rows.unwrap_or(ROWS));
        reader.build().map_err(|e| fail(&e))
    }

    /// Rows in the file's own types, and how many there are.
    fn columns(
        &self,
        batches: &[RecordBatch],
        wanted: &dyn Choice,
    ) -> Result<(Vec<Column>, usize), LogError> {
        let fail = |e: &dyn std::fmt::Display| broken(&self.path, e);
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let mut columns = Vec::new();
        if let Some(first) = batches.first() {
            for (i, field) in first.schema().fields().iter().enumerate() {
                let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
                let values = concat(&parts).map_err(|e| fail(&e))?;
                let wanted = |name: &str| {
                    inside(self.envelope.as_deref(), name)
                        .is_some_and(|name| wanted.is_wanted(name))
                        && !self.left_out.contains(name)
                };
                flatten(field.name(), &values, None, &wanted, &mut columns)
                    .map_err(|e| fail(&e))?;
            }
        }
        if let Some(prefix) = &self.envelope {
            for column in &mut columns {
                column.name.drain(..prefix.len());
            }
        }
        Ok((columns, rows))
    }

    /// Rows as a table, `before` rows preceding them; `types` is what is known of other rows.
    fn table(
        &self,
        (columns, rows): (Vec<Column>, usize),
        before: i64,
        wanted: &dyn Choice,
        types: &Types,
    ) -> Result<FileTable<Cells>, LogError> {
        let columns = columns.into_iter().map(|Column { name, values }| {
            let values = plain(&name, &values, types, wanted.identifies(&name));
            let values = values.map_err(|e| broken(&self.path, &e))?;
            Ok(Column { name, values: Cells::Array(values) })
        });
        let mut skipped = Skipped::default();
        if before == 0 {
            self.count_left_out(&mut skipped);
        }
        Ok(FileTable {
            columns: columns.collect::<Result<_, LogError>>()?,
            labels: None,
            positions: (before..before + rows as i64).collect(),
            skipped,
        })
    }
}

/// What `read` gives. The crates for Parquet and Arrow panic on some broken files, a type unknown to them
/// among others; that costs the file, not the run.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
    let told = |panic: Box<dyn Any + Send>| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().unwrap_or_default()).to_owned(),
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| Err(broken(path, &told(panic))))
}

fn broken(path: &Path, cause: &dyn std::fmt::Display) -> LogError {
    LogError::Content {
        path: path.to_owned(),
        place: Box::new(Place::default()),
        cause: cause.to_string(),
        expected: "a complete Parquet file".to_owned(),
    }
}

/// The name that a column has in its event, if it is one of the event.
fn inside<'n>(envelope: Option<&str>, name: &'n str) -> Option<&'n str> {
    envelope.map_or(Some(name), |prefix| name.strip_prefix(prefix))
}

/// Bytes that rows take. Texts behind codes are shared by all rows of a group.
fn bytes_of(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(bytes_of_column).sum()
}

fn bytes_of_column(column: &ArrayRef) -> u64 {
    match column.data_type() {
        DataType::Dictionary(..) => (column.len() * size_of::<i32>()) as u64,
        DataType::Struct(_) => {
            let members = column.as_struct_opt().map(|members| members.columns());
            members.unwrap_or_default().iter().map(bytes_of_column).sum()
        }
        _ => column.to_data().get_slice_memory_size().unwrap_or_default() as u64,
    }
}

#[cfg(test)]
mod tests;
