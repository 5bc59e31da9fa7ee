//! Values of Parquet as the other readers have them.

use super::python::push_value;
use crate::numbers::{digits, is_large};
use crate::text;
use crate::texts::{self, TextCells};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use std::collections::HashSet;
use std::sync::Arc;

pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What decides the types of columns that are read group by group: facts about all groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Types {
    /// Columns with missing values.
    gaps: HashSet<String>,
    /// Columns of integers of which some are none as doubles.
    large: HashSet<String>,
    /// Columns of integers of which some do not fit 64 bits.
    huge: HashSet<String>,
}

impl Types {
    /// Looks at one group of a column.
    pub(super) fn meet(&mut self, name: &str, values: &ArrayRef) -> Result<(), Failure> {
        let mut note = |set: fn(&mut Self) -> &mut HashSet<String>, is: bool| {
            if is {
                set(self).insert(name.to_owned());
            }
        };
        note(|types| &mut types.gaps, values.logical_null_count() > 0);
        if let Some(integers) = integers(values)? {
            let lost = integers.null_count() > values.null_count();
            note(|types| &mut types.huge, lost);
            let mut integers = integers.as_primitive::<Int64Type>().iter().flatten();
            note(|types| &mut types.large, integers.any(is_large));
        }
        Ok(())
    }
}

/// Integers of any width as integers of 64 bits, missing where they do not fit; `None` if these are none.
fn integers(values: &ArrayRef) -> Result<Option<ArrayRef>, Failure> {
    Ok(match values.data_type() {
        DataType::UInt64 => None,
        kind if kind.is_integer() => Some(arrow_cast::cast(values, &DataType::Int64)?),
        // `NUMBER(38, 0)` of many databases.
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale <= 0 => {
            Some(arrow_cast::cast(values, &DataType::Int64)?)
        }
        _ => None,
    })
}

/// A column in the type that the other readers have for its values, of which other parts may be of
/// other kinds; an identifier is text with exact digits.
pub(super) fn plain(
    name: &str,
    values: &ArrayRef,
    types: &Types,
    is_identifier: bool,
) -> Result<ArrayRef, Failure> {
    // What all rows have is not copied for each of them.
    if let Some(cells) = TextCells::of(values) {
        return Ok(texts::collect(cells.iter())?);
    }
    if let Some(codes) = values.as_any_dictionary_opt() {
        // What is written once is printed once.
        let inner = plain(name, codes.values(), types, is_identifier)?;
        if let Some(cells) = TextCells::of(&inner).filter(|_| !codes.values().is_empty()) {
            let rows = codes.normalized_keys().into_iter().enumerate();
            return Ok(texts::collect(
                rows.map(|(row, key)| if values.is_valid(row) { cells.get(key) } else { None }),
            )?);
        }
        let inner = arrow_cast::cast(values, codes.values().data_type())?;
        return plain(name, &inner, types, is_identifier);
    }
    if let Some(integers) = integers(values)? {
        let mut own = Types::default();
        own.meet(name, values)?;
        let any = |set: fn(&Types) -> &HashSet<String>| {
            [&own, types].into_iter().any(|types| set(types).contains(name))
        };
        if any(|types| &types.huge) {
            return decimal_texts(values);
        }
        return Ok(match any(|types| &types.gaps) && !any(|types| &types.large) {
            _ if is_identifier => digits(&integers)?,
            // Integers with gaps are floats, as in the other formats.
            true => arrow_cast::cast(&integers, &DataType::Float64)?,
            false => integers,
        });
    }
    let whole = values.null_count() == 0 && !types.gaps.contains(name);
    let target = match values.data_type() {
        DataType::Boolean if whole => return Ok(Arc::clone(values)),
        DataType::Null => return Ok(Arc::clone(values)),
        DataType::UInt64 => DataType::UInt64,
        DataType::Decimal128(..) | DataType::Decimal256(..) if is_identifier => {
            return decimal_texts(values);
        }
        DataType::Decimal128(..) | DataType::Decimal256(..) => DataType::Float64,
        kind if kind.is_floating() => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Timestamp(unit, zone) => return times(values, *unit, zone.is_some()),
        _ => return printed(values),
    };
    let cast = arrow_cast::cast(values, &target)?;
    match cast.as_string_opt::<i32>() {
        Some(cells) => Ok(texts::collect(cells.iter())?),
        None if is_identifier => Ok(digits(&cast)?),
        None => Ok(cast),
    }
}

/// Decimals with all their digits, without zeros at the end of a fraction.
fn decimal_texts(values: &ArrayRef) -> Result<ArrayRef, Failure> {
    let options = FormatOptions::new();
    let format = ArrayFormatter::try_new(values.as_ref(), &options)?;
    let text = |row: usize| {
        let text = values.is_valid(row).then(|| format.value(row).to_string())?;
        Some(match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        })
    };
    Ok(texts::collect((0..values.len()).map(text))?)
}

/// Any values as text, lists and what is in them as Python prints them.
fn printed(values: &ArrayRef) -> Result<ArrayRef, Failure> {
    let mut texts = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        let mut text = String::new();
        push_value(&mut text, values, row, false)?;
        texts.push(values.is_valid(row).then_some(text));
    }
    Ok(texts::collect(texts.into_iter())?)
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "µs",
        TimeUnit::Nanosecond => "ns",
    }
}

/// Times as the other formats write them.
pub(super) fn times(values: &ArrayRef, unit: TimeUnit, zoned: bool) -> Result<ArrayRef, Failure> {
    let print = |value: i64, nanoseconds: i128| {
        let mut out = String::new();
        match text::push_time(&mut out, i128::from(value) * nanoseconds, zoned) {
            Ok(()) => out,
            // A time of no calendar costs its own row. The bare number would be read as another time.
            Err(_) => format!("{value} {} since 1970", unit_name(unit)),
        }
    };
    let mut printed = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        let (value, nanoseconds) = match unit {
            TimeUnit::Second => {
                (values.as_primitive::<TimestampSecondType>().value(row), 1_000_000_000)
            }
            TimeUnit::Millisecond => {
                (values.as_primitive::<TimestampMillisecondType>().value(row), 1_000_000)
            }
            TimeUnit::Microsecond => {
                (values.as_primitive::<TimestampMicrosecondType>().value(row), 1_000)
            }
            TimeUnit::Nanosecond => {
                (values.as_primitive::<TimestampNanosecondType>().value(row), 1)
            }
        };
        printed.push(values.is_valid(row).then(|| print(value, nanoseconds)));
    }
    Ok(texts::collect(printed.into_iter())?)
}
