//! Event times.

use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Unit, Zoned};

/// A column of event times, and how its texts are read.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeColumn {
    /// Its name (cleaned).
    pub name: String,
    /// How its texts are read.
    pub formats: TimeFormats,
}

/// How texts are read as times: the first format that fits counts. [`Default`] is ISO 8601 and UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeFormats {
    formats: Vec<Format>,
    zone: TimeZone,
}

#[derive(Clone, Debug, PartialEq)]
enum Format {
    Iso,
    /// A number of units since 1970, each this many nanoseconds.
    Since1970 {
        word: &'static str,
        nanoseconds: i128,
    },
    Pattern(String),
}

/// Words for times that are numbers.
const UNITS: [(&str, i128); 4] =
    [("unix", 1_000_000_000), ("unix_ms", 1_000_000), ("unix_us", 1_000), ("unix_ns", 1)];

impl Default for TimeFormats {
    fn default() -> Self {
        Self { formats: vec![Format::Iso], zone: TimeZone::UTC }
    }
}

impl TimeFormats {
    /// Reads `iso`, `unix`, `unix_ms`, `unix_us`, `unix_ns` and patterns of `strptime`; none is `iso`.
    /// A time without an offset is one of `zone`: an IANA name or an offset; none is UTC.
    ///
    /// # Errors
    /// The format or zone in quotes, and what would be accepted.
    pub fn new(formats: &[String], zone: Option<&str>) -> Result<Self, String> {
        let mut read = Vec::with_capacity(formats.len());
        for text in formats {
            read.push(format(text)?);
        }
        if read.is_empty() {
            read.push(Format::Iso);
        }
        Ok(Self { formats: read, zone: zone.map_or(Ok(TimeZone::UTC), self::zone)? })
    }

    /// Microseconds since 1970; what is finer is cut.
    pub(super) fn microseconds(&self, value: &str) -> Option<i64> {
        match plain(value.as_bytes()) {
            Some(time) if self.formats[0] == Format::Iso => Some(time),
            _ => i64::try_from(self.instant(value)?.div_euclid(1_000)).ok(),
        }
    }

    /// Nanoseconds since 1970, of times from 1678 to 2261.
    pub fn nanoseconds(&self, value: &str) -> Option<i64> {
        match plain(value.as_bytes()) {
            Some(time) if self.formats[0] == Format::Iso => time.checked_mul(1_000),
            _ => i64::try_from(self.instant(value)?).ok(),
        }
    }

    /// What would be read, for messages.
    pub fn describe(&self) -> String {
        let texts: Vec<String> = self
            .formats
            .iter()
            .map(|format| match format {
                Format::Iso => "an ISO 8601 time like \"2021-10-01T08:00:00Z\"".to_owned(),
                Format::Since1970 { word, .. } => format!("a number ({word})"),
                Format::Pattern(pattern) => format!("{pattern:?}"),
            })
            .collect();
        texts.join(" or ")
    }

    fn instant(&self, value: &str) -> Option<i128> {
        let value = value.trim();
        self.formats.iter().find_map(|format| match format {
            Format::Iso => iso(value, &self.zone).map(Timestamp::as_nanosecond),
            Format::Since1970 { nanoseconds, .. } => since_1970(value, *nanoseconds),
            Format::Pattern(pattern) => {
                let time = BrokenDownTime::parse(pattern, value).ok()?;
                let instant = time.to_timestamp().ok().or_else(|| {
                    let civil = time.to_datetime().or_else(|_| {
                        time.to_date().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
                    });
                    self.zone.to_timestamp(civil.ok()?).ok()
                })?;
                Some(instant.as_nanosecond())
            }
        })
    }
}

fn format(text: &str) -> Result<Format, String> {
    if text == "iso" {
        return Ok(Format::Iso);
    }
    if let Some((word, nanoseconds)) = UNITS.iter().find(|(word, _)| *word == text) {
        return Ok(Format::Since1970 { word, nanoseconds: *nanoseconds });
    }
    let accepted = "accepted: iso, unix, unix_ms, unix_us, unix_ns, or a pattern like \"%d/%b/%Y:%H:%M:%S %z\"";
    if !text.contains('%') {
        return Err(format!("{text:?} is no format of times; {accepted}"));
    }
    let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    match strtime::format(text, &sample) {
        Ok(_) => Ok(Format::Pattern(text.to_owned())),
        Err(why) => Err(format!("{text:?} is no format of times: {why}; {accepted}")),
    }
}

/// A zone by its IANA name, or an offset like `+02:00`.
///
/// # Errors
/// The text in quotes, and what would be accepted.
pub fn zone(text: &str) -> Result<TimeZone, String> {
    let accepted = "accepted: a name like \"Europe/Oslo\", or an offset like \"+02:00\"";
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

fn iso(value: &str, zone: &TimeZone) -> Option<Timestamp> {
    value
        .parse::<Timestamp>()
        .ok()
        .or_else(|| value.parse::<Zoned>().ok().map(|zoned| zoned.timestamp()))
        .or_else(|| zone.to_timestamp(value.parse::<DateTime>().ok()?).ok())
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_iso_8601() {
        let eight = 1_633_075_200_000_000;
        for (value, expected) in [
            ("2021-10-01T08:00:00Z", Some(eight)),
            ("2021-10-01T08:00:00", Some(eight)),
            ("2021-10-01 08:00:00", Some(eight)),
            ("2021-10-01T10:00:00+02:00", Some(eight)),
            ("2021-10-01T08:00:00.25Z", Some(eight + 250_000)),
            ("2021-10-01T08:00:00.1234567Z", Some(eight + 123_456)),
            ("2021-10-01", Some(eight - 8 * 3_600_000_000)),
            ("1969-12-31T23:59:59.9999999Z", Some(-1)),
            ("yesterday", None),
            ("2021-13-01T08:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(TimeFormats::default().microseconds(value), expected, "{value}");
        }
        let nanoseconds = |value| TimeFormats::default().nanoseconds(value);
        assert_eq!(nanoseconds("2021-10-01T08:00:00.1234567Z"), Some(eight * 1_000 + 123_456_700));
        assert_eq!(nanoseconds("2021-10-01T08:00:00Z"), Some(eight * 1_000));
        assert_eq!((nanoseconds("3000-01-01T00:00:00Z"), nanoseconds("soon")), (None, None));
        assert_eq!(print(eight + 999_999).unwrap(), "2021-10-01T08:00:00Z");
        assert_eq!(print(-1).unwrap(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn other_formats_and_zones() {
        // 2021-10-01 08:00 UTC is 10:00 in Oslo, which has summer time then.
        let eight = 1_633_075_200_000_000_000;
        for (formats, zone, value, expected) in [
            (&["%d/%b/%Y:%H:%M:%S %z"][..], None, "01/Oct/2021:10:00:00 +0200", Some(eight)),
            (&["%d.%m.%Y %H:%M"], Some("Europe/Oslo"), "01.10.2021 10:00", Some(eight)),
            (&["%Y%m%d"], Some("+02:00"), "20211001", Some(eight - 10 * 3_600_000_000_000)),
            (&[], Some("Europe/Oslo"), "2021-10-01T10:00:00", Some(eight)),
            (&[], Some("Europe/Oslo"), "2021-10-01T08:00:00Z", Some(eight)),
            (&["unix"], None, "1633075200.25", Some(eight + 250_000_000)),
            (&["unix"], None, "-0.5", Some(-500_000_000)),
            (&["unix_ms", "iso"], None, "1633075200000", Some(eight)),
            (&["unix_ms", "iso"], None, "2021-10-01T08:00:00Z", Some(eight)),
            (&["unix"], None, "1e9", None),
        ] {
            let formats: Vec<String> = formats.iter().map(|&format| format.to_owned()).collect();
            let read = TimeFormats::new(&formats, zone).unwrap();
            assert_eq!(read.nanoseconds(value), expected, "{formats:?} {value}");
        }
        let refused =
            |format: &str, zone| TimeFormats::new(&[format.to_owned()], zone).unwrap_err();
        assert!(refused("ISO", None).starts_with("\"ISO\" is no format of times; accepted: iso"));
        assert!(refused("%Y %!", None).starts_with("\"%Y %!\" is no format of times: "));
        assert_eq!(
            refused("iso", Some("Europe/Olso")),
            "there is no time zone \"Europe/Olso\"; accepted: a name like \"Europe/Oslo\", or an offset like \"+02:00\""
        );
        assert!(refused("iso", Some("+2 hours")).starts_with("\"+2 hours\" is no offset"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(
            value in prop_oneof!["\\PC{0,30}", "-?[0-9]{0,25}(\\.[0-9]{0,25})?"],
            format in prop_oneof!["(unix|unix_ms|unix_us|unix_ns|iso)", "(%[a-zA-Z:.0-9-]{1,3}|[ /a-z]){0,8}"],
        ) {
            if let Ok(formats) = TimeFormats::new(&[format], Some("Europe/Oslo")) {
                let _ = (formats.nanoseconds(&value), formats.microseconds(&value));
            }
        }
    }
}
