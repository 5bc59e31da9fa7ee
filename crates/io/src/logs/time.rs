//! Event times.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Timestamp, Unit, Zoned};

/// Microseconds since 1970 of an ISO 8601 time; without a zone it is UTC. Digits beyond
/// microseconds are cut.
pub(super) fn parse(value: &str) -> Option<i64> {
    if let Some(time) = plain(value.as_bytes()) {
        return Some(time);
    }
    i64::try_from(instant(value)?.as_nanosecond().div_euclid(1_000)).ok()
}

/// Nanoseconds since 1970 of an ISO 8601 time from 1678 to 2261; without a zone it is UTC.
pub fn nanoseconds(value: &str) -> Option<i64> {
    match plain(value.as_bytes()) {
        Some(microseconds) => microseconds.checked_mul(1_000),
        None => i64::try_from(instant(value)?.as_nanosecond()).ok(),
    }
}

fn instant(value: &str) -> Option<Timestamp> {
    let value = value.trim();
    value
        .parse::<Timestamp>()
        .ok()
        .or_else(|| value.parse::<Zoned>().ok().map(|zoned| zoned.timestamp()))
        .or_else(|| Offset::UTC.to_timestamp(value.parse::<DateTime>().ok()?).ok())
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
            assert_eq!(parse(value), expected, "{value}");
        }
        assert_eq!(nanoseconds("2021-10-01T08:00:00.1234567Z"), Some(eight * 1_000 + 123_456_700));
        assert_eq!(nanoseconds("2021-10-01T08:00:00Z"), Some(eight * 1_000));
        assert_eq!((nanoseconds("3000-01-01T00:00:00Z"), nanoseconds("soon")), (None, None));
        assert_eq!(print(eight + 999_999).unwrap(), "2021-10-01T08:00:00Z");
        assert_eq!(print(-1).unwrap(), "1969-12-31T23:59:59Z");
    }
}
