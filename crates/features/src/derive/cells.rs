//! Cells of a column as text. What is computed of a text is computed once for each different text
//! where the column is a dictionary: the values of logs repeat.

use super::time::instants;
use crate::error::FeatureError;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use dfp_logs::LogError;
use dfp_logs::texts::{self, TextCells};
use jiff::Timestamp;

/// A column; every cell is missing if there is none.
pub struct Cells {
    array: Option<ArrayRef>,
    rows: usize,
}

/// The cells of a column as text. What is none has its canonical text, the one that categories are
/// compared by: `True`, and numbers without a fraction that is 0.
pub struct Texts {
    array: Option<ArrayRef>,
    rows: usize,
}

impl Cells {
    /// The cells of a column; all are missing where there is none of this name.
    pub fn of(batch: &RecordBatch, name: &str) -> Self {
        Self { array: batch.column_by_name(name).cloned(), rows: batch.num_rows() }
    }

    /// The column as it is; text without a value if there is none.
    pub(super) fn array(&self) -> ArrayRef {
        let nothing = || arrow_array::new_null_array(&DataType::Utf8, self.rows);
        self.array.clone().unwrap_or_else(nothing)
    }

    /// The cells as texts.
    ///
    /// # Errors
    /// They exceed 2 GiB.
    pub fn texts(&self) -> Result<Texts, FeatureError> {
        Ok(Texts { array: self.array.as_ref().map(as_text).transpose()?, rows: self.rows })
    }
}

/// A column as text.
pub(super) fn as_text(array: &ArrayRef) -> Result<ArrayRef, FeatureError> {
    if TextCells::of(array).is_some() {
        return Ok(array.clone());
    }
    Ok(match array.data_type() {
        DataType::Boolean => {
            let word =
                |value: Option<bool>| value.map(|value| if value { "True" } else { "False" });
            texts::collect(array.as_boolean().iter().map(word))?
        }
        DataType::Float64 => {
            let number = |value: Option<f64>| {
                // Adding zero makes -0 positive.
                value.filter(|value| !value.is_nan()).map(|value| (value + 0.0).to_string())
            };
            texts::collect(array.as_primitive::<Float64Type>().iter().map(number))?
        }
        // Arrow prints no named zones, not even UTC.
        DataType::Timestamp(..) => {
            let instant = |time: i64| Timestamp::from_nanosecond(time.into()).ok();
            let times = instants(array)?.into_iter();
            texts::collect(times.map(|time| Some(instant(time?)?.to_string())))?
        }
        _ => arrow_cast::cast(array, &DataType::Utf8)?,
    })
}

impl Texts {
    fn cells(&self) -> Option<TextCells<'_>> {
        TextCells::of(self.array.as_ref()?)
    }

    /// The text of a row; `None` if it is missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.cells()?.get(row)
    }

    /// The texts of all rows.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let cells = self.cells();
        (0..self.rows).map(move |row| cells?.get(row))
    }

    /// What each row's text means; `None` for a missing one.
    pub fn each<T: Clone>(&self, mut read: impl FnMut(&str) -> Option<T>) -> Vec<Option<T>> {
        match self.cells() {
            None => vec![None; self.rows],
            Some(TextCells::Plain(texts)) => {
                texts.iter().map(|text| text.and_then(&mut read)).collect()
            }
            Some(TextCells::Dictionary(keys, texts)) => {
                // A slice of a table keeps the whole dictionary: only the texts in use are read.
                let mut known: Vec<Option<Option<T>>> = vec![None; texts.len()];
                keys.iter()
                    .map(|key| {
                        let key = key? as usize;
                        known[key].get_or_insert_with(|| read(texts.value(key))).clone()
                    })
                    .collect()
            }
        }
    }

    /// A text column made of each row's text.
    pub(super) fn map(
        &self,
        mut read: impl FnMut(&str) -> Option<String>,
    ) -> Result<ArrayRef, LogError> {
        let made = self.each(|text| read(text).map(std::rc::Rc::<str>::from));
        texts::collect(made.iter().map(|text| text.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BooleanArray, Float64Array, Int64Array};
    use std::sync::Arc;

    #[test]
    fn what_is_no_text_has_its_canonical_text() {
        let arrays: [(ArrayRef, &[Option<&str>]); 3] = [
            (Arc::new(BooleanArray::from(vec![Some(true), None])), &[Some("True"), None]),
            (
                Arc::new(Float64Array::from(vec![Some(5.0), Some(-0.5), None, Some(f64::NAN)])),
                &[Some("5"), Some("-0.5"), None, None],
            ),
            (Arc::new(Int64Array::from(vec![7])), &[Some("7")]),
        ];
        for (array, expected) in arrays {
            let batch = RecordBatch::try_from_iter_with_nullable([("a", array, true)]).unwrap();
            let texts = Cells::of(&batch, "a").texts().unwrap();
            assert_eq!(texts.iter().collect::<Vec<_>>(), expected);
            assert_eq!(Cells::of(&batch, "b").texts().unwrap().iter().flatten().count(), 0);
        }
    }

    #[test]
    fn a_text_that_repeats_is_read_once() {
        let array = texts::collect(["a", "b", "a"].map(Some).into_iter()).unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable([("a", array, true)]).unwrap();
        let mut read = 0;
        let lengths = Cells::of(&batch, "a").texts().unwrap().each(|text| {
            read += 1;
            Some(text.len())
        });
        assert_eq!((lengths, read), (vec![Some(1); 3], 2));
    }
}
