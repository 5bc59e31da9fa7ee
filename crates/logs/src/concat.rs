//! Tables of several files as one: union of columns, types widened as pandas' `concat` does.

use super::numbers::is_large;
use super::part::Part;
use crate::error::LogError;
use crate::text;
use crate::texts::{self, Cells, Texts, is_text};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, UInt32Array, new_null_array};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use arrow_select::take::take;
use hashbrown::HashMap;
use rayon::prelude::*;
use std::sync::Arc;

/// The columns of all parts in order of first appearance, each of all parts' rows together, row i
/// at the place `places[i]` if that is given.
///
/// Equal types stay; different numbers become floats; anything else becomes text as Python prints
/// it. Where a part lacks a column or its values, integers become floats and booleans text. A
/// column without any value is a float column. Integers that are none as doubles stay integers, or become
/// text beside fractions.
pub(super) fn union(
    parts: Vec<Part>,
    places: Option<&[u32]>,
) -> Result<Vec<(String, ArrayRef)>, LogError> {
    let rows: Vec<usize> = parts.iter().map(|part| part.rows).collect();
    let order = places.map(inverse);
    let mut columns: Vec<(String, Vec<(usize, Cells)>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (i, part) in parts.into_iter().enumerate() {
        for (name, values) in part.columns {
            let column = *known.entry(name).or_insert_with_key(|name| {
                columns.push((name.clone(), Vec::new()));
                columns.len() - 1
            });
            columns[column].1.push((i, values));
        }
    }
    columns
        .into_par_iter()
        .map(|(name, pieces)| {
            let values = join(&rows, pieces, places.zip(order.as_ref()))
                .map_err(|e| LogError::table(format!("join column \"{name}\" of all files"), &e))?;
            Ok((name, values))
        })
        .collect()
}

/// The pieces of a column, each with the number of its part; `rows` is the length of each part.
fn join(
    rows: &[usize],
    mut pieces: Vec<(usize, Cells)>,
    sort: Option<(&[u32], &UInt32Array)>,
) -> Result<ArrayRef, Box<dyn std::error::Error>> {
    let target = common_type(rows, &pieces);
    if target == DataType::Utf8 {
        for (part, values) in &mut pieces {
            if let Cells::Array(array) = values {
                *values = print(array)?.into();
            }
            *part = rows[..*part].iter().sum();
        }
        // Texts find their places on the way, which is cheaper than to move them later.
        let places = sort.map(|(places, _)| places);
        return Ok(match (&mut pieces[..], places) {
            ([(0, values)], None) if rows.len() == 1 => {
                std::mem::replace(values, new_null_array(&target, 0).into()).finish()?
            }
            _ => texts::join(rows.iter().sum(), &pieces, places)?,
        });
    }
    let mut converted = Vec::with_capacity(2 * pieces.len() + 1);
    let mut next = 0;
    for (part, values) in pieces {
        converted.push(new_null_array(&target, rows[next..part].iter().sum()));
        converted.push(convert(&values.finish()?, &target));
        next = part + 1;
    }
    converted.push(new_null_array(&target, rows[next..].iter().sum()));
    converted.retain(|values| !values.is_empty());
    let values = match &converted[..] {
        [values] => Arc::clone(values),
        _ => concat(&converted.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?,
    };
    Ok(match sort {
        Some((_, order)) => take(&values, order, None)?,
        None => values,
    })
}

/// The row that stands at each place.
fn inverse(places: &[u32]) -> UInt32Array {
    let mut order = vec![0; places.len()];
    (0..).zip(places).for_each(|(row, place)| order[*place as usize] = row);
    order.into()
}

/// The type of all pieces together; any text is `Utf8` here.
fn common_type(rows: &[usize], pieces: &[(usize, Cells)]) -> DataType {
    let mut common = DataType::Null;
    let with_rows = rows.iter().filter(|&&rows| rows > 0).count();
    let (mut found, mut missing, mut large, mut fractions) = (0, false, false, false);
    for (part, values) in pieces {
        let kind = values.kind();
        if rows[*part] == 0 || *kind == DataType::Null {
            continue;
        }
        found += 1;
        // Parts that were put together have the gaps of those without the column.
        missing |= matches!(values, Cells::Array(values) if values.null_count() > 0);
        large |= has_large(values);
        fractions |= has_fractions(values);
        common = match common {
            DataType::Null => kind.clone(),
            common if common == *kind => common,
            common if common.is_numeric() && kind.is_numeric() => DataType::Float64,
            _ => DataType::Utf8,
        };
    }
    let gaps = missing || found < with_rows;
    match common {
        DataType::Null => DataType::Float64,
        DataType::Int64 | DataType::UInt64 if gaps && !large => DataType::Float64,
        // Of several types.
        DataType::Float64 if large && fractions => DataType::Utf8,
        DataType::Float64 if large => DataType::Int64,
        DataType::Boolean if gaps => DataType::Utf8,
        common => common,
    }
}

/// Whether an integer is another one as a double.
fn has_large(values: &Cells) -> bool {
    let Cells::Array(values) = values else { return false };
    match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().iter().flatten().any(is_large),
        DataType::UInt64 => {
            values.as_primitive::<UInt64Type>().iter().flatten().any(|x| x > 1 << 53)
        }
        _ => false,
    }
}

/// Whether a number is none of 64 bits with a sign, or no integer that is sure to be the one that was meant.
fn has_fractions(values: &Cells) -> bool {
    let Cells::Array(values) = values else { return false };
    match values.data_type() {
        DataType::UInt64 => {
            values.as_primitive::<UInt64Type>().iter().flatten().any(|x| i64::try_from(x).is_err())
        }
        DataType::Float64 => {
            let mut values = values.as_primitive::<Float64Type>().iter().flatten();
            values.any(|x| x.fract() != 0.0 || x.abs() > (1_i64 << 53) as f64)
        }
        _ => false,
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
        (DataType::UInt64 | DataType::Float64, DataType::Int64) => arrow_cast::cast(values, target)
            .unwrap_or_else(|_| new_null_array(target, values.len())),
        // Without a value: any type will do.
        _ => new_null_array(target, values.len()),
    }
}

/// Columns of one file as columns of one type, by the rules of [`union`]. Those without a value are null.
///
/// # Errors
/// The texts of a column exceed 2 GiB.
pub(super) fn alike(columns: Vec<Cells>) -> Result<Vec<ArrayRef>, LogError> {
    let rows: Vec<usize> = columns.iter().map(|_| 1).collect();
    let pieces: Vec<(usize, Cells)> = columns.into_iter().enumerate().collect();
    let filled = pieces.iter().filter(|(_, values)| *values.kind() != DataType::Null).count();
    let rows = &rows[..filled.max(1)];
    let of_values: Vec<(usize, Cells)> = pieces
        .iter()
        .filter(|(_, v)| *v.kind() != DataType::Null)
        .map(|(_, v)| (0, v.clone()))
        .collect();
    let target = common_type(rows, &of_values);
    let column = |(_, values): (usize, Cells)| {
        let values = values.finish()?;
        if target == DataType::Utf8 { print(&values) } else { Ok(convert(&values, &target)) }
    };
    pieces.into_iter().map(column).collect()
}

/// The values as Python prints them, in a text column.
///
/// # Errors
/// They exceed 2 GiB.
pub fn print(values: &ArrayRef) -> Result<ArrayRef, LogError> {
    match values.data_type() {
        kind if is_text(kind) => Ok(Arc::clone(values)),
        DataType::Boolean => {
            texts::collect(values.as_boolean().iter().map(|v| v.map(text::boolean)))
        }
        DataType::Int64 => texts::collect(
            values.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| v.to_string())),
        ),
        DataType::UInt64 => texts::collect(
            values.as_primitive::<UInt64Type>().iter().map(|v| v.map(|v| v.to_string())),
        ),
        DataType::Float64 => {
            let number = |v| {
                let mut out = String::new();
                text::push_float(&mut out, v);
                out
            };
            texts::collect(values.as_primitive::<Float64Type>().iter().map(|v| v.map(number)))
        }
        _ => Texts::missing(values.len()).finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skipped::Skipped;
    use crate::texts::TextCells;
    use arrow_array::{BooleanArray, Int64Array, NullArray, StringArray};

    fn part(columns: Vec<(&str, ArrayRef)>, rows: usize) -> Part {
        let columns = columns.into_iter().map(|(n, a)| (n.to_owned(), a.into())).collect();
        Part { columns, rows, skipped: Skipped::default(), is_timed: false, when: None }
    }

    fn ints(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn types_widen_as_in_pandas() {
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
        let nulls: ArrayRef = Arc::new(NullArray::new(1));
        let joined = union(
            vec![
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
            ],
            None,
        )
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
                ("flag", texts::dictionary()),
                ("none", DataType::Float64),
            ]
        );
        assert_eq!(TextCells::of(&joined[2].1).unwrap().get(0), Some("1"));
        assert_eq!(
            TextCells::of(&joined[4].1).unwrap().iter().collect::<Vec<_>>(),
            [Some("True"), None]
        );
    }
}
