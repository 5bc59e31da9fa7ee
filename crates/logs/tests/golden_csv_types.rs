//! Column types and values of 23 CSV files, recorded with pandas 2.1.4 (`golden/csv_types`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_schema::DataType;
use dfp_logs::csv::{CsvOptions, read};
use dfp_logs::texts::{self, TextCells};
use dfp_logs::{Column, FileTable};
use serde_json::Value;
use std::path::Path;
use support::{golden, json};

/// The reference's float parser is not correctly rounding; ours is (golden/README section 8).
const FLOAT_TOLERANCE: f64 = 1e-12;

fn table(name: &str) -> FileTable {
    let path = golden().join("csv_types").join(format!("{name}.csv"));
    read(&std::fs::read(&path).unwrap(), &path, &CsvOptions::default()).unwrap()
}

#[test]
fn golden_types_and_values_of_every_file() {
    let expected = json("csv_types/expected.json");
    let files = expected["files"].as_object().unwrap();
    assert!(files.len() >= 23);
    for (name, file) in files {
        if file["outcome"] != "ok" {
            // The one deviation: a row that is too long ends the reference's read.
            continue;
        }
        let read = table(name);
        assert_eq!(read.positions.len() as u64, file["rows"].as_u64().unwrap(), "{name}");
        assert!(read.skipped.is_empty(), "{name}: {:?}", read.skipped);
        match (&file["index"], &read.labels) {
            (Value::Array(labels), Some(read)) => {
                assert_eq!(read.len(), labels.len(), "{name}");
                for (row, label) in labels.iter().enumerate() {
                    same(read.as_ref(), row, label, name);
                }
            }
            (index, read) => {
                assert!(index == "default 0..n-1" && read.is_none(), "{name}: {index}")
            }
        }
        let columns = file["columns"].as_array().unwrap();
        assert_eq!(read.columns.len(), columns.len(), "{name}");
        for (column, expected) in read.columns.iter().zip(columns) {
            compare(name, column, expected);
        }
    }
}

fn compare(file: &str, column: &Column, expected: &Value) {
    let at = format!("{file} {}", column.name);
    assert_eq!(column.name, expected["name"].as_str().unwrap(), "{at}");
    let wanted = match expected["dtype"].as_str().unwrap() {
        "int64" => DataType::Int64,
        "uint64" => DataType::UInt64,
        "float64" if expected["nulls"] == expected["values"].as_array().unwrap().len() => {
            DataType::Null
        }
        "float64" => DataType::Float64,
        "bool" => DataType::Boolean,
        "object" => texts::dictionary(),
        other => panic!("{at}: {other}"),
    };
    assert_eq!(column.values.data_type(), &wanted, "{at}");
    let values = expected["values"].as_array().unwrap();
    assert_eq!(column.values.len(), values.len(), "{at}");
    for (row, value) in values.iter().enumerate() {
        same(column.values.as_ref(), row, value, &at);
    }
}

/// `null` is missing, a bare string text, `{"int"}`, `{"float"}`, `{"bool"}` the rest.
fn same(array: &dyn Array, row: usize, expected: &Value, at: &str) {
    let missing = *array.data_type() == DataType::Null || array.is_null(row);
    assert_eq!(missing, expected.is_null(), "{at} row {row}");
    if missing {
        return;
    }
    match array.data_type() {
        DataType::Int64 => {
            let value = array.as_primitive::<Int64Type>().value(row).to_string();
            assert_eq!(expected["int"], value, "{at} row {row}");
        }
        DataType::UInt64 => {
            let value = array.as_primitive::<UInt64Type>().value(row).to_string();
            assert_eq!(expected["int"], value, "{at} row {row}");
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            let wanted: f64 = expected["float"].as_str().unwrap().parse().unwrap();
            let close = value == wanted || ((value - wanted) / wanted).abs() <= FLOAT_TOLERANCE;
            assert!(close, "{at} row {row}: {value} {wanted}");
        }
        DataType::Boolean => {
            assert_eq!(expected["bool"], array.as_boolean().value(row), "{at} row {row}")
        }
        _ => {
            let value = TextCells::of(array).unwrap().get(row).unwrap();
            // Booleans with gaps are objects there and text here.
            let wanted = match &expected["bool"] {
                Value::Bool(true) => "True",
                Value::Bool(false) => "False",
                _ => expected.as_str().unwrap(),
            };
            assert_eq!(value, wanted, "{at} row {row}");
        }
    }
}

/// Deviation: the reference fails on a row that is too long, we skip, count and name it.
#[test]
fn golden_row_too_long_is_skipped_and_counted() {
    let expected = json("csv_types/expected.json");
    let failing: Vec<_> = expected["files"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, file)| file["outcome"] != "ok")
        .collect();
    assert_eq!(failing.len(), 1);
    let name = failing[0].0;
    let text = std::fs::read_to_string(golden().join(format!("csv_types/{name}.csv"))).unwrap();
    let width = |line: &str| line.split(',').count();
    let header = width(text.lines().next().unwrap());
    let (line, long) = text.lines().enumerate().find(|(_, line)| width(line) > header).unwrap();
    let read = table(name);
    assert_eq!(read.positions.len(), text.lines().count() - 2);
    assert_eq!(read.skipped.rows(), 1);
    let message = &read.skipped.reasons()[0].messages[0];
    assert!(message.starts_with(&format!("{} fields", width(long))), "{message}");
    assert!(message.contains(&format!("line {}", line + 1)), "{message}");
    assert!(message.ends_with(&format!("expected at most {header} fields")), "{message}");
    assert!(message.contains(Path::new(name).to_str().unwrap()), "{message}");
}
