//! Times as logs write them: ISO 8601 with the liberties that programs take, numbers since 1970,
//! .NET's `/Date(…)/`, and the dates of mail and HTTP. Nothing here guesses: what could be two
//! times is read by [`day_month`] alone, where a feature file says which is meant.

use super::since_1970;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use std::borrow::Cow;

/// Digits of a second's fraction that are read; what is finer is cut.
const MOST_DIGITS: usize = 9;
/// No time is longer, and texts of logs may be megabytes.
const LONGEST: usize = 128;

/// Any time whose form leaves no doubt, nanoseconds since 1970.
pub(super) fn auto(value: &str, zone: &TimeZone) -> Option<i128> {
    if value.len() > LONGEST {
        return None;
    }
    by_length(value)
        .or_else(|| iso(value, zone).map(Timestamp::as_nanosecond))
        .or_else(|| json_date(value))
        .or_else(|| of_mail(value).map(Timestamp::as_nanosecond))
}

/// A number since 1970 whose length says its unit. Each range is 2001-09-09 to 2286-11-20, so that no
/// number is of two units, and dates and account numbers of other lengths are none.
fn by_length(value: &str) -> Option<i128> {
    let is_number = |byte: u8| byte.is_ascii_digit() || b".eE+".contains(&byte);
    if !matches!(value.as_bytes().first(), Some(b'1'..=b'9')) || !value.bytes().all(is_number) {
        return None;
    }
    let value = match value.contains(['e', 'E']) {
        // Large floats are written so; one of them is exact to some hundred nanoseconds.
        true => {
            let number = value.parse::<f64>().ok().filter(|number| *number < 1e19)?;
            Cow::Owned(format!("{number:.0}"))
        }
        false => Cow::Borrowed(value),
    };
    let unit = match value.find('.').unwrap_or(value.len()) {
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return None,
    };
    since_1970(&value, unit)
}

/// `/Date(1633075200000)/` and `/Date(1633075200000+0200)/`: the offset says where it was written, and
/// changes nothing.
fn json_date(value: &str) -> Option<i128> {
    let inside = value.trim_matches(['\\', '/']).strip_prefix("Date(")?.strip_suffix(')')?;
    let sign = inside.get(1..)?.find(['+', '-']).map(|at| at + 1);
    let (milliseconds, offset) = inside.split_at(sign.unwrap_or(inside.len()));
    let is_offset = offset.is_empty()
        || offset.len() == 5 && offset.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    let milliseconds: i64 = milliseconds.parse().ok().filter(|_| is_offset)?;
    Some(i128::from(milliseconds) * 1_000_000)
}

/// RFC 2822 and HTTP.
fn of_mail(value: &str) -> Option<Timestamp> {
    let has_month = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    has_month.then(|| rfc2822::DateTimeParser::new().parse_timestamp(value).ok()).flatten()
}

/// ISO 8601, a blank for its `T` included; behind it `UTC` or `GMT`, an offset behind a blank, fractions of
/// any length, and 24:00.
pub(super) fn iso(value: &str, zone: &TimeZone) -> Option<Timestamp> {
    exact(value, zone).or_else(|| {
        let starts = value.len() <= LONGEST && value.starts_with(|c: char| c.is_ascii_digit());
        starts.then(|| with_liberties(value, zone)).flatten()
    })
}

fn exact(value: &str, zone: &TimeZone) -> Option<Timestamp> {
    value
        .parse::<Timestamp>()
        .ok()
        .or_else(|| value.parse::<Zoned>().ok().map(|zoned| zoned.timestamp()))
        .or_else(|| zone.to_timestamp(civil(value)?).ok())
}

/// A time without an offset or zone: the parser would take one that it cannot read for none.
fn civil(value: &str) -> Option<DateTime> {
    let time = value.find(['T', 't', ' ']).map_or("", |at| &value[at..]);
    if time.contains(['+', '-', '[']) { None } else { value.parse().ok() }
}

fn with_liberties(value: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (value, zone) = match without_utc(value) {
        Some(value) => (value, &TimeZone::UTC),
        None => (value, zone),
    };
    let value = short_fraction(&joined_offset(value));
    let Some(midnight) = at_24(&value) else { return exact(&value, zone) };
    // A day is added to the date on the wall: it may have 23 hours.
    match midnight.parse::<Timestamp>() {
        Ok(instant) => instant.checked_add(24.hours()).ok(),
        Err(_) => {
            let next = civil(&midnight)?.checked_add(1.day()).ok()?;
            zone.to_timestamp(next).ok()
        }
    }
}

/// What stands before `UTC`, `GMT`, or a `Z` behind a blank.
fn without_utc(value: &str) -> Option<&str> {
    let at = value.len().checked_sub(3)?;
    match value.get(at..) {
        Some(word) if ["UTC", "GMT"].iter().any(|utc| word.eq_ignore_ascii_case(utc)) => {
            value.get(..at).map(str::trim_end)
        }
        _ => value.strip_suffix(" Z"),
    }
}

/// Without the blank before an offset.
fn joined_offset(value: &str) -> Cow<'_, str> {
    match value.rsplit_once(' ') {
        Some((time, offset)) if offset.starts_with(['+', '-']) => {
            Cow::Owned([time.trim_end(), offset].concat())
        }
        _ => Cow::Borrowed(value),
    }
}

fn short_fraction(value: &str) -> String {
    let Some(point) = value.find(['.', ',']) else { return value.to_owned() };
    let (whole, fraction) = value.split_at(point + 1);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let kept = digits.min(MOST_DIGITS);
    [whole, &fraction[..kept], &fraction[digits..]].concat()
}

/// The first instant of the day whose end this is.
fn at_24(value: &str) -> Option<String> {
    let (date, time) = (value.get(..11)?, value.get(11..)?);
    let rest = time.strip_prefix("24")?;
    let zeros = rest.find(|c: char| !matches!(c, ':' | '0' | '.' | ',')).unwrap_or(rest.len());
    // What is not 0 until the offset is later than the end of a day.
    let is_end = rest.get(zeros..)?.starts_with(['Z', 'z', '+', '-']) || zeros == rest.len();
    is_end.then(|| [date, "00", rest].concat())
}

/// `10/1/2021 8:00:00 AM`, `01.10.2021 08:00`: numbers of day and month with the year behind them, and
/// a time of 24 or 12 hours, with or without a zone.
pub(super) fn day_month(value: &str, month_first: bool, zone: &TimeZone) -> Option<Timestamp> {
    if value.len() > LONGEST {
        return None;
    }
    let (date, time) = value.split_once([' ', ',', 'T']).unwrap_or((value, ""));
    let [first, second, year] = numbers_of_date(date)?;
    let (month, day) = if month_first { (first, second) } else { (second, first) };
    let time = time.trim_start_matches([' ', ',']);
    let text = match time {
        "" => format!("{year:04}-{month:02}-{day:02}"),
        time => format!("{year:04}-{month:02}-{day:02}T{}", on_24_hours(time)?),
    };
    iso(&text, zone)
}

/// The numbers of a date of the form `1/2/2021`, `1.2.2021` or `1-2-2021`.
fn numbers_of_date(date: &str) -> Option<[u16; 3]> {
    let sign = date.chars().find(|c| !c.is_ascii_digit()).filter(|c| "/.-".contains(*c))?;
    let mut parts = date.split(sign);
    let mut number = |lengths: std::ops::RangeInclusive<usize>| {
        let part = parts.next().filter(|part| lengths.contains(&part.len()))?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let numbers = [number(1..=2)?, number(1..=2)?, number(4..=4)?];
    parts.next().is_none().then_some(numbers)
}

/// A time of day with two digits for an hour of 24, and what stands behind it.
fn on_24_hours(time: &str) -> Option<String> {
    // Newer programs put a narrow blank before AM.
    let mut words = time.split_whitespace();
    let clock = words.next()?;
    let mut rest: Vec<&str> = words.collect();
    let half = |word: &str| match word.to_ascii_lowercase().as_str() {
        "am" | "a.m." => Some(0),
        "pm" | "p.m." => Some(12),
        _ => None,
    };
    let at = clock.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(clock.len());
    let (clock, afternoon) = match (half(&clock[at..]), rest.first().and_then(|word| half(word))) {
        (Some(hours), _) => (&clock[..at], Some(hours)),
        (None, Some(hours)) => {
            rest.remove(0);
            (clock, Some(hours))
        }
        (None, None) => (clock, None),
    };
    let (hour, minutes) = clock.split_once(':')?;
    let hour: u8 = hour.parse().ok()?;
    let hour = match afternoon {
        Some(hours) => (1..=12).contains(&hour).then(|| hour % 12 + hours)?,
        None => hour,
    };
    rest.insert(0, minutes);
    Some(format!("{hour:02}:{}", rest.join(" ")))
}

/// Whether it may be a time of [`day_month`].
pub(super) fn looks_like_day_and_month(value: &str) -> bool {
    let date = value.trim().split([' ', ',', 'T']).next().unwrap_or_default();
    numbers_of_date(date).is_some()
}
