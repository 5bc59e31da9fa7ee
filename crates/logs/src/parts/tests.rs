//! Parts together are the whole.

use super::*;
use crate::texts::{TextCells, is_text};
use crate::{Nested, cloudtrail, concat};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array as Ints, StringArray};
use arrow_schema::{DataType, Schema};
use proptest::prelude::*;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Column names with types, rows as texts, row labels, and what was left out.
type Content = (Vec<(String, DataType)>, Vec<Vec<Option<String>>>, Vec<i64>, Vec<String>);

fn columns(schema: &Schema) -> Vec<(String, DataType)> {
    let kind = |kind: &DataType| if is_text(kind) { DataType::Utf8 } else { kind.clone() };
    schema.fields().iter().map(|f| (f.name().clone(), kind(f.data_type()))).collect()
}

fn content(tables: Vec<LogTable>) -> Content {
    let (mut rows, mut labels, mut skipped) = (Vec::new(), Vec::new(), Skipped::default());
    let names = columns(&tables[0].batch.schema());
    for table in tables {
        assert_eq!(columns(&table.batch.schema()), names);
        let printed: Vec<ArrayRef> =
            table.batch.columns().iter().map(|c| concat::print(c).unwrap()).collect();
        for row in 0..table.batch.num_rows() {
            let cell =
                |column: &ArrayRef| TextCells::of(column).unwrap().get(row).map(str::to_owned);
            rows.push(printed.iter().map(cell).collect());
        }
        labels.extend_from_slice(table.file_rows.values());
        skipped.merge(table.skipped);
    }
    let told = skipped.reasons().iter();
    let told = told.flat_map(|r| [vec![format!("{} {}", r.count, r.reason)], r.messages.clone()]);
    // Reasons come in the order in which they are met.
    let mut told: Vec<String> = told.flatten().collect();
    told.sort();
    (names, rows, labels, told)
}

fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

/// Reads a file at once and in parts of several sizes; the most parts that there were.
fn parts_are_the_whole(dialect: &Dialect, name: &str, bytes: &[u8]) -> usize {
    let (_directory, path) = write(name, bytes);
    let options = ReadOptions { sort: false, nested: Nested::Flatten, ..ReadOptions::default() };
    let whole = super::super::read(dialect, std::slice::from_ref(&path), &options, &mut |_, _| {});
    let whole = whole.map(|table| content(vec![table]));
    let mut most = 0;
    for size in [1, 7, 30, 1 << 20] {
        let parts: Result<Vec<_>, _> =
            read_in_parts(dialect, &path, &options, size).and_then(|parts| parts.collect());
        match (&whole, parts) {
            (Ok(whole), Ok(parts)) => {
                most = most.max(parts.len());
                assert_eq!(&content(parts), whole, "{size}");
            }
            (Err(_), Err(_)) => {}
            // Nothing but rows that are skipped.
            (Err(e), Ok(parts)) => {
                let rows: usize = parts.iter().map(|part| part.batch.num_rows()).sum();
                assert_eq!(rows, 0, "{size} {} bytes: {e}", bytes.len());
            }
            (Ok(_), Err(e)) => panic!("{size}: {e}"),
        }
    }
    most
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

const CSV: &[u8] = b"\xef\xbb\xbf,eventTime,n,gap,flag,flags,big,id,text\r\n\
    3,2024-01-01T00:00:00Z,1,5,True,True,18446744073709551615,007,\"a, b\"\r\n\
    4,2024-01-01T00:00:01Z,2,,false,,1,8,\"two\nlines \"\"q\"\"\"\n\n\
    5,never,2,1,false,,1,8,x,too,many\n\
    6,never,2,1,false,,1,8,\xff\n\
    7,never,2,1,false,,1,8,x\n\
    8,2024-01-01T00:00:02Z,2.5,7,TRUE,False,2,9,\n";

#[test]
fn csv_in_parts() {
    assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.csv", CSV) > 2);
    assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.csv", &gz(CSV)) > 2);
    let unclosed = [CSV, b"9,2024-01-01T00:00:02Z,\"3"].concat();
    parts_are_the_whole(&cloudtrail::DIALECT, "a.csv", &unclosed);
    assert!(
        parts_are_the_whole(&super::super::table::DIALECT, "a.csv", b"a,b\n1,2,3\n4,5,6\n") > 1
    );
}

#[test]
fn blank_lines_before_a_long_header_are_in_its_part() {
    let text = format!("\n \r\n{},b\n{}", "a".repeat(40), "1,2\n".repeat(20));
    assert!(parts_are_the_whole(&super::super::table::DIALECT, "a.csv", text.as_bytes()) > 1);
}

const LINES: &str = r#"{"eventTime": "2024-01-01T00:00:00Z", "n": 1, "o": {"a": true, "b": [1, {"c": null}]}}
{"eventTime": "2024-01-01T00:00:01Z", "n": 2, "o": {"a": 1.5}, "m": 1}
{"eventTime": "2024-01-01T00:00:02Z" "n": 2}

{"eventTime": "2024-01-01T00:00:03Z", "n": 3, "big": 18446744073709551615, "flag": true}
{"eventTime": "never", "n": 3, "m": "x", "userIdentity": {"accountId": 12}}
{"Records": [{"eventTime": "2024-01-01T00:00:04Z", "n": 4, "big": 1, "new": 1}, 17]}
"#;

#[test]
fn json_lines_in_parts() {
    assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.jsonl", LINES.as_bytes()) > 3);
    assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.jsonl", &gz(LINES.as_bytes())) > 3);
}

#[test]
fn documents_in_parts() {
    let event =
        |n: &str| format!(r#"{{"eventTime": "2024-01-01T00:00:04Z", "n": {n}, "t": "],{{\"\\" }}"#);
    let events = format!(" {},\n17, {} ,{}\n", event("1"), event("null"), event("\"x\""));
    for (text, most) in [
        (format!("[{events}]"), 3),
        (format!(" {{ \"Records\" : [{events} ] }}\n"), 3),
        (format!("{{\"Records\": [{events}], \"next\": 1}}"), 1),
        (format!("[{events}] [{events}]"), 1),
        (format!("[{events},]"), 3),
        (format!("{{\"Records\": [{}]}}", event("1")), 1),
        ("{\"Records\": []}".to_owned(), 0),
    ] {
        let parts = parts_are_the_whole(&cloudtrail::DIALECT, "a.json", text.as_bytes());
        assert_eq!(parts, most, "{text}");
    }
}

#[test]
fn what_is_wrong_in_a_file_is_the_same_in_parts() {
    let event = |n: usize, more: &str| {
        format!("{{\"eventTime\": \"2024-01-01T00:00:{n:02}Z\", \"n\": {n}{more}}}")
    };
    let mut events: Vec<String> = (0..30).map(|n| event(n, "")).collect();
    events[3] = event(3, r#", "t": "x\ud83d""#);
    events[9] = event(9, ", \"t\": \"x\ty\"");
    events[12] = "{\"n\" 12}".to_owned();
    events[15] = event(15, &format!(", \"d\": {}{}", "[".repeat(200), "]".repeat(200)));
    let list = format!("{{\"Records\": [{}]}}", events.join(", "));
    let bare = format!("[{}]", events.join(","));
    events[20] = event(20, ", \"l\": [1]").replace(", ", ",\n");
    events[22].insert_str(0, "\0\0\0");
    events[24] = "\0\0".to_owned();
    events[26] = "{\"n\": {\"m\": 1".to_owned();
    let lines = events.join("\n");
    for text in [list.clone(), bare, lines.clone()] {
        assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.json", text.as_bytes()) > 3, "{text}");
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let wide = [&b"\xff\xfe"[..], &wide].concat();
        assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.json", &gz(&wide)) > 3, "{text}");
    }
    for end in [",", ", {\"n\": 1", "", "]"] {
        let cut = format!("{}{end}", &list[..list.len() - 2]);
        parts_are_the_whole(&cloudtrail::DIALECT, "a.json", cut.as_bytes());
    }
    let rows = "2024-01-01T00:00:01Z,1\n".repeat(9);
    let csv = format!("eventTime,n\n{rows}eventTime,n\n\0\0\0\n{rows}\0\0{rows}");
    for content in [list.into_bytes(), lines.into_bytes(), csv.clone().into_bytes()] {
        let mut packed = gz(&content);
        assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.log", &packed) > 3);
        packed.extend_from_slice(b"\0\0more");
        parts_are_the_whole(&cloudtrail::DIALECT, "a.log", &packed);
        for cut in 20..packed.len() - 7 {
            parts_are_the_whole(&cloudtrail::DIALECT, "a.log", &packed[..cut]);
        }
    }
    let semicolons = format!("sep=;\r\n{}", csv.replace(',', ";"));
    assert!(parts_are_the_whole(&cloudtrail::DIALECT, "a.csv", semicolons.as_bytes()) > 3);
}

#[test]
fn a_row_without_an_end_ends_the_file() {
    let long = format!("a,b\n1,2\n3,\"{}", "x".repeat(70 << 20));
    let (_directory, path) = write("a.csv", long.as_bytes());
    let options = ReadOptions::default();
    let parts = read_in_parts(&super::super::table::DIALECT, &path, &options, 1 << 20).unwrap();
    let (_, rows, _, told) = content(parts.collect::<Result<_, _>>().unwrap());
    assert_eq!((rows.len(), told[0].as_str()), (1, "1 quote never closed"));
}

#[test]
fn parquet_by_groups_of_rows() {
    let table = RecordBatch::try_from_iter_with_nullable([
        ("n", Arc::new(Ints::from(vec![1, 2, 3, 4])) as ArrayRef, true),
        ("gap", Arc::new(Ints::from(vec![Some(1), Some(2), None, Some(4)])), true),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, None])), true),
        ("text", Arc::new(StringArray::from(vec![None, None, Some("x"), Some("y")])), true),
        ("float", Arc::new(Float64Array::from(vec![0.5, 1.0, 2.0, 3.0])), true),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let properties = ::parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(2));
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(
        &mut bytes,
        table.schema(),
        Some(properties.build()),
    )
    .unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    assert_eq!(parts_are_the_whole(&super::super::table::DIALECT, "a.parquet", &bytes), 2);
}

#[test]
fn broken_files_and_repetition_are_refused_before_the_first_part() {
    let packed = gz(CSV);
    let (_directory, path) = write("a.csv", &packed[..12]);
    let options = ReadOptions::default();
    let error = read_in_parts(&cloudtrail::DIALECT, &path, &options, 10).err().unwrap();
    assert!(error.to_string().contains("broken gzip data"), "{error}");
    let options = ReadOptions { repeat: 2, ..options };
    assert!(read_in_parts(&cloudtrail::DIALECT, &path, &options, 10).is_err());
}

#[test]
fn rows_are_sorted_within_a_part() {
    let text = b"eventTime\n2024-01-02T00:00:00Z\n2024-01-01T00:00:00Z\n";
    let (_directory, path) = write("a.csv", text);
    let options = ReadOptions::default();
    let parts = read_in_parts(&cloudtrail::DIALECT, &path, &options, 1 << 20).unwrap();
    let parts: Vec<LogTable> = parts.collect::<Result<_, _>>().unwrap();
    assert_eq!(parts[0].file_rows.values(), &[1, 0]);
    assert_eq!(
        parts[0]
            .batch
            .column(1)
            .as_primitive::<arrow_array::types::TimestampMicrosecondType>()
            .len(),
        2
    );
}

proptest! {
    #[test]
    fn csv_like_bytes(text in "a,b(,c)?\n([ab1-]{0,2}|True|false|1.5|,|\"|\n|\r|nan|18446744073709551615|999999999999999999999){0,60}") {
        parts_are_the_whole(&super::super::table::DIALECT, "a.csv", text.as_bytes());
    }

    #[test]
    fn cells_of_any_kind(rows in proptest::collection::vec(
        proptest::collection::vec("|1|-2|1.5|x|True|false|18446744073709551615|999999999999999999999|007|\"q\n\"", 2), 1..12)
    ) {
        let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        let text = format!("a,b\n{}\n", rows.join("\n"));
        parts_are_the_whole(&super::super::table::DIALECT, "a.csv", text.as_bytes());
    }

    #[test]
    fn lines_of_any_kind(rows in proptest::collection::vec(
        r#"\{("a": (1|-2|1\.5|"x"|true|null|18446744073709551615|\[1\]|\{"b": 2\})(, "c": (1|null|false|\{\}))?)?\}|\{"a" 1\}|"#, 1..12)
    ) {
        let text = format!("{{\"a\": 0}}\n{{\"a\": 0}}\n{}\n", rows.join("\n"));
        parts_are_the_whole(&super::super::table::DIALECT, "a.jsonl", text.as_bytes());
    }
}

#[cfg(feature = "remote")]
#[test]
fn an_object_in_parts_is_the_file() {
    use std::io::Read as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/a.csv", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            let packed = gz(CSV);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                packed.len()
            );
            // The client may have seen enough.
            let _ = stream.write_all(&[head.as_bytes(), &packed].concat());
        }
    });
    let (_directory, file) = write("a.csv", CSV);
    let options = ReadOptions::default();
    let read = |path: &Path| {
        let parts = read_in_parts(&cloudtrail::DIALECT, path, &options, 30).unwrap();
        let (names, rows, labels, told) = content(parts.collect::<Result<_, _>>().unwrap());
        (names, rows, labels, told.len())
    };
    assert_eq!(read(Path::new(&address)), read(&file));
}
