//! Parquet files: exports of log lakes, and tables of other programs.
//!
//! Columns become what the other readers would make of the same values: integers and floats of 64
//! bits, booleans, text; times and all else are text. Structs become columns `outer.inner`, lists are
//! text as Python prints them. Integers with gaps are floats unless they would be other integers then.

mod content;
mod python;
mod values;

pub(super) use content::Content;
pub(super) use values::Types;

use super::skipped::{Skipped, TOO_MANY_COLUMNS, Unit};
use super::{Column, FileTable, MAX_COLUMNS};
use crate::error::{IoError, Place};
use crate::texts::Cells;
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};
use arrow_select::concat::concat;
use std::any::Any;
use std::collections::HashSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use values::plain;

/// The first bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Reads a Parquet file, of its columns only those that are wanted; `path` is for messages only.
///
/// # Errors
/// [`IoError::Content`] if it is broken.
pub(super) fn read(
    content: Content,
    path: &Path,
    wants: &Wants<'_>,
) -> Result<FileTable<Cells>, IoError> {
    let file = Groups::open(content, path, wants)?;
    let all = (0..file.count()).collect();
    file.read(all, 0, wants, &Types::default())
}

/// What is wanted of a file, by the names of its columns.
#[derive(Clone, Copy)]
pub(super) struct Wants<'w> {
    /// Whether a column is read at all.
    pub(super) column: &'w dyn Fn(&str) -> bool,
    /// Whether it is needed: others are left out of a file with too many columns.
    pub(super) asked: &'w dyn Fn(&str) -> bool,
    /// Whether it identifies somebody or something.
    pub(super) identifier: &'w dyn Fn(&str) -> bool,
}

/// A Parquet file whose groups of rows can be read one by one.
pub(super) struct Groups<'p> {
    content: Content,
    path: &'p Path,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    /// Columns that are not read, since there are too many and nobody asked for these.
    left_out: HashSet<String>,
}

impl<'p> Groups<'p> {
    pub(super) fn open(
        content: Content,
        path: &'p Path,
        wants: &Wants<'_>,
    ) -> Result<Self, IoError> {
        let metadata = guarded(path, || {
            ArrowReaderMetadata::load(&content, Default::default()).map_err(|e| broken(path, &e))
        })?;
        let (mut others, mut left_out) = (0, HashSet::new());
        for field in metadata.schema().fields() {
            each_column(field.name(), field, &mut |name| {
                if (wants.column)(name) && !(wants.asked)(name) {
                    others += 1;
                    if others > MAX_COLUMNS {
                        left_out.insert(name.to_owned());
                    }
                }
            });
        }
        let mask = mask(&metadata, &|name| (wants.column)(name) && !left_out.contains(name));
        Ok(Self { content, path, metadata, mask, left_out })
    }

    /// Counts the columns that are not read.
    fn count_left_out(&self, skipped: &mut Skipped) {
        let mut names: Vec<&String> = self.left_out.iter().collect();
        names.sort_unstable();
        let message = |name: &String| {
            let cause = format!("column {name:?} is left out");
            let expected = format!("at most {MAX_COLUMNS} columns");
            let (path, place) = (self.path.to_owned(), Box::default());
            IoError::Content { path, place, cause, expected }.to_string()
        };
        let messages = names.iter().map(|name| message(name));
        skipped.add_many(Unit::Value, TOO_MANY_COLUMNS, names.len(), messages);
    }

    pub(super) fn count(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The rows of some groups, `before` rows preceding them; `types` is what is known of other groups.
    pub(super) fn read(
        &self,
        groups: Vec<usize>,
        before: i64,
        wants: &Wants<'_>,
        types: &Types,
    ) -> Result<FileTable<Cells>, IoError> {
        guarded(self.path, || {
            let (columns, rows) = self.read_groups(groups, wants)?;
            let columns = columns.into_iter().map(|Column { name, values }| {
                let values = plain(&name, &values, types, (wants.identifier)(&name));
                let values = values.map_err(|e| broken(self.path, &e))?;
                Ok(Column { name, values: Cells::Array(values) })
            });
            let mut skipped = Skipped::default();
            if before == 0 {
                self.count_left_out(&mut skipped);
            }
            Ok(FileTable {
                columns: columns.collect::<Result<_, IoError>>()?,
                labels: None,
                positions: (before..before + rows as i64).collect(),
                skipped,
            })
        })
    }

    /// The columns of some groups in the file's own types, and how many rows they have.
    fn read_groups(
        &self,
        groups: Vec<usize>,
        wants: &Wants<'_>,
    ) -> Result<(Vec<Column>, usize), IoError> {
        let fail = |e: &dyn std::fmt::Display| broken(self.path, e);
        let ranges = ranges(&self.metadata, &self.mask, &groups);
        let content = self.content.clone().with(&ranges).map_err(|e| fail(&e))?;
        let metadata = self.metadata.clone();
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata)
            .with_projection(self.mask.clone())
            .with_row_groups(groups)
            .build()
            .map_err(|e| fail(&e))?;
        let batches = reader.collect::<Result<Vec<RecordBatch>, _>>().map_err(|e| fail(&e))?;
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let mut columns = Vec::new();
        if let Some(first) = batches.first() {
            for (i, field) in first.schema().fields().iter().enumerate() {
                let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
                let values = concat(&parts).map_err(|e| fail(&e))?;
                let wanted = |name: &str| (wants.column)(name) && !self.left_out.contains(name);
                flatten(field.name(), &values, None, &wanted, &mut columns)
                    .map_err(|e| fail(&e))?;
            }
        }
        Ok((columns, rows))
    }

    /// What the types of columns depend on, in all groups.
    pub(super) fn types(&self, wants: &Wants<'_>) -> Result<Types, IoError> {
        let mut types = Types::default();
        for group in 0..self.count() {
            guarded(self.path, || {
                for Column { name, values } in self.read_groups(vec![group], wants)?.0 {
                    types.meet(&name, &values).map_err(|e| broken(self.path, &e))?;
                }
                Ok(())
            })?;
        }
        Ok(types)
    }
}

/// What `read` gives. The crates for Parquet and Arrow panic on some broken files, a type unknown to them
/// among others; that costs the file, not the run.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, IoError>) -> Result<T, IoError> {
    let told = |panic: Box<dyn Any + Send>| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().unwrap_or_default()).to_owned(),
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| Err(broken(path, &told(panic))))
}

fn broken(path: &Path, cause: &dyn std::fmt::Display) -> IoError {
    IoError::Content {
        path: path.to_owned(),
        place: Box::new(Place::default()),
        cause: cause.to_string(),
        expected: "a complete Parquet file".to_owned(),
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
