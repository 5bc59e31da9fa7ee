//! Tables of several files as one: union of columns, types widened as pandas' `concat` does.

use super::skipped::Skipped;
use crate::error::IoError;
use crate::text;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, StringArray, new_null_array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// One file's part of the whole.
pub(super) struct Part {
    pub(super) columns: Vec<(String, ArrayRef)>,
    pub(super) rows: usize,
    pub(super) skipped: Skipped,
}

/// The columns of all parts in order of first appearance, each of all parts' rows together.
///
/// Equal types stay; different numbers become floats; anything else becomes text as Python prints
/// it. Where a part lacks a column or its values, integers become floats and booleans text. A
/// column without any value is a float column.
pub(super) fn union(parts: &[Part]) -> Result<Vec<(String, ArrayRef)>, IoError> {
    let mut order: Vec<&str> = Vec::new();
    let mut found: HashMap<&str, Vec<Option<&ArrayRef>>> = HashMap::new();
    for (i, part) in parts.iter().enumerate() {
        for (name, values) in &part.columns {
            let pieces = found.entry(name).or_insert_with(|| {
                order.push(name);
                vec![None; parts.len()]
            });
            pieces[i] = Some(values);
        }
    }
    order
        .into_par_iter()
        .map(|name| {
            let pieces = found.get(name).map_or(&[][..], Vec::as_slice);
            let values = join(parts, pieces)
                .map_err(|e| IoError::table(format!("join column \"{name}\" of all files"), &e))?;
            Ok((name.to_owned(), values))
        })
        .collect()
}

fn join(
    parts: &[Part],
    pieces: &[Option<&ArrayRef>],
) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let target = common_type(parts, pieces);
    let mut converted = Vec::with_capacity(pieces.len());
    for (part, piece) in parts.iter().zip(pieces) {
        converted.push(match piece {
            Some(values) => convert(values, &target),
            None => new_null_array(&target, part.rows),
        });
    }
    let views: Vec<&dyn Array> = converted.iter().map(AsRef::as_ref).collect();
    concat(&views)
}

fn common_type(parts: &[Part], pieces: &[Option<&ArrayRef>]) -> DataType {
    let mut common = DataType::Null;
    let mut gaps = false;
    for (part, piece) in parts.iter().zip(pieces).filter(|(part, _)| part.rows > 0) {
        let kind = piece.map_or(&DataType::Null, |values| values.data_type());
        gaps |= part.rows > 0 && *kind == DataType::Null;
        common = match (common, kind) {
            (common, DataType::Null) => common,
            (DataType::Null, kind) => kind.clone(),
            (common, kind) if common == *kind => common,
            (common, kind) if common.is_numeric() && kind.is_numeric() => DataType::Float64,
            _ => DataType::Utf8,
        };
    }
    match common {
        DataType::Null => DataType::Float64,
        DataType::Int64 | DataType::UInt64 if gaps => DataType::Float64,
        DataType::Boolean if gaps => DataType::Utf8,
        common => common,
    }
}

fn convert(values: &ArrayRef, target: &DataType) -> ArrayRef {
    if values.data_type() == target {
        return Arc::clone(values);
    }
    match (values.data_type(), target) {
        (DataType::Int64, DataType::Float64) => {
            let values = values.as_primitive::<Int64Type>();
            Arc::new(values.iter().map(|v| v.map(|v| v as f64)).collect::<Float64Array>())
        }
        (DataType::UInt64, DataType::Float64) => {
            let values = values.as_primitive::<UInt64Type>();
            Arc::new(values.iter().map(|v| v.map(|v| v as f64)).collect::<Float64Array>())
        }
        (_, DataType::Utf8) => Arc::new(print(values)),
        // Without a value: any type will do.
        _ => new_null_array(target, values.len()),
    }
}

/// The values as Python prints them.
pub(super) fn print(values: &ArrayRef) -> StringArray {
    match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().clone(),
        DataType::Boolean => values.as_boolean().iter().map(|v| v.map(text::boolean)).collect(),
        DataType::Int64 => {
            values.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| v.to_string())).collect()
        }
        DataType::UInt64 => {
            values.as_primitive::<UInt64Type>().iter().map(|v| v.map(|v| v.to_string())).collect()
        }
        DataType::Float64 => {
            let number = |v| {
                let mut out = String::new();
                text::push_float(&mut out, v);
                out
            };
            values.as_primitive::<Float64Type>().iter().map(|v| v.map(number)).collect()
        }
        _ => StringArray::new_null(values.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BooleanArray, Int64Array, NullArray};

    fn part(columns: Vec<(&str, ArrayRef)>, rows: usize) -> Part {
        let columns = columns.into_iter().map(|(n, a)| (n.to_owned(), a)).collect();
        Part { columns, rows, skipped: Skipped::default() }
    }

    fn ints(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn types_widen_as_in_pandas() {
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
        let nulls: ArrayRef = Arc::new(NullArray::new(1));
        let joined = union(&[
            part(
                vec![
                    ("same", ints(&[1])),
                    ("wide", ints(&[1])),
                    ("text", ints(&[1])),
                    ("gap", ints(&[1])),
                    ("flag", flags),
                    ("none", Arc::clone(&nulls)),
                ],
                1,
            ),
            part(
                vec![
                    ("same", ints(&[2])),
                    ("wide", floats.clone()),
                    ("text", Arc::new(StringArray::from(vec!["x"]))),
                    ("none", nulls),
                ],
                1,
            ),
            part(vec![("same", Arc::new(StringArray::from(Vec::<&str>::new())))], 0),
        ])
        .unwrap();
        let kinds: Vec<_> =
            joined.iter().map(|(n, a)| (n.as_str(), a.data_type().clone())).collect();
        assert_eq!(
            kinds,
            [
                ("same", DataType::Int64),
                ("wide", DataType::Float64),
                ("text", DataType::Utf8),
                ("gap", DataType::Float64),
                ("flag", DataType::Utf8),
                ("none", DataType::Float64),
            ]
        );
        assert_eq!(joined[2].1.as_string::<i32>().value(0), "1");
        assert_eq!(joined[4].1.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("True"), None]);
    }
}
