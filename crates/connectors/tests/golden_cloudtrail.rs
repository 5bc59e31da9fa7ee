//! Reading, splitting and writing CloudTrail, recorded with the 22.06 pipeline
//! (`golden/derived/cloudtrail*`). The split by user is not this crate's business; the test has a
//! minimal one.
//!
//! Stated deviations:
//! * Booleans with gaps, lists and objects are text here, in the form the reference writes to CSV.
//! * An account identifier keeps its digits: where the reference has `Account-<digits>.0` or
//!   `Account-nan`, because a gap made its column a float, we have `Account-<digits>` and missing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

#[path = "../../logs/tests/support/mod.rs"]
mod support;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Int64Array, RecordBatch, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::take::take_record_batch;
use dfp_connectors::sinks::{Format, create};
use dfp_logs::texts::{self, TextCells};
use dfp_logs::{EVENT_DT, LogTable, Nested, ReadOptions, cloudtrail, read};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use support::{golden, json};

const USER: &str = "userIdentitysessionContextsessionIssueruserName";
const ACCOUNT: &str = "userIdentityaccountId";

fn options() -> ReadOptions<'static> {
    ReadOptions { nested: Nested::Keep, ..ReadOptions::default() }
}

fn load(case: &Value, options: &ReadOptions<'_>) -> LogTable {
    let files = case["files"].as_array().unwrap();
    let paths: Vec<PathBuf> =
        files.iter().map(|f| golden().join("derived").join(f.as_str().unwrap())).collect();
    let table = read(&cloudtrail::DIALECT, &paths, options, &mut |_, _| {}).unwrap();
    assert!(table.skipped.is_empty(), "{:?}", table.skipped);
    table
}

/// One message: a user's rows with the running row number and the row label in front.
struct Message {
    user: String,
    rows: RecordBatch,
}

/// Users in order of first appearance; rows without a user are left out. `running` holds each
/// user's next row number.
fn split(table: &LogTable, running: &mut HashMap<String, i64>) -> Vec<Message> {
    let mut order: Vec<String> = Vec::new();
    let mut rows: HashMap<String, Vec<u64>> = HashMap::new();
    let names = TextCells::of(table.batch.column_by_name(USER).unwrap()).unwrap();
    for (row, user) in names.iter().enumerate() {
        if let Some(user) = user {
            rows.entry(user.to_owned()).or_insert_with(|| {
                order.push(user.to_owned());
                Vec::new()
            });
            rows.get_mut(user).unwrap().push(row as u64);
        }
    }
    let schema = table.batch.schema();
    let mut all_fields = vec![Field::new("_index_", DataType::Int64, false)];
    all_fields.extend(schema.fields().iter().map(|f| f.as_ref().clone()));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(table.file_rows.clone())];
    columns.extend(table.batch.columns().iter().cloned());
    let whole = RecordBatch::try_new(Arc::new(Schema::new(all_fields)), columns).unwrap();
    order
        .into_iter()
        .map(|user| {
            let own = take_record_batch(&whole, &UInt64Array::from(rows[&user].clone())).unwrap();
            let next = running.entry(user.clone()).or_insert(0);
            let index = Int64Array::from_iter_values(*next..*next + own.num_rows() as i64);
            *next += own.num_rows() as i64;
            Message { user, rows: in_front(index, &own) }
        })
        .collect()
}

fn in_front(index: Int64Array, rows: &RecordBatch) -> RecordBatch {
    let mut fields = vec![Field::new("", DataType::Int64, false)];
    fields.extend(rows.schema().fields().iter().map(|f| f.as_ref().clone()));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(index)];
    columns.extend(rows.columns().iter().cloned());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn index(message: &Message) -> Vec<i64> {
    message.rows.column(0).as_primitive::<Int64Type>().values().to_vec()
}

fn cases() -> Vec<(String, Value)> {
    let all = json("derived/cloudtrail.json");
    let cases: Vec<_> =
        all.as_object().unwrap().iter().filter(|(_, v)| v.get("messages").is_some()).collect();
    assert!(cases.len() >= 6, "{}", cases.len());
    cases.into_iter().map(|(name, case)| (name.clone(), case.clone())).collect()
}

/// The users of a case, in the recorded order, without the empty group of the missing user.
fn users(case: &Value) -> Vec<&str> {
    case["user_order"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

fn messages(case: &Value) -> Vec<Message> {
    let mut messages = split(&load(case, &options()), &mut HashMap::new());
    if let Some(only) = case["userid_filter"].as_str() {
        messages.retain(|m| m.user == only);
    }
    messages
}

#[test]
fn golden_every_cell_of_every_user() {
    for (name, case) in cases() {
        let messages = messages(&case);
        let found: Vec<_> = messages.iter().map(|m| m.user.as_str()).collect();
        assert_eq!(found, users(&case), "{name}");
        for message in &messages {
            let at = format!("{name} {}", message.user);
            let expected = &case["per_user"][&message.user];
            let schema = message.rows.schema();
            let columns: Vec<_> =
                schema.fields().iter().skip(1).map(|f| f.name().as_str()).collect();
            let wanted: Vec<_> =
                expected["columns"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert_eq!(columns, wanted, "{at}");
            let wanted: Vec<_> =
                expected["index"].as_array().unwrap().iter().filter_map(Value::as_i64).collect();
            assert_eq!(index(message), wanted, "{at}");
            types(&message.rows, &expected["dtypes"], &at);
            table(&message.rows, &expected["table"], &at);
        }
    }
}

fn types(rows: &RecordBatch, expected: &Value, at: &str) {
    for (name, dtype) in expected.as_object().unwrap() {
        let found = rows.column_by_name(name).unwrap().data_type();
        let wanted = match dtype.as_str().unwrap() {
            "int64" => DataType::Int64,
            "float64" => DataType::Float64,
            "bool" => DataType::Boolean,
            "object" => texts::dictionary(),
            "datetime64[ns, UTC]" => {
                DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("UTC".into()))
            }
            other => panic!("{at} {name}: {other}"),
        };
        assert_eq!(found, &wanted, "{at} {name}");
    }
}

fn table(rows: &RecordBatch, expected: &Value, at: &str) {
    let expected = expected.as_array().unwrap();
    assert_eq!(rows.num_rows(), expected.len(), "{at}");
    for (row, expected) in expected.iter().enumerate() {
        for (name, value) in expected.as_object().unwrap() {
            let found = rows.column_by_name(name).unwrap();
            assert_eq!(cell(found, row), wanted(name, value), "{at} row {row} {name}");
        }
    }
}

/// A cell of ours in the notation of the recorded tables, where booleans with gaps are booleans.
fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => Value::from(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::from(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::Timestamp(..) => {
            let microseconds = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = jiff::Timestamp::from_microsecond(microseconds).unwrap();
            Value::from(time.to_string().replace('Z', "+00:00"))
        }
        _ => match TextCells::of(array).unwrap().get(row).unwrap() {
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            text => Value::from(text),
        },
    }
}

/// A recorded cell, with the stated deviations applied.
fn wanted(column: &str, value: &Value) -> Value {
    if let Some(inner) = value.get("kind").and(value.get("value")) {
        return python(inner).into();
    }
    match value.as_str() {
        Some(account) if column == ACCOUNT => {
            mend_account(account).map_or(Value::Null, Value::from)
        }
        _ => value.clone(),
    }
}

fn mend_account(account: &str) -> Option<&str> {
    match account.strip_prefix("Account-") {
        Some("nan") => None,
        Some(_) => Some(account.strip_suffix(".0").unwrap_or(account)),
        None => Some(account),
    }
}

/// Python's notation, written independently of the crate's; the recorded values need no escapes.
fn python(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Null => "None".into(),
        Value::Bool(value) => if *value { "True" } else { "False" }.into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("'{text}'"),
        Value::Array(list) => format!("[{}]", joined(list.iter().map(python).collect())),
        Value::Object(members) => {
            format!(
                "{{{}}}",
                joined(members.iter().map(|(k, v)| format!("'{k}': {}", python(v))).collect())
            )
        }
    }
}

#[test]
fn golden_training_view_in_file_order() {
    let all = json("derived/cloudtrail.json");
    let case = &all["cloudtrail_csv_training_view"];
    let features: Vec<String> = case["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_str().unwrap().to_owned())
        .collect();
    // The reference drops `eventTime` before it could sort; our training sorts by time.
    let options = ReadOptions { columns: Some(&features), sort: false, ..options() };
    let table_read = load(&all["cloudtrail_csv"], &options);
    let mut users = split(&table_read, &mut HashMap::new());
    users.sort_by_key(|m| index(m).len());
    for (user, expected) in case["per_user"].as_object().unwrap() {
        let message = users.iter().find(|m| m.user == *user).unwrap();
        let schema = message.rows.schema();
        let columns: Vec<_> = schema
            .fields()
            .iter()
            .map(|f| f.name().as_str())
            .filter(|n| !["", "_index_", EVENT_DT].contains(n))
            .collect();
        let wanted: Vec<_> =
            expected["columns"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(columns, wanted, "{user}");
        let labels = message
            .rows
            .column_by_name("_index_")
            .unwrap()
            .as_primitive::<Int64Type>()
            .values()
            .to_vec();
        let wanted: Vec<_> =
            expected["index"].as_array().unwrap().iter().filter_map(Value::as_i64).collect();
        assert_eq!(labels, wanted, "{user}");
        table(&message.rows, &expected["table"], user);
    }
}

#[test]
fn golden_running_index_over_two_reads() {
    let all = json("derived/cloudtrail.json");
    let recorded = all["running_index_over_two_reads"].as_array().unwrap();
    let mut files: Vec<&Value> = recorded.iter().map(|r| &r["file"]).collect();
    files.dedup();
    let mut running = HashMap::new();
    let mut found = Vec::new();
    for file in files {
        let case = serde_json::json!({ "files": [file] });
        for message in split(&load(&case, &options()), &mut running) {
            let labels = message.rows.column(1).as_primitive::<Int64Type>().values().to_vec();
            found.push(serde_json::json!({ "file": file, "user": message.user, "index": index(&message), "_index_": labels }));
        }
    }
    assert_eq!(&found, recorded);
}

#[test]
fn golden_written_files() {
    for (name, case) in cases() {
        let path = golden().join("derived").join(format!("{name}.to_file.csv"));
        let expected = mend_text(&std::fs::read_to_string(&path).unwrap());
        let per_message = usize::try_from(case["rows_per_message"].as_u64().unwrap()).unwrap();
        let scores = invented_scores(&expected);
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out.csv");
        let mut sink = create(&out, Some(Format::Csv), false, false).unwrap();
        let mut row = 0;
        for message in messages(&case) {
            for first in (0..message.rows.num_rows()).step_by(per_message) {
                let part =
                    message.rows.slice(first, per_message.min(message.rows.num_rows() - first));
                let own = &scores[row..row + part.num_rows()];
                row += part.num_rows();
                sink.write(&scored(&part, own)).unwrap();
            }
        }
        assert_eq!(row, scores.len(), "{name}");
        sink.commit().unwrap();
        assert_eq!(std::fs::read_to_string(&out).unwrap(), expected, "{name}");
    }
}

/// The account forms that are defects of the reference, see above.
fn mend_text(text: &str) -> String {
    let mut mended = String::new();
    for part in text.split_inclusive(['\n', ',']) {
        let (cell, end) = part.split_at(part.len() - 1);
        if cell.starts_with("Account-") {
            mended.push_str(mend_account(cell).unwrap_or_default());
        } else {
            mended.push_str(cell);
        }
        mended.push_str(end);
    }
    mended
}

/// Score and flag of each row, the last two cells of a line.
fn invented_scores(text: &str) -> Vec<(f32, bool)> {
    let mut scores = Vec::new();
    for line in text.lines().skip(1) {
        let mut cells = line.rsplitn(3, ',');
        let flag = match cells.next() {
            Some("True") => true,
            Some("False") => false,
            // The first line of a cell with a line feed.
            _ => continue,
        };
        if let Some(Ok(score)) = cells.next().map(str::parse) {
            scores.push((score, flag));
        }
    }
    scores
}

fn scored(rows: &RecordBatch, scores: &[(f32, bool)]) -> RecordBatch {
    let mut fields: Vec<Field> =
        rows.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(Field::new("ae_anomaly_score", DataType::Float32, false));
    fields.push(Field::new("ts_anomaly", DataType::Boolean, false));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Float32Array::from_iter_values(scores.iter().map(|s| s.0))));
    columns.push(Arc::new(scores.iter().map(|s| Some(s.1)).collect::<BooleanArray>()));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Most odd inputs are failures of the reference; ours reads what can be read.
#[test]
fn golden_odd_inputs() {
    let all = json("derived/cloudtrail.json");
    let directory = tempfile::tempdir().unwrap();
    for (name, odd) in all["odd_inputs"].as_object().unwrap() {
        let path = directory.path().join(odd["file"].as_str().unwrap());
        std::fs::write(&path, odd["input"].as_str().unwrap()).unwrap();
        let result = read(
            &cloudtrail::DIALECT,
            std::slice::from_ref(&path),
            &ReadOptions::default(),
            &mut |_, _| {},
        );
        if name == "records_empty" || name == "bad_event_time" {
            let message = result.unwrap_err().to_string();
            let reason =
                if name == "records_empty" { "no rows in 1 file(s)" } else { "is not a time" };
            assert!(message.contains(reason), "{name}: {message}");
            continue;
        }
        let table = result.unwrap();
        let schema = table.batch.schema();
        let columns: Vec<_> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        if odd["outcome"] == "ok" {
            let mut wanted: Vec<_> =
                odd["columns"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            if name == "duplicate_after_removing_dots" {
                // Two columns of one name could not be told apart by name.
                wanted[2] = "ab1";
            }
            assert_eq!(columns, wanted, "{name}");
            let found: Vec<_> =
                split(&table, &mut HashMap::new()).into_iter().map(|m| m.user).collect();
            let mut wanted: Vec<_> =
                odd["users"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            if name == "data_column_null_rows_dropped" {
                // The reference drops the row of this user; see below.
                wanted.insert(0, "role-a");
            }
            assert_eq!(found, wanted, "{name}");
        }
        match name.as_str() {
            // The reference drops the row, which is an event like any other.
            "data_column_null_rows_dropped" => {
                assert_eq!((table.batch.num_rows(), table.skipped.rows()), (2, 0));
            }
            "owners_empty_list" => {
                let owners = table.batch.column_by_name("requestParametersownersSetitems").unwrap();
                assert_eq!(owners.null_count(), 1);
            }
            "records_pretty_printed" => assert_eq!(
                table.batch.num_rows(),
                split(&table, &mut HashMap::new()).iter().map(|m| m.rows.num_rows()).sum::<usize>()
            ),
            "no_user_column" => assert!(!columns.contains(&USER)),
            _ => {}
        }
    }
}
