//! Cells of any column as what is compared: nothing, a number or a text.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow_cast::display::array_value_to_string;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use dfp_logs::text;
use std::borrow::Cow;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value, or not a number.
    Missing,
    /// A number; yes and no are 1 and 0.
    Number(f64),
    /// Anything else, as it is written to a file.
    Text(Cow<'a, str>),
}

/// A column, ready to be read cell by cell.
#[derive(Debug)]
pub enum Cells {
    /// A column without any value.
    Missing,
    Plain(StringArray),
    Dictionary(Int32Array, StringArray),
    Flags(BooleanArray),
    Numbers(Float64Array),
    Times {
        units: Int64Array,
        nanoseconds_a_unit: i128,
        zoned: bool,
    },
    Other(ArrayRef),
}

impl Cells {
    /// The cells of a column.
    ///
    /// # Errors
    /// Arrow cannot cast it.
    pub fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match column.data_type() {
            DataType::Null => Self::Missing,
            DataType::Utf8 => Self::Plain(column.as_string::<i32>().clone()),
            DataType::Boolean => Self::Flags(column.as_boolean().clone()),
            number if number.is_numeric() => {
                let numbers = arrow_cast::cast(column, &DataType::Float64)?;
                Self::Numbers(numbers.as_primitive::<Float64Type>().clone())
            }
            DataType::Timestamp(unit, zone) => {
                let units = arrow_cast::cast(column, &DataType::Int64)?;
                let nanoseconds_a_unit = match unit {
                    TimeUnit::Second => 1_000_000_000,
                    TimeUnit::Millisecond => 1_000_000,
                    TimeUnit::Microsecond => 1_000,
                    TimeUnit::Nanosecond => 1,
                };
                let units = units.as_primitive::<Int64Type>().clone();
                Self::Times { units, nanoseconds_a_unit, zoned: zone.is_some() }
            }
            _ => match column.as_dictionary_opt::<Int32Type>() {
                Some(dictionary) if dictionary.values().as_string_opt::<i32>().is_some() => {
                    let texts = dictionary.values().as_string::<i32>().clone();
                    Self::Dictionary(dictionary.keys().clone(), texts)
                }
                _ => Self::Other(column.clone()),
            },
        })
    }

    /// The cell of a row.
    pub fn get(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Missing => Cell::Missing,
            Self::Plain(texts) if texts.is_valid(row) => Cell::Text(texts.value(row).into()),
            Self::Dictionary(keys, texts) if keys.is_valid(row) => {
                Cell::Text(texts.value(keys.value(row) as usize).into())
            }
            Self::Flags(flags) if flags.is_valid(row) => {
                Cell::Number(f64::from(u8::from(flags.value(row))))
            }
            Self::Numbers(numbers) if numbers.is_valid(row) && !numbers.value(row).is_nan() => {
                Cell::Number(numbers.value(row))
            }
            Self::Times { units, nanoseconds_a_unit, zoned } if units.is_valid(row) => {
                let mut printed = String::new();
                let nanoseconds = i128::from(units.value(row)) * nanoseconds_a_unit;
                match text::push_time(&mut printed, nanoseconds, *zoned) {
                    Ok(()) => Cell::Text(printed.into()),
                    Err(_) => Cell::Number(nanoseconds as f64),
                }
            }
            Self::Other(column) if column.is_valid(row) => array_value_to_string(column, row)
                .map_or(Cell::Missing, |printed| Cell::Text(printed.into())),
            _ => Cell::Missing,
        }
    }

    /// Whether every cell is missing, a number, or a text that is one.
    pub fn are_numbers(&self, rows: usize) -> bool {
        match self {
            Self::Missing | Self::Flags(_) | Self::Numbers(_) => true,
            Self::Times { .. } => false,
            _ => (0..rows).all(|row| self.get(row).number().is_some()),
        }
    }
}

impl Cell<'_> {
    /// As a number; a missing one is not a number, a text may be none.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Missing => Some(f64::NAN),
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// As it is shown.
    pub fn show(&self) -> String {
        match self {
            Self::Missing => "nothing".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("{text:?}"),
        }
    }
}
