//! Texts: rename, cast, bool, join, concat, extract, lowercase, trim.

use super::{Inputs, Op, RowOp, kinds};
use crate::document::Keys;
use crate::error::FeatureError;
use arrow_array::{ArrayRef, BooleanArray};
use dfp_logs::texts;
use regex::Regex;
use std::path::Path;
use std::sync::Arc;

/// A missing part of a concatenation, as the peer writes it.
const MISSING_PART: &str = "nan";

#[derive(Debug)]
struct Rename;

pub(super) fn rename(_: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    Some(Op::Row(Arc::new(Rename)))
}

impl RowOp for Rename {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        Ok(vec![inputs.first().array()])
    }
}

#[derive(Debug)]
struct Cast(kinds::Type);

pub(super) fn cast(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    if !keys.has("to") {
        keys.wrong("key \"to\" is missing: text, integer, number or flag");
    }
    keys.choice("to", &kinds::TYPES).map(|to| Op::Row(Arc::new(Cast(to))))
}

impl RowOp for Cast {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let (array, lost) = kinds::cast(&inputs.first().array(), self.0)?;
        inputs.tell_cells(lost, self.0.word());
        Ok(vec![array])
    }
}

/// Texts that mean yes, and texts that mean no.
#[derive(Debug)]
struct Bool {
    yes: Vec<String>,
    no: Vec<String>,
    other: Option<bool>,
}

pub(super) fn boolean(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let yes = keys.texts("true").unwrap_or_default();
    let no = keys.texts("false").unwrap_or_default();
    let other = keys
        .choice("other", &[("missing", None), ("true", Some(true)), ("false", Some(false))])
        .flatten();
    if yes.is_empty() && no.is_empty() {
        keys.wrong("keys \"true\" and \"false\" are missing: the values that mean yes and no");
    }
    if let Some(both) = yes.iter().find(|value| no.contains(value)) {
        keys.wrong_value("false", &format!("{both:?} is among those of \"true\" too"));
    }
    Some(Op::Row(Arc::new(Bool { yes, no, other })))
}

impl RowOp for Bool {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let meaning = |text: &str| {
            let is = |values: &[String]| values.iter().any(|value| value == text);
            if is(&self.yes) {
                Some(true)
            } else if is(&self.no) {
                Some(false)
            } else {
                self.other
            }
        };
        let texts = inputs.first().texts()?;
        // The value of others is also that of missing cells.
        let read = texts.each(meaning).into_iter().map(|value| value.or(self.other));
        Ok(vec![Arc::new(BooleanArray::from_iter(read))])
    }
}

/// A list becomes one text.
#[derive(Debug)]
struct Join {
    separator: String,
}

pub(super) fn join(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let separator = keys.any_text("separator").unwrap_or_else(|| ", ".to_owned());
    Some(Op::Row(Arc::new(Join { separator })))
}

impl RowOp for Join {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let joined = |text: &str| {
            Some(list(text).map_or_else(|| text.to_owned(), |parts| parts.join(&self.separator)))
        };
        Ok(vec![inputs.first().texts()?.map(joined)?])
    }
}

/// The parts of a list, which the readers write as Python does: `['a', 'b']`. `None` for a text
/// that is no list of texts or numbers.
fn list(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut parts = Vec::new();
    let mut rest = inner;
    while !rest.is_empty() {
        let (part, behind) = match rest.chars().next()? {
            quote @ ('\'' | '"') => quoted(&rest[1..], quote)?,
            _ => {
                let end = rest.find(',').unwrap_or(rest.len());
                let bare = rest[..end].trim();
                // Lists and objects inside are no texts.
                if bare.is_empty() || bare.contains(['[', '{', '\'', '"']) {
                    return None;
                }
                (bare.to_owned(), &rest[end..])
            }
        };
        parts.push(part);
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind.trim_start(),
            None if rest.is_empty() => {}
            None => return None,
        }
    }
    Some(parts)
}

/// The text up to the closing quote, and what stands behind it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((part, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => part.push('\n'),
                't' => part.push('\t'),
                'r' => part.push('\r'),
                other => part.push(other),
            },
            c => part.push(c),
        }
    }
    None
}

/// Several columns become one text.
#[derive(Debug)]
struct Concat {
    separator: String,
    missing: String,
}

pub(super) fn concat(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    Some(Op::Row(Arc::new(Concat {
        separator: keys.any_text("separator").unwrap_or_else(|| ", ".to_owned()),
        missing: keys.any_text("missing").unwrap_or_else(|| MISSING_PART.to_owned()),
    })))
}

impl RowOp for Concat {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let parts =
            inputs.cells.iter().map(|cells| cells.texts()).collect::<Result<Vec<_>, _>>()?;
        let mut text = String::new();
        let mut made = Vec::with_capacity(inputs.rows);
        for row in 0..inputs.rows {
            text.clear();
            for (position, part) in parts.iter().enumerate() {
                if position > 0 {
                    text.push_str(&self.separator);
                }
                text.push_str(part.get(row).unwrap_or(&self.missing));
            }
            made.push(Some(text.clone()));
        }
        Ok(vec![texts::collect(made.into_iter())?])
    }
}

/// A part of a text.
#[derive(Debug)]
struct Extract {
    pattern: Regex,
    group: usize,
}

pub(super) fn extract(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let text = keys.required("pattern", "a regular expression; its first group is the new text")?;
    let pattern = match Regex::new(&text) {
        Ok(pattern) => pattern,
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            keys.wrong_value("pattern", &format!("{text:?} is no regular expression: {why}"));
            return None;
        }
    };
    // Without a group of its own the pattern is its own first group.
    let groups = pattern.captures_len();
    let group = keys.integer("group", 0..groups as i64);
    let group = group.and_then(|group| usize::try_from(group).ok()).unwrap_or(1.min(groups - 1));
    Some(Op::Row(Arc::new(Extract { pattern, group })))
}

impl RowOp for Extract {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let part =
            |text: &str| Some(self.pattern.captures(text)?.get(self.group)?.as_str().to_owned());
        Ok(vec![inputs.first().texts()?.map(part)?])
    }
}

/// The same text in lower case: accounts whose names differ by case only.
#[derive(Debug)]
struct Lowercase;

pub(super) fn lowercase(_: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    Some(Op::Row(Arc::new(Lowercase)))
}

impl RowOp for Lowercase {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        Ok(vec![inputs.first().texts()?.map(|text| Some(text.to_lowercase()))?])
    }
}

/// The same text without white space at its ends.
#[derive(Debug)]
struct Trim;

pub(super) fn trim(_: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    Some(Op::Row(Arc::new(Trim)))
}

impl RowOp for Trim {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let trimmed = |text: &str| {
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Ok(vec![inputs.first().texts()?.map(trimmed)?])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{made, refused, texts_of};
    use super::*;
    use arrow_array::cast::AsArray;
    use proptest::prelude::*;

    const A: (&str, &[Option<&str>]) = ("a", &[Some("success"), Some("DENIED"), None, Some("odd")]);

    #[test]
    fn a_column_by_another_name() {
        let batch = made("name = 'b'\nop = 'rename'\nof = 'a'", &[A]);
        assert_eq!(texts_of(&batch, "b"), A.1);
    }

    #[test]
    fn values_that_mean_yes_and_no() {
        let of = |other: &str| {
            let column = format!(
                "name = 'b'\nop = 'bool'\nof = 'a'\ntrue = ['success', 'SUCCESS']\nfalse = 'DENIED'\n{other}"
            );
            made(&column, &[A]).column_by_name("b").unwrap().as_boolean().iter().collect::<Vec<_>>()
        };
        assert_eq!(of(""), [Some(true), Some(false), None, None]);
        // What the peer makes of it.
        assert_eq!(of("other = 'true'"), [Some(true), Some(false), Some(true), Some(true)]);
        assert_eq!(
            refused("name = 'b'\nop = 'bool'\nof = 'a'\ntrue = 'x'\nfalse = ['y', 'x']"),
            ["f.toml line 7: column \"b\": false: \"x\" is among those of \"true\" too"]
        );
    }

    #[test]
    fn a_cell_that_cannot_be_cast_is_missing_and_told() {
        let cells: &[Option<&str>] =
            &[Some("1"), Some("2.0"), Some("2.5"), Some("x"), None, Some("True")];
        let cast = |to: &str| {
            made(&format!("name = 'b'\nop = 'cast'\nof = 'a'\nto = '{to}'"), &[("a", cells)])
        };
        assert_eq!(texts_of(&cast("integer"), "b"), [Some("1"), Some("2"), None, None, None, None]);
        let numbers = [Some("1"), Some("2"), Some("2.5"), None, None, None];
        assert_eq!(texts_of(&cast("number"), "b"), numbers);
        let flags = [Some("True"), None, None, None, None, Some("True")];
        assert_eq!(texts_of(&cast("flag"), "b"), flags);
        assert_eq!(texts_of(&cast("text"), "b"), cells);
    }

    #[test]
    fn a_list_becomes_one_text() {
        let cells: &[Option<&str>] = &[
            Some("['a', \"it's\"]"),
            Some("[]"),
            Some("[1, 2]"),
            Some("plain"),
            None,
            Some("[{'a': 1}]"),
        ];
        let batch = made("name = 'b'\nop = 'join'\nof = 'a'\nseparator = '+'", &[("a", cells)]);
        assert_eq!(
            texts_of(&batch, "b"),
            [Some("a+it's"), Some(""), Some("1+2"), Some("plain"), None, Some("[{'a': 1}]")]
        );
    }

    #[test]
    fn a_missing_part_is_the_peers_word() {
        let city = ("city", &[Some("Oslo"), None][..]);
        let country = ("country", &[Some("NO"), Some("NO")][..]);
        let batch = made("name = 'b'\nop = 'concat'\nof = ['city', 'country']", &[city, country]);
        assert_eq!(texts_of(&batch, "b"), [Some("Oslo, NO"), Some("nan, NO")]);
        let batch = made(
            "name = 'b'\nop = 'concat'\nof = ['city', 'gone']\nseparator = ''\nmissing = '-'",
            &[city],
        );
        assert_eq!(texts_of(&batch, "b"), [Some("Oslo-"), Some("--")]);
    }

    #[test]
    fn names_of_one_account_become_equal() {
        let users: &[Option<&str>] = &[Some("Ana.Berg@X"), Some(" ana.berg@x\t"), Some(" "), None];
        let lower = "name = 'a'\nop = 'lowercase'\nof = 'a'\n";
        let trimmed = "[[column]]\nname = 'b'\nop = 'trim'\nof = 'a'";
        let batch = made(&format!("{lower}{trimmed}"), &[("a", users)]);
        assert_eq!(texts_of(&batch, "b"), [Some("ana.berg@x"), Some("ana.berg@x"), None, None]);
    }

    #[test]
    fn a_part_of_a_text() {
        let arns: &[Option<&str>] = &[Some("arn:aws:iam::12:role/x"), Some("none"), None];
        let batch =
            made("name = 'b'\nop = 'extract'\nof = 'a'\npattern = '::(\\d+):'", &[("a", arns)]);
        assert_eq!(texts_of(&batch, "b"), [Some("12"), None, None]);
        let batch = made(
            "name = 'b'\nop = 'extract'\nof = 'a'\npattern = '(?i)ROLE/(.)'\ngroup = 0",
            &[("a", arns)],
        );
        assert_eq!(texts_of(&batch, "b"), [Some("role/x"), None, None]);
        let mistakes = refused("name = 'b'\nop = 'extract'\nof = 'a'\npattern = '('");
        assert_eq!(
            mistakes,
            [
                "f.toml line 6: column \"b\": pattern: \"(\" is no regular expression: unclosed group"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_list_or_none(text in "\\PC*") {
            let _ = list(&format!("[{text}]"));
        }
    }
}
