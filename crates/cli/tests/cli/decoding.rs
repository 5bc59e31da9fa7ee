//! Files that are not quite what they should be, or in forms that others write: what is read, and what is
//! said of the rest.

use crate::place::{Ended, Place};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write as _;
use std::sync::Arc;

const CLOUDTRAIL: &str = "run pipeline-ae --userid_column_name=userIdentityuserName from-cloudtrail --input_glob=in/* to-file --filename=out.csv --overwrite";
const TABLE: &str = "run pipeline-ae --columns_file=columns.txt --userid_column_name=uid from-file --input_glob=in/* to-file --filename=out.csv --overwrite";

/// A CloudTrail event of a user with one more member.
fn event(user: &str, second: usize, more: &str) -> String {
    format!(
        r#"{{"eventTime": "2024-05-06T08:00:{second:02}Z", "eventName": "List", "userIdentity": {{"userName": "{user}"}}{more}}}"#
    )
}

/// The users of the output, in its order.
fn users(place: &Place, column: &str) -> Vec<String> {
    let text = place.read("out.csv");
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let at = rows.headers().unwrap().iter().position(|name| name == column).unwrap();
    rows.records().map(|row| row.unwrap()[at].to_owned()).collect()
}

fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(content.as_ref()).unwrap();
    packed.finish().unwrap()
}

/// Reads one file of CloudTrail.
fn read(name: &str, content: impl AsRef<[u8]>) -> (Place, Ended) {
    let place = Place::new();
    place.write(&format!("in/{name}"), content);
    let ended = place.morpheus(CLOUDTRAIL);
    (place, ended)
}

/// Reads one table of the columns `uid`, `action`, `size`.
fn read_table(name: &str, content: impl AsRef<[u8]>, options: &str) -> (Place, Ended) {
    let place = Place::new();
    place.write("columns.txt", "action\n");
    place.write(&format!("in/{name}"), content);
    let ended = place.morpheus(&TABLE.replace("from-file", &format!("from-file {options}")));
    (place, ended)
}

fn utf_16(text: &str, little: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn parquet_is_read_with_every_compression() {
    let column = |values: [&str; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let rows = RecordBatch::try_from_iter([
        ("uid", column(["ana", "bo", "ana"])),
        ("action", column(["a", "b", "c"])),
    ])
    .unwrap();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ] {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        let (place, ended) = read_table("a.parquet", writer.into_inner().unwrap(), "");
        assert_eq!(ended.code, 0, "{compression}: {}", ended.stderr);
        assert_eq!(users(&place, "uid"), ["ana", "ana", "bo"], "{compression}");
    }
}

#[test]
fn padding_behind_gzip_is_fine_and_other_bytes_are_reported() {
    let (one, two) = (event("ana", 1, ""), event("bo", 2, ""));
    let members = [gzip(format!("{one}\n")), gzip(&two)].concat();
    let (place, ended) = read("a.jsonl.gz", [&members[..], &[0; 5_000]].concat());
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
    assert_eq!(users(&place, "userIdentityuserName"), ["ana", "bo"]);
    let (place, ended) = read("a.jsonl.gz", [&members[..], b"garbage"].concat());
    assert_eq!(ended.code, 3);
    assert!(ended.stdout.contains("input: 1 end of a file: bytes behind the compressed data"));
    assert!(ended.stderr.contains("7 bytes behind the gzip data: \"in/a.jsonl.gz\""));
    assert_eq!(users(&place, "userIdentityuserName"), ["ana", "bo"]);
}

#[test]
fn rows_before_the_end_of_a_truncated_file_are_read() {
    let events: Vec<String> = (0..50).map(|i| event(&format!("user{i}"), i, "")).collect();
    let table: String = (0..500).map(|i| format!("user{i},{},{i}\n", i * 7919 % 1000)).collect();
    for (name, content, line) in [
        ("a.jsonl.gz", events.join("\n"), CLOUDTRAIL),
        ("a.json.gz", format!("{{\"Records\": [{}]}}", events.join(",")), CLOUDTRAIL),
        ("a.csv.gz", format!("uid,action,size\n{table}"), TABLE),
    ] {
        let place = Place::new();
        place.write("columns.txt", "action\n");
        let packed = gzip(&content);
        place.write(&format!("in/{name}"), &packed[..packed.len() * 3 / 4]);
        let ended = place.morpheus(line);
        assert_eq!(ended.code, 3, "{name}: {}", ended.stderr);
        assert!(ended.stdout.contains("1 end of a file: compressed data cut short"), "{name}");
        let column = if line == TABLE { "uid" } else { "userIdentityuserName" };
        let users = users(&place, column);
        assert!(!users.is_empty(), "{name}");
        for (number, user) in users.iter().enumerate() {
            assert_eq!(user, &format!("user{number}"), "{name}");
        }
        if line == TABLE {
            // No number is half a number.
            let sizes: Vec<String> = (0..users.len()).map(|i| i.to_string()).collect();
            assert_eq!(self::users(&place, "size"), sizes);
        }
    }
}

#[test]
fn half_a_surrogate_costs_that_character() {
    let events = [
        event("ana", 1, ""),
        event("bo", 2, r#", "userAgent": "x\ud83dy""#),
        event("cy", 3, r#", "userAgent": "\udc00""#),
    ];
    for (name, content) in [
        ("a.json", format!("{{\"Records\": [{}]}}", events.join(","))),
        ("a.json", format!("[{}]", events.join(",\n"))),
        ("a.jsonl", events.join("\n")),
    ] {
        let (place, ended) = read(name, &content);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(users(&place, "userIdentityuserName"), ["ana", "bo", "cy"]);
        assert_eq!(users(&place, "userAgent"), ["", "x\u{fffd}y", "\u{fffd}"]);
        assert!(
            ended.stdout.contains(
                "changed    input: 2 values: JSON string or number that had to be mended"
            )
        );
        assert!(ended.stderr.contains("row 1"), "{}", ended.stderr);
        let strict = place.morpheus(&CLOUDTRAIL.replace("run ", "run --strict "));
        assert_eq!(strict.code, 1);
        assert!(
            strict
                .stderr
                .ends_with("error: --strict: 2 values of the input would be changed or left out\n"),
            "{}",
            strict.stderr
        );
    }
}

#[test]
fn raw_control_characters_and_bad_utf_8_cost_their_string() {
    let events = [
        event("ana", 1, ", \"userAgent\": \"a\tb\""),
        event("bo", 2, ", \"userAgent\": \"c?d\""),
        event("cy", 3, ", \"key?\": 1"),
    ];
    let content = format!("{{\"Records\": [{}]}}", events.join(","));
    let content: Vec<u8> = content.bytes().map(|b| if b == b'?' { 0xe9 } else { b }).collect();
    let (place, ended) = read("a.json", content);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(users(&place, "userAgent"), ["a\tb", "c\u{fffd}d", ""]);
    assert_eq!(users(&place, "key\u{fffd}")[2], "1.0");
    assert!(ended.stdout.contains("input: 3 values: JSON string or number"), "{}", ended.stdout);
}

#[test]
fn a_broken_event_of_a_document_costs_itself() {
    let deep = event("no", 4, &format!(", \"x\": {}1{}", "[".repeat(300), "]".repeat(300)));
    let events = [event("ana", 1, ""), deep, "{\"eventTime\" 1}".into(), event("bo", 2, "")];
    let (place, ended) = read("a.json", format!("{{\"Records\": [{}]}}", events.join(",")));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert_eq!(users(&place, "userIdentityuserName"), ["ana", "bo"]);
    assert!(ended.stdout.contains("input: 2 rows: broken JSON event"), "{}", ended.stdout);
    assert!(ended.stderr.contains("recursion limit exceeded: \"in/a.json\" row 1"));
    assert!(ended.stderr.contains("\"in/a.json\" row 2"), "{}", ended.stderr);
}

#[test]
fn utf_16_is_read_with_and_without_a_mark() {
    let events = [event("ana", 1, ""), event("b\u{f6}", 2, "")];
    let list = format!("{{\"Records\": [{}]}}\r\n", events.join(", "));
    let lines = events.join("\r\n");
    let unmarked = utf_16(&lines, true)[2..].to_vec();
    let marked = [utf_16(&list, true), utf_16(&lines, false), gzip(utf_16(&lines, true))];
    for content in marked.into_iter().chain([unmarked]) {
        let (place, ended) = read("a.json", content);
        assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
        assert_eq!(users(&place, "userIdentityuserName"), ["ana", "b\u{f6}"]);
    }
    let (place, ended) = read_table("a.csv", utf_16("uid,action\nana,l\u{e4}s\n", true), "");
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
    assert_eq!(users(&place, "action"), ["l\u{e4}s"]);
}

#[test]
fn a_header_in_the_middle_is_no_row_and_changes_no_type() {
    let usual: String = (0..30).map(|i| format!("ana,a1,{}\n", 100 + i % 10)).collect();
    let place = Place::new();
    place.write("columns.txt", "n\n");
    place.write("old.csv", format!("uid,action,n\n{usual}"));
    place.write("new.csv", "uid,action,n\nana,a1,104\nana,a1,108\nuid,action,n\nana,a1,900000\n");
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=uid --columns_file=columns.txt from-file --input_glob=new.csv \
         train-ae --train_data_glob=old.csv --seed=1 --train_epochs=3 --architecture=compact preprocess inf-ae \
         add-scores --label=zscore serialize to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("input: 1 row: header line repeated"), "{}", ended.stdout);
    assert!(ended.stderr.contains("\"new.csv\" line 4 row 2"), "{}", ended.stderr);
    let scores: Vec<f64> =
        users(&place, "zscore").iter().map(|score| score.parse().unwrap()).collect();
    assert_eq!(scores.len(), 3);
    assert!(scores[2] > 5.0 * scores[0].abs().max(scores[1].abs()), "{scores:?}");
}

#[test]
fn nul_bytes_of_a_crash_are_no_row() {
    let (place, ended) = read_table("a.csv", "uid,action\nana,a\0b\n\0\0\0\0\n\0\0bo,c\n", "");
    assert_eq!(ended.code, 3);
    assert_eq!(users(&place, "uid"), ["ana", "bo"]);
    assert_eq!(users(&place, "action"), ["a\0b", "c"]);
    assert!(ended.stdout.contains("input: 1 row: NUL bytes in place of rows"), "{}", ended.stdout);
    let lines = format!("{}\n\0\0\0{}\n", event("ana", 1, ""), event("bo", 2, ""));
    let (place, ended) = read("a.jsonl", lines);
    assert_eq!(ended.code, 3);
    assert_eq!(users(&place, "userIdentityuserName"), ["ana", "bo"]);
}

#[test]
fn another_delimiter_is_read_by_option_or_by_its_line_and_hinted_otherwise() {
    for (sign, word) in [(";", ";"), ("\t", "tab"), ("|", "|")] {
        let text = "uid,action,size\nana,l\u{e4}s,1\nbo,x,2\n".replace(',', sign);
        let (place, ended) = read_table("a.csv", &text, &format!("--delimiter={word}"));
        assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
        assert_eq!(users(&place, "uid"), ["ana", "bo"]);
        assert_eq!(users(&place, "size"), ["1", "2"]);
        let (_, ended) = read_table("a.csv", &text, "");
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains("one column"), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("--delimiter=\"{word}\"")), "{}", ended.stderr);
        let (place, ended) = read_table("a.csv", format!("sep={sign}\r\n{text}"), "");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(users(&place, "uid"), ["ana", "bo"]);
    }
}

#[test]
fn other_delimiters_are_read_wherever_logs_are() {
    let place = Place::new();
    let rows: String =
        (0..40).map(|i| format!("2024-05-06T08:00:{:02}Z;ana;a{}\n", i, i % 3)).collect();
    place.write("in/a.csv", format!("timestamp;uid;action\n{rows}"));
    place.write("features.toml", "user = \"uid\"\ntime = \"timestamp\"\nfeatures = [\"action\"]\n");
    let train = "train --source=file --features=features.toml --input=in/* --store=models --min_history=10 --train_users=individual";
    let ended = place.morpheus(train);
    assert!(ended.stderr.contains("--delimiter=\";\""), "{}", ended.stderr);
    let ended = place.morpheus(&format!("{train} --delimiter=;"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let score = "score --source=file --features=features.toml --input=in/* --store=models --output=out.csv --delimiter=;";
    assert_eq!(place.morpheus(score).code, 0);
    assert_eq!(users(&place, "uid").len(), 40);
    let check = "tools features --check=features.toml --source=from-file in/a.csv --delimiter=;";
    let ended = place.morpheus(check);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("40 rows of 1 user"), "{}", ended.stdout);
}

#[test]
fn a_pretty_event_behind_many_lines_is_read() {
    let mut lines: Vec<String> = (0..59).map(|i| event("ana", i, "")).collect();
    lines.extend((0..20).map(|i| event("bo", i, "")));
    let pretty = event("cy", 59, ", \"l\": [1, 2]").replace(", ", ",\n  ").replace('{', "{\n  ");
    lines.push(pretty);
    lines.push("{\"eventTime\": \"2024-05".to_owned());
    lines.push(event("di", 59, ""));
    let (place, ended) = read("a.json", lines.join("\n"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("input: 1 row: broken JSON line"), "{}", ended.stdout);
    let users = users(&place, "userIdentityuserName");
    assert_eq!(users.len(), 81);
    assert!(users.contains(&"cy".to_owned()) && users.contains(&"di".to_owned()));
}

#[test]
fn an_event_with_a_list_called_value_is_an_event() {
    let more = |value: &str| {
        format!(
            r#"{{"createdDateTime": "2024-05-06T08:00:01Z", "userPrincipalName": "ana", "value": {value}}}"#
        )
    };
    let place = Place::new();
    let lines = [more(r#"[{"k": 1}]"#), more(r#"["a", "b"]"#), more("[]")];
    place.write("in/a.jsonl", lines.join("\n"));
    let answer =
        format!(r#"{{"@odata.context": "x", "value": [{}], "@odata.nextLink": "y"}}"#, lines[0]);
    // Pages of an answer, one behind the other and in a list.
    place.write("in/b.json", format!("{answer}\n{answer}"));
    place.write("in/c.json", format!("[{answer}, {answer}]"));
    let ended =
        place.morpheus("run pipeline-ae from-azure --input_glob=in/* to-file --filename=out.csv");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(users(&place, "userPrincipalName"), ["ana"; 7]);
    assert_eq!(users(&place, "value")[..2], ["[{'k': 1}]", "['a', 'b']"]);
}

#[test]
fn a_member_called_data_may_be_null() {
    let lines =
        ["null", "\"x\"", "{\"a\": 1}"].map(|data| event("ana", 1, &format!(", \"data\": {data}")));
    let (place, ended) = read("a.jsonl", lines.join("\n"));
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
    assert_eq!(users(&place, "userIdentityuserName"), ["ana"; 3]);
}

#[test]
fn events_in_what_other_services_deliver() {
    let inner = event("ana", 1, "");
    let text = serde_json::to_string(&inner).unwrap();
    for wrapped in [
        format!(
            r#"{{"Events": [{{"EventId": "1", "EventName": "List", "Resources": [], "CloudTrailEvent": {text}}}], "NextToken": "t"}}"#
        ),
        format!(r#"{{"EventId": "1", "Username": "x", "CloudTrailEvent": {text}}}"#),
        format!(
            r#"{{"messageType": "DATA_MESSAGE", "owner": "1", "logEvents": [{{"id": "1", "timestamp": 1, "message": {text}}}]}}"#
        ),
        format!(
            r#"{{"version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3", "time": "2024-05-06T09:00:00Z", "detail": {inner}}}"#
        ),
        format!(
            r#"{{"took": 1, "hits": {{"total": 1, "hits": [{{"_index": "i", "_source": {inner}}}]}}}}"#
        ),
        format!(r#"{{"_index": "i", "_id": "1", "_source": {inner}}}"#),
        format!(r#"{{"preview": false, "result": {{"_time": "x", "_raw": {text}}}}}"#),
    ] {
        let (place, ended) = read("a.json", &wrapped);
        assert_eq!((ended.code, ended.messages().as_str()), (0, ""), "{wrapped}");
        assert_eq!(users(&place, "userIdentityuserName"), ["ana"], "{wrapped}");
    }
}

#[test]
fn answers_of_duo_with_seconds_only_have_times() {
    let place = Place::new();
    let row = |user: &str, time: u32| {
        format!(r#"{{"username": "{user}", "timestamp": {time}, "result": "SUCCESS"}}"#)
    };
    let rows = [row("ana", 1_714_982_401), row("bo", 1_714_982_402), row("ana", 1_714_982_400)];
    place.write("in/a.json", format!(r#"{{"stat": "OK", "response": [{}]}}"#, rows.join(", ")));
    let ended =
        place.morpheus("run pipeline-ae from-duo --input_glob=in/* to-file --filename=out.csv");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(users(&place, "username"), ["ana", "ana", "bo"]);
    assert_eq!(users(&place, "isotimestamp")[0], "2024-05-06T08:00:00Z");
}

#[test]
fn names_in_the_thousands_push_out_neither_rows_nor_what_is_asked_for() {
    let lines: Vec<String> = (0..300)
        .map(|i| {
            let keys: Vec<String> = (0..90).map(|k| format!("\"id{i}x{k}\": 1")).collect();
            let more = format!(", \"requestParameters\": {{\"context\": {{{}}}}}", keys.join(", "));
            event(if i == 299 { "late" } else { "ana" }, i % 60, &more)
        })
        .collect();
    let (place, ended) = read("a.jsonl", lines.join("\n"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let users = users(&place, "userIdentityuserName");
    assert_eq!(users.len(), 300);
    assert!(users.contains(&"late".to_owned()));
    assert!(
        ended.stdout.contains("values: in columns beyond the limits, and not asked for"),
        "{}",
        ended.stdout
    );
    // The first line takes all names, and the columns of the user and the time come behind.
    let keys: Vec<String> = (0..30_000).map(|k| format!("\"k{k}\": 1")).collect();
    let lines =
        format!("{{{}, {}\n{}", keys.join(", "), &event("ana", 1, "")[1..], event("bo", 2, ""));
    let (place, ended) = read("a.jsonl", lines);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(self::users(&place, "userIdentityuserName"), ["ana", "bo"]);
}

#[test]
fn the_same_is_read_in_parts() {
    let place = Place::new();
    let filler = "x".repeat(400);
    let mut lines = Vec::new();
    for i in 0..6_000 {
        let agent = if i % 1_000 == 7 { "\\ud83d" } else { &filler };
        let one = event(&format!("u{}", i % 7), i % 60, &format!(", \"userAgent\": \"{agent}\""));
        lines.push(if i % 500 == 3 { one.replace(", ", ",\n") } else { one });
    }
    lines.insert(10, event("gone", 1, "")[..40].to_owned());
    place.write("in/a.jsonl", lines.join("\n"));
    // Rows of one hour are read at once, whatever the size; parts are tested beside the reader.
    let whole = place.morpheus(CLOUDTRAIL);
    let expected = place.read("out.csv");
    let parts =
        place.morpheus(&CLOUDTRAIL.replace("--input_glob", "--batch_megabytes=1 --input_glob"));
    assert_eq!((whole.code, parts.code), (3, 3), "{}", parts.stderr);
    assert_eq!(expected.lines().count(), 6_001);
    assert_eq!(place.read("out.csv").lines().count(), 6_001);
    for line in ["input: 1 row: broken JSON line", "input: 6 values: JSON string or number"] {
        assert!(whole.stdout.contains(line), "{}", whole.stdout);
        assert!(parts.stdout.contains(line), "{}", parts.stdout);
    }
}
