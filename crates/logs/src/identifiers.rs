//! What identifies somebody or something: text with exact digits, the same in every form of file.

use super::dialect::Role;
use super::wanted::Wanted;
use super::{Column, FileTable};
use crate::error::LogError;
use crate::text;
use crate::texts::{self, Cells, TextCells, Texts};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use std::borrow::Cow;

/// The digits of a number without a fraction.
pub(super) fn whole_number(value: f64) -> Option<String> {
    // Beyond that a double has fewer digits than the integer.
    (value.fract() == 0.0 && value.abs() < 1e22).then(|| (value as i128).to_string())
}

/// `5` of `5.0`: integers with gaps are floats to many programs.
pub(super) fn whole_text(text: &str) -> Option<&str> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_whole = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b == b'0');
    is_whole.then_some(whole)
}

/// Numbers as identifiers are written; other types as they are.
///
/// # Errors
/// They exceed 2 GiB.
pub(super) fn print(values: &ArrayRef) -> Result<ArrayRef, LogError> {
    match values.data_type() {
        DataType::Int64 => {
            let values = values.as_primitive::<Int64Type>().iter();
            texts::collect(values.map(|v| v.map(|v| v.to_string())))
        }
        DataType::UInt64 => {
            let values = values.as_primitive::<UInt64Type>().iter();
            texts::collect(values.map(|v| v.map(|v| v.to_string())))
        }
        DataType::Float64 => {
            let number = |value: f64| {
                whole_number(value).unwrap_or_else(|| {
                    let mut out = String::new();
                    text::push_float(&mut out, value);
                    out
                })
            };
            let values = values.as_primitive::<Float64Type>().iter();
            texts::collect(values.map(|v| v.filter(|v| !v.is_nan()).map(number)))
        }
        _ => Ok(values.clone()),
    }
}

/// The identifiers of a table as they are written. One of digits only gets the prefix that NVIDIA Morpheus
/// gives to a column of integers, whatever the other rows hold.
pub(super) fn write(
    mut table: FileTable<Cells>,
    wanted: &Wanted<'_>,
) -> Result<FileTable<Cells>, LogError> {
    for Column { name, values } in &mut table.columns {
        let name = (wanted.dialect.clean)(name);
        if !wanted.is_identifier(&name) {
            continue;
        }
        let prefix = match wanted.dialect.role(&name) {
            Some(Role::Identifier { prefix }) => prefix,
            _ => "",
        };
        if let Cells::Array(array) = &*values {
            let array = print(array)?;
            let Some(cells) = TextCells::of(&array) else { continue };
            let mut texts = Texts::default();
            texts.append_cells(cells);
            *values = Cells::Texts(texts);
        }
        if let Cells::Texts(texts) = &*values {
            *values = Cells::Texts(texts.replace(|text| written(text, prefix)));
        }
    }
    Ok(table)
}

fn written<'t>(text: &'t [u8], prefix: &str) -> Cow<'t, [u8]> {
    let Ok(cell) = str::from_utf8(text) else { return Cow::Borrowed(text) };
    let cell = whole_text(cell).unwrap_or(cell);
    let digits = cell.trim();
    if !prefix.is_empty() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Cow::Owned([prefix, digits].concat().into_bytes());
    }
    Cow::Borrowed(cell.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_nothing_is_left_out() {
        for (text, whole) in [
            ("5.0", Some("5")),
            ("-12.000", Some("-12")),
            ("007.0", Some("007")),
            ("5", None),
            ("5.", None),
            (".0", None),
            ("1.50", None),
            ("v1.0", None),
            ("1.0.0", None),
        ] {
            assert_eq!(whole_text(text), whole, "{text}");
        }
        assert_eq!(whole_number(123_456_789_012.0).as_deref(), Some("123456789012"));
        assert_eq!(whole_number(1e16).as_deref(), Some("10000000000000000"));
        assert_eq!((whole_number(0.5), whole_number(f64::NAN)), (None, None));
    }
}
