//! The same events in another form of file are the same events.

use crate::place::{Place, numbers};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value};
use std::sync::Arc;

const FORMS: [&str; 4] = ["document.json", "lines.jsonl", "flat.csv", "flat.parquet"];

/// The events of a generated log.
fn events(text: &str) -> Vec<Map<String, Value>> {
    let object = |value: Value| match value {
        Value::Object(members) => members,
        other => panic!("{other} is no event"),
    };
    if let Ok(Value::Object(mut document)) = serde_json::from_str(text)
        && let Some(Value::Array(records)) = document.remove("Records")
    {
        return records.into_iter().map(object).collect();
    }
    if let Ok(Value::Array(records)) = serde_json::from_str(text) {
        return records.into_iter().map(object).collect();
    }
    text.lines().map(|line| object(serde_json::from_str(line).unwrap())).collect()
}

/// The members of an event under dotted names.
fn flat(members: &Map<String, Value>, prefix: &str, row: &mut Vec<(String, Value)>) {
    for (name, value) in members {
        match value {
            Value::Object(inner) => flat(inner, &format!("{prefix}{name}."), row),
            value => row.push((format!("{prefix}{name}"), value.clone())),
        }
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A column in the type of its values.
fn column(values: &[Option<&Value>]) -> ArrayRef {
    let present = || values.iter().flatten().filter(|value| !value.is_null());
    if present().next().is_some() && present().all(|value| value.is_boolean()) {
        let flags = values.iter().map(|value| value.and_then(Value::as_bool));
        return Arc::new(flags.collect::<BooleanArray>());
    }
    if present().next().is_some() && present().all(|value| value.is_i64()) {
        let integers = values.iter().map(|value| value.and_then(Value::as_i64));
        return Arc::new(integers.collect::<Int64Array>());
    }
    Arc::new(values.iter().map(|value| text(*value)).collect::<StringArray>())
}

/// Writes the events in all forms.
fn write(place: &Place, source: &str, events: &[Map<String, Value>]) {
    let list = Value::Array(events.iter().cloned().map(Value::Object).collect());
    let document = match source {
        "cloudtrail" => format!("{{\"Records\": {list}}}"),
        _ => list.to_string(),
    };
    place.write(FORMS[0], document);
    let lines: Vec<String> =
        events.iter().map(|event| Value::Object(event.clone()).to_string()).collect();
    place.write(FORMS[1], lines.join("\n"));
    let rows: Vec<Vec<(String, Value)>> = events
        .iter()
        .map(|event| {
            let mut row = Vec::new();
            flat(event, "", &mut row);
            row
        })
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let cell = |row: usize, name: &str| {
        rows[row].iter().find(|(other, _)| other == name).map(|(_, value)| value)
    };
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(&names).unwrap();
    for row in 0..rows.len() {
        let cells = names.iter().map(|name| text(cell(row, name)).unwrap_or_default());
        csv.write_record(cells).unwrap();
    }
    place.write(FORMS[2], csv.into_inner().unwrap());
    let columns = names.iter().map(|name| {
        let values: Vec<Option<&Value>> = (0..rows.len()).map(|row| cell(row, name)).collect();
        (*name, column(&values), true)
    });
    let table = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), table.schema(), None).unwrap();
    writer.write(&table).unwrap();
    place.write(FORMS[3], writer.into_inner().unwrap());
}

/// Trains on each form and scores all of them.
fn agree(source: &str) {
    let options = format!(
        "--source={source} --format=json --users=2 --training_rows=300 --new_rows=20 --seed=7"
    );
    let place = Place::generated(&options);
    let mut all = Vec::new();
    for name in place.list("logs/training") {
        all.extend(events(&place.read(&format!("logs/training/{name}"))));
    }
    write(&place, source, &all);
    for learnt in FORMS {
        let ended = place.morpheus(&format!(
            "train --source={source} --input={learnt} --store=store-{learnt} --seed=1"
        ));
        assert_eq!(ended.code, 0, "{source} {learnt}: {}", ended.stderr);
        let mut first: Option<String> = None;
        for form in FORMS {
            let ended = place.morpheus(&format!(
                "score --source={source} --input={form} --store=store-{learnt} --output=out.csv --overwrite"
            ));
            assert_eq!(ended.code, 0, "{source} {learnt} {form}: {}", ended.stderr);
            let out = place.read("out.csv");
            let first = first.get_or_insert_with(|| out.clone());
            for name in ["score", "p_value"] {
                let (one, other) = (numbers(first, name), numbers(&out, name));
                assert_eq!((one.len(), other.len()), (all.len(), all.len()), "{form} {name}");
                let far = one.iter().zip(&other).find(|(one, other)| (*one - *other).abs() > 1e-6);
                assert_eq!(far, None, "{source} learnt from {learnt}, {form}: {name}");
            }
            assert!(numbers(&out, "score").iter().any(|score| *score > 0.0));
        }
    }
}

#[test]
fn cloudtrail_scores_alike_in_every_form() {
    agree("cloudtrail");
}

#[test]
fn azure_scores_alike_in_every_form() {
    agree("azure");
}

#[test]
fn duo_scores_alike_in_every_form() {
    agree("duo");
}

#[test]
fn okta_scores_alike_in_every_form() {
    agree("okta");
}
