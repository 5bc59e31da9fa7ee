//! Rows of all users -> rows of each user, numbered.

use crate::error::FeatureError;
use crate::own_columns;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use dfp_logs::LogTable;
use dfp_logs::columns::{FILE_ROW, INDEX, missing_column};
use std::collections::HashMap;
use std::sync::Arc;

/// Which rows of a table belong to which user.
#[derive(Debug, Default)]
pub struct Users {
    /// Users in order of first appearance, with their row positions in order.
    pub rows: Vec<(Arc<str>, Vec<u32>)>,
    /// Rows without a user id, or with a blank one.
    pub without_user: usize,
    /// Rows of users that were not asked for.
    pub of_others: usize,
    /// Rows that the feature file leaves out.
    pub filtered: usize,
    /// Rows with the event id of an earlier one.
    pub repeated: usize,
    /// How many of these were left out.
    pub dropped: usize,
    /// Why no row has a user, where there is no column of users.
    pub lacks_column: Option<String>,
}

impl Users {
    /// Groups the rows of `table` by `column`, compared as text. `purpose` says which data it is.
    ///
    /// # Errors
    /// There is no such column; the nearest names are given.
    pub fn of(table: &RecordBatch, column: &str, purpose: &str) -> Result<Self, FeatureError> {
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

    /// The users of one part of an input, of which other parts may have the column of users. Without it no
    /// row has a user.
    ///
    /// # Errors
    /// As [`of`](Self::of), but for a column that is not there.
    pub fn of_part(table: &RecordBatch, column: &str, purpose: &str) -> Result<Self, FeatureError> {
        if table.column_by_name(column).is_some() {
            return Self::of(table, column, purpose);
        }
        let why = no_column(table, column, purpose);
        Ok(Self { without_user: table.num_rows(), lacks_column: Some(why), ..Self::default() })
    }

    /// What was left out before anybody was looked for.
    pub fn without_rows(&self) -> Self {
        let Self { filtered, repeated, dropped, .. } = *self;
        Self { filtered, repeated, dropped, ..Self::default() }
    }

    /// Only the user called `wanted`, if one is wanted.
    ///
    /// # Errors
    /// Nobody is called so; the commonest users are named.
    pub fn only(mut self, wanted: Option<&str>, purpose: &str) -> Result<Self, FeatureError> {
        let Some(wanted) = wanted else { return Ok(self) };
        let called = named(wanted).unwrap_or(wanted);
        let Some(at) = self.rows.iter().position(|(user, _)| **user == *called) else {
            return Err(FeatureError::Nobody(nobody(wanted, &self, purpose)));
        };
        let one = self.rows.swap_remove(at);
        let of_others =
            self.without_user + self.rows.iter().map(|(_, rows)| rows.len()).sum::<usize>();
        Ok(Self { rows: vec![one], without_user: 0, of_others, ..self })
    }
}

/// The user that a cell of the user column names; `None` if it is nobody: empty, blank, or bytes of NUL, as a
/// crash leaves them in a log. An account is one user, whether NVIDIA Morpheus's `Account-` stands before its
/// digits or not.
pub fn named(cell: &str) -> Option<&str> {
    if cell.chars().all(|c| c.is_whitespace() || c == '\0') {
        return None;
    }
    let account = cell.strip_prefix("Account-");
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    Some(account.filter(is_number).unwrap_or(cell))
}

/// The user column as text, see [`named`]. A number that has no fraction is written without one, since a gap
/// in a column of numbers must not change a user's name.
fn user_names(
    table: &RecordBatch,
    column: &str,
    purpose: &str,
) -> Result<StringArray, FeatureError> {
    let Some(array) = table.column_by_name(column) else {
        return Err(FeatureError::NoColumn(no_column(table, column, purpose)));
    };
    if let Some(numbers) = array.as_primitive_opt::<Float64Type>() {
        let text = |x: f64| {
            if x.fract() == 0.0 && x.abs() < 9e15 { (x as i64).to_string() } else { x.to_string() }
        };
        return Ok(numbers.iter().map(|x| x.filter(|x| !x.is_nan()).map(text)).collect());
    }
    let texts = arrow_cast::cast(array, &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().iter().map(|cell| cell.and_then(named)).collect())
}

fn no_column(table: &RecordBatch, column: &str, purpose: &str) -> String {
    missing_column(&format!("user column in the {purpose}:"), column, &table.schema())
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
        // A log that this pipeline has written has such a column already.
        let name = own_columns::free(FILE_ROW, |name| rows.schema().index_of(name).is_ok());
        fields.push(Arc::new(Field::new(name, DataType::Int64, true)));
        arrays.insert(0, Arc::new(index));
    }
    for (field, array) in rows.schema().fields().iter().zip(rows.columns()) {
        fields.push(field.clone());
        arrays.push(array.clone());
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
    fn a_blank_name_is_nobody() {
        let cells = vec![
            Some(""),
            Some(" \u{a0}\t"),
            Some("\0\0"),
            None,
            Some("a"),
            Some("Account-12"),
            Some("12"),
        ];
        let names: ArrayRef = Arc::new(StringArray::from(cells));
        let users = Users::of(&table(names), "userName", "input").unwrap();
        assert_eq!(users.rows, [("a".into(), vec![4]), ("12".into(), vec![5, 6])]);
        assert_eq!(users.without_user, 4);
        let users = users.only(Some("Account-12"), "input").unwrap();
        assert_eq!(users.rows, [("12".into(), vec![5, 6])]);
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
