//! Casting columns.

use super::cells::as_text;
use crate::error::FeatureError;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array};
use arrow_schema::DataType;
use dfp_logs::texts::TextCells;
use std::sync::Arc;

/// What cells can be cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer,
    Number,
    Flag,
}

/// The types by the words of a feature file.
pub(super) const TYPES: [(&str, Type); 4] = [
    ("text", Type::Text),
    ("integer", Type::Integer),
    ("number", Type::Number),
    ("flag", Type::Flag),
];

impl Type {
    /// What a cell of this type is called.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "whole number",
            Self::Number => "number",
            Self::Flag => "flag (True, False, 1, 0)",
        }
    }
}

/// The column as one of this type, and how many cells became missing.
pub(crate) fn cast(array: &ArrayRef, to: Type) -> Result<(ArrayRef, usize), FeatureError> {
    let had = array.len() - array.logical_null_count();
    let made: ArrayRef = match (to, array.data_type()) {
        (Type::Text, _) => as_text(array)?,
        (Type::Integer, DataType::Int64)
        | (Type::Number, DataType::Int64 | DataType::UInt64 | DataType::Float64)
        | (Type::Flag, DataType::Boolean) => array.clone(),
        (Type::Integer, _) => {
            Arc::new(Int64Array::from_iter(numbers(array)?.into_iter().map(whole)))
        }
        (Type::Number, _) => Arc::new(Float64Array::from_iter(numbers(array)?)),
        (Type::Flag, _) => {
            let texts = as_text(array)?;
            let cells = TextCells::of(&texts).into_iter().flat_map(TextCells::iter);
            Arc::new(BooleanArray::from_iter(cells.map(|text| match text? {
                "True" | "true" | "TRUE" | "1" => Some(true),
                "False" | "false" | "FALSE" | "0" => Some(false),
                _ => None,
            })))
        }
    };
    let lost = had.saturating_sub(made.len() - made.logical_null_count());
    Ok((made, lost))
}

fn whole(number: Option<f64>) -> Option<i64> {
    // Beyond 2^53 a float does not say which whole number it is.
    number
        .filter(|number| number.fract() == 0.0 && number.abs() <= 9e15)
        .map(|number| number as i64)
}

/// The cells as numbers; what is none, or not finite, is missing.
pub(super) fn numbers(array: &ArrayRef) -> Result<Vec<Option<f64>>, FeatureError> {
    let mut numbers: Vec<Option<f64>> = match array.data_type() {
        DataType::Int64 => {
            array.as_primitive::<Int64Type>().iter().map(|n| n.map(|n| n as f64)).collect()
        }
        DataType::UInt64 => {
            array.as_primitive::<UInt64Type>().iter().map(|n| n.map(|n| n as f64)).collect()
        }
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().collect(),
        DataType::Boolean => array.as_boolean().iter().map(|flag| flag.map(f64::from)).collect(),
        _ => {
            let texts = as_text(array)?;
            let cells = TextCells::of(&texts).into_iter().flat_map(TextCells::iter);
            return Ok(cells.map(|text| number(text?)).collect());
        }
    };
    for number in &mut numbers {
        *number = number.filter(|number| number.is_finite());
    }
    Ok(numbers)
}

/// A text as a number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}
