//! Numbers that must not lose a digit: which ones no double holds, and how they are written where they identify
//! somebody.

use crate::error::LogError;
use crate::text;
use crate::texts;
use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_schema::DataType;

/// Whether an integer may be another one as a double.
pub(super) fn is_large(value: i64) -> bool {
    value.unsigned_abs() > 1 << 53
}

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
pub(super) fn digits(values: &ArrayRef) -> Result<ArrayRef, LogError> {
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
