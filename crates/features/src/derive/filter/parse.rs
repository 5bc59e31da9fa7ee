//! The text of a filter -> [`Expression`], by recursive descent: `or` binds least, then `and`, `not`.

use super::{Comparison, Expression, Test, Value};
use crate::derive::kinds::number;
use dfp_storage::nearest;
use regex::Regex;
use std::cmp::Ordering;

/// Parentheses and `not` this deep are no filter that anybody wrote.
const DEEPEST: usize = 64;
const WORDS: [&str; 8] = ["and", "or", "not", "in", "like", "matches", "is", "missing"];

/// Reads a whole filter.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let filter = parser.any()?;
    match parser.next() {
        (_, Token::End) => Ok(filter),
        (at, found) => Err(unexpected(at, &found, "and, or, or the end")),
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
