//! Parquet files: exports of log lakes, and tables of other programs.
//!
//! Columns become what the other readers would make of the same values: integers and floats of 64
//! bits, booleans, text; times and all else are text. Structs become columns `outer.inner`, lists are
//! text.

use super::skipped::Skipped;
use super::{Column, FileTable};
use crate::error::{IoError, Place};
use crate::texts;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use std::path::Path;
use std::sync::Arc;

/// The first bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

const TIMES: FormatOptions<'static> =
    FormatOptions::new().with_timestamp_format(None).with_timestamp_tz_format(None);

/// Reads a Parquet file that is already in memory; `path` is for messages only.
///
/// # Errors
/// [`IoError::Content`] if it is broken.
pub(super) fn read(
    content: Vec<u8>,
    path: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<FileTable, IoError> {
    let broken = |cause: &dyn std::fmt::Display| IoError::Content {
        path: path.to_owned(),
        place: Box::new(Place::default()),
        cause: cause.to_string(),
        expected: "a complete Parquet file".to_owned(),
    };
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content))
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|e| broken(&e))?;
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>().map_err(|e| broken(&e))?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut columns = Vec::new();
    if let Some(first) = batches.first() {
        for (i, field) in first.schema().fields().iter().enumerate() {
            let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
            let values = concat(&parts).map_err(|e| broken(&e))?;
            flatten(field.name(), &values, None, wanted, &mut columns).map_err(|e| broken(&e))?;
        }
    }
    Ok(FileTable {
        columns,
        labels: None,
        positions: (0..rows as i64).collect(),
        skipped: Skipped::default(),
    })
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
        let nulls = NullBuffer::union(outer, values.logical_nulls().as_ref());
        let data = values.to_data().into_builder().nulls(nulls).build()?;
        columns
            .push(Column { name: name.to_owned(), values: plain(&arrow_array::make_array(data))? });
    }
    Ok(())
}

/// The values in a type that the other readers have.
fn plain(values: &ArrayRef) -> Result<ArrayRef, Box<dyn std::error::Error + Send + Sync>> {
    let target = match values.data_type() {
        DataType::Boolean if values.null_count() == 0 => return Ok(Arc::clone(values)),
        DataType::Null => return Ok(Arc::clone(values)),
        DataType::UInt64 => DataType::UInt64,
        kind if kind.is_integer() && values.null_count() == 0 => DataType::Int64,
        // Integers with gaps are floats, as in the other formats.
        kind if kind.is_integer() || kind.is_floating() => DataType::Float64,
        DataType::Decimal128(..) | DataType::Decimal256(..) => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Dictionary(_, texts) if **texts == DataType::Utf8 => DataType::Utf8,
        _ => {
            let format = ArrayFormatter::try_new(values.as_ref(), &TIMES)?;
            let text = |row| values.is_valid(row).then(|| format.value(row).to_string());
            return Ok(texts::collect((0..values.len()).map(text))?);
        }
    };
    let cast = arrow_cast::cast(values, &target)?;
    match cast.as_string_opt::<i32>() {
        Some(cells) => Ok(texts::collect(cells.iter())?),
        None => Ok(cast),
    }
}
