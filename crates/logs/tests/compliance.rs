//! What every source has to bear: the same good and bad files, in the words of each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use dfp_logs::texts::TextCells;
use dfp_logs::{Dialect, LogTable, ReadOptions, azure, cloudtrail, duo, okta, read, table};
use std::io::Write as _;
use std::path::PathBuf;

/// A source, and how it writes an event of a user at a time.
struct Source {
    name: &'static str,
    dialect: Dialect,
    /// The user's column after reading.
    user: &'static str,
    /// The times' column after reading.
    time: &'static str,
    /// An event whose text after `USER` and `TIME` is filled in.
    event: &'static str,
}

const SOURCES: &[Source] = &[
    Source {
        name: "cloudtrail",
        dialect: cloudtrail::DIALECT,
        user: "userIdentityuserName",
        time: "eventTime",
        event: r#"{"eventTime": TIME, "userIdentity": {"userName": USER}, "more": MORE}"#,
    },
    Source {
        name: "azure",
        dialect: azure::DIALECT,
        user: "userPrincipalName",
        time: "createdDateTime",
        event: r#"{"properties": {"createdDateTime": TIME, "userPrincipalName": USER, "more": MORE}}"#,
    },
    Source {
        name: "duo",
        dialect: duo::DIALECT,
        user: "username",
        time: "isotimestamp",
        event: r#"{"isotimestamp": TIME, "user": {"name": USER}, "more": MORE}"#,
    },
    Source {
        name: "okta",
        dialect: okta::DIALECT,
        user: "actoralternateId",
        time: "published",
        event: r#"{"published": TIME, "actor": {"alternateId": USER}, "more": MORE}"#,
    },
    Source {
        name: "table",
        dialect: table::DIALECT,
        user: "user",
        time: "timestamp",
        event: r#"{"timestamp": TIME, "user": USER, "more": MORE}"#,
    },
];

const TIME: &str = "\"2024-01-02T03:04:05Z\"";

/// Name, content, users found besides the good file's, rows and files left out.
type Case = (&'static str, Vec<u8>, &'static [&'static str], usize, usize);

impl Source {
    fn event(&self, user: &str, time: &str, more: &str) -> Vec<u8> {
        self.event.replace("USER", user).replace("TIME", time).replace("MORE", more).into()
    }

    fn good(&self, user: &str) -> Vec<u8> {
        self.event(&format!("\"{user}\""), TIME, "1")
    }

    fn read(&self, paths: &[PathBuf]) -> Result<LogTable, String> {
        read(&self.dialect, paths, &ReadOptions::default(), &mut |_, _| {})
            .map_err(|e| e.to_string())
    }

    /// Reads one file beside a good one; the users found, and rows and files left out.
    fn beside_a_good_file(&self, name: &str, content: &[u8]) -> (Vec<String>, usize, usize) {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["0_good.json", name].map(|name| directory.path().join(name));
        std::fs::write(&paths[0], self.good("good")).unwrap();
        std::fs::write(&paths[1], content).unwrap();
        let table = self.read(&paths).unwrap_or_else(|e| panic!("{}: {name}: {e}", self.name));
        for reason in table.skipped.reasons() {
            let named = reason.messages.iter().all(|message| message.contains(name));
            assert!(named, "{}: {:?}", self.name, reason.messages);
        }
        let users = table.batch.column_by_name(self.user).unwrap();
        let cells = TextCells::of(users).unwrap();
        let mut users: Vec<String> = cells.iter().map(|u| u.unwrap_or("-").to_owned()).collect();
        users.sort();
        (users, table.skipped.rows(), table.skipped.files())
    }
}

fn list(events: &[Vec<u8>]) -> Vec<u8> {
    [b"[", events.join(&b","[..]).as_slice(), b"]"].concat()
}

fn lines(events: &[Vec<u8>]) -> Vec<u8> {
    events.join(&b"\n"[..])
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

#[test]
fn every_source_bears_every_file() {
    for source in SOURCES {
        let two = [source.good("ana"), source.good("bo")];
        let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        let large = format!("\"{}\"", "x".repeat(10_000_000));
        let with = |more: &str| source.event("\"ana\"", TIME, more);
        let packed = gzip(&list(&two));
        let invalid = String::from_utf8(with("\"?\"")).unwrap().into_bytes();
        let invalid: Vec<u8> =
            invalid.into_iter().map(|byte| if byte == b'?' { 0xff } else { byte }).collect();
        let trailing = [&gzip(&two[0])[..], &[0; 700], b"more"].concat();
        let mark = [&b"\xef\xbb\xbf"[..], &list(&two)].concat();
        let crlf = two.join(&b"\r\n"[..]);
        let twice = String::from_utf8(with("1"))
            .unwrap()
            .replace("\"more\": 1", "\"more\": 1, \"more\": 2");
        let other_types = with("{\"a\": [true, null, {\"b\": 1.5}]}");
        let future = source.event("\"ana\"", "\"2999-12-31T23:59:59Z\"", "1");
        let past = source.event("\"ana\"", "\"1901-01-01T00:00:00Z\"", "1");
        let csv =
            format!("{},{},more\r\n{},ana,1\r\n{},bo,1\r\n", source.time, source.user, TIME, TIME);
        let latin = [csv.as_bytes(), TIME.as_bytes(), b",zo\xeb,1\r\n"].concat();
        let utf_16 = |text: &[u8]| -> Vec<u8> {
            let text = format!("\u{feff}{}", str::from_utf8(text).unwrap());
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let cases: Vec<Case> = vec![
            ("happy.json", list(&two), &["ana", "bo"], 0, 0),
            ("happy.jsonl", lines(&two), &["ana", "bo"], 0, 0),
            ("packed.json", packed.clone(), &["ana", "bo"], 0, 0),
            ("empty.json", Vec::new(), &[], 0, 1),
            ("blank.json", b" \n".to_vec(), &[], 0, 1),
            ("truncated.json", list(&two)[..40].to_vec(), &[], 0, 1),
            (
                "truncated.jsonl",
                lines(&[two[0].clone(), two[1][..30].to_vec(), two[1].clone()]),
                &["ana", "bo"],
                1,
                0,
            ),
            ("types.json", list(&[with("1"), other_types]), &["ana", "ana"], 0, 0),
            ("large.json", list(&[with(&large)]), &["ana"], 0, 0),
            (
                "deep.jsonl",
                lines(&[with(&deep), two[1].clone(), two[1].clone()]),
                &["bo", "bo"],
                1,
                0,
            ),
            ("deep.json", list(&[with(&deep)]), &[], 0, 1),
            ("deep_one.json", list(&[two[0].clone(), with(&deep)]), &["ana"], 1, 0),
            ("twice.json", list(&[twice.into()]), &["ana"], 0, 0),
            ("null.json", list(&[source.event("null", TIME, "1")]), &["-"], 0, 0),
            ("number.json", list(&[b"17".to_vec(), two[0].clone()]), &["ana"], 1, 0),
            ("future.json", list(&[future]), &["ana"], 0, 0),
            ("past.json", list(&[past]), &["ana"], 0, 0),
            ("mark.json", mark, &["ana", "bo"], 0, 0),
            ("crlf.jsonl", crlf, &["ana", "bo"], 0, 0),
            ("invalid.jsonl", lines(&[invalid.clone(), two[1].clone()]), &["ana", "bo"], 0, 0),
            ("invalid.json", list(&[two[1].clone(), invalid]), &["ana", "bo"], 0, 0),
            ("trailing.json.gz", trailing, &["ana"], 0, 0),
            ("happy.csv", csv.clone().into(), &["ana", "bo"], 0, 0),
            ("mark.csv", [&b"\xef\xbb\xbf"[..], csv.as_bytes()].concat(), &["ana", "bo"], 0, 0),
            ("latin.csv", latin, &["ana", "bo"], 1, 0),
            ("empty.csv", Vec::new(), &[], 0, 1),
            ("utf_16.json", utf_16(&list(&two)), &["ana", "bo"], 0, 0),
            ("utf_16.csv", utf_16(csv.as_bytes()), &["ana", "bo"], 0, 0),
            ("utf_16.json.gz", gzip(&utf_16(&lines(&two))), &["ana", "bo"], 0, 0),
            ("cut.json.gz", packed[..12].to_vec(), &[], 0, 1),
            ("cut_later.json.gz", packed[..packed.len() - 4].to_vec(), &["ana"], 0, 0),
        ];
        for (name, content, users, rows, files) in cases {
            let mut want: Vec<String> = users.iter().map(|u| (*u).to_owned()).collect();
            want.push("good".to_owned());
            want.sort();
            let got = source.beside_a_good_file(name, &content);
            assert_eq!(got, (want, rows, files), "{}: {name}", source.name);
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_counted_and_one_alone_is_an_error() {
    for source in SOURCES {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("good.json"), source.good("ana")).unwrap();
        std::fs::write(path("deleted.json"), source.good("bo")).unwrap();
        std::fs::create_dir(path("directory.json")).unwrap();
        // Found, and gone before they are read.
        std::fs::remove_file(path("deleted.json")).unwrap();
        for bad in ["deleted.json", "directory.json"] {
            let paths = ["good.json", bad].map(path);
            let table = source.read(&paths).unwrap();
            assert_eq!((table.batch.num_rows(), table.skipped.files()), (1, 1), "{}", source.name);
            let error = source.read(&paths[1..]).unwrap_err();
            assert!(error.contains(bad), "{}: {error}", source.name);
        }
    }
}

#[test]
fn answers_and_containers_of_each_source() {
    let event = |source: &Source, user: &str| String::from_utf8(source.good(user)).unwrap();
    let containers = [
        (0, r#"{"Records": [A, B]}"#),
        (1, r#"{"value": [A, B], "@odata.nextLink": "x"}"#),
        (1, r#"{"records": [A, B]}"#),
        (2, r#"{"stat": "OK", "response": [A, B]}"#),
        (
            2,
            r#"{"stat": "OK", "response": {"authlogs": [A, B], "metadata": {"total_objects": 2}}}"#,
        ),
        (3, r#"{"eventType": "hook", "data": {"events": [A, B]}}"#),
        (4, r#"{"rows": [A, B]}"#),
    ];
    for (source, container) in containers {
        let source = &SOURCES[source];
        let text = container.replace('A', &event(source, "ana")).replace('B', &event(source, "bo"));
        let (users, rows, files) = source.beside_a_good_file("all.json", text.as_bytes());
        assert_eq!((users.join(" ").as_str(), rows, files), ("ana bo good", 0, 0), "{container}");
    }
}

#[test]
fn digests_and_insights_of_cloudtrail_are_no_logs() {
    let name = "123456789012_CloudTrail-Digest_us-east-1_trail_us-east-1_20240101T000000Z.json";
    let got =
        SOURCES[0].beside_a_good_file(name, br#"{"digestStartTime": "2024-01-01T00:00:00Z"}"#);
    assert_eq!(got, (vec!["good".to_owned()], 0, 1));
}
