//! Which rows are used: `eventName != "Decrypt" and not (userAgent like "aws-*" or errorCode is missing)`.
//!
//! No expression crate fits: the general ones are under a copyleft licence or bring a language with
//! values and functions of its own, and all look at one row at a time, where here each test looks at
//! each different text once.

use super::cells::{Cells, Texts};
use super::kinds::{number, numbers};
use crate::error::RunError;
use crate::options::nearest;
use arrow_array::RecordBatch;
use regex::Regex;
use std::cmp::Ordering;

/// Parentheses and `not` this deep are no filter that anybody wrote.
const DEEPEST: usize = 64;
const WORDS: [&str; 8] = ["and", "or", "not", "in", "like", "matches", "is", "missing"];

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
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let filter = parser.any()?;
        match parser.next() {
            (_, Token::End) => Ok(Self(filter)),
            (at, found) => Err(unexpected(at, &found, "and, or, or the end")),
        }
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
    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<Vec<bool>, RunError> {
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

    fn rows(&self, batch: &RecordBatch) -> Result<Vec<bool>, RunError> {
        Ok(match self {
            Self::Not(part) => part.rows(batch)?.into_iter().map(|row| !row).collect(),
            Self::And(parts) => Self::fold(parts, batch, |a, b| a & b)?,
            Self::Or(parts) => Self::fold(parts, batch, |a, b| a | b)?,
            Self::Test(column, test) => {
                let cells = Cells::of(batch, column);
                let texts = cells.texts()?;
                match test {
                    Test::Missing => texts.iter().map(|text| text.is_none()).collect(),
                    test => test.rows(&cells, &texts)?,
                }
            }
        })
    }

    fn fold(
        parts: &[Self],
        batch: &RecordBatch,
        join: fn(bool, bool) -> bool,
    ) -> Result<Vec<bool>, RunError> {
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
    /// A missing cell passes no test.
    fn rows(&self, cells: &Cells, texts: &Texts) -> Result<Vec<bool>, RunError> {
        let array = cells.array();
        if array.data_type().is_numeric() {
            // Without printing each number; a text is compared with what would be printed.
            if let Self::Compare(Value::Number(limit), comparison) = self {
                let hold = |cell: Option<f64>| {
                    cell.is_some_and(|cell| comparison.holds(cell.partial_cmp(limit)))
                };
                return Ok(numbers(&array)?.map(hold).collect());
            }
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

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A column, or one of [`WORDS`].
    Name(String),
    /// A column in backquotes, which is never a word.
    Quoted(String),
    Value(Value),
    Sign(&'static str),
    End,
}

/// The longer ones first.
const SIGNS: [&str; 12] = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]"];

/// Tokens and their places, counted in characters from 1.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = 1 + text[..text.len() - rest.len()].chars().count();
        let Some(first) = rest.chars().next() else {
            tokens.push((at, Token::End));
            return Ok(tokens);
        };
        let sign = SIGNS.iter().chain(&[","]).find(|sign| rest.starts_with(**sign));
        let (token, length) = match first {
            '"' | '\'' => {
                let (value, length) = quoted(rest, first, at)?;
                (Token::Value(Value::Text(value)), length)
            }
            '`' => {
                let (value, length) = quoted(rest, first, at)?;
                (Token::Quoted(value), length)
            }
            _ if sign.is_some() => {
                let sign = sign.copied().unwrap_or_default();
                (Token::Sign(sign), sign.len())
            }
            c if c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.') => {
                let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
                let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                let is_number = c.is_ascii_digit() || matches!(c, '-' | '+' | '.');
                let token = match (is_number, number(word), word) {
                    (true, Some(number), _) => Token::Value(Value::Number(number)),
                    (_, _, "true") => Token::Value(Value::Text("True".to_owned())),
                    (_, _, "false") => Token::Value(Value::Text("False".to_owned())),
                    _ => Token::Name(word.to_owned()),
                };
                (token, end)
            }
            c => return Err(format!("character {at}: {c:?} is no part of a filter")),
        };
        tokens.push((at, token));
        rest = &rest[length..];
    }
}

/// The text in quotes at the beginning, and its length with them; a quote inside is written twice.
fn quoted(text: &str, quote: char, at: usize) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((position, c)) = chars.next() {
        if c != quote {
            value.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            value.push(quote);
        } else {
            return Ok((value, position + 1));
        }
    }
    Err(format!("character {at}: a {quote} is not closed"))
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

fn unexpected(at: usize, found: &Token, expected: &str) -> String {
    let found = match found {
        Token::Name(name) | Token::Quoted(name) => format!("{name:?}"),
        Token::Value(Value::Text(text)) => format!("the text {text:?}"),
        Token::Value(Value::Number(number)) => format!("the number \"{number}\""),
        Token::Sign(sign) => format!("{sign:?}"),
        Token::End => "the end".to_owned(),
    };
    format!("character {at}: found {found}; expected {expected}")
}

impl Parser {
    fn next(&mut self) -> (usize, Token) {
        let token = self.tokens.get(self.at).or(self.tokens.last()).cloned();
        self.at += 1;
        token.unwrap_or((0, Token::End))
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|(_, token)| token == wanted);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        self.takes(&Token::Name(word.to_owned()))
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.part()?];
        while self.word("and") {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn part(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("parentheses and not are more than {DEEPEST} deep"));
        }
        let part = if self.word("not") {
            Expression::Not(Box::new(self.part()?))
        } else if self.takes(&Token::Sign("(")) {
            let inner = self.any()?;
            self.sign(")")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(part)
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), String> {
        match self.next() {
            (_, Token::Sign(found)) if found == sign => Ok(()),
            (at, found) => Err(unexpected(at, &found, &format!("{sign:?}"))),
        }
    }

    fn test(&mut self) -> Result<Expression, String> {
        let column = match self.next() {
            (_, Token::Quoted(name)) => name,
            (_, Token::Name(name)) if !WORDS.contains(&name.as_str()) => name,
            (at, found) => {
                return Err(unexpected(at, &found, "a column, not, or a parenthesis"));
            }
        };
        let negated = self.word("not");
        let (at, operator) = self.next();
        let (test, negated) = match &operator {
            Token::Name(word) if word == "is" && !negated => {
                let negated = self.word("not");
                if !self.word("missing") {
                    let (at, found) = self.next();
                    return Err(unexpected(at, &found, "missing"));
                }
                (Test::Missing, negated)
            }
            Token::Name(word) if word == "in" => (Test::Equal(self.list()?), negated),
            Token::Name(word) if word == "like" => (Test::Matches(self.like()?), negated),
            Token::Name(word) if word == "matches" => (Test::Matches(self.pattern()?), negated),
            Token::Sign(sign) if !negated => self.compare(sign, at)?,
            found => {
                let words =
                    WORDS.iter().copied().filter(|word| !["and", "or", "missing"].contains(word));
                let near = match found {
                    Token::Name(name) => nearest(name, words),
                    _ => None,
                };
                let near = near.map(|near| format!("; did you mean {near:?}")).unwrap_or_default();
                let expected = if negated {
                    "in, like or matches"
                } else {
                    "==, !=, <, <=, >, >=, in, like, matches or is"
                };
                return Err(unexpected(at, found, expected) + &near);
            }
        };
        let test = Expression::Test(column, test);
        Ok(if negated { Expression::Not(Box::new(test)) } else { test })
    }

    fn compare(&mut self, sign: &str, at: usize) -> Result<(Test, bool), String> {
        let (wanted, or_equal) = match sign {
            "=" | "==" => return Ok((Test::Equal(vec![self.value()?]), false)),
            "!=" | "<>" => return Ok((Test::Equal(vec![self.value()?]), true)),
            "<" => (Ordering::Less, false),
            "<=" => (Ordering::Less, true),
            ">" => (Ordering::Greater, false),
            ">=" => (Ordering::Greater, true),
            sign => {
                return Err(format!(
                    "character {at}: found {sign:?}; expected ==, !=, <, <=, >, >=, in, like, matches or is"
                ));
            }
        };
        Ok((Test::Compare(self.value()?, Comparison { wanted, or_equal }), false))
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.next() {
            (_, Token::Value(value)) => Ok(value),
            (at, found) => Err(unexpected(at, &found, "a text in quotes, a number, true or false")),
        }
    }

    fn list(&mut self) -> Result<Vec<Value>, String> {
        self.sign("[")?;
        let mut values = vec![self.value()?];
        while self.takes(&Token::Sign(",")) {
            values.push(self.value()?);
        }
        match self.next() {
            (_, Token::Sign("]")) => Ok(values),
            (at, found) => Err(unexpected(at, &found, "\",\" or \"]\"")),
        }
    }

    /// A text with `*` for any characters and `?` for one.
    fn like(&mut self) -> Result<Regex, String> {
        let (at, text) = self.text()?;
        let mut pattern = String::from("(?s)^");
        for c in text.chars() {
            match c {
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                c => pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        pattern.push('$');
        Regex::new(&pattern).map_err(|_| format!("character {at}: {text:?} is too long a pattern"))
    }

    fn pattern(&mut self) -> Result<Regex, String> {
        let (at, text) = self.text()?;
        Regex::new(&text).map_err(|error| {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("character {at}: {text:?} is no regular expression: {why}")
        })
    }

    fn text(&mut self) -> Result<(usize, String), String> {
        match self.next() {
            (at, Token::Value(Value::Text(text))) => Ok((at, text)),
            (at, found) => Err(unexpected(at, &found, "a text in quotes")),
        }
    }
}

fn one_or(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(part) if parts.is_empty() => part,
        last => {
            parts.extend(last);
            join(parts)
        }
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
        batch = crate::message::with_columns(&batch, [("size".to_owned(), size)]).unwrap();
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
