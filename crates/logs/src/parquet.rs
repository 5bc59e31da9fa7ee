//! Parquet files: exports of log lakes, and tables of other programs.
//!
//! Columns become what the other readers would make of the same values: integers and floats of 64
//! bits, booleans, text; times and all else are text. Structs become columns `outer.inner`, lists are
//! text as Python prints them. Integers with gaps are floats unless they would be other integers then.

mod codes;
mod content;
mod python;
mod values;

pub(super) use content::Content;
pub(super) use values::Types;

use super::hours::Look;
use super::wanted::Wanted;
use super::{Column, FileTable, MAX_COLUMNS, identifiers};
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
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};
use arrow_select::concat::concat;
use codes::coded;
use std::any::Any;
use std::collections::HashSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use values::plain;

/// The first bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Reads a Parquet file, of its columns only those that are wanted; `path` is for messages only.
///
/// # Errors
/// [`LogError::Content`] if it is broken, [`LogError::Memory`] if its rows take more than `most` bytes.
pub(super) fn read(
    content: Content,
    path: &Path,
    wanted: &Wanted<'_>,
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
    /// Passes over the file for what decides the types of columns, and for the times of its rows.
    pub(super) fn open(
        content: Content,
        path: &Path,
        wanted: &Wanted<'_>,
        max_bytes: usize,
        look: &mut Option<&mut Look<'_>>,
    ) -> Result<Self, LogError> {
        let clean = wanted.dialect.clean;
        let groups = Groups::open(content, path, wanted)?;
        let (types, names) = (Types::default(), Vec::new());
        let max_bytes = max_bytes as u64;
        let mut rows = Self { groups, types, names, max_bytes, group: 0, reader: None, rows: 0 };
        let mut types = Types::default();
        while let Some((columns, count)) = guarded(path, || rows.columns(wanted))? {
            for Column { name, values } in &columns {
                types.meet(name, values).map_err(|e| broken(path, &e))?;
            }
            if rows.names.is_empty() {
                rows.names = columns.iter().map(|column| column.name.clone()).collect();
            }
            if let Some(look) = look {
                let width = columns.len();
                let bytes = columns.iter().map(|c| c.values.get_array_memory_size()).sum();
                let narrow = columns.into_iter();
                let narrow = narrow.filter(|c| look.narrow.column(&clean(&c.name))).collect();
                let table = rows.groups.table((narrow, count), 0, &look.narrow, &rows.types)?;
                let table = identifiers::write(table, &look.narrow)?;
                look.piece(path, vec![table], count as i64, bytes, width)?;
            }
        }
        Ok(Self { types, group: 0, rows: 0, ..rows })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn next(
        &mut self,
        wanted: &Wanted<'_>,
    ) -> Result<Option<FileTable<Cells>>, LogError> {
        let path = self.groups.path.clone();
        let table = guarded(&path, || {
            let Some(columns) = self.columns(wanted)? else { return Ok(None) };
            self.groups.table(columns, self.rows, wanted, &self.types).map(Some)
        })?;
        let Some(table) = table else { return Ok(None) };
        self.rows += table.positions.len() as i64;
        identifiers::write(table, wanted).map(Some)
    }

    /// The next rows in the file's own types, and how many there are.
    fn columns(&mut self, wanted: &Wanted<'_>) -> Result<Option<(Vec<Column>, usize)>, LogError> {
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
    fn open(content: Content, path: &Path, reading: &Wanted<'_>) -> Result<Self, LogError> {
        let clean = reading.dialect.clean;
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
        let inside = |name: &str| inside(envelope.as_deref(), name).map(clean);
        let wanted = |name: &str| inside(name).is_some_and(|name| reading.column(&name));
        let asked = |name: &str| inside(name).is_some_and(|name| reading.asked(&name));
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

    fn too_large(&self, most: u64, wanted: &Wanted<'_>) -> LogError {
        let rows = self.metadata.metadata().file_metadata().num_rows();
        let cause = format!("{rows} rows of more than {} MB", most / 1_000_000);
        LogError::memory(&self.path, Place::default(), cause, wanted.options.memory)
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
        wanted: &Wanted<'_>,
    ) -> Result<(Vec<Column>, usize), LogError> {
        let fail = |e: &dyn std::fmt::Display| broken(&self.path, e);
        let clean = wanted.dialect.clean;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let mut columns = Vec::new();
        if let Some(first) = batches.first() {
            for (i, field) in first.schema().fields().iter().enumerate() {
                let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
                let values = concat(&parts).map_err(|e| fail(&e))?;
                let wanted = |name: &str| {
                    inside(self.envelope.as_deref(), name)
                        .is_some_and(|name| wanted.column(&clean(name)))
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
        wanted: &Wanted<'_>,
        types: &Types,
    ) -> Result<FileTable<Cells>, LogError> {
        let clean = wanted.dialect.clean;
        let columns = columns.into_iter().map(|Column { name, values }| {
            let values = plain(&name, &values, types, wanted.is_identifier(&clean(&name)));
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

/// The columns of which anything is wanted.
fn mask(metadata: &ArrowReaderMetadata, wanted: &dyn Fn(&str) -> bool) -> ProjectionMask {
    let fields = metadata.schema().fields().iter().enumerate();
    let roots = fields.filter(|(_, field)| any_wanted(field.name(), field, wanted));
    ProjectionMask::roots(metadata.parquet_schema(), roots.map(|(root, _)| root))
}

fn any_wanted(name: &str, field: &Field, wanted: &dyn Fn(&str) -> bool) -> bool {
    match field.data_type() {
        DataType::Struct(members) => members
            .iter()
            .any(|member| any_wanted(&format!("{name}.{}", member.name()), member, wanted)),
        _ => wanted(name),
    }
}

/// Calls `each` with every column's name.
fn each_column(name: &str, field: &Field, each: &mut dyn FnMut(&str)) {
    match field.data_type() {
        DataType::Struct(members) => {
            for member in members {
                each_column(&format!("{name}.{}", member.name()), member, each);
            }
        }
        _ => each(name),
    }
}

/// Where in the file the columns of the mask are.
fn ranges(
    metadata: &ArrowReaderMetadata,
    mask: &ProjectionMask,
    groups: &[usize],
) -> Vec<Range<u64>> {
    let groups = groups.iter().map(|group| metadata.metadata().row_group(*group));
    let chunks = groups.flat_map(|group| group.columns().iter().enumerate());
    let wanted = chunks.filter(|(leaf, _)| mask.leaf_included(*leaf));
    wanted
        .filter_map(|(_, chunk)| {
            let begin = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let begin = u64::try_from(begin).ok()?;
            Some(begin..begin.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?)
        })
        .collect()
}

/// The column, or those of its members; what is missing in a struct is missing in its members.
fn flatten(
    name: &str,
    values: &ArrayRef,
    outer: Option<&NullBuffer>,
    wanted: &dyn Fn(&str) -> bool,
    columns: &mut Vec<Column>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if let Some(members) = values.as_struct_opt() {
        let outer = NullBuffer::union(outer, values.nulls());
        for (field, member) in members.fields().iter().zip(members.columns()) {
            flatten(&format!("{name}.{}", field.name()), member, outer.as_ref(), wanted, columns)?;
        }
    } else if wanted(name) {
        if *values.data_type() == DataType::Null {
            columns.push(Column { name: name.to_owned(), values: Arc::clone(values) });
            return Ok(());
        }
        let nulls = NullBuffer::union(outer, values.logical_nulls().as_ref());
        let data = values.to_data().into_builder().nulls(nulls).build()?;
        columns.push(Column { name: name.to_owned(), values: arrow_array::make_array(data) });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
