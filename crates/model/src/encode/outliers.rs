//! Numbers that no scale has room for beside the others: set aside before anything is learnt.
//!
//! A scaler maps what a feature usually is to numbers around 1. One value of 1e18 among a hundred near 100
//! makes all others one number to it: 103 and 900000 score alike, and nothing says so. So before training these
//! cells become missing, and the model remembers how many there were:
//!
//! | cell | why |
//! |---|---|
//! | infinite, or beyond 1e100 | no sum of squares has room for it |
//! | a million times further from the median than all but the furthest 2 % | a standard deviation of a million rows would leave the others within a thousandth of it |
//!
//! At least one cell counts as 2 %, and two of ten or more. Values that are more frequent are this user's
//! normal, however large: a number that means "not known" in a twentieth of the rows is learnt. Where all
//! but 2 % are equal, there is no distance to compare with, and a cell has to be 1e12 times as far from the
//! median as that is from 0 (or from 1): most columns of bytes are 0 nearly always, and large at times.

use super::cells::{each_number, is_text};
use super::plan::FeaturePlan;
use crate::error::ModelError;
use crate::memory_size::Heap;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use arrow_select::nullif::nullif;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// No sum of squares has room for larger numbers.
const LARGEST: f64 = 1e100;
/// One cell in so many may be set aside for its distance.
const ONE_IN: usize = 50;
/// How many times further than the others.
const FURTHER: f64 = 1e6;
/// And if the others are all equal.
const FURTHER_THAN_EQUAL: f64 = 1e12;

/// Cells of a training column that were set aside, since they are far beyond all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// The column.
    pub column: String,
    /// How many cells.
    pub cells: usize,
    /// The one furthest away, as text: JSON has no infinite numbers.
    pub value: String,
    /// The least and the largest of the others, as text; `None` if there are none.
    pub others: Option<(String, String)>,
}

/// Infinite numbers in a column of new rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infinite {
    /// The column.
    pub column: String,
    /// How many cells.
    pub cells: usize,
    /// The first row that has one.
    pub row: usize,
    /// Its text.
    pub value: String,
}

impl Heap for SetAside {
    fn heap(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |(low, high)| low.heap() + high.heap());
        self.column.heap() + self.value.heap() + others
    }
}

/// Training rows without the numbers that are far beyond all others of their column, and what these were.
pub(crate) fn set_aside(rows: &RecordBatch) -> Result<(RecordBatch, Vec<SetAside>), ArrowError> {
    let (mut columns, mut all) = (rows.columns().to_vec(), Vec::new());
    for (field, column) in rows.schema_ref().fields().iter().zip(&mut columns) {
        let data_type = column.data_type();
        if !data_type.is_integer() && !data_type.is_floating() {
            continue;
        }
        let Some(bounds) = Bounds::of(&numbers(column)?) else { continue };
        let cells = numbers(column)?.into_iter().map(|x| x.is_some_and(|x| !bounds.contain(x)));
        let outside = BooleanArray::from_iter(cells.map(Some));
        if outside.true_count() == 0 {
            continue;
        }
        all.push(bounds.describe(field.name(), column, &outside)?);
        *column = nullif(column, &outside)?;
    }
    if all.is_empty() {
        return Ok((rows.clone(), all));
    }
    let fields = rows.schema_ref().fields().iter();
    let fields = fields.map(|field| Arc::new(field.as_ref().clone().with_nullable(true)));
    let schema = arrow_schema::Schema::new(fields.collect::<Vec<_>>());
    Ok((RecordBatch::try_new(Arc::new(schema), columns)?, all))
}

/// The cells as they are, infinite ones included; `None` for what is missing or no number.
fn numbers(column: &ArrayRef) -> Result<Vec<Option<f64>>, ArrowError> {
    let cast = arrow_cast::cast(column, &DataType::Float64)?;
    let cells = cast.as_primitive::<Float64Type>().iter();
    Ok(cells.map(|x| x.filter(|x| !x.is_nan())).collect())
}

/// What is within a distance of the median, and below [`LARGEST`].
struct Bounds {
    median: f64,
    distance: f64,
}

impl Bounds {
    /// `None` without any number.
    fn of(cells: &[Option<f64>]) -> Option<Self> {
        let mut usable: Vec<f64> =
            cells.iter().flatten().copied().filter(|x| x.abs() <= LARGEST).collect();
        if usable.is_empty() {
            // What is left of numbers that are all too large is nothing.
            let any = cells.iter().flatten().next().is_some();
            return any.then_some(Self { median: 0.0, distance: f64::INFINITY });
        }
        let count = usable.len();
        let median = *usable.select_nth_unstable_by((count - 1) / 2, f64::total_cmp).1;
        let furthest = (count / ONE_IN).max((count / 5).min(2));
        if furthest == 0 {
            return Some(Self { median, distance: f64::INFINITY });
        }
        for x in &mut usable {
            *x = (*x - median).abs();
        }
        let others = *usable.select_nth_unstable_by(count - 1 - furthest, f64::total_cmp).1;
        let distance = match others > 0.0 {
            true => FURTHER * others,
            false => FURTHER_THAN_EQUAL * median.abs().max(1.0),
        };
        Some(Self { median, distance })
    }

    fn contain(&self, x: f64) -> bool {
        x.abs() <= LARGEST && (x - self.median).abs() <= self.distance
    }

    fn describe(
        &self,
        name: &str,
        column: &ArrayRef,
        outside: &BooleanArray,
    ) -> Result<SetAside, ArrowError> {
        let cells = numbers(column)?;
        let far = |x: &f64| (x - self.median).abs();
        let (beyond, others): (Vec<f64>, Vec<f64>) =
            cells.into_iter().flatten().partition(|x| !self.contain(*x));
        let furthest = beyond.into_iter().max_by(|a, b| far(a).total_cmp(&far(b)));
        let least = others.iter().copied().min_by(f64::total_cmp);
        let largest = others.iter().copied().max_by(f64::total_cmp);
        Ok(SetAside {
            column: name.to_owned(),
            cells: outside.true_count(),
            value: furthest.map_or_else(String::new, number_text),
            others: least.zip(largest).map(|(a, b)| (number_text(a), number_text(b))),
        })
    }
}

/// Digits of what a person reads as digits, powers of ten of what is longer.
fn number_text(x: f64) -> String {
    let size = x.abs();
    match x.is_finite() && size != 0.0 && !(1e-6..1e15).contains(&size) {
        true => format!("{x:e}"),
        false => x.to_string(),
    }
}

impl FeaturePlan {
    /// Infinite numbers in the numeric features of new rows. They count as the largest number there is.
    ///
    /// # Errors
    /// Arrow cannot read a column.
    pub fn infinite(&self, rows: &RecordBatch) -> Result<Vec<Infinite>, ModelError> {
        let mut all = Vec::new();
        for feature in &self.numeric {
            let Some(column) = rows.column_by_name(&feature.column) else { continue };
            let cells: Vec<usize> = match column.data_type() {
                DataType::Float32 => {
                    let cells = column.as_primitive::<Float32Type>().iter().enumerate();
                    cells
                        .filter(|(_, x)| x.is_some_and(f32::is_infinite))
                        .map(|(row, _)| row)
                        .collect()
                }
                DataType::Float64 => {
                    let cells = column.as_primitive::<Float64Type>().iter().enumerate();
                    cells
                        .filter(|(_, x)| x.is_some_and(f64::is_infinite))
                        .map(|(row, _)| row)
                        .collect()
                }
                data_type if is_text(data_type) => infinite_texts(column),
                _ => continue,
            };
            if let Some(&row) = cells.first() {
                let value = arrow_cast::display::array_value_to_string(column, row)?;
                let column = feature.column.clone();
                all.push(Infinite { column, cells: cells.len(), row, value });
            }
        }
        Ok(all)
    }
}

/// Rows whose text reads as a number that is infinite; none if one is no number.
fn infinite_texts(column: &ArrayRef) -> Vec<usize> {
    let mut rows = Vec::new();
    let read = each_number(column, |row, x| {
        // No text of a finite number is this one.
        if x.is_some_and(|x| x.abs() == f64::MAX) {
            rows.push(row);
        }
    });
    if read.is_ok() { rows } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int64Array, StringArray};

    fn near_100(rows: usize) -> Vec<f64> {
        (0..rows).map(|row| 100.0 + (row % 7) as f64).collect()
    }

    fn aside(values: Vec<f64>) -> (RecordBatch, Vec<SetAside>) {
        let column: ArrayRef = Arc::new(Float64Array::from(values));
        set_aside(&RecordBatch::try_from_iter([("n", column)]).unwrap()).unwrap()
    }

    #[test]
    fn one_gross_cell_of_a_hundred_is_set_aside_and_named() {
        for (gross, text) in [
            (1e308, "1e308"),
            (-1e308, "-1e308"),
            (1e39, "1e39"),
            (1e18, "1e18"),
            (1e9, "1000000000"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            let mut values = near_100(99);
            values.insert(40, gross);
            let (rows, found) = aside(values);
            let others = Some(("100".to_owned(), "106".to_owned()));
            let expected = SetAside { column: "n".into(), cells: 1, value: text.into(), others };
            assert_eq!(found, [expected], "{gross}");
            assert!(rows.column(0).is_null(40) && rows.column(0).null_count() == 1);
        }
    }

    #[test]
    fn what_is_large_but_no_mistake_stays() {
        let mut once = near_100(99);
        once.push(900_000.0);
        let mut often = near_100(95);
        often.extend([1e18; 5]);
        let bytes = (0..100).map(|row| if row == 50 { 5e9 } else { 0.0 }).collect();
        // The exponents of a normal distribution as wide as that of sizes ever is.
        let sizes =
            (1..2000).map(|i| (12.0 * (f64::from(i) / 1000.0 - 1.0).powi(3)).exp()).collect();
        for values in [once, often, bytes, sizes, vec![1.0, 1e90], vec![0.0; 5], vec![f64::NAN]] {
            assert_eq!(aside(values.clone()).1, [], "{values:?}");
        }
    }

    #[test]
    fn few_rows_and_integers_too() {
        let found =
            |values: &[f64]| aside(values.to_vec()).1.iter().map(|s| s.cells).sum::<usize>();
        assert_eq!(found(&[1.0, f64::INFINITY]), 1);
        assert_eq!(found(&[f64::INFINITY, 1e300]), 2);
        assert_eq!(found(&[100.0, 101.0, 102.0, 103.0, 1e18]), 1);
        assert_eq!(found(&[0.0, 0.0, 0.0, 0.0, 0.0, 1e18]), 1);
        let numbers = (0..50).map(|i| if i == 3 { i64::MAX } else { i });
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
        let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let (rows, found) = set_aside(&rows).unwrap();
        assert_eq!((found.len(), rows.column(0).data_type()), (1, &DataType::Int64));
        assert!(rows.column(0).is_null(3));
    }

    #[test]
    fn infinite_cells_of_new_rows_are_found_in_numbers_and_texts() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        let rows = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let plan = FeaturePlan::fit(&rows, &crate::config::ModelConfig::default()).unwrap();
        let columns: [ArrayRef; 4] = [
            Arc::new(Float64Array::from(vec![1e308, f64::NEG_INFINITY, f64::INFINITY])),
            Arc::new(StringArray::from(vec!["7", " -inf", "1e999"])),
            Arc::new(StringArray::from(vec!["7", "nan", "1e308"])),
            Arc::new(Int64Array::from(vec![i64::MAX, 0, 1])),
        ];
        let found = columns.map(|column| {
            let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
            let infinite = plan.infinite(&rows).unwrap();
            infinite.into_iter().map(|i| (i.cells, i.row, i.value)).collect::<Vec<_>>()
        });
        let (number, text) = ((2, 1, "-inf".to_owned()), (2, 1, " -inf".to_owned()));
        assert_eq!(found, [vec![number], vec![text], vec![], vec![]]);
    }
}
