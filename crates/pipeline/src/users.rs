//! Rows of all users -> rows of each user, numbered.

use crate::error::RunError;
use crate::message::{FILE_ROW, INDEX};
use crate::options::nearest;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use dfp_io::logs::LogTable;
use std::collections::HashMap;
use std::sync::Arc;

/// Which rows of a table belong to which user.
#[derive(Debug, Default)]
pub struct Users {
    /// Users in order of first appearance, with their row positions in order.
    pub rows: Vec<(Arc<str>, Vec<u32>)>,
    /// Rows without a user id.
    pub without_user: usize,
    /// Rows of users that were not asked for.
    pub of_others: usize,
    /// Rows that the feature file leaves out.
    pub filtered: usize,
    /// Rows with the event id of an earlier one.
    pub repeated: usize,
}

impl Users {
    /// Groups the rows of `table` by `column`, compared as text. `purpose` says which data it is.
    ///
    /// # Errors
    /// There is no such column; the nearest names are given.
    pub fn of(table: &RecordBatch, column: &str, purpose: &str) -> Result<Self, RunError> {
        let names = user_names(table, column, purpose)?;
        let mut users = Self { without_user: names.null_count(), ..Self::default() };
        let mut position: HashMap<&str, usize> = HashMap::new();
        for (row, name) in (0u32..).zip(names.iter()) {
            let Some(name) = name else { continue };
            let at = *position.entry(name).or_insert_with(|| {
                users.rows.push((Arc::from(name), Vec::new()));
                users.rows.len() - 1
            });
            users.rows[at].1.push(row);
        }
        Ok(users)
    }

    /// All rows of `table` together, which nobody in particular has written.
    pub fn everyone(table: &RecordBatch) -> Self {
        let rows = u32::try_from(table.num_rows()).unwrap_or(u32::MAX);
        Self { rows: vec![(Arc::from(""), (0..rows).collect())], ..Self::default() }
    }

    /// Only the user called `wanted`, if one is wanted.
    ///
    /// # Errors
    /// Nobody is called so; the commonest users are named.
    pub fn only(mut self, wanted: Option<&str>, purpose: &str) -> Result<Self, RunError> {
        let Some(wanted) = wanted else { return Ok(self) };
        let Some(at) = self.rows.iter().position(|(user, _)| **user == *wanted) else {
            return Err(RunError::Failed(nobody(wanted, &self, purpose)));
        };
        let one = self.rows.swap_remove(at);
        let of_others =
            self.without_user + self.rows.iter().map(|(_, rows)| rows.len()).sum::<usize>();
        Ok(Self { rows: vec![one], without_user: 0, of_others, ..self })
    }
}

/// The user column as text. A number that has no fraction is written without one, since a gap
/// in a column of numbers must not change a user's name.
fn user_names(table: &RecordBatch, column: &str, purpose: &str) -> Result<StringArray, RunError> {
    let Some(array) = table.column_by_name(column) else {
        return Err(RunError::Failed(missing_column(
            &format!("user column in the {purpose}:"),
            column,
            &table.schema(),
        )));
    };
    let whole_numbers = array.as_primitive_opt::<Float64Type>().is_some_and(|numbers| {
        numbers.iter().flatten().all(|x| x.fract() == 0.0 && x.abs() < 9e15)
    });
    let array = if whole_numbers { &arrow_cast::cast(array, &DataType::Int64)? } else { array };
    Ok(arrow_cast::cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
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

fn nobody(wanted: &str, users: &Users, purpose: &str) -> String {
    let mut by_rows: Vec<(&str, usize)> =
        users.rows.iter().map(|(name, rows)| (name.as_ref(), rows.len())).collect();
    by_rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let commonest: Vec<String> =
        by_rows.iter().take(5).map(|(name, rows)| format!("{name} ({rows} rows)")).collect();
    match by_rows.len() {
        0 => {
            format!("--userid_filter {wanted:?} matches nobody in the {purpose}: no row has a user")
        }
        n => format!(
            "--userid_filter {wanted:?} matches nobody in the {purpose}; there {} {n} {}, the commonest {} {}",
            if n == 1 { "is" } else { "are" },
            if n == 1 { "user" } else { "users" },
            if commonest.len() == 1 { "is" } else { "are" },
            commonest.join(", ")
        ),
    }
}

/// What [`INDEX`] counts.
#[derive(Clone, Copy, Debug)]
pub enum Numbers {
    /// A user's rows from this number on; [`FILE_ROW`] stands behind it.
    OfUser(u64),
    /// The rows of each file; there is no [`FILE_ROW`].
    OfFile,
}

/// The rows at `positions`, with their numbers in front.
///
/// # Errors
/// Arrow refuses the positions.
pub fn take(
    table: &LogTable,
    positions: &[u32],
    numbers: Numbers,
) -> Result<RecordBatch, ArrowError> {
    let positions = UInt32Array::from(positions.to_vec());
    let rows = arrow_select::take::take_record_batch(&table.batch, &positions)?;
    let file_rows = arrow_select::take::take(&table.file_rows, &positions, None)?;
    let mut fields = vec![Arc::new(Field::new(INDEX, DataType::Int64, false))];
    let mut arrays = vec![file_rows];
    if let Numbers::OfUser(first) = numbers {
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        let index = Int64Array::from_iter_values((first..).take(positions.len()));
        fields.push(Arc::new(Field::new(FILE_ROW, DataType::Int64, true)));
        arrays.insert(0, Arc::new(index));
    }
    // A log that was written by this pipeline has these already: the new ones go before them.
    let numbered = &[INDEX, FILE_ROW][..fields.len()];
    for (field, array) in rows.schema().fields().iter().zip(rows.columns()) {
        if !numbered.contains(&field.name().as_str()) {
            fields.push(field.clone());
            arrays.push(array.clone());
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Float64Array};

    fn table(users: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("userName", users, true)]).unwrap()
    }

    #[test]
    fn users_come_in_order_of_first_appearance_and_rows_without_one_are_counted() {
        let names: ArrayRef =
            Arc::new(StringArray::from(vec![Some("b"), None, Some("a"), Some("b")]));
        let users = Users::of(&table(names), "userName", "input").unwrap();
        assert_eq!(users.rows, [("b".into(), vec![0, 3]), ("a".into(), vec![2])]);
        assert_eq!(users.without_user, 1);
    }

    #[test]
    fn a_filter_matches_a_column_of_numbers_as_text_even_with_gaps() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(12.0), None, Some(7.0)]));
        let users = Users::of(&table(numbers), "userName", "input").unwrap();
        let users = users.only(Some("12"), "input").unwrap();
        assert_eq!(users.of_others, 2);
        assert_eq!(users.rows, [("12".into(), vec![0])]);
    }

    #[test]
    fn nobody_and_no_column_say_what_there_is() {
        let names: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b"]));
        let users = Users::of(&table(names.clone()), "userName", "input").unwrap();
        let error = users.only(Some("c"), "input").unwrap_err().to_string();
        assert_eq!(
            error,
            "--userid_filter \"c\" matches nobody in the input; there are 2 users, the commonest are b (2 rows), a (1 rows)"
        );
        let error = Users::of(&table(names), "user_name", "input").unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no user column in the input: \"user_name\"; the nearest columns are userName"
        );
    }
}
