use super::*;
use proptest::prelude::*;

/// 2021-10-01 08:00 UTC in microseconds.
const EIGHT: i64 = 1_633_075_200_000_000;
const HOUR: i64 = 3_600_000_000;

#[test]
fn forms_of_iso_8601() {
    for (value, expected) in [
        ("2021-10-01T08:00:00Z", Some(EIGHT)),
        ("2021-10-01t08:00:00z", Some(EIGHT)),
        ("2021-10-01T08:00:00", Some(EIGHT)),
        ("2021-10-01 08:00:00", Some(EIGHT)),
        ("2021-10-01 08:00", Some(EIGHT)),
        ("2021-10-01T10:00:00+02:00", Some(EIGHT)),
        ("2021-10-01T10:00:00+0200", Some(EIGHT)),
        ("2021-10-01 10:00:00 +0200", Some(EIGHT)),
        ("2021-10-01T08:00:00+00:00", Some(EIGHT)),
        ("2021-10-01 08:00:00 UTC", Some(EIGHT)),
        ("2021-10-01 08:00:00 gmt", Some(EIGHT)),
        ("2021-10-01 08:00:00 Z", Some(EIGHT)),
        ("2021-10-01 10:00:00 +0200 UTC", Some(EIGHT)),
        ("2021-10-01T10:00:00+02:00[Europe/Oslo]", Some(EIGHT)),
        (" 2021-10-01T08:00:00Z\n", Some(EIGHT)),
        ("2021-10-01T08:00:00.25Z", Some(EIGHT + 250_000)),
        ("2021-10-01 08:00:00,250", Some(EIGHT + 250_000)),
        ("2021-10-01T08:00:00.1234567Z", Some(EIGHT + 123_456)),
        ("2021-10-01T08:00:00.12345678901234Z", Some(EIGHT + 123_456)),
        ("2021-10-01 10:00:00.12345678901234 +02:00", Some(EIGHT + 123_456)),
        ("2021-10-01", Some(EIGHT - 8 * HOUR)),
        ("2021-10-01T24:00:00Z", Some(EIGHT + 16 * HOUR)),
        ("2021-10-01 24:00", Some(EIGHT + 16 * HOUR)),
        ("2021-10-01T24:00:00.000+02:00", Some(EIGHT + 14 * HOUR)),
        ("2021-12-31T24:00:00Z", Some(1_640_995_200_000_000)),
        ("1969-12-31T23:59:59.9999999Z", Some(-1)),
        ("2021-10-01T24:00:01Z", None),
        ("2021-10-01T25:00:00Z", None),
        ("2021-10-01T08:00:00+99:99", None),
        ("2021-10-01T08:00:00[Mars/Base]", None),
        ("yesterday", None),
        ("2021-13-01T08:00:00Z", None),
        ("5/6/2024 8:00:03 AM", None),
        ("06.05.2024 08:00", None),
        ("", None),
    ] {
        assert_eq!(TimeFormats::default().microseconds(value), expected, "{value}");
        assert_eq!(TimeFormats::iso().microseconds(value), expected, "{value}");
    }
    let nanoseconds = |value| TimeFormats::default().nanoseconds(value);
    assert_eq!(nanoseconds("2021-10-01T08:00:00.1234567Z"), Some(EIGHT * 1_000 + 123_456_700));
    assert_eq!(nanoseconds("2021-10-01T08:00:00Z"), Some(EIGHT * 1_000));
    assert_eq!((nanoseconds("3000-01-01T00:00:00Z"), nanoseconds("soon")), (None, None));
    assert_eq!(print(EIGHT + 999_999).unwrap(), "2021-10-01T08:00:00Z");
    assert_eq!(print(-1).unwrap(), "1969-12-31T23:59:59Z");
}

#[test]
fn forms_that_leave_no_doubt() {
    for (value, expected) in [
        ("1633075200", Some(EIGHT)),
        ("1633075200.25", Some(EIGHT + 250_000)),
        ("1633075200000", Some(EIGHT)),
        ("1633075200000.0", Some(EIGHT)),
        ("1633075200000000", Some(EIGHT)),
        ("1633075200000000123", Some(EIGHT)),
        ("1.6330752e+18", Some(EIGHT)),
        ("1.6330752e9", Some(EIGHT)),
        ("/Date(1633075200000)/", Some(EIGHT)),
        ("\\/Date(1633075200250+0200)\\/", Some(EIGHT + 250_000)),
        ("/Date(-1)/", Some(-1_000)),
        ("Fri, 01 Oct 2021 08:00:00 GMT", Some(EIGHT)),
        ("Fri, 1 Oct 2021 10:00:00 +0200", Some(EIGHT)),
        ("1 Oct 2021 08:00:00 +0000", Some(EIGHT)),
        // No number says its unit by other lengths, and none is of 1970.
        ("0", None),
        ("86400", None),
        ("0000000000", None),
        ("163307520", None),
        ("123456789012", None),
        ("20211001080000", None),
        ("9999999999999999999", None),
        ("-1633075200", None),
        ("1.6e300", None),
        ("1e", None),
        ("1..633075200", None),
        ("/Date(soon)/", None),
        ("/Date(1633075200000+2)/", None),
        ("Mon, 01 Oct 2021 08:00:00 GMT", None),
        ("Fri, 01 Oct 2021 08:00:00", None),
    ] {
        assert_eq!(TimeFormats::default().microseconds(value), expected, "{value}");
    }
}

fn reads(formats: &[&str], zone: Option<&str>) -> TimeFormats {
    let formats: Vec<String> = formats.iter().map(|&format| format.to_owned()).collect();
    TimeFormats::new(&formats, zone).unwrap()
}

#[test]
fn other_formats_and_zones() {
    // 2021-10-01 08:00 UTC is 10:00 in Oslo, which has summer time then.
    let eight = EIGHT * 1_000;
    let oslo = Some("Europe/Oslo");
    for (formats, zone, value, expected) in [
        (&["%d/%b/%Y:%H:%M:%S %z"][..], None, "01/Oct/2021:10:00:00 +0200", Some(eight)),
        (&["%d.%m.%Y %H:%M"], oslo, "01.10.2021 10:00", Some(eight)),
        (&["%Y%m%d"], Some("+02:00"), "20211001", Some(eight - 10 * 3_600_000_000_000)),
        (&[], oslo, "2021-10-01T10:00:00", Some(eight)),
        (&[], oslo, "2021-10-01T08:00:00Z", Some(eight)),
        (&[], oslo, "2021-10-01 08:00:00 UTC", Some(eight)),
        (&["unix"], None, "1633075200.25", Some(eight + 250_000_000)),
        (&["unix"], None, "-0.5", Some(-500_000_000)),
        (&["unix"], None, "0", Some(0)),
        (&["unix_ms", "iso"], None, "1633075200000", Some(eight)),
        (&["unix_ms", "iso"], None, "2021-10-01T08:00:00Z", Some(eight)),
        (&["unix"], None, "1e9", None),
        (&["iso"], None, "1633075200000", None),
        // A day of 25 hours ends an hour later.
        (&[], oslo, "2021-10-31T24:00:00", Some(1_635_721_200_000_000_000)),
    ] {
        assert_eq!(reads(formats, zone).nanoseconds(value), expected, "{formats:?} {value}");
    }
    let refused = |format: &str, zone| TimeFormats::new(&[format.to_owned()], zone).unwrap_err();
    assert!(refused("ISO", None).starts_with("\"ISO\" is no format of times; expected auto, iso"));
    assert!(refused("%Y %!", None).starts_with("\"%Y %!\" is no format of times: "));
    assert_eq!(
        refused("iso", Some("Europe/Olso")),
        "there is no time zone \"Europe/Olso\"; expected a name like \"Europe/Oslo\", or an offset like \"+02:00\""
    );
    assert!(refused("iso", Some("+2 hours")).starts_with("\"+2 hours\" is no offset"));
}

#[test]
fn day_and_month_are_told_apart_by_the_feature_file_alone() {
    // 2024-05-06 is 6 May.
    let may = 1_714_953_600_000_000;
    for (format, zone, value, expected) in [
        ("us", None, "5/6/2024", Some(may)),
        ("us", None, "05/06/2024 08:00", Some(may + 8 * HOUR)),
        ("us", None, "5/6/2024 8:00:03 AM", Some(may + 8 * HOUR + 3_000_000)),
        ("us", None, "5/6/2024, 8:00:03\u{202f}PM", Some(may + 20 * HOUR + 3_000_000)),
        ("us", None, "5/6/2024 8:00:03.25 p.m.", Some(may + 20 * HOUR + 3_250_000)),
        ("us", None, "5/6/2024 12:00AM", Some(may)),
        ("us", None, "5/6/2024 12:00 PM UTC", Some(may + 12 * HOUR)),
        ("us", Some("Europe/Oslo"), "5/6/2024 10:00 AM", Some(may + 8 * HOUR)),
        ("us", Some("Europe/Oslo"), "5/6/2024 8:00 AM +00:00", Some(may + 8 * HOUR)),
        ("us", None, "13/6/2024 8:00 AM", None),
        ("us", None, "5/6/2024 13:00 PM", None),
        ("us", None, "5/6/24 8:00 AM", None),
        ("us", None, "5/6/2024 8 o'clock", None),
        ("us", None, "2024-05-06", None),
        ("eu", None, "06.05.2024 08:00", Some(may + 8 * HOUR)),
        ("eu", None, "6.5.2024 08:00:00,5", Some(may + 8 * HOUR + 500_000)),
        ("eu", None, "06/05/2024 20:00:00", Some(may + 20 * HOUR)),
        ("eu", None, "06-05-2024", Some(may)),
        ("eu", None, "06.05/2024", None),
    ] {
        assert_eq!(reads(&[format], zone).microseconds(value), expected, "{format} {value}");
    }
    let both = reads(&["auto", "us"], None);
    assert_eq!(both.microseconds("2024-05-06 08:00:00Z"), Some(may + 8 * HOUR));
    assert_eq!(both.microseconds("5/6/2024 8:00 AM"), Some(may + 8 * HOUR));
    let expected = TimeFormats::default().expected("5/6/2024 8:00:03 AM");
    assert!(
        expected.ends_with(
            "[\"auto\", \"us\"] (month/day/year) or [\"auto\", \"eu\"] (day.month.year)"
        )
    );
    assert!(!TimeFormats::default().expected("soon").contains("feature file"));
    assert_eq!(
        both.expected("soon").split(" or a time like ").last(),
        Some("\"10/1/2021 8:00:00 AM\" (us)")
    );
}

/// Whole days from 2001-09-10 to 2261-12-31: epochs have these lengths, and nanoseconds end soon after.
fn instants() -> impl Strategy<Value = i64> {
    1_000_080_000_i64 * 1_000_000..9_214_560_000_i64 * 1_000_000
}

proptest! {
    #[test]
    fn any_text_is_a_time_or_none(
        value in prop_oneof!["\\PC{0,30}", "-?[0-9]{0,25}(\\.[0-9]{0,25})?", "[0-9/.:TZ +e()AMPDat,-]{0,40}"],
        format in prop_oneof!["(unix|unix_ms|unix_us|unix_ns|iso|auto|us|eu)", "(%[a-zA-Z:.0-9-]{1,3}|[ /a-z]){0,8}"],
    ) {
        if let Ok(formats) = TimeFormats::new(&[format], Some("Europe/Oslo")) {
            let _ = (formats.nanoseconds(&value), formats.microseconds(&value), formats.expected(&value));
        }
    }

    #[test]
    fn what_is_printed_is_read_again(time in instants()) {
        let auto = TimeFormats::default();
        let second = time.div_euclid(1_000_000) * 1_000_000;
        prop_assert_eq!(auto.microseconds(&print(time).unwrap()), Some(second));
        let instant = Timestamp::from_microsecond(time).unwrap();
        let civil = Offset::UTC.to_datetime(instant);
        for text in [
            instant.to_string(),
            civil.to_string(),
            civil.to_string().replace('T', " "),
            format!("{civil} UTC"),
            format!("{} +0000", civil.to_string().replace('T', " ")),
            format!("{}.{:06}", time.div_euclid(1_000_000), time.rem_euclid(1_000_000)),
            time.to_string(),
            (time * 1_000).to_string(),
        ] {
            prop_assert_eq!(auto.microseconds(&text), Some(time), "{}", text);
        }
        let milliseconds = time.div_euclid(1_000) * 1_000;
        for text in [(milliseconds / 1_000).to_string(), format!("/Date({})/", milliseconds / 1_000)] {
            prop_assert_eq!(auto.microseconds(&text), Some(milliseconds), "{}", text);
        }
        let mail = instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        prop_assert_eq!(auto.microseconds(&mail), Some(second), "{}", mail);
        let us = instant.strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string();
        prop_assert_eq!(reads(&["us"], None).microseconds(&us), Some(second), "{}", us);
        let eu = instant.strftime("%d.%m.%Y %H:%M:%S").to_string();
        prop_assert_eq!(reads(&["eu"], None).microseconds(&eu), Some(second), "{}", eu);
    }
}
