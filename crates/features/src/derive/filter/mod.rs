//! Which rows are used: `eventName != "Decrypt" and not (userAgent like "aws-*" or errorCode is missing)`.
//!
//! No expression crate fits: the general ones are under a copyleft licence or bring a language with
//! values and functions of its own, and all look at one row at a time, where here each test looks at
//! each different text once.

mod parse;

use super::cells::Cells;
use super::kinds::{number, numbers};
use crate::error::FeatureError;
use arrow_array::RecordBatch;
use regex::Regex;
use std::cmp::Ordering;

/// A checked row filter.
#[derive(Clone, Debug)]
pub struct Filter(Expression);

#[derive(Clone, Debug)]
enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Test(String, Test),
}

#[derive(Clone, Debug)]
enum Test {
    Missing,
    /// Equal to any of these.
    Equal(Vec<Value>),
    /// In this order to a number or, character by character, a text.
    Compare(Value, Comparison),
    Matches(Regex),
}

#[derive(Clone, Copy, Debug)]
struct Comparison {
    wanted: Ordering,
    or_equal: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Number(f64),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The place in the text, what was found, and what would be accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::expression(text).map(Self)
    }

    /// The columns that it looks at; one may come several times.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        self.0.columns(&mut columns);
        columns
    }

    /// Gives the columns other names.
    pub(crate) fn rename(&mut self, rename: &impl Fn(&mut String)) {
        self.0.rename(rename);
    }

    /// Whether each row is used.
    pub(crate) fn rows(&self, batch: &RecordBatch) -> Result<Vec<bool>, FeatureError> {
        self.0.rows(batch)
    }
}

impl Expression {
    fn columns<'a>(&'a self, into: &mut Vec<&'a str>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.columns(into)),
            Self::Not(part) => part.columns(into),
            Self::Test(column, _) => into.push(column),
        }
    }

    fn rename(&mut self, rename: &impl Fn(&mut String)) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                parts.iter_mut().for_each(|part| part.rename(rename));
            }
            Self::Not(part) => part.rename(rename),
            Self::Test(column, _) => rename(column),
        }
    }

    fn rows(&self, batch: &RecordBatch) -> Result<Vec<bool>, FeatureError> {
        Ok(match self {
            Self::Not(part) => part.rows(batch)?.into_iter().map(|row| !row).collect(),
            Self::And(parts) => Self::fold(parts, batch, |a, b| a & b)?,
            Self::Or(parts) => Self::fold(parts, batch, |a, b| a | b)?,
            Self::Test(column, test) => test.rows(&Cells::of(batch, column))?,
        })
    }

    fn fold(
        parts: &[Self],
        batch: &RecordBatch,
        join: fn(bool, bool) -> bool,
    ) -> Result<Vec<bool>, FeatureError> {
        let mut rows: Option<Vec<bool>> = None;
        for part in parts {
            let of_part = part.rows(batch)?;
            rows = Some(match rows {
                None => of_part,
                Some(rows) => rows.iter().zip(of_part).map(|(a, b)| join(*a, b)).collect(),
            });
        }
        Ok(rows.unwrap_or_default())
    }
}

impl Test {
    /// A missing cell passes no test but the one for missing cells.
    fn rows(&self, cells: &Cells) -> Result<Vec<bool>, FeatureError> {
        let array = cells.array();
        if let (true, Self::Compare(Value::Number(limit), comparison)) =
            (array.data_type().is_numeric(), self)
        {
            // Without printing each number.
            let holds = |number: f64| comparison.holds(number.partial_cmp(limit));
            return Ok(numbers(&array)?
                .into_iter()
                .map(|number| number.is_some_and(holds))
                .collect());
        }
        let texts = cells.texts()?;
        if matches!(self, Self::Missing) {
            return Ok(texts.iter().map(|text| text.is_none()).collect());
        }
        let rows = texts.each(|text| Some(self.holds(text)));
        Ok(rows.into_iter().map(|row| row == Some(true)).collect())
    }

    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Missing => false,
            Self::Equal(values) => values.iter().any(|value| match value {
                Value::Text(wanted) => text == wanted,
                Value::Number(wanted) => number(text) == Some(*wanted),
            }),
            Self::Compare(limit, comparison) => comparison.holds(match limit {
                Value::Text(limit) => Some(text.cmp(limit)),
                Value::Number(limit) => number(text).and_then(|number| number.partial_cmp(limit)),
            }),
            Self::Matches(pattern) => pattern.is_match(text),
        }
    }
}

impl Comparison {
    fn holds(self, found: Option<Ordering>) -> bool {
        found.is_some_and(|found| {
            found == self.wanted || (self.or_equal && found == Ordering::Equal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::table;
    use super::*;
    use arrow_array::{ArrayRef, Float64Array};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn used(filter: &str) -> Vec<usize> {
        let mut batch = table(&[
            ("name", &[Some("List"), Some("Get"), None, Some("list"), Some("Put x")]),
            ("code", &[Some("10"), Some("9"), Some("x"), None, Some("10.0")]),
            ("and", &[Some("1"), None, None, None, None]),
        ]);
        let size: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(1.5), Some(-2.0), None, Some(3.0), Some(0.0)]));
        batch = dfp_logs::columns::with_columns(&batch, [("size".to_owned(), size)]).unwrap();
        let rows = Filter::parse(filter).unwrap().rows(&batch).unwrap();
        (0..rows.len()).filter(|row| rows[*row]).collect()
    }

    #[test]
    fn rows_that_pass() {
        for (filter, rows) in [
            ("name == 'List'", &[0][..]),
            ("name = \"List\" or name = 'Get'", &[0, 1]),
            ("name != 'List'", &[1, 2, 3, 4]),
            ("name in ['List', 'Get']", &[0, 1]),
            ("name not in ['List', 'Get']", &[2, 3, 4]),
            ("name is missing", &[2]),
            ("name is not missing and not (name like 'L*' or name like '?et')", &[3, 4]),
            ("name not like '*i*'", &[1, 2, 4]),
            ("name matches '(?i)^l'", &[0, 3]),
            ("code == 10", &[0, 4]),
            ("code == '10'", &[0]),
            ("code < 10", &[1]),
            ("code >= 10", &[0, 4]),
            ("size > -2 and size <= 1.5", &[0, 4]),
            ("size == 3", &[3]),
            ("`and` == 1", &[0]),
            ("name > 'M'", &[3, 4]),
            // and binds more tightly than or.
            ("name == 'Get' or name == 'List' and code == 9", &[1]),
            ("gone is missing", &[0, 1, 2, 3, 4]),
            ("gone == 1", &[]),
        ] {
            assert_eq!(used(filter), rows, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_named_with_its_place() {
        for (filter, why) in [
            ("", "character 1: found the end; expected a column, not, or a parenthesis"),
            (
                "a",
                "character 2: found the end; expected ==, !=, <, <=, >, >=, in, like, matches or is",
            ),
            (
                "a == ",
                "character 6: found the end; expected a text in quotes, a number, true or false",
            ),
            (
                "a == b",
                "character 6: found \"b\"; expected a text in quotes, a number, true or false",
            ),
            (
                "a lik 'x'",
                "character 3: found \"lik\"; expected ==, !=, <, <=, >, >=, in, like, matches or is; did you mean \"like\"",
            ),
            ("a == 'x", "character 6: a ' is not closed"),
            ("(a == 1", "character 8: found the end; expected \")\""),
            ("a == 1 b == 2", "character 8: found \"b\"; expected and, or, or the end"),
            (
                "a in []",
                "character 7: found \"]\"; expected a text in quotes, a number, true or false",
            ),
            ("a in [1 2]", "character 9: found the number \"2\"; expected \",\" or \"]\""),
            ("a matches '('", "character 11: \"(\" is no regular expression: unclosed group"),
            ("a & b", "character 3: '&' is no part of a filter"),
        ] {
            assert_eq!(Filter::parse(filter).map(|_| ()), Err(why.to_owned()), "{filter}");
        }
        let deep = format!("{}a == 1", "(".repeat(100_000));
        assert_eq!(
            Filter::parse(&deep).map(|_| ()),
            Err("parentheses and not are more than 64 deep".to_owned())
        );
    }

    /// The texts of filters, together with the rows of three that they let pass.
    fn filters() -> impl Strategy<Value = (String, [bool; 3])> {
        let leaf = (0..3_usize).prop_map(|n| (format!("a == {n}"), [n == 0, n == 1, n == 2]));
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| {
                    (format!("({a}) and ({b})"), [0, 1, 2].map(|i: usize| x[i] && y[i]))
                }),
                (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| {
                    (format!("({a} or {b})"), [0, 1, 2].map(|i: usize| x[i] || y[i]))
                }),
                inner.prop_map(|(a, x)| (format!("not ({a})"), x.map(|x| !x))),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_text_is_a_filter_or_a_mistake(text in "([a-z`'\"()\\[\\],=<>!0-9. ]|and |or |not |in |is )*") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn filters_mean_what_logic_says((text, expected) in filters()) {
            let batch = table(&[("a", &[Some("0"), Some("1"), Some("2")])]);
            let rows = Filter::parse(&text).unwrap().rows(&batch).unwrap();
            prop_assert_eq!(rows, expected, "{}", text);
        }
    }
}
