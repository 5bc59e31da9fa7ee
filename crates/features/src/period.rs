//! Texts of times, durations and calendar periods, all in UTC.

use dfp_logs::time::TimeFormats;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds.
const DAY: i64 = 86_400_000_000;
/// Shorter periods would make more batches than logs have rows.
const SHORTEST: i64 = 60_000_000;

/// Reads `90 s`, `10m`, `1h30m`, `60d`; `m` is minutes, a day has 24 hours.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    // A bare number has no unit, and a span without one means nothing.
    if text.parse::<f64>().is_ok() {
        return None;
    }
    let duration = match text.parse::<SignedDuration>() {
        Ok(duration) => duration,
        Err(_) => {
            let span: jiff::Span = text.parse().ok()?;
            let days = jiff::SpanRelativeTo::days_are_24_hours();
            span.to_duration(days).ok()?
        }
    };
    duration.try_into().ok()
}

/// Reads an ISO 8601 time, or a date, which is its midnight; without a zone it is UTC.
/// Microseconds since 1970.
pub fn instant(text: &str) -> Option<i64> {
    TimeFormats::default().nanoseconds(text).map(|ns| ns.div_euclid(1_000))
}

/// Microseconds from 1970 to now.
pub fn now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

/// A calendar period in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// This many microseconds, counted from 1970-01-01: a part of a day, or whole days.
    Every(i64),
    /// From Monday on.
    Week,
    /// From the first of a month on.
    Month,
}

impl Period {
    /// From midnight.
    pub const DAY: Self = Self::Every(DAY);
    /// From the full hour.
    pub const HOUR: Self = Self::Every(DAY / 24);

    /// Reads `D`, `W`, `M`, `h`, with pandas' letters and words, or a duration of a minute or more that
    /// divides a day or is whole days.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "D" | "d" | "day" => return Some(Self::DAY),
            "H" | "h" | "hour" => return Some(Self::HOUR),
            "W" | "w" | "week" => return Some(Self::Week),
            "M" | "month" => return Some(Self::Month),
            _ => {}
        }
        let every = i64::try_from(duration(text)?.as_micros()).ok()?;
        (every >= SHORTEST && (DAY % every == 0 || every % DAY == 0)).then_some(Self::Every(every))
    }

    /// The period that a time (microseconds since 1970) is in: its first instant, and that of the next.
    pub fn around(self, time: i64) -> (i64, i64) {
        let whole = || match self {
            Self::Every(every) => {
                let start = time.div_euclid(every).checked_mul(every)?;
                Some((start, start.checked_add(every)?))
            }
            Self::Week => {
                let day = Offset::UTC.to_datetime(Timestamp::from_microsecond(time).ok()?).date();
                let since = i64::from(day.weekday().since(Weekday::Monday));
                let monday = day.checked_sub(since.days()).ok()?;
                Some((midnight(monday)?, midnight(monday.checked_add(7.days()).ok()?)?))
            }
            Self::Month => {
                let day = Offset::UTC.to_datetime(Timestamp::from_microsecond(time).ok()?).date();
                let first = day.first_of_month();
                Some((midnight(first)?, midnight(first.checked_add(1.month()).ok()?)?))
            }
        };
        // Beyond the calendar there is only one period.
        whole().unwrap_or((i64::MIN, i64::MAX))
    }
}

fn midnight(date: jiff::civil::Date) -> Option<i64> {
    let midnight: DateTime = date.to_datetime(jiff::civil::Time::midnight());
    Offset::UTC.to_timestamp(midnight).ok().map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let seconds = |text| duration(text).map(|d| d.as_secs_f64());
        for (text, expected) in [
            ("90 s", Some(90.0)),
            ("10m", Some(600.0)),
            ("1h30m", Some(5400.0)),
            ("60d", Some(5_184_000.0)),
            ("1.5h", Some(5400.0)),
            ("0s", Some(0.0)),
            ("250 ms", Some(0.25)),
            ("7", None),
            ("-1h", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn periods_are_those_of_the_calendar() {
        let at = |text| instant(text).unwrap();
        let time = at("2024-02-29T13:45:10Z");
        for (text, start, end) in [
            ("D", "2024-02-29", "2024-03-01"),
            ("1h", "2024-02-29T13:00:00Z", "2024-02-29T14:00:00Z"),
            ("15 min", "2024-02-29T13:45:00Z", "2024-02-29T14:00:00Z"),
            ("W", "2024-02-26", "2024-03-04"),
            ("M", "2024-02-01", "2024-03-01"),
        ] {
            let period = Period::parse(text).unwrap();
            assert_eq!(period.around(time), (at(start), at(end)), "{text}");
            assert_eq!(period.around(at(start)).0, at(start), "{text}");
            assert_eq!(period.around(at(end)).0, at(end), "{text}");
        }
        assert_eq!(
            Period::parse("D").unwrap().around(at("1969-12-31T12:00:00Z")).0,
            at("1969-12-31")
        );
        for refused in ["7h", "0s", "1us", "30s", "often", "1", "36h"] {
            assert_eq!(Period::parse(refused), None, "{refused}");
        }
        assert_eq!(Period::Week.around(i64::MAX), (i64::MIN, i64::MAX));
    }
}
