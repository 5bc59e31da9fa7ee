//! All files as one table, and the order of its rows.

use super::part::{EVENT_DT, LABEL, OWN_EVENT_DT, Part};
use crate::error::LogError;
use crate::skipped::Skipped;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use rayon::prelude::*;
use std::sync::Arc;

/// What a reader made of all files together.
#[derive(Clone, Debug)]
pub struct LogTable {
    /// The rows. Column names are cleaned, columns stand in order of first appearance, and
    /// `event_dt` (UTC, microseconds; missing where a row has no readable time) is last if any file has event times.
    pub batch: RecordBatch,
    /// For each row its label within its own file.
    pub file_rows: Int64Array,
    /// What was left out and why.
    pub skipped: Skipped,
    /// There are more rows of the slice, which did not fit: the next read of the same slice has them.
    pub more: bool,
}

/// The place of each row among all rows by time, then label; equal ones stay in the order of the files, and
/// rows without a time come last. `None` if all rows are in their places.
pub(super) fn places(parts: &[Part]) -> Option<Vec<u32>> {
    if !parts.iter().any(|part| part.array(EVENT_DT).is_some()) {
        return None;
    }
    let mut keys: Vec<(i64, i64)> = Vec::with_capacity(parts.iter().map(|part| part.rows).sum());
    for part in parts {
        let labels = part.array(LABEL)?.as_primitive::<Int64Type>().values().iter().copied();
        match part.array(EVENT_DT).map(|times| times.as_primitive::<TimestampMicrosecondType>()) {
            Some(times) if times.null_count() == 0 => {
                keys.extend(times.values().iter().copied().zip(labels));
            }
            Some(times) => {
                let times = times.iter().map(|time| time.unwrap_or(i64::MAX));
                keys.extend(times.zip(labels));
            }
            None => keys.extend(labels.map(|label| (i64::MAX, label))),
        }
    }
    if keys.is_sorted() {
        return None;
    }
    let mut rows: Vec<(i64, i64, u32)> =
        (0..).zip(keys).map(|(row, (time, label))| (time, label, row)).collect();
    // With the row itself equal keys have an order, and the sort needs no second copy.
    rows.par_sort_unstable();
    let mut places = vec![0; rows.len()];
    (0..).zip(rows).for_each(|(place, (.., row))| places[row as usize] = place);
    Some(places)
}

pub(super) fn table(
    columns: Vec<(String, ArrayRef)>,
    rows: usize,
    skipped: Skipped,
) -> Result<LogTable, LogError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    let mut labels = Int64Array::from(Vec::<i64>::new());
    let mut times = None;
    for (name, values) in columns {
        match name.as_str() {
            LABEL => labels = values.as_primitive::<Int64Type>().clone(),
            EVENT_DT => times = Some(values),
            _ => {
                let name = if name == OWN_EVENT_DT { EVENT_DT } else { name.as_str() };
                fields.push(Field::new(name, values.data_type().clone(), true));
                arrays.push(values);
            }
        }
    }
    if let Some(times) = times {
        fields.push(Field::new(EVENT_DT, times.data_type().clone(), true));
        arrays.push(times);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|e| LogError::table("join the files", &e))?;
    Ok(LogTable { batch, file_rows: labels, skipped, more: false })
}
