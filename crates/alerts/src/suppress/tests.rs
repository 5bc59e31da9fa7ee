use super::*;
use arrow_array::{ArrayRef, Int64Array, StringArray};
use dfp_engine::Progress;
use parking_lot::Mutex;
use std::sync::Arc;

const HOUR: i64 = 3_600_000_000_000;

struct Heard(Mutex<Vec<String>>);

impl Reporter for Heard {
    fn say(&self, _: Weight, text: &str) {
        self.0.lock().push(text.to_owned());
    }
    fn progress(&self, _: Progress<'_>) {}
    fn phase_over(&self) {}
}

const RULES: &str = r#"
[[suppress]]
author = "jane"
reason = "backups"
expires = "never"
user = "backup"

[[suppress]]
author = "jo"
reason = "the office"
expires = "1970-01-02"
feature = "address"
addresses = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]

[[suppress]]
author = "jo"
reason = "numbers"
expires = "never"
user = ["ann", "ben"]
feature = "port"
matches = "44."

[[suppress]]
author = "jo"
reason = "gone"
expires = "never"
feature = "hots"
value = "a"
"#;

#[test]
fn rules_are_held_against_users_values_addresses_and_times() {
    let rules = Rules::parse("rules.toml", RULES).unwrap();
    let addresses = [
        Some("10.1.2.3"),
        Some("::ffff:10.1.2.3"),
        Some("192.0.2.8"),
        Some("x"),
        None,
        Some("2001:db8::1"),
    ];
    let address: ArrayRef = Arc::new(StringArray::from(addresses.to_vec()));
    let port: ArrayRef = Arc::new(Int64Array::from(vec![80, 443, 443, 4430, 445, 80]));
    let host: ArrayRef = Arc::new(StringArray::from(vec![Some("a"); 6]));
    let rows =
        RecordBatch::try_from_iter([("address", address), ("port", port), ("host", host)]).unwrap();
    let times = [0, HOUR, 0, 0, 0, 24 * HOUR];
    let heard = Heard(Mutex::default());
    let reading = rules.hold("ann", &rows, &times, &heard).unwrap();
    assert_eq!(reading.applies, [Some(1), Some(1), Some(2), None, Some(2), None]);
    assert_eq!(reading.expired, [None, None, None, None, None, Some(1)]);
    assert_eq!(rules.hold("backup", &rows, &times, &heard).unwrap().applies, [Some(0); 6]);
    let of_carl = rules.hold("carl", &rows, &times, &heard).unwrap().applies;
    assert_eq!(of_carl, [Some(1), Some(1), None, None, None, None]);
    let heard = heard.0.into_inner();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].contains("\"gone\"") && heard[0].contains("\"hots\"") && heard[0].contains("host"),
        "{heard:?}"
    );
    assert_eq!(rules.rules[0].in_words(), "backups (jane)");
}

#[test]
fn mistakes_of_a_rule_file_are_told_together_with_their_lines() {
    let told = |text: &str| Rules::parse("r.toml", text).err().unwrap_or_default().join("\n");
    let text =
        told("[[suppress]]\nauthor = \"jo\"\nexpires = \"soon\"\nvalue = \"a\"\nusr = \"ann\"\n");
    for part in [
        "r.toml line 1: suppress: key \"reason\" is missing",
        "r.toml line 3: suppress: expires: \"soon\" is not a time",
        "need the feature",
        "\"usr\"; did you mean \"user\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = told(
        "[[suppress]]\nauthor = \"jo\"\nreason = \"r\"\nexpires = \"never\"\n[[suppress]]\nauthor = \"jo\"\nreason = \"r\"\nexpires = \"never\"\nfeature = \"a\"\nvalue = \"x\"\nmatches = \"(\"\naddresses = [\"10.0.0\"]\n",
    );
    for part in [
        "line 1: suppress: it would suppress every alert",
        "exclude one another",
        "\"10.0.0\" is no address",
        "\"(\" is no regular expression",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(
        told("[[suppress]]\nauthor=\"a\"\nreason=\"r\"\nexpires=\"never\"\nfeature=\"a\"\n")
            .contains("needs value, matches or addresses")
    );
    assert!(told("").contains("there is no rule"));
    assert!(told("suppress = 1").contains("write [[suppress]]"));
    assert!(told("[[suppress").contains("is no TOML"));
}
