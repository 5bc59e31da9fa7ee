//! What the value of an option may be.

use dfp_features::period::{self, Period};
use dfp_storage::names;
use std::time::Duration;

/// What a value may be, and how its text is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path that need not exist.
    Path,
    /// A path to a file that exists and is read.
    ExistingFile,
    /// A path to a file that is written.
    Output,
    /// A folder, or an address, in which the program keeps what is its own.
    Folder,
    /// Files that are read: a path, a pattern, an address, or the name of something built in.
    Input,
    /// A whole number. Every count has a largest one, above which it could only be a slip that ends in an
    /// abort, in threads without end or in a loop that nobody waits for; `i64::MAX` is no limit.
    Integer {
        /// The smallest value accepted.
        min: i64,
        /// The largest value accepted.
        max: i64,
    },
    /// A number.
    Number {
        /// The smallest value accepted.
        min: f64,
        /// The largest value accepted.
        max: f64,
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
    /// What separates the fields of CSV files.
    Delimiter,
    /// Yes or no; a bare option means yes.
    Bool,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
}

/// The widest layer: any two of them, and 16 million categories, still multiply to less than 2^64.
const MAX_WIDTH: usize = 1 << 16;

/// The most threads that can be asked for; the default, the number of CPUs, may be more.
pub(super) const MOST_THREADS: i64 = 1024;
/// The most rows, files or versions that can be asked for: row numbers have 32 bits.
pub(super) const MOST_ROWS: i64 = i32::MAX as i64;
/// The most megabytes: 16 terabytes.
pub(super) const MOST_MEGABYTES: i64 = 1 << 24;
/// The longest time: a hundred years.
pub(super) const MOST_SECONDS: u64 = 36_525 * 86_400;

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, a path as text ([`names`]), or a choice in the table's spelling.
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
    /// A number of any size.
    pub const ANY_NUMBER: Self = Self::Number { min: f64::NEG_INFINITY, max: f64::INFINITY };

    /// Reads a value.
    ///
    /// # Errors
    /// The text in quotes and what would be accepted.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        if names::has_raw_bytes(text) && !self.is_name() {
            return Err(format!("\"{}\" is no text in UTF-8", names::printable(text)));
        }
        match *self {
            Self::Text | Self::Path | Self::Output | Self::Folder | Self::Input => {
                Ok(Value::Text(text.to_owned()))
            }
            Self::ExistingFile => {
                let path = names::path(text);
                if path.is_file() {
                    Ok(Value::Text(text.to_owned()))
                } else {
                    Err(format!("there is no file {path:?}"))
                }
            }
            Self::Integer { min, max } => match text.trim().parse::<i64>() {
                Ok(value) if (min..=max).contains(&value) => Ok(Value::Integer(value)),
                _ if max == i64::MAX => {
                    Err(format!("{text:?} is not a whole number of at least {min}"))
                }
                _ => Err(format!("{text:?} is not a whole number from {min} to {max}")),
            },
            Self::Number { min, max } => match text.trim().parse::<f64>() {
                Ok(value) if value.is_finite() && (min..=max).contains(&value) => {
                    Ok(Value::Number(value))
                }
                _ if min == f64::NEG_INFINITY => Err(format!("{text:?} is not a number")),
                _ if max == f64::INFINITY => {
                    Err(format!("{text:?} is not a number of at least {min}"))
                }
                _ => Err(format!("{text:?} is not a number from {min} to {max}")),
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
            Self::Duration => match period::duration(text) {
                Some(time) if time.as_secs() <= MOST_SECONDS => Ok(Value::Duration(time)),
                Some(_) => Err(format!("{text:?} is more than a hundred years (36525d)")),
                None => Err(format!(
                    "{text:?} is not a length of time; expected a number with its unit, such as 90s, 10m, 12h, 60d"
                )),
            },
            Self::Instant => period::instant(text).map(Value::Instant).ok_or_else(|| {
                format!("{text:?} is not a time; expected a date or time such as 2024-01-31, 2024-01-31T08:00:00Z, 2024-01-31T08:00:00+02:00")
            }),
            Self::Period => Period::parse(text).map(Value::Period).ok_or_else(|| {
                format!("{text:?} is not a period; expected D, W, M, h, or a length of time of a minute or more that divides a day or is whole days, such as 15m, 6h, 7d")
            }),
            Self::Delimiter => delimiter(text)
                .map(|sign| Value::Text(char::from(sign).into()))
                .ok_or_else(|| format!("{text:?} is no delimiter: expected tab or one sign, such as ; or |")),
            Self::Bool => bool_word(text)
                .map(Value::Bool)
                .ok_or_else(|| format!("{text:?} is neither true nor false (expected true, false, yes, no, on, off, 1, 0)")),
            Self::Choice(words) => words
                .iter()
                .find(|word| word.eq_ignore_ascii_case(text))
                .map(|word| Value::Text((*word).to_owned()))
                .ok_or_else(|| match dfp_storage::nearest(text, words.iter().copied()) {
                    Some(word) => format!("{text:?} is not one of {}; did you mean {word:?}", words.join(", ")),
                    None => format!("{text:?} is not one of {}", words.join(", ")),
                }),
        }
    }

    /// Whether a value names files, whose names are bytes.
    pub fn is_name(&self) -> bool {
        matches!(self, Self::Path | Self::ExistingFile | Self::Output | Self::Folder | Self::Input)
    }

    /// The word that stands for a value in help texts.
    pub fn placeholder(&self) -> String {
        match self {
            Self::Text | Self::Input => "TEXT".into(),
            Self::Path | Self::ExistingFile | Self::Output => "FILE".into(),
            Self::Folder => "FOLDER".into(),
            Self::Integer { min, max: i64::MAX } => format!("INTEGER>={min}"),
            Self::Integer { min, max } => format!("INTEGER {min}..{max}"),
            Self::Number { min: f64::NEG_INFINITY, .. } => "NUMBER".into(),
            Self::Number { min, max: f64::INFINITY } => format!("NUMBER>={min}"),
            Self::Number { min, max } => format!("NUMBER {min}..{max}"),
            Self::Positive => "NUMBER>0".into(),
            Self::Share => "NUMBER 0..1".into(),
            Self::Widths => "WIDTH,...|none".into(),
            Self::Bytes { .. } => "BYTES".into(),
            Self::Duration => "DURATION".into(),
            Self::Instant => "TIME".into(),
            Self::Period => "PERIOD".into(),
            Self::Delimiter => "SIGN|tab".into(),
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

/// Neither a letter, a digit nor a quote, of which fields are made.
fn delimiter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        b"tab" | b"\\t" | b"\t" => Some(b'\t'),
        [sign @ (b' '..=b'~')] if !sign.is_ascii_alphanumeric() && *sign != b'"' => Some(*sign),
        _ => None,
    }
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
        let count = Kind::Integer { min: 1, max: 1024 };
        assert_eq!(count.parse("25"), Ok(Value::Integer(25)));
        for text in ["0", "1025", "99999999999", "99999999999999999999", "1.5"] {
            let why = format!("{text:?} is not a whole number from 1 to 1024");
            assert_eq!(count.parse(text), Err(why));
        }
        assert_eq!(
            Kind::Integer { min: 1, max: i64::MAX }.parse("0"),
            Err("\"0\" is not a whole number of at least 1".to_owned())
        );
        assert_eq!(Kind::Bool.parse("Yes"), Ok(Value::Bool(true)));
        assert_eq!(Kind::Choice(&["auto", "csv"]).parse("CSV"), Ok(Value::Text("csv".into())));
        assert_eq!(
            Kind::Choice(&["auto", "csv"]).parse("cvs"),
            Err("\"cvs\" is not one of auto, csv; did you mean \"csv\"".to_owned())
        );
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
        for (text, sign) in [(";", ";"), ("tab", "\t"), ("\\t", "\t"), ("|", "|"), (",", ",")] {
            assert_eq!(Kind::Delimiter.parse(text), Ok(Value::Text(sign.into())));
        }
        for text in ["", ";;", "a", "\"", "\n", "\u{a7}"] {
            assert!(Kind::Delimiter.parse(text).is_err(), "{text}");
        }
        let share = Kind::Number { min: 0.0, max: 100.0 };
        assert!(share.parse("nan").is_err() && share.parse("100.1").is_err());
        assert!(share.parse("100").is_ok());
        assert!(Kind::Duration.parse("36525d").is_ok());
        assert_eq!(
            Kind::Duration.parse("400000d"),
            Err("\"400000d\" is more than a hundred years (36525d)".to_owned())
        );
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
