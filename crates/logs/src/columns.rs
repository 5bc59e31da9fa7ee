//! Names of columns that every table of a run has, columns added to a table, and columns that are not there.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema};
use dfp_storage::nearest;
use std::sync::Arc;

/// The row number of a user over the whole run: the unnamed first column of written tables.
pub const INDEX: &str = "";
/// The row number in the file that a row came from.
pub const FILE_ROW: &str = "_index_";

/// `batch` with `columns` put after its last column, or in place of a column of the same name.
///
/// # Errors
/// The columns differ in length.
pub fn with_columns(
    batch: &RecordBatch,
    columns: impl IntoIterator<Item = (String, ArrayRef)>,
) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut arrays = batch.columns().to_vec();
    for (name, array) in columns {
        let field = Arc::new(Field::new(&name, array.data_type().clone(), true));
        match fields.iter().position(|field| *field.name() == name) {
            Some(position) => {
                fields[position] = field;
                arrays[position] = array;
            }
            None => {
                fields.push(field);
                arrays.push(array);
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// "there is no `what` `column`", with the nearest columns or all of them.
pub fn missing_column(what: &str, column: &str, schema: &Schema) -> String {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut near: Vec<&str> = Vec::new();
    while near.len() < 3
        && let Some(name) =
            nearest(column, names.iter().copied().filter(|name| !near.contains(name)))
    {
        near.push(name);
    }
    if near.is_empty() {
        format!("there is no {what} {column:?}; columns are {}", names.join(", "))
    } else {
        format!("there is no {what} {column:?}; the nearest columns are {}", near.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;

    #[test]
    fn a_column_of_the_same_name_is_replaced_where_it_stands() {
        let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let batch =
            RecordBatch::try_from_iter([("a", ints(vec![1])), ("b", ints(vec![2]))]).unwrap();
        let batch =
            with_columns(&batch, [("a".into(), ints(vec![3])), ("c".into(), ints(vec![4]))])
                .unwrap();
        let names: Vec<_> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(batch.column(0).as_ref(), ints(vec![3]).as_ref());
    }

    #[test]
    fn of_a_missing_column_the_three_nearest_are_named() {
        let cell: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let names = ["username", "userName", "usernames", "user_name", "port"];
        let columns = names.map(|name| (name, Arc::clone(&cell)));
        let schema = RecordBatch::try_from_iter(columns).unwrap().schema();
        let text = missing_column("user column", "user.name", &schema);
        assert!(
            text.starts_with("there is no user column \"user.name\"; the nearest columns are ")
        );
        assert_eq!(text.matches("user").count(), 5, "{text}");
        let text = missing_column("user column", "zzz", &schema);
        assert!(
            text.ends_with("columns are username, userName, usernames, user_name, port"),
            "{text}"
        );
    }
}
