//! Event times.

mod lenient;

use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Unit};

/// A column of event times, and how its texts are read.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeColumn {
    /// Its name (cleaned).
    pub name: String,
    /// How its texts are read.
    pub formats: TimeFormats,
    /// A log without it is reported.
    pub expected: bool,
}

/// How texts are read as times: the first format that fits counts. [`Default`] is `auto` and UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeFormats {
    formats: Vec<Format>,
    zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq)]
enum Format {
    /// Everything that can only mean one time.
    Auto,
    Iso,
    /// A number of units since 1970, each this many nanoseconds.
    Since1970 {
        word: &'static str,
        nanoseconds: i128,
    },
    /// Day, month and year, the month first or second.
    DayMonth {
        word: &'static str,
        month_first: bool,
    },
    Pattern(String),
}

/// Words for times that are numbers.
const UNITS: [(&str, i128); 4] =
    [("unix", 1_000_000_000), ("unix_ms", 1_000_000), ("unix_us", 1_000), ("unix_ns", 1)];

/// Words for times whose day and month could be taken for each other.
const DAY_MONTH: [(&str, bool); 2] = [("us", true), ("eu", false)];

impl Default for TimeFormats {
    fn default() -> Self {
        Self { formats: vec![Format::Auto], zone: TimeZone::UTC }
    }
}

impl TimeFormats {
    /// Reads `auto`, `iso`, `us`, `eu`, `unix`, `unix_ms`, `unix_us`, `unix_ns` and patterns of `strptime`;
    /// none is `auto`. A time without an offset is one of `zone`: an IANA name or an offset; none is UTC.
    ///
    /// # Errors
    /// The format or zone in quotes, and what is expected.
    pub fn new(formats: &[String], zone: Option<&str>) -> Result<Self, String> {
        let mut read = Vec::with_capacity(formats.len());
        for text in formats {
            read.push(format(text)?);
        }
        if read.is_empty() {
            read.push(Format::Auto);
        }
        Ok(Self { formats: read, zone: zone.map_or(Ok(TimeZone::UTC), self::zone)? })
    }

    /// ISO 8601 and nothing else.
    pub fn iso() -> Self {
        Self { formats: vec![Format::Iso], zone: TimeZone::UTC }
    }

    /// Microseconds since 1970; what is finer is cut.
    pub(super) fn microseconds(&self, value: &str) -> Option<i64> {
        match plain(value.as_bytes()) {
            Some(time) if self.is_iso_first() => Some(time),
            _ => i64::try_from(self.instant(value)?.div_euclid(1_000)).ok(),
        }
    }

    /// Nanoseconds since 1970, of times from 1678 to 2261; what is finer is cut.
    pub fn nanoseconds(&self, value: &str) -> Option<i64> {
        match plain(value.as_bytes()) {
            Some(time) if self.is_iso_first() => time.checked_mul(1_000),
            _ => i64::try_from(self.instant(value)?).ok(),
        }
    }

    /// What would be read in place of `value`, for messages.
    pub fn expected(&self, value: &str) -> String {
        let texts: Vec<String> = self.formats.iter().map(Format::describe).collect();
        let texts = texts.join(" or ");
        let is_auto = self.formats.iter().all(|format| *format == Format::Auto);
        match lenient::looks_like_day_and_month(value) {
            true if is_auto => format!(
                "{texts}; for a time like this one, a feature file with formats = [\"auto\", \"us\"] (month/day/year) or [\"auto\", \"eu\"] (day.month.year)"
            ),
            _ => texts,
        }
    }

    fn is_iso_first(&self) -> bool {
        matches!(self.formats[0], Format::Auto | Format::Iso)
    }

    fn instant(&self, value: &str) -> Option<i128> {
        let (value, zone) = (value.trim(), &self.zone);
        self.formats.iter().find_map(|format| match format {
            Format::Auto => lenient::auto(value, zone),
            Format::Iso => lenient::iso(value, zone).map(Timestamp::as_nanosecond),
            Format::Since1970 { nanoseconds, .. } => since_1970(value, *nanoseconds),
            Format::DayMonth { month_first, .. } => {
                lenient::day_month(value, *month_first, zone).map(Timestamp::as_nanosecond)
            }
            Format::Pattern(pattern) => {
                let time = BrokenDownTime::parse(pattern, value).ok()?;
                let instant = time.to_timestamp().ok().or_else(|| {
                    let civil = time.to_datetime().or_else(|_| {
                        time.to_date().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
                    });
                    zone.to_timestamp(civil.ok()?).ok()
                })?;
                Some(instant.as_nanosecond())
            }
        })
    }
}

impl Format {
    fn describe(&self) -> String {
        match self {
            Self::Auto => "an ISO 8601 time like \"2021-10-01T08:00:00Z\", a number of s, ms, µs or ns since 1970 with 10, 13, 16 or 19 digits, \"/Date(1633075200000)/\", or \"Fri, 01 Oct 2021 08:00:00 GMT\"".to_owned(),
            Self::Iso => "an ISO 8601 time like \"2021-10-01T08:00:00Z\"".to_owned(),
            Self::Since1970 { word, .. } => format!("a number ({word})"),
            Self::DayMonth { word, month_first } => match month_first {
                true => format!("a time like \"10/1/2021 8:00:00 AM\" ({word})"),
                false => format!("a time like \"01.10.2021 08:00:00\" ({word})"),
            },
            Self::Pattern(pattern) => format!("{pattern:?}"),
        }
    }
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "auto" => return Ok(Format::Auto),
        "iso" => return Ok(Format::Iso),
        _ => {}
    }
    if let Some((word, nanoseconds)) = UNITS.iter().find(|(word, _)| *word == text) {
        return Ok(Format::Since1970 { word, nanoseconds: *nanoseconds });
    }
    if let Some((word, month_first)) = DAY_MONTH.iter().find(|(word, _)| *word == text) {
        return Ok(Format::DayMonth { word, month_first: *month_first });
    }
    let expected = "expected auto, iso, us, eu, unix, unix_ms, unix_us, unix_ns, or a pattern like \"%d/%b/%Y:%H:%M:%S %z\"";
    if !text.contains('%') {
        return Err(format!("{text:?} is no format of times; {expected}"));
    }
    let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    match strtime::format(text, &sample) {
        Ok(_) => Ok(Format::Pattern(text.to_owned())),
        Err(why) => Err(format!("{text:?} is no format of times: {why}; {expected}")),
    }
}

/// A zone by its IANA name, or an offset like `+02:00`.
///
/// # Errors
/// The text in quotes, and what is expected.
pub fn zone(text: &str) -> Result<TimeZone, String> {
    let accepted = "expected a name like \"Europe/Oslo\", or an offset like \"+02:00\"";
    if text.starts_with(['+', '-']) {
        let offset = strtime::parse("%:z", text).ok().and_then(|time| time.offset());
        return offset
            .map(TimeZone::fixed)
            .ok_or_else(|| format!("{text:?} is no offset; {accepted}"));
    }
    TimeZone::get(text).map_err(|_| format!("there is no time zone {text:?}; {accepted}"))
}

/// A number with or without a fraction, counted exactly.
fn since_1970(value: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let negative = whole.starts_with('-');
    let whole: i128 = whole.parse::<i64>().ok()?.into();
    let mut parts = 0;
    let mut unit_of_digit = unit;
    for digit in fraction.bytes() {
        unit_of_digit /= 10;
        parts += unit_of_digit * i128::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some(whole * unit + if negative { -parts } else { parts })
}

/// `2021-10-01T08:00:00Z`, the form of nearly every event, without the general parser.
fn plain(value: &[u8]) -> Option<i64> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b'Z',
    ] = value
    else {
        return None;
    };
    let digits = |digits: &[&u8]| {
        digits
            .iter()
            .try_fold(0_i16, |sum, d| d.is_ascii_digit().then(|| sum * 10 + i16::from(**d - b'0')))
    };
    let two = |a, b| digits(&[a, b]).and_then(|n| i8::try_from(n).ok());
    let civil = DateTime::new(
        digits(&[y1, y2, y3, y4])?,
        two(m1, m2)?,
        two(d1, d2)?,
        two(h1, h2)?,
        two(n1, n2)?,
        two(s1, s2)?,
        0,
    )
    .ok()?;
    Offset::UTC.to_timestamp(civil).ok().map(Timestamp::as_microsecond)
}

/// `YYYY-MM-DDTHH:MM:SSZ`; `None` beyond the years that can be written.
pub(super) fn print(microseconds: i64) -> Option<String> {
    let instant = Timestamp::from_microsecond(microseconds).ok()?;
    let whole = instant
        .round(jiff::TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor))
        .ok()?;
    Some(whole.to_string())
}

#[cfg(test)]
mod tests;
