//! Unit and property tests; the types themselves are tested against recorded files.

use super::*;
use crate::texts::TextCells;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use proptest::prelude::*;
use std::fmt::Write as _;

fn table(text: &[u8]) -> FileTable {
    read(text, Path::new("log.csv"), &CsvOptions::default()).unwrap()
}

fn texts(table: &FileTable, column: usize) -> Vec<Option<&str>> {
    TextCells::of(&table.columns[column].values).unwrap().iter().collect()
}

fn messages(table: &FileTable) -> Vec<&str> {
    table.skipped.reasons().iter().flat_map(|r| r.messages.iter().map(String::as_str)).collect()
}

#[test]
fn bad_rows_are_skipped_with_their_place() {
    let read = table(b"a,b\n1,\"x\ny\"\n\n2,x,3\n3,\xff\n4,z\n");
    assert_eq!(read.positions, [0, 3]);
    assert_eq!(
        read.columns[0].values.as_primitive::<arrow_array::types::Int64Type>().values(),
        &[1, 4]
    );
    assert_eq!(
        messages(&read),
        [
            "3 fields: \"log.csv\" line 5 row 1; expected at most 2 fields",
            "byte 0xff is not UTF-8: \"log.csv\" line 6 byte 21 row 2; expected UTF-8 text",
        ]
    );
}

#[test]
fn an_unclosed_quote_costs_the_rest_and_says_so() {
    let read = table(b"a,b\n1,x\n2,\"y\n3,z\n");
    assert_eq!(read.positions, [0]);
    assert_eq!(read.skipped.rows(), 1);
    assert!(messages(&read)[0].contains("line 3"), "{:?}", messages(&read));
    let whole = table(b"a,b\n1,\"x\"");
    assert!(whole.skipped.is_empty());
    assert_eq!(texts(&whole, 1), [Some("x")]);
}

#[test]
fn a_type_that_breaks_late_starts_again_as_text() {
    let rows = 3 * records::BLOCK;
    let mut text = String::from("n,late,f\n");
    for i in 0..rows {
        let late = if i == rows - 1 { "end".to_owned() } else { format!("00{i}") };
        let float = if i == rows - 1 { "0.5".to_owned() } else { i.to_string() };
        let _ = writeln!(text, "{i},{late},{float}");
    }
    let read = table(text.as_bytes());
    assert_eq!(read.columns[0].values.data_type(), &DataType::Int64);
    let late = texts(&read, 1);
    assert_eq!((late.len(), late[7], late[rows - 1]), (rows, Some("007"), Some("end")));
    assert_eq!(read.columns[2].values.data_type(), &DataType::Float64);
}

#[test]
fn nothing_but_a_message_comes_of_an_empty_file() {
    for text in [b"".as_slice(), b"\n\n", b"\xef\xbb\xbf", b"  \n"] {
        let message =
            read(text, Path::new("log.csv"), &CsvOptions::default()).unwrap_err().to_string();
        assert_eq!(
            message,
            "empty file: \"log.csv\" line 1; expected a header line with column names"
        );
    }
}

#[test]
fn chosen_columns_stay_text_or_away() {
    let options = CsvOptions { text: &|name| name == "id", wanted: &|name| name != "no" };
    let read = read(b"id,no,n\n007,1,2\n,3,4\n", Path::new("log.csv"), &options).unwrap();
    assert_eq!(read.columns.len(), 2);
    assert_eq!(texts(&read, 0), [Some("007"), None]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, Path::new("log.csv"), &CsvOptions::default());
    }

    #[test]
    fn csv_like_bytes_give_columns_of_equal_length(text in "[a,\"\r\n 1.\u{e9}\0-]{0,200}") {
        if let Ok(read) = read(text.as_bytes(), Path::new("log.csv"), &CsvOptions::default()) {
            for column in &read.columns {
                prop_assert_eq!(column.values.len(), read.positions.len());
            }
        }
    }

    #[test]
    fn quoted_text_comes_back(cells in proptest::collection::vec("[a-z,\"\n\r é]{1,12}x", 1..30)) {
        let mut text = String::from("k,t\n");
        for cell in &cells {
            let _ = writeln!(text, "k,\"{}\"", cell.replace('"', "\"\""));
        }
        let read = table(text.as_bytes());
        let back: Vec<_> = texts(&read, 1).into_iter().flatten().collect();
        prop_assert_eq!(back, cells);
    }
}
