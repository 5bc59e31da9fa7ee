//! Cells of Arrow columns of any type, as text or as numbers.
//!
//! Canonical text of a cell that is not text: integers as digits, floats in the shortest form that
//! reads back to the same value and without a trailing `.0` (so that a column of integers that
//! became floats because of gaps still means the same), booleans as `True` and `False`.
//! Text is as it stands: what it is learnt as says [`canonical`](super::canonical).

use super::canonical::canonical;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, BooleanArray, LargeStringArray, StringArray, StringViewArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions, array_value_to_string};
use arrow_schema::{ArrowError, DataType};
use std::fmt::{Display, Write};

/// Whether cells of this type are text.
pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Calls `put(row, meaning)` for each row of a text column, where the meaning is `missing` for a
/// missing cell and `read(text)` for any other. A dictionary's texts are read once each, in the
/// order in which rows use them. Does nothing for a column that [`is_text`] refuses.
pub(super) fn each_text<'a, T: Copy>(
    array: &'a dyn Array,
    missing: T,
    mut read: impl FnMut(&'a str) -> T,
    mut put: impl FnMut(usize, T),
) {
    if let Some(texts) = Texts::of(array) {
        for row in 0..array.len() {
            put(row, texts.get(row).map_or(missing, &mut read));
        }
        return;
    }
    let Some(dictionary) = array.as_any_dictionary_opt() else { return };
    let Some(texts) = Texts::of(dictionary.values().as_ref()) else { return };
    let keys = dictionary.keys();
    if texts.len() == 0 {
        (0..keys.len()).for_each(|row| put(row, missing));
        return;
    }
    // A slice of a table keeps the whole dictionary: a small slice looks at its own texts only.
    let mut known = if texts.len() <= keys.len() { vec![None; texts.len()] } else { Vec::new() };
    for (row, key) in dictionary.normalized_keys().into_iter().enumerate() {
        let mut look = || texts.get(key).map_or(missing, &mut read);
        let meaning = match known.get_mut(key) {
            _ if keys.is_null(row) => missing,
            Some(meaning) => *meaning.get_or_insert_with(look),
            None => look(),
        };
        put(row, meaning);
    }
}

/// As [`each_text`] for a column of any type, with the canonical text of what is not text.
pub(super) fn each_canonical_text<T: Copy>(
    array: &dyn Array,
    missing: T,
    mut read: impl FnMut(&str) -> T,
    mut put: impl FnMut(usize, T),
) -> Result<(), ArrowError> {
    match array.data_type() {
        data_type if is_text(data_type) => each_text(array, missing, read, put),
        DataType::Null => (0..array.len()).for_each(|row| put(row, missing)),
        DataType::Boolean => {
            let meanings = (read("True"), read("False"));
            for (row, cell) in array.as_boolean().iter().enumerate() {
                put(row, cell.map_or(missing, |b| if b { meanings.0 } else { meanings.1 }));
            }
        }
        DataType::Float32 => {
            // Adding zero makes -0 positive.
            let cells = array.as_primitive::<Float32Type>().iter();
            each_float(
                cells.map(|c| c.filter(|x| !x.is_nan()).map(|x| x + 0.0)),
                missing,
                read,
                put,
            );
        }
        DataType::Float64 => {
            let cells = array.as_primitive::<Float64Type>().iter();
            each_float(
                cells.map(|c| c.filter(|x| !x.is_nan()).map(|x| x + 0.0)),
                missing,
                read,
                put,
            );
        }
        DataType::Float16 => {
            let wider = arrow_cast::cast(array, &DataType::Float32)?;
            each_canonical_text(&wider, missing, read, put)?;
        }
        DataType::Dictionary(_, values) => {
            let plain = arrow_cast::cast(array, values)?;
            each_canonical_text(&plain, missing, read, put)?;
        }
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(array, &options)?;
            let mut text = String::new();
            for row in 0..array.len() {
                if array.is_null(row) {
                    put(row, missing);
                    continue;
                }
                text.clear();
                formatter.value(row).write(&mut text)?;
                put(row, read(&text));
            }
        }
    }
    Ok(())
}

fn each_float<T: Copy, F: Display>(
    cells: impl Iterator<Item = Option<F>>,
    missing: T,
    mut read: impl FnMut(&str) -> T,
    mut put: impl FnMut(usize, T),
) {
    let mut text = String::new();
    for (row, cell) in cells.enumerate() {
        let meaning = cell.map_or(missing, |x| {
            text.clear();
            // Writing to a string cannot fail.
            let _ = write!(text, "{x}");
            read(&text)
        });
        put(row, meaning);
    }
}

/// Why a column's cells cannot be read as numbers.
pub(super) enum NotNumbers {
    Cell { row: usize, value: String },
    Arrow(ArrowError),
}

impl From<ArrowError> for NotNumbers {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// Calls `put(row, number)` for each row of a column of numbers, of booleans (0 and 1) or of text
/// that reads as numbers, blanks around it ignored. What is missing or no number is `None`; an infinite
/// number is the largest one of its sign, so that it is never nearer than a finite one.
pub(super) fn each_number(
    array: &dyn Array,
    mut put: impl FnMut(usize, Option<f64>),
) -> Result<(), NotNumbers> {
    let data_type = array.data_type();
    if data_type.is_numeric() || matches!(data_type, DataType::Boolean | DataType::Null) {
        let cast = arrow_cast::cast(array, &DataType::Float64)?;
        let numbers = cast.as_primitive::<Float64Type>().iter();
        numbers.enumerate().for_each(|(row, x)| put(row, x.and_then(finite)));
        return Ok(());
    }
    let mut first_bad = None;
    let parse = |text: &str| {
        let missing = || canonical(text).is_none().then_some(f64::NAN);
        text.trim().parse::<f64>().ok().or_else(missing)
    };
    each_canonical_text(array, Some(f64::NAN), parse, |row, number| match number {
        Some(x) => put(row, finite(x)),
        None => first_bad = first_bad.or(Some(row)),
    })?;
    match first_bad {
        Some(row) => Err(NotNumbers::Cell { row, value: array_value_to_string(array, row)? }),
        None => Ok(()),
    }
}

/// `x` as the nearest finite number; nothing for what is no number.
fn finite(x: f64) -> Option<f64> {
    (!x.is_nan()).then(|| x.clamp(f64::MIN, f64::MAX))
}

/// Calls `put(row, truth)` for each row: booleans as they are, otherwise true for `true` in any case
/// and `1`. Everything else is false, as in the reference.
pub(super) fn each_truth(
    array: &dyn Array,
    mut put: impl FnMut(usize, bool),
) -> Result<(), ArrowError> {
    match array.as_boolean_opt() {
        Some(booleans) => {
            let booleans: &BooleanArray = booleans;
            booleans.iter().enumerate().for_each(|(row, cell)| put(row, cell == Some(true)));
            Ok(())
        }
        None => {
            let is_true = |text: &str| matches!(canonical(text).as_deref(), Some("True" | "1"));
            each_canonical_text(array, false, is_true, put)
        }
    }
}

/// The three layouts of text columns.
enum Texts<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Texts<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => array.as_string_opt().map(Self::Utf8),
            DataType::LargeUtf8 => array.as_string_opt().map(Self::Large),
            DataType::Utf8View => array.as_string_view_opt().map(Self::View),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Utf8(array) => array.len(),
            Self::Large(array) => array.len(),
            Self::View(array) => array.len(),
        }
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}
