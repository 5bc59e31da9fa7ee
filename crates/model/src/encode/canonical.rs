//! The form in which texts are learnt and looked up.
//!
//! The same event can be written in several ways: `false` in JSON is `False` in a CSV file that pandas
//! made of it, `["a"]` is `['a']`, an account is `Account-111122223333` where NVIDIA Morpheus writes it
//! and `111122223333` in AWS's own files, a missing value is an empty cell or `NaN`. What models learn is
//! one form of all of them, so that a model learnt from one kind of file scores the others alike.

use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;

/// What NVIDIA Morpheus writes before the digits of an account.
const ACCOUNT: &str = "Account-";

/// The text as models learn it; `None` if it is a spelling of a missing value.
///
/// | written | learnt |
/// |---|---|
/// | nothing, and what pandas' CSV reader takes for missing: `NaN`, `null`, `None`, `NA`, … | missing |
/// | `true`, `TRUE`, `false`, … | `True`, `False` |
/// | `Account-` and digits | the digits |
/// | digits and `.0` | the digits |
/// | a list or an object in JSON | the same in Python's notation |
///
/// Anything else stays as it is, `007` and `1.10` too.
pub fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let first = text.bytes().next()?;
    Some(Cow::Borrowed(match first {
        _ if is_missing(text) => return None,
        b't' | b'T' if text.eq_ignore_ascii_case("true") => "True",
        b'f' | b'F' if text.eq_ignore_ascii_case("false") => "False",
        b'A' => text.strip_prefix(ACCOUNT).filter(|rest| is_digits(rest)).unwrap_or(text),
        b'-' | b'0'..=b'9' => {
            let whole = text.strip_suffix(".0");
            whole.filter(|n| is_digits(n.strip_prefix('-').unwrap_or(n))).unwrap_or(text)
        }
        b'[' | b'{' => return Some(python(text).map_or(Cow::Borrowed(text), Cow::Owned)),
        _ => text,
    }))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The spellings that readers of CSV take for a missing value.
fn is_missing(text: &str) -> bool {
    text.len() <= 9
        && matches!(
            text,
            "#N/A"
                | "#N/A N/A"
                | "#NA"
                | "-1.#IND"
                | "-1.#QNAN"
                | "-NaN"
                | "-nan"
                | "1.#IND"
                | "1.#QNAN"
                | "<NA>"
                | "N/A"
                | "NA"
                | "NULL"
                | "NaN"
                | "None"
                | "n/a"
                | "nan"
                | "null"
        )
}

/// A JSON list or object in Python's notation; `None` if the text is none.
fn python(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let mut out = String::with_capacity(text.len());
    push(&mut out, &value);
    Some(out)
}

fn push(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => match number.as_f64() {
            Some(x) if number.is_f64() => push_float(out, x),
            _ => out.push_str(&number.to_string()),
        },
        Value::String(text) => push_quoted(out, text),
        Value::Array(list) => {
            out.push('[');
            for (i, value) in list.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                push(out, value);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                push_quoted(out, name);
                out.push_str(": ");
                push(out, value);
            }
            out.push('}');
        }
    }
}

fn push_float(out: &mut String, x: f64) {
    // Writing to a String cannot fail.
    let _ = if x == 0.0 || (1e-4..1e16).contains(&x.abs()) {
        write!(out, "{x:?}")
    } else {
        let text = format!("{x:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.abs())
    };
}

fn push_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                // Writing to a String cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// As Python sees it: `escape_debug` of a text leaves such characters alone, but for those that only the
/// first character of a text is tested for.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~') || ['a', c].iter().collect::<String>().escape_debug().nth(1) == Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_other_words_is_learnt_as_one() {
        for (written, learnt) in [
            ("", None),
            ("NaN", None),
            ("null", None),
            ("true", Some("True")),
            ("FALSE", Some("False")),
            ("False", Some("False")),
            ("falsehood", Some("falsehood")),
            ("Account-111122223333", Some("111122223333")),
            ("Account-", Some("Account-")),
            ("Account-x1", Some("Account-x1")),
            ("5.0", Some("5")),
            ("-5.0", Some("-5")),
            ("007", Some("007")),
            ("1.10", Some("1.10")),
            (".0", Some(".0")),
            (r#"["a", "b"]"#, Some("['a', 'b']")),
            (r#"["a","b"]"#, Some("['a', 'b']")),
            ("['a', 'b']", Some("['a', 'b']")),
            ("[]", Some("[]")),
            (r#"["it's"]"#, Some(r#"["it's"]"#)),
            (
                r#"[{"a":1,"b":[true,null,1.5]},1e30,0.00001]"#,
                Some("[{'a': 1, 'b': [True, None, 1.5]}, 1e+30, 1e-05]"),
            ),
            ("[broken", Some("[broken")),
            (r#"["é\n\u200b"]"#, Some("['é\\n\\u200b']")),
        ] {
            assert_eq!(canonical(written).as_deref(), learnt, "{written}");
            if let Some(learnt) = learnt {
                assert_eq!(canonical(learnt).as_deref(), Some(learnt), "{learnt}");
            }
        }
    }
}
