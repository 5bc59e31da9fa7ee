//! Lists of which models learn the first value.
//!
//! NVIDIA Morpheus makes `self` of `"ownersSet": {"items": [{"owner": "self"}]}` in AWS's own files, and leaves the
//! list as it is in CSV. The written text follows it; what models learn is one value in every form of file.

use crate::sources::SOURCES;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use dfp_logs::columns::with_columns;
use dfp_logs::dialect::Role;
use dfp_logs::texts::TextCells;
use std::sync::Arc;

/// The rows with the first value in place of a list, in columns of which only that is meant.
///
/// # Errors
/// The columns differ in length, which they do not.
pub fn in_place_of_lists(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let of_lists = |role: &Role| matches!(role, Role::FirstOfFirst);
    let roles = SOURCES.iter().flat_map(|source| source.dialect.roles);
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (name, _) in roles.filter(|(_, role)| of_lists(role)) {
        let Some(column) = rows.column_by_name(name) else { continue };
        let Some(cells) = TextCells::of(column) else { continue };
        if cells.iter().flatten().any(|text| text.starts_with('[')) {
            let values: StringArray = cells.iter().map(|cell| first_value(cell?)).collect();
            columns.push(((*name).to_owned(), Arc::new(values)));
        }
    }
    if columns.is_empty() { Ok(rows.clone()) } else { with_columns(rows, columns) }
}

/// The first value of the first object of a list in Python's or JSON's notation; nothing of an empty list;
/// anything else as it is.
fn first_value(text: &str) -> Option<&str> {
    let Some(list) = text.strip_prefix('[') else { return Some(text) };
    if list.trim() == "]" {
        return None;
    }
    let Some(object) = list.trim_start().strip_prefix('{') else { return Some(text) };
    let value = || {
        let (_, rest) = quoted(object.trim_start())?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        match quoted(rest) {
            Some((value, _)) => Some(value),
            None => rest.split([',', '}']).next().map(str::trim),
        }
    };
    match value() {
        Some("None" | "null") => None,
        Some(value) if !value.starts_with(['[', '{']) => Some(value),
        _ => Some(text),
    }
}

/// The text in the quotes that it begins with, and what is behind them; `None` if one of its signs is escaped.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (inside, rest) = text[1..].split_once(quote)?;
    (!inside.contains('\\')).then_some((inside, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_of_the_first_object_is_what_a_list_means() {
        for (text, value) in [
            ("[{'owner': 'self'}, {'owner': 'amazon'}]", Some("self")),
            (r#"[{"owner":"self"}]"#, Some("self")),
            ("[{'owner': None}]", None),
            ("[{'n': 5, 'm': 6}]", Some("5")),
            ("[]", None),
            ("['plain', 'strings']", Some("['plain', 'strings']")),
            ("[{'a': [1]}]", Some("[{'a': [1]}]")),
            ("scalar", Some("scalar")),
        ] {
            assert_eq!(first_value(text), value, "{text}");
        }
    }
}
