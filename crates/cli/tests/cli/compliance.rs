//! Every source reads the same good and bad files in one run: the right rows come out, the rest is
//! counted with a reason, and memory stays small.

use crate::place::{Place, Running, column};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// The stage of each source, its column of users, and an event of it.
const SOURCES: &[(&str, &str, &str)] = &[
    (
        "from-cloudtrail",
        "userIdentityuserName",
        r#"{"eventTime": TIME, "userIdentity": {"userName": USER}, "kind": "a", "number": NUMBER, "more": MORE}"#,
    ),
    (
        "from-azure",
        "userPrincipalName",
        r#"{"properties": {"createdDateTime": TIME, "userPrincipalName": USER, "kind": "a", "number": NUMBER, "more": MORE}}"#,
    ),
    (
        "from-duo",
        "username",
        r#"{"isotimestamp": TIME, "user": {"name": USER}, "kind": "a", "number": NUMBER, "more": MORE}"#,
    ),
    (
        "from-okta",
        "actoralternateId",
        r#"{"published": TIME, "actor": {"alternateId": USER}, "kind": "a", "number": NUMBER, "more": MORE}"#,
    ),
    (
        "from-file",
        "user",
        r#"{"timestamp": TIME, "user": USER, "kind": "a", "number": NUMBER, "more": MORE}"#,
    ),
];

const TIME: &str = "\"2024-01-02T03:04:05Z\"";
/// What is told of each file that is not, or not wholly, read.
const LEFT_OUT: [(&str, &str); 8] = [
    ("cut.json.gz", "broken gzip data"),
    ("deep.jsonl", "recursion limit exceeded"),
    ("deleted.json", "No such file or directory"),
    ("empty.json", "empty file"),
    ("mixed.jsonl", "invalid unicode"),
    ("truncated.json", "EOF while parsing"),
    ("truncated.jsonl", "EOF while parsing"),
    ("unreadable.json", "No such file or directory"),
];
/// Most memory of a run, in bytes.
const MOST: u64 = 300 << 20;

/// Files of one source, and the numbers of the rows that come out.
struct Files<'a> {
    place: &'a Place,
    event: &'static str,
    expected: BTreeSet<usize>,
    next: usize,
}

impl Files<'_> {
    fn event(&mut self, user: &str, time: &str, more: &str) -> String {
        self.next += 1;
        self.event
            .replace("USER", user)
            .replace("TIME", time)
            .replace("NUMBER", &self.next.to_string())
            .replace("MORE", more)
    }

    /// An event that comes out.
    fn good(&mut self, time: &str, more: &str) -> String {
        let event = self.event("\"ana\"", time, more);
        self.expected.insert(self.next);
        event
    }

    /// An event that does not.
    fn lost(&mut self, more: &str) -> String {
        self.event("\"ana\"", TIME, more)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.place.write(&format!("in/{name}"), content);
    }

    fn write_all(&mut self) {
        let list = |events: &[String]| format!("[{}]", events.join(","));
        let pair = [self.good(TIME, "1"), self.good(TIME, "1")];
        self.write("happy.json", list(&pair));
        self.write("empty.json", "");
        let cut = list(&[self.lost("1"), self.lost("1")]);
        self.write("truncated.json", &cut[..cut.len() / 3]);
        let (first, last) = (self.good(TIME, "1"), self.good(TIME, "1"));
        self.write("truncated.jsonl", format!("{first}\n{}\n{last}\n", &cut[1..30]));
        let types = self.good(TIME, "{\"a\": [true, null, {\"b\": 1.5}]}");
        self.write("types.json", list(&[types]));
        let large = self.good(TIME, &format!("\"{}\"", "x".repeat(10_000_000)));
        self.write("large.json", list(&[large]));
        let nested = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        let deep = self.lost(&nested);
        let beside = self.good(TIME, "1");
        self.write("deep.jsonl", format!("{deep}\n{beside}\n"));
        let twice = self.good(TIME, "1").replace("\"more\": 1", "\"more\": 1, \"more\": 2");
        self.write("twice.json", list(&[twice]));
        let nobody = self.event("null", TIME, "1");
        self.write("nobody.json", list(&[nobody]));
        let future = self.good("\"2999-12-31T23:59:59Z\"", "1");
        self.write("future.json", list(&[future]));
        let past = [self.good("\"1969-12-31T23:59:59Z\"", "1"), self.good("\"1901-01-01\"", "1")];
        self.write("past.json", list(&past));
        let marked = self.good(TIME, "1");
        self.write("mark.json", format!("\u{feff}{}", list(&[marked])));
        let (first, last) = (self.good(TIME, "1"), self.good(TIME, "1"));
        self.write("crlf.jsonl", format!("{first}\r\n{last}\r\n"));
        let (latin, beside) = (self.good(TIME, "\"?\""), self.good(TIME, "\"\u{eb}\""));
        let latin: Vec<u8> = latin.bytes().map(|b| if b == b'?' { 0xeb } else { b }).collect();
        self.write("mixed.jsonl", [&latin, &b"\n"[..], beside.as_bytes()].concat());
        let packed = gzip(list(&[self.good(TIME, "1"), self.lost("1")]).as_bytes());
        self.write("cut.json.gz", &packed[..packed.len() - 9]);
        std::os::unix::fs::symlink("gone", self.place.path("in/unreadable.json")).unwrap();
        let deleted = self.lost("1");
        self.write("deleted.json", deleted);
    }
}

/// One stored block: the form needs no compression.
fn gzip(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let mut packed = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01".to_vec();
    packed.extend(length.to_le_bytes());
    packed.extend((!length).to_le_bytes());
    packed.extend(content);
    packed.extend([0; 8]);
    packed
}

/// Waits until the run has found its files, which it does before it makes its output, and trains.
fn wait_for_start(place: &Place) {
    let start = Instant::now();
    while !place.list(".").iter().any(|name| name.ends_with(".partial")) {
        assert!(start.elapsed() < Duration::from_secs(60), "the run does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Most memory that a run has had at a time until it ends, in bytes; 0 where the system does not tell.
fn peak(running: &mut Running) -> u64 {
    let mut peak = 0;
    while !running.has_ended() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(1024 * kilobytes.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

#[test]
fn every_source_bears_every_file_in_one_run() {
    for (source, user, event) in SOURCES {
        let place = Place::new();
        place.write("features.txt", "kind\n");
        let mut history = String::new();
        let mut files = Files { place: &place, event, expected: BTreeSet::new(), next: 0 };
        for number in 0..1_000 {
            let kind = ["a", "b", "c"][number % 3];
            let row = files.lost("1").replace("\"kind\": \"a\"", &format!("\"kind\": \"{kind}\""));
            let _ = writeln!(history, "{row}");
        }
        place.write("training/a.jsonl", history);
        files.write_all();
        let mut running = place.start(&format!(
            "run pipeline-ae --userid_column_name={user} --columns_file=features.txt {source} --input_glob=in/* \
             train-ae --train_data_glob=training/* --seed=1 preprocess inf-pytorch add-scores serialize to-file --filename=out.csv"
        ));
        wait_for_start(&place);
        std::fs::remove_file(place.path("in/deleted.json")).unwrap();
        let peak = peak(&mut running);
        let ended = running.ended();
        assert_eq!(ended.code, 3, "{source}: {}", ended.stderr);
        let written = place.read("out.csv");
        let numbers = column(&written, "number");
        let numbers: BTreeSet<usize> = numbers.iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(numbers, files.expected, "{source}");
        assert_eq!(written.lines().count(), 1 + numbers.len(), "{source}");
        assert!(written.len() > 10_000_000, "{source}: the large field is whole");
        let count = numbers.len();
        for line in [
            format!("read       {} rows of 1 user", count + 1),
            format!("scored     {count} rows"),
            format!("written    {count} rows to out.csv"),
        ] {
            assert!(ended.stdout.contains(&line), "{source}: {}", ended.stdout);
        }
        // Sources that expect a time name the row without one too, and keep it.
        let is_left_out =
            |line: &&str| line.starts_with("skipped") && !line.contains("no readable time; kept");
        let skipped: Vec<&str> = ended.stdout.lines().filter(is_left_out).collect();
        let counted = [
            "skipped    input: 1 end of a file: compressed data cut short",
            "skipped    input: 2 rows: broken JSON line",
            "skipped    input: 4 files: unreadable file",
            "skipped    input: 1 row without a user",
        ];
        assert_eq!(skipped, counted, "{source}");
        for (file, why) in LEFT_OUT {
            let told = |line: &str| line.contains(&format!("\"in/{file}\"")) && line.contains(why);
            assert!(ended.stderr.lines().any(told), "{source}: {file}: {}", ended.stderr);
        }
        match peak {
            0 => eprintln!("the system does not tell how much memory a process has"),
            peak => assert!(peak < MOST, "{source}: {} MiB", peak >> 20),
        }
    }
}
