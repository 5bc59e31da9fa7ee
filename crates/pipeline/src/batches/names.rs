//! The time that a file's name tells.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use regex::Regex;
use std::path::Path;
use std::sync::LazyLock;

/// A date, and a time of the day behind it if there is one: `2023-07-10`, `20230710T1145Z`,
/// `2023-07-10T11_45_00.5Z`, `2023/07/10`.
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x) (?:^|[^0-9]) ((?:19|20)\d\d) ([-_/.]?) (\d\d) [-_/.]? (\d\d)
          (?: [T_\ -] (\d\d) [:_.-]? (\d\d) (?: [:_.-]? (\d\d) )? Z? )? (?:$|[^0-9])",
    )
    .ok()
});

/// Microseconds since 1970 of the time (UTC) in a file's name, else in the names of its directories.
pub fn time(path: &Path) -> Option<i64> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let whole = path.to_string_lossy();
    first(&name).or_else(|| first(&whole.replace('\\', "/")))
}

fn first(text: &str) -> Option<i64> {
    let pattern = TIME.as_ref()?;
    pattern.captures_iter(text).find_map(|found| {
        let number = |group| match found.get(group) {
            Some(digits) => digits.as_str().parse::<i16>().ok(),
            None => Some(0),
        };
        let small = |group| number(group).and_then(|n| i8::try_from(n).ok());
        let time =
            DateTime::new(number(1)?, small(3)?, small(4)?, small(5)?, small(6)?, small(7)?, 0);
        Offset::UTC.to_timestamp(time.ok()?).ok().map(Timestamp::as_microsecond)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_many_exports_tell_their_time() {
        for (path, expected) in [
            (
                "AWSLogs/218/CloudTrail/us-east-1/2023/07/10/218007301253_CloudTrail_us-east-1_20230710T1145Z_7xgo.json.gz",
                Some("2023-07-10T11:45:00Z"),
            ),
            ("azure/2022-08-01T03_31_49.512Z.json", Some("2022-08-01T03:31:49Z")),
            ("DUO_2022-08-01.json", Some("2022-08-01")),
            ("logs/2024/01/02/part-7.json", Some("2024-01-02")),
            ("y=2024-01-02/part.json", Some("2024-01-02")),
            ("okta_20240102.jsonl", Some("2024-01-02")),
            ("2024-13-45.json", None),
            ("218007301253.json", None),
            ("user123.csv", None),
        ] {
            let expected = expected.map(|text| dfp_features::period::instant(text).unwrap());
            assert_eq!(time(Path::new(path)), expected, "{path}");
        }
    }
}
