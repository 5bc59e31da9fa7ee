//! What the value of an option may be.

use crate::period::{self, Period};
use std::time::Duration;

/// What a value may be, and how its text is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path that need not exist.
    Path,
    /// A path to a file that exists.
    ExistingFile,
    /// A whole number of at least `min`.
    Integer {
        /// The smallest value accepted.
        min: i64,
    },
    /// A number of at least `min`.
    Number {
        /// The smallest value accepted.
        min: f64,
    },
    /// A number above 0.
    Positive,
    /// A number from 0 to 1.
    Share,
    /// Widths of layers, separated by commas; `none` for no layer.
    Widths,
    /// An amount of memory with its unit, of at least `min` bytes.
    Bytes {
        /// The smallest value accepted.
        min: u64,
    },
    /// A length of time with its unit.
    Duration,
    /// A time or a date.
    Instant,
    /// A period of the calendar.
    Period,
    /// Yes or no; a bare option means yes.
    Bool,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
}

/// The widest layer: any two of them, and 16 million categories, still multiply to less than 2^64.
const MAX_WIDTH: usize = 1 << 16;

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, a path, or a choice in the table's spelling.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// Widths of layers.
    Widths(Vec<usize>),
    /// Bytes.
    Bytes(u64),
    /// A length of time.
    Duration(Duration),
    /// Microseconds since 1970.
    Instant(i64),
    /// A period of the calendar.
    Period(Period),
}

/// Reads the words for yes and no, in any case.
pub fn bool_word(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

impl Kind {
    /// Reads a value.
    ///
    /// # Errors
    /// The text in quotes and what would be accepted.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        match *self {
            Self::Text | Self::Path => Ok(Value::Text(text.to_owned())),
            Self::ExistingFile => {
                if std::path::Path::new(text).is_file() {
                    Ok(Value::Text(text.to_owned()))
                } else {
                    Err(format!("there is no file {text:?}"))
                }
            }
            Self::Integer { min } => match text.trim().parse::<i64>() {
                Ok(value) if value >= min => Ok(Value::Integer(value)),
                _ => Err(format!("{text:?} is not a whole number of at least {min}")),
            },
            Self::Number { min } => match text.trim().parse::<f64>() {
                Ok(value) if value.is_finite() && value >= min => Ok(Value::Number(value)),
                _ if min == f64::NEG_INFINITY => Err(format!("{text:?} is not a number")),
                _ => Err(format!("{text:?} is not a number of at least {min}")),
            },
            Self::Positive => match text.trim().parse::<f64>() {
                Ok(value) if value.is_finite() && value > 0.0 => Ok(Value::Number(value)),
                _ => Err(format!("{text:?} is not a number above 0")),
            },
            Self::Share => match text.trim().parse::<f64>() {
                Ok(value) if (0.0..=1.0).contains(&value) => Ok(Value::Number(value)),
                _ => Err(format!("{text:?} is not a number from 0 to 1")),
            },
            Self::Widths => widths(text).map(Value::Widths).ok_or_else(|| {
                format!("{text:?} is not a list of layer widths from 1 to {MAX_WIDTH}, such as 512,500, or none")
            }),
            Self::Bytes { min } => match bytes(text) {
                Some(bytes) if bytes >= min => Ok(Value::Bytes(bytes)),
                _ => Err(format!(
                    "{text:?} is not an amount of memory of at least {} MiB; expected a number with its unit, such as 512MB, 2GB, 1.5GiB",
                    min >> 20
                )),
            },
            Self::Duration => period::duration(text).map(Value::Duration).ok_or_else(|| {
                format!("{text:?} is not a length of time; accepted: a number with its unit, such as 90s, 10m, 12h, 60d")
            }),
            Self::Instant => period::instant(text).map(Value::Instant).ok_or_else(|| {
                format!("{text:?} is not a time; accepted: a date or time such as 2024-01-31, 2024-01-31T08:00:00Z, 2024-01-31T08:00:00+02:00")
            }),
            Self::Period => Period::parse(text).map(Value::Period).ok_or_else(|| {
                format!("{text:?} is not a period; accepted: D, W, M, h, or a length of time of a minute or more that divides a day or is whole days, such as 15m, 6h, 7d")
            }),
            Self::Bool => bool_word(text)
                .map(Value::Bool)
                .ok_or_else(|| format!("{text:?} is neither true nor false (accepted: true, false, yes, no, on, off, 1, 0)")),
            Self::Choice(words) => words
                .iter()
                .find(|word| word.eq_ignore_ascii_case(text))
                .map(|word| Value::Text((*word).to_owned()))
                .ok_or_else(|| match super::nearest(text, words.iter().copied()) {
                    Some(word) => format!("{text:?} is not one of {}; did you mean {word:?}", words.join(", ")),
                    None => format!("{text:?} is not one of {}", words.join(", ")),
                }),
        }
    }

    /// The word that stands for a value in help texts.
    pub fn placeholder(&self) -> String {
        match self {
            Self::Text => "TEXT".into(),
            Self::Path | Self::ExistingFile => "FILE".into(),
            Self::Integer { min: i64::MIN } => "INTEGER".into(),
            Self::Integer { min } => format!("INTEGER>={min}"),
            Self::Number { min: f64::NEG_INFINITY } => "NUMBER".into(),
            Self::Number { min } => format!("NUMBER>={min}"),
            Self::Positive => "NUMBER>0".into(),
            Self::Share => "NUMBER 0..1".into(),
            Self::Widths => "WIDTH,...|none".into(),
            Self::Bytes { .. } => "BYTES".into(),
            Self::Duration => "DURATION".into(),
            Self::Instant => "TIME".into(),
            Self::Period => "PERIOD".into(),
            Self::Bool => "[true|false]".into(),
            Self::Choice(words) => format!("[{}]", words.join("|")),
        }
    }
}

/// A number with its unit.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let unit: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    let number = number.trim();
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let bytes = number.parse::<f64>().ok()? * unit as f64;
    (bytes.is_finite() && (0.0..u64::MAX as f64).contains(&bytes)).then_some(bytes as u64)
}

fn widths(text: &str) -> Option<Vec<usize>> {
    if text.trim().eq_ignore_ascii_case("none") {
        return Some(Vec::new());
    }
    let width = |word: &str| word.trim().parse().ok().filter(|w| (1..=MAX_WIDTH).contains(w));
    text.split(',').map(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused_with_what_is_accepted() {
        assert_eq!(Kind::Integer { min: 1 }.parse("25"), Ok(Value::Integer(25)));
        assert_eq!(
            Kind::Integer { min: 1 }.parse("0"),
            Err("\"0\" is not a whole number of at least 1".to_owned())
        );
        assert_eq!(Kind::Bool.parse("Yes"), Ok(Value::Bool(true)));
        assert_eq!(Kind::Choice(&["auto", "csv"]).parse("CSV"), Ok(Value::Text("csv".into())));
        assert_eq!(
            Kind::Choice(&["auto", "csv"]).parse("cvs"),
            Err("\"cvs\" is not one of auto, csv; did you mean \"csv\"".to_owned())
        );
        assert!(Kind::Number { min: 0.0 }.parse("nan").is_err());
        let memory = Kind::Bytes { min: 32 << 20 };
        for (text, bytes) in [
            ("512MB", Some(512_000_000)),
            (" 64 mib", Some(64 << 20)),
            ("1.5G", Some(1_500_000_000)),
            ("33554432", Some(32 << 20)),
            ("33554431", None),
            ("MB", None),
            ("-1GB", None),
            ("5 parsecs", None),
            ("99999999999999999999TB", None),
            ("nanGB", None),
        ] {
            assert_eq!(memory.parse(text).ok(), bytes.map(Value::Bytes), "{text}");
        }
        assert_eq!(Kind::Widths.parse("512, 500"), Ok(Value::Widths(vec![512, 500])));
        assert_eq!(Kind::Widths.parse("none"), Ok(Value::Widths(Vec::new())));
        for text in ["", "512,", "0", "65537", "64;16"] {
            assert_eq!(
                Kind::Widths.parse(text),
                Err(format!(
                    "{text:?} is not a list of layer widths from 1 to 65536, such as 512,500, or none"
                ))
            );
        }
        assert!(Kind::Positive.parse("0").is_err() && Kind::Positive.parse("1e-9").is_ok());
        assert!(Kind::Share.parse("1.1").is_err() && Kind::Share.parse("1").is_ok());
    }
}
