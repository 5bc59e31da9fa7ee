//! Unit and property tests; the types themselves are tested against recorded files.

use super::*;
use crate::skipped::Unit;
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
    let options = CsvOptions {
        text: &|name| name == "id",
        wanted: &|name| name != "no",
        ..CsvOptions::default()
    };
    let read = read(b"id,no,n\n007,1,2\n,3,4\n", Path::new("log.csv"), &options).unwrap();
    assert_eq!(read.columns.len(), 2);
    assert_eq!(texts(&read, 0), [Some("007"), None]);
}

#[test]
fn the_header_again_and_nul_bytes_are_no_rows() {
    let read = table(b"id,n\n1,2\nid,n\n\0\0\0\n\0\0" as &[u8]);
    assert_eq!(read.positions, [0]);
    assert_eq!(read.columns[1].values.data_type(), &DataType::Int64);
    assert_eq!(read.skipped.rows(), 3);
    assert_eq!(
        messages(&read)[..2],
        [
            "header line repeated: \"log.csv\" line 3 row 1; expected rows below one header",
            "3 NUL bytes: \"log.csv\" line 4 row 2; expected a row",
        ]
    );
    // Quoted, with row labels, and with NUL bytes in front of a row and in it.
    let read = table(b"\"t\",\"n\"\n7,a\0b,1\n\"t\",\"n\"\n\0\08,c,2\n" as &[u8]);
    assert_eq!(texts(&read, 0), [Some("a\0b"), Some("c")]);
    let labels = read.labels.as_ref().unwrap();
    assert_eq!(labels.as_primitive::<arrow_array::types::Int64Type>().values(), &[7, 8]);
    let reasons = read.skipped.reasons();
    assert_eq!((reasons[0].unit, reasons[0].count), (Unit::Value, 1));
    assert_eq!((reasons[1].reason, reasons[1].count), (HEADER_AGAIN, 1));
}

#[test]
fn fields_may_be_separated_by_other_signs() {
    for (sign, name) in [(b';', ";"), (b'\t', "tab"), (b'|', "|")] {
        let text: Vec<u8> = b"a,b\n1,\"x,y\"\n2,\n"
            .iter()
            .enumerate()
            .map(|(i, byte)| if *byte == b',' && i != 8 { sign } else { *byte })
            .collect();
        let options = CsvOptions { delimiter: Some(sign), ..CsvOptions::default() };
        let read =
            |text: &[u8], options: &CsvOptions<'_>| read(text, Path::new("log.csv"), options);
        let table = read(&text, &options).unwrap();
        assert_eq!(texts(&table, 1), [Some("x,y"), None], "{name}");
        let said = [b"sep=", &[sign][..], b"\r\n", &text].concat();
        assert_eq!(texts(&read(&said, &CsvOptions::default()).unwrap(), 1), [Some("x,y"), None]);
        let error = read(&text, &CsvOptions::default()).unwrap_err().to_string();
        assert!(error.contains(&format!("--delimiter=\"{name}\" reads others")), "{error}");
        let comma = CsvOptions { delimiter: Some(b','), ..CsvOptions::default() };
        assert_eq!(read(&text, &comma).unwrap().columns.len(), 1);
    }
}

#[test]
fn columns_that_nobody_asked_for_are_left_out_beyond_the_limit() {
    let names: Vec<String> = (0..30_000).map(|i| format!("c{i}")).collect();
    let cells: Vec<String> = (0..30_000).map(|i| i.to_string()).collect();
    let text = format!("{}\n{}\n", names.join(","), cells.join(","));
    let options = CsvOptions { asked: &|name| name == "c29999", ..CsvOptions::default() };
    let read = read(text.as_bytes(), Path::new("log.csv"), &options).unwrap();
    assert_eq!((read.columns.len(), read.positions.len()), (20_001, 1));
    assert_eq!(read.columns[20_000].name, "c29999");
    assert_eq!((read.skipped.totals(), read.skipped.has_all_rows()), ("9999 values".into(), true));
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

#[test]
fn nul_bytes_in_front_of_a_row_with_quotes_are_no_part_of_it() {
    let read =
        table(b"uid,action\nben,out\n\0\0\0\0ana,\"log in\"\n\0\0\"e,ve\",x\n\0\0\n\0\"al\",y");
    assert_eq!(texts(&read, 0), [Some("ben"), Some("ana"), Some("e,ve"), Some("al")]);
    assert_eq!(texts(&read, 1), [Some("out"), Some("log in"), Some("x"), Some("y")]);
    let reasons: Vec<_> = read.skipped.reasons().iter().map(|r| (r.reason, r.count)).collect();
    assert_eq!(reasons, [(NUL_IN_FRONT, 3), (NUL_BYTES, 1)]);
}

#[test]
fn a_number_beyond_a_double_is_infinite_and_its_column_a_column_of_numbers() {
    let options = CsvOptions { as_pandas: false, ..CsvOptions::default() };
    for first in ["1.5", "1e999", "7"] {
        let text = format!("n\n{first}\n-1e999\n2e400\n");
        let read = read(text.as_bytes(), Path::new("log.csv"), &options).unwrap();
        let numbers = read.columns[0].values.as_primitive::<arrow_array::types::Float64Type>();
        assert_eq!(numbers.values()[1..], [f64::NEG_INFINITY, f64::INFINITY], "{first}");
    }
}

#[test]
fn short_rows_below_a_wide_header_do_not_fill_the_memory() {
    let names: Vec<String> = (0..20_000).map(|i| format!("c{i}")).collect();
    let full = vec!["x"; 20_000].join(",");
    let text = format!("{}\n{full}\n{}", names.join(","), "a\n".repeat(50_000));
    let memory = dfp_storage::memory_limit::MemoryLimit::of_bytes(64 << 20);
    let options = CsvOptions { memory, ..CsvOptions::default() };
    let error = read(text.as_bytes(), Path::new("log.csv"), &options).unwrap_err();
    assert!(matches!(error, LogError::Memory { .. }), "{error}");
    assert!(error.to_string().contains("rows or more of 20000 columns"), "{error}");
}
