//! Unit tests; whole files are compared with recorded ones in `tests/golden_cloudtrail.rs`.

use super::*;

use crate::file_table::MAX_COLUMNS;
use crate::texts::TextCells;
use arrow_schema::DataType;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn files(contents: &[(&str, &[u8])]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let paths = contents
        .iter()
        .map(|(name, content)| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        })
        .collect();
    (directory, paths)
}

fn texts(table: &LogTable, column: &str) -> Vec<String> {
    let values = concat::print(table.batch.column_by_name(column).unwrap()).unwrap();
    let cells = TextCells::of(&values).unwrap();
    cells.iter().map(|v| v.unwrap_or("-").to_owned()).collect()
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

const EVENT: &str = r#"{"eventTime": "2021-10-01T08:00:00Z", "n": 1}"#;

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let packed = gz(EVENT.as_bytes());
    let (_directory, mut paths) = files(&[
        ("broken.json", b"{\"Records\": [\n {\"a\" 2}]}"),
        ("cut.json.gz", &packed[..10]),
        ("empty.json", b""),
        ("empty.csv", b""),
        ("header.csv", b"eventTime,n\n"),
        ("good.gz", &packed),
        ("none.json", b"{\"Records\": []}"),
    ]);
    paths.push(PathBuf::from("does/not/exist.json"));
    let mut seen = Vec::new();
    let table =
        read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, rows| seen.push(rows))
            .unwrap();
    assert_eq!(seen, [0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!((table.batch.num_rows(), table.skipped.files(), table.skipped.rows()), (1, 6, 0));
    let messages = table.skipped.reasons()[0].messages.join("\n");
    for part in [
        "broken.json\" line 2 column 7",
        "broken gzip data",
        "no rows below the header",
        "exist.json\"",
    ] {
        assert!(messages.contains(part), "{part}: {messages}");
    }
    paths.remove(5);
    let error = read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {})
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no rows in 7 file(s); 6 x unreadable file"), "{error}");
}

#[test]
fn rows_without_a_time_are_counted() {
    let (_directory, paths) = files(&[
        ("a.json", b"{\"eventTime\": \"yesterday\", \"n\": 1}\n{\"eventTime\": null, \"n\": 2}\n{\"eventTime\": \"2021-10-01T10:00:00+02:00\", \"n\": 3}\n"),
        ("b.csv", b"n\n4\n"),
    ]);
    let table =
        read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {}).unwrap();
    assert_eq!(texts(&table, "n"), ["3"]);
    assert_eq!(table.file_rows.values(), &[2]);
    let reasons: Vec<_> = table.skipped.reasons().iter().map(|r| (r.reason, r.count)).collect();
    assert_eq!(reasons, [("bad event time", 2), ("no event time", 1)]);
    let first = &table.skipped.reasons()[0].messages[0];
    assert!(first.starts_with("\"yesterday\" is not a time: \""), "{first}");
    assert!(first.contains("row 0 field \"eventTime\"; expected an ISO 8601 time"), "{first}");
}

#[test]
fn rows_without_a_time_that_are_kept_come_last() {
    let (_directory, paths) = files(&[
        ("a.json", b"{\"eventTime\": \"yesterday\", \"n\": 1}\n{\"eventTime\": null, \"n\": 2}\n{\"eventTime\": \"2021-10-01T10:00:00+02:00\", \"n\": 3}\n"),
        ("b.csv", b"n,when\n4,2021-10-01T08:00:00Z\n"),
        ("c.json", b"{\"eventTime\": 1633075100, \"n\": 5}\n"),
    ]);
    let options = ReadOptions { keep_timeless: true, ..ReadOptions::default() };
    let table = read(&cloudtrail::DIALECT, &paths, &options, &mut |_, _| {}).unwrap();
    assert_eq!(texts(&table, "n"), ["5", "3", "1", "4", "2"]);
    let times = table.batch.column_by_name("event_dt").unwrap();
    assert_eq!(
        (0..5).map(|row| times.is_valid(row)).collect::<Vec<_>>(),
        [true, true, false, false, false]
    );
    let skipped = &table.skipped;
    assert_eq!((skipped.rows(), skipped.kept(), skipped.is_empty()), (0, 3, false));
    let messages = &skipped.reasons()[0].messages;
    assert!(messages[0].starts_with("\"yesterday\" is not a time: \""), "{}", messages[0]);
    assert!(messages[1].starts_with("missing value: \""), "{}", messages[1]);
    assert!(messages[2].starts_with("no column \"eventTime\": \""), "{}", messages[2]);
    assert!(messages[2].contains("times are in \"when\""), "{}", messages[2]);
    // Rows of some times are wanted: these have none.
    let options = ReadOptions { between: 0..i64::MAX, ..options };
    let table = read(&cloudtrail::DIALECT, &paths, &options, &mut |_, _| {}).unwrap();
    assert_eq!(texts(&table, "n"), ["5", "3"]);
    let skipped = &table.skipped;
    assert_eq!((skipped.rows(), skipped.files(), skipped.outside()), (2, 1, 0));
}

#[test]
fn a_log_without_the_expected_column_of_times_says_so() {
    let (_directory, paths) =
        files(&[("a.json", b"{\"time\": \"2021-10-01T08:00:00Z\", \"n\": 1}\n")]);
    let options = ReadOptions { keep_timeless: true, ..ReadOptions::default() };
    let skipped = |dialect| read(&dialect, &paths, &options, &mut |_, _| {}).unwrap().skipped;
    assert_eq!(skipped(cloudtrail::DIALECT).kept(), 1);
    assert!(skipped(table::DIALECT).is_empty());
}

#[test]
fn rows_without_a_time_are_read_with_the_last_part_of_a_file() {
    let (_directory, paths) = files(&[
        ("1.csv", b"eventTime,n\n,1\n2021-10-01T08:00:00Z,2\n2021-10-01T09:30:00Z,3\n"),
        ("2.csv", b"n\n4\n"),
    ]);
    let options = ReadOptions { keep_timeless: true, ..ReadOptions::default() };
    let nine = 1_633_078_800_000_000;
    let of_hours = hours(&cloudtrail::DIALECT, &paths, &options);
    let hour = nine / 3_600_000_000;
    assert_eq!(of_hours[0].hours, Hours::from([(hour - 1, 1), (hour, 1), (TIMELESS_HOUR, 1)]));
    assert_eq!(of_hours[1].hours, Hours::from([(TIMELESS_HOUR, 1)]));
    let mut seen = Vec::new();
    for (times, again) in [(i64::MIN..nine, false), (nine..i64::MAX, true)] {
        let slice = |_: &std::path::Path| Slice {
            times: times.clone(),
            again,
            timeless: again,
            ..Slice::whole()
        };
        let options = ReadOptions { slice: Some(&slice), ..options.clone() };
        let table = read(&cloudtrail::DIALECT, &paths[..1], &options, &mut |_, _| {}).unwrap();
        seen.push((texts(&table, "n"), table.skipped.kept()));
    }
    let texts = |of: &[&str]| of.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
    assert_eq!(seen, [(texts(&["2"]), 1), (texts(&["3", "1"]), 0)]);
}

#[test]
fn ties_are_ordered_by_row_then_file() {
    let one = b"eventTime,n\n2021-10-01T08:00:00Z,a0\n2021-10-01T08:00:00Z,a1\n";
    let two = b"eventTime,n\n2021-10-01T08:00:00Z,b0\n2021-10-01T07:00:00Z,b1\n";
    let (_directory, paths) = files(&[("1.csv", one), ("2.csv", two)]);
    let sorted =
        read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {}).unwrap();
    assert_eq!(texts(&sorted, "n"), ["b1", "a0", "b0", "a1"]);
    let options = ReadOptions { sort: false, ..ReadOptions::default() };
    let kept = read(&cloudtrail::DIALECT, &paths, &options, &mut |_, _| {}).unwrap();
    assert_eq!(texts(&kept, "n"), ["a0", "a1", "b0", "b1"]);
}

#[test]
fn repetition_shifts_time_by_the_span() {
    let (_directory, paths) =
        files(&[("1.csv", b"eventTime,n\n2021-10-01T08:00:00.5Z,1\n2021-10-01T08:01:00.5Z,2\n")]);
    let options = ReadOptions { repeat: 3, ..ReadOptions::default() };
    let table = read(&cloudtrail::DIALECT, &paths, &options, &mut |_, _| {}).unwrap();
    assert_eq!(table.file_rows.values(), &[0, 0, 1, 0, 1, 1]);
    assert_eq!(
        texts(&table, "eventTime"),
        [
            "2021-10-01T08:00:00.5Z",
            "2021-10-01T08:01:00Z",
            "2021-10-01T08:01:00.5Z",
            "2021-10-01T08:02:00Z",
            "2021-10-01T08:02:00Z",
            "2021-10-01T08:03:00Z",
        ]
    );
    assert_eq!(texts(&table, "n"), ["1", "1", "2", "1", "2", "2"]);
}

#[test]
fn repetition_keeps_rows_without_a_time() {
    let options = ReadOptions { repeat: 2, keep_timeless: true, ..ReadOptions::default() };
    for (content, expected, kept) in [
        (
            &b"eventTime,n\n,1\n2021-10-01T08:00:00Z,2\n2021-10-01T08:01:00Z,3\n"[..],
            "2 2 3 3 1 1",
            1,
        ),
        (&b"eventTime,n\nsoon,1\nlater,2\n"[..], "1 1 2 2", 2),
    ] {
        let (_directory, paths) = files(&[("1.csv", content)]);
        let table = read(&cloudtrail::DIALECT, &paths, &options, &mut |_, _| {}).unwrap();
        assert_eq!(texts(&table, "n").join(" "), expected);
        assert_eq!(table.skipped.kept(), kept);
    }
}

#[test]
fn chosen_columns_and_identifiers() {
    let (_directory, paths) = files(&[
        ("1.csv", b",eventTime,user,x,userIdentity.accountId\n1,2021-10-01T08:00:00Z,007,1,0012\n0,2021-10-01T09:00:00Z,008,2,Account-5\n"),
        ("2.json", br#"{"Records": [{"eventTime": "2021-10-01T08:30:00Z", "user": 9, "y": {"z": {"w": 1}}, "userIdentity": {"accountId": "0012"}}]}"#),
    ]);
    let columns = ["user".to_owned(), "yzw".to_owned(), "userIdentityaccountId".to_owned()];
    let identifiers = ["user".to_owned()];
    let options = ReadOptions {
        columns: Some(&columns),
        identifiers: &identifiers,
        ..ReadOptions::default()
    };
    let table = read(&cloudtrail::DIALECT, &paths, &options, &mut |_, _| {}).unwrap();
    let schema = table.batch.schema();
    let names: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["user", "userIdentityaccountId", "yzw", "event_dt"]);
    assert_eq!(texts(&table, "user"), ["007", "9", "008"]);
    assert_eq!(texts(&table, "userIdentityaccountId"), ["Account-0012", "0012", "Account-5"]);
    assert_eq!(schema.field(2).data_type(), &DataType::Float64);
    assert_eq!(table.file_rows.values(), &[1, 0, 0]);
}

#[test]
fn names_that_become_equal_stay_apart() {
    let (_directory, paths) = files(&[("1.json", br#"[{"a.b": 1, "ab": 2, "a": {"b": 3}}]"#)]);
    let table =
        read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {}).unwrap();
    assert_eq!(
        (texts(&table, "ab"), texts(&table, "ab1")),
        (vec!["2".to_owned()], vec!["1".to_owned()])
    );
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let one: Vec<u8> = (0..50)
        .flat_map(|i| {
            format!(
                "{{\"eventTime\": \"2021-10-01T08:{:02}:00Z\", \"k{}\": {i}}}\n",
                i * 7 % 60,
                i % 5
            )
            .into_bytes()
        })
        .collect();
    let contents: Vec<(String, Vec<u8>)> =
        (0..9).map(|i| (format!("{i}.json"), one.clone())).collect();
    let borrowed: Vec<(&str, &[u8])> =
        contents.iter().map(|(n, c)| (n.as_str(), c.as_slice())).collect();
    let (_directory, paths) = files(&borrowed);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {}))
            .map(|t| (t.batch, t.file_rows))
    };
    assert_eq!(run(1).unwrap(), run(4).unwrap());
}

/// Blocks of rows, pieces of lists and of lines: everything that is read side by side.
#[test]
fn large_files_do_not_depend_on_threads() {
    let mut csv = String::from("eventTime,id,user,n,note\n");
    let mut events = Vec::new();
    for i in 0..9_000 {
        let time = format!("2021-10-{:02}T{:02}:00:{:02}Z", 1 + i * 7 % 30, i % 24, i % 60);
        let user = format!("user{}", i * i % 61);
        let note = if i % 50 == 3 { "\"a, \"\"b\"\"\"" } else { "" };
        csv.push_str(&format!("{time},id-{i},{user},{},{note}\n", i % 977));
        let filler = "x".repeat(250);
        events.push(format!(
            "{{\"eventTime\": \"{time}\", \"id\": \"id-{i}\", \"o\": {{\"k{}\": {i}}}, \"user\": \"{user}\", \"f\": \"{filler}\"}}",
            i % 13
        ));
    }
    let list = format!("{{\"Records\": [{}]}}", events.join(","));
    let lines = events.join("\n");
    assert!(list.len() > 2 << 20);
    let (_directory, paths) = files(&[
        ("a.csv", csv.as_bytes()),
        ("b.json", list.as_bytes()),
        ("c.jsonl", lines.as_bytes()),
    ]);
    for files in [&paths[..1], &paths[1..2], &paths[2..], &paths] {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = ReadOptions::default();
            let table = pool
                .install(|| read(&cloudtrail::DIALECT, files, &options, &mut |_, _| {}))
                .unwrap();
            (table.batch, table.file_rows, table.skipped)
        };
        let one = run(1);
        assert_eq!(one.0.num_rows(), 9_000 * files.len());
        let kind = |name| one.0.column_by_name(name).unwrap().data_type().clone();
        assert_eq!((kind("user"), kind("id")), (crate::texts::dictionary(), DataType::Utf8));
        for threads in [2, 4] {
            assert!(run(threads) == one, "{threads} threads, {files:?}");
        }
    }
}

#[test]
fn real_logs_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cloudtrail-real");
    if !folder.is_dir() {
        return;
    }
    let paths = dfp_storage::files::find(folder.to_str().unwrap(), true).unwrap();
    let table =
        read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {}).unwrap();
    assert_eq!(table.batch.num_rows(), 1235);
    assert!(table.skipped.is_empty(), "{:?}", table.skipped);
}

#[test]
fn the_logs_own_event_dt_is_kept_under_another_name_and_noted() {
    let (_directory, paths) = files(&[(
        "a.csv",
        b"eventTime,event_dt\n2021-10-01T08:00:00Z,own\n2021-10-01T08:00:01Z,too\n",
    )]);
    let table =
        read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {}).unwrap();
    assert_eq!(texts(&table, "event_dt1"), ["own", "too"]);
    let notes: Vec<_> = table.skipped.notes().iter().map(|n| (n.rows, n.text.as_str())).collect();
    let expected = "the log's own column \"event_dt\" is called \"event_dt1\": event_dt says when a row happened";
    assert_eq!(notes, [(2, expected)]);
    let options = ReadOptions::default();
    let table = read(&azure::DIALECT, &paths, &options, &mut |_, _| {}).unwrap();
    let schema = table.batch.schema();
    assert!(schema.column_with_name("event_dt").is_none() && table.skipped.notes().is_empty());
}

#[test]
fn all_files_together_have_no_more_columns_than_one() {
    let file = |first: usize| {
        let members = (first..first + 9_000).map(|i| format!("\"n{i}\": 1"));
        format!(
            "{{\"eventTime\": \"2021-10-01T08:00:00Z\", {}}}",
            members.collect::<Vec<_>>().join(", ")
        )
    };
    let contents: Vec<String> = (0..4).map(|i| file(9_000 * i)).collect();
    let contents: Vec<(String, &[u8])> =
        contents.iter().enumerate().map(|(i, c)| (format!("{i}.json"), c.as_bytes())).collect();
    let contents: Vec<(&str, &[u8])> = contents.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    let (_directory, paths) = files(&contents);
    let table =
        read(&cloudtrail::DIALECT, &paths, &ReadOptions::default(), &mut |_, _| {}).unwrap();
    assert_eq!(table.batch.num_rows(), 4);
    assert!(table.batch.num_columns() <= MAX_COLUMNS + 4, "{}", table.batch.num_columns());
    let left_out: usize = table.skipped.reasons().iter().map(|reason| reason.count).sum();
    assert_eq!(left_out, 4 * 9_000 - MAX_COLUMNS);
    let messages = &table.skipped.reasons()[0].messages;
    assert_eq!(messages.len(), Skipped::MESSAGES);
    assert!(messages[0].contains("column \"n20000\" is left out"), "{}", messages[0]);
}

#[test]
fn the_event_of_flat_columns_is_the_event_of_an_object() {
    let (_directory, paths) = files(&[
        ("a.csv", b"category,properties.createdDateTime,properties.userPrincipalName,properties.deviceDetail.os\nSignIn,2024-05-06T08:00:00Z,ana,Mac\n"),
        ("b.json", br#"[{"category": "SignIn", "properties": {"createdDateTime": "2024-05-06T08:00:01Z", "userPrincipalName": "ana", "deviceDetail": {"os": "Mac"}}}]"#),
        ("c.csv", b"category,createdDateTime,properties.userPrincipalName\nx,2024-05-06T08:00:02Z,ben\n"),
    ]);
    let names = |paths: &[PathBuf], options: &ReadOptions<'_>| {
        let table = read(&azure::DIALECT, paths, options, &mut |_, _| {}).unwrap();
        let schema = table.batch.schema();
        schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    let event = ["createdDateTime", "userPrincipalName", "deviceDetailos"];
    assert_eq!(names(&paths[..1], &ReadOptions::default()), event);
    assert_eq!(names(&paths[1..2], &ReadOptions::default()), event);
    // A column of the event outside, or a whole name that is asked for.
    assert_eq!(names(&paths[2..], &ReadOptions::default())[2], "propertiesuserPrincipalName");
    let asked = ["propertiesuserPrincipalName".to_owned()];
    let options = ReadOptions { identifiers: &asked, ..ReadOptions::default() };
    assert_eq!(names(&paths[..1], &options)[2], "propertiesuserPrincipalName");
}
