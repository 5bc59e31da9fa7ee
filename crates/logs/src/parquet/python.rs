//! Values inside of lists as Python prints them: `[{'instanceId': 'i-1'}, None, True]`.

use super::values::{Failure, times};
use crate::text;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions, array_value_to_string};
use arrow_schema::DataType;

/// Appends the value of a row; text in quotes if `inside` of a list. A member of an object that is missing is
/// left out, as in the JSON that such files are made of.
pub(super) fn push_value(
    out: &mut String,
    values: &ArrayRef,
    row: usize,
    inside: bool,
) -> Result<(), Failure> {
    if values.is_null(row) || *values.data_type() == DataType::Null {
        out.push_str("None");
        return Ok(());
    }
    match values.data_type() {
        DataType::Boolean => out.push_str(text::boolean(values.as_boolean().value(row))),
        DataType::List(_) => push_list(out, &values.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => push_list(out, &values.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => push_list(out, &values.as_fixed_size_list().value(row))?,
        DataType::ListView(_) | DataType::LargeListView(_) => {
            let (DataType::ListView(field) | DataType::LargeListView(field)) = values.data_type()
            else {
                return Ok(());
            };
            let list = arrow_cast::cast(&values.slice(row, 1), &DataType::List(field.clone()))?;
            push_value(out, &list, 0, inside)?;
        }
        DataType::Struct(fields) => {
            let members = fields.iter().zip(values.as_struct().columns());
            let there = members.filter(|(_, member)| member.is_valid(row));
            let members = there.map(|(field, member)| (field.name().clone(), member, row));
            push_members(out, members)?;
        }
        DataType::Map(..) => {
            let entries = values.as_map().value(row);
            let (names, members) = (entries.column(0), entries.column(1));
            let name = |at| array_value_to_string(names, at);
            let names: Vec<String> = (0..entries.len()).map(name).collect::<Result<_, _>>()?;
            let members = names.into_iter().enumerate().map(|(at, name)| (name, members, at));
            push_members(out, members)?;
        }
        DataType::Dictionary(_, inner) => {
            let value = arrow_cast::cast(&values.slice(row, 1), &inner.clone())?;
            push_value(out, &value, 0, inside)?;
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let value = arrow_cast::cast(&values.slice(row, 1), &DataType::Float64)?;
            let value = value.as_primitive::<arrow_array::types::Float64Type>().value(0);
            text::push_float(out, value);
        }
        kind if kind.is_integer() || kind.is_decimal() => {
            out.push_str(&array_value_to_string(values, row)?);
        }
        _ => {
            let text = plain_text(values, row)?;
            if inside { text::push_quoted(out, &text) } else { out.push_str(&text) }
        }
    }
    Ok(())
}

/// Text, times, and bytes, which are text to programs that do not say what theirs are.
fn plain_text(values: &ArrayRef, row: usize) -> Result<String, Failure> {
    let bytes = match values.data_type() {
        DataType::Binary => Some(values.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(values.as_binary::<i64>().value(row)),
        DataType::BinaryView => Some(values.as_binary_view().value(row)),
        _ => None,
    };
    if let Some(text) = bytes.and_then(|bytes| str::from_utf8(bytes).ok()) {
        return Ok(text.to_owned());
    }
    if let DataType::Timestamp(unit, zone) = values.data_type() {
        let printed = times(&values.slice(row, 1), *unit, zone.is_some())?;
        return Ok(array_value_to_string(&printed, 0)?);
    }
    let options = FormatOptions::new().with_display_error(false);
    let printed = ArrayFormatter::try_new(values, &options)?.value(row).try_to_string();
    match printed {
        // A day of no calendar costs its own row, as a time of none does.
        Err(_) if matches!(values.data_type(), DataType::Date32 | DataType::Date64) => {
            let day = arrow_cast::cast(&values.slice(row, 1), &DataType::Int64)?;
            let unit = if *values.data_type() == DataType::Date32 { "days" } else { "ms" };
            Ok(format!("{} {unit} since 1970", array_value_to_string(&day, 0)?))
        }
        printed => Ok(printed?),
    }
}

fn push_list(out: &mut String, list: &ArrayRef) -> Result<(), Failure> {
    out.push('[');
    for row in 0..list.len() {
        out.push_str(if row > 0 { ", " } else { "" });
        push_value(out, list, row, true)?;
    }
    out.push(']');
    Ok(())
}

fn push_members<'a>(
    out: &mut String,
    members: impl Iterator<Item = (String, &'a ArrayRef, usize)>,
) -> Result<(), Failure> {
    out.push('{');
    for (i, (name, values, row)) in members.enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        text::push_quoted(out, &name);
        out.push_str(": ");
        push_value(out, values, row, true)?;
    }
    out.push('}');
    Ok(())
}
