//! What several targets share.

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use dfp_logs::skipped::Skipped;
use dfp_logs::{Dialect, LogTable, Nested, ReadOptions, read, read_in_parts};
use dfp_logs::{azure, cloudtrail, duo, okta, table};
use dfp_features::apply::{before_users, derive};
use dfp_features::derive::Memory;
use dfp_features::Features;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

/// The sources.
pub const DIALECTS: [Dialect; 5] =
    [cloudtrail::DIALECT, azure::DIALECT, duo::DIALECT, okta::DIALECT, table::DIALECT];

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// The folder of this process.
pub fn folder() -> &'static Path {
    FOLDER.path()
}

/// The file of this name, which now holds `bytes`.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

/// Column names with types, row labels with rows as texts, and what was left out.
type Content = (Vec<(String, DataType)>, Vec<(i64, Vec<String>)>, Vec<String>);

fn kind(kind: &DataType) -> DataType {
    match kind {
        DataType::Dictionary(..) | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    }
}

/// A time as its number, for which no zone is asked.
fn plain(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(..) => cast(column, &DataType::Int64).expect("a number"),
        _ => Arc::clone(column),
    }
}

fn names(batch: &RecordBatch) -> Vec<(String, DataType)> {
    let schema = batch.schema();
    schema.fields().iter().map(|f| (f.name().clone(), kind(f.data_type()))).collect()
}

fn content(tables: Vec<LogTable>) -> Content {
    let (mut rows, mut skipped) = (Vec::new(), Skipped::default());
    let columns = names(&tables[0].batch);
    let options = FormatOptions::new().with_null("<missing>");
    for table in tables {
        assert_eq!(names(&table.batch), columns);
        let batch = &table.batch;
        let columns: Vec<ArrayRef> = batch.columns().iter().map(plain).collect();
        let cells: Vec<ArrayFormatter<'_>> = columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable column"))
            .collect();
        for (row, label) in table.file_rows.values().iter().enumerate() {
            let texts = cells.iter().map(|column| column.value(row).to_string());
            rows.push((*label, texts.collect()));
        }
        skipped.merge(table.skipped);
    }
    let mut told: Vec<String> = Vec::new();
    for reason in skipped.reasons() {
        told.push(format!("{} {}", reason.count, reason.reason));
        told.extend(reason.messages.iter().cloned());
    }
    // Reasons come in the order in which they are met; rows of a file are sorted by their labels, those of
    // a part only within it.
    told.sort();
    rows.sort();
    (columns, rows, told)
}

/// Reads a file at once, and in parts of about `size` bytes, which must give the same.
pub fn parts_are_the_whole(dialect: &Dialect, path: &Path, size: usize) {
    let options = ReadOptions { sort: false, nested: Nested::Flatten, ..ReadOptions::default() };
    let whole = read(dialect, &[path.to_owned()], &options, &mut |_, _| {});
    let parts: Result<Vec<_>, _> =
        read_in_parts(dialect, path, &options, size).and_then(|parts| parts.collect());
    match (whole, parts) {
        (Ok(whole), Ok(parts)) => {
            assert!(!parts.is_empty(), "no parts of {} rows", whole.batch.num_rows());
            assert_eq!(content(parts), content(vec![whole]), "{size}");
        }
        (Err(_), Err(_)) => {}
        // Nothing but rows that are skipped.
        (Err(_), Ok(parts)) => assert!(parts.is_empty(), "parts of a file that cannot be read"),
        (Ok(_), Err(error)) => panic!("{error}"),
    }
}

/// A table of columns of texts.
pub fn texts<'a>(columns: impl IntoIterator<Item = (&'a str, Vec<Option<&'a str>>)>) -> LogTable {
    let columns = columns.into_iter().map(|(name, cells)| {
        (name, dfp_logs::texts::collect(cells.into_iter()).expect("a column"), true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a table");
    let file_rows = Int64Array::from_iter_values(0..batch.num_rows() as i64);
    LogTable { batch, file_rows, skipped: Skipped::default(), more: false }
}

/// Makes the columns of a feature file, all rows being one user's.
pub fn derived(features: &Features, mut table: LogTable, memory: &mut Memory) {
    if before_users(features, &mut table).is_err() {
        return;
    }
    let rows = table.batch.num_rows();
    let mut users = [(Arc::from(""), (0..rows as u32).collect())];
    if let Ok((made, _)) = derive(features, &table.batch, &mut users, memory) {
        assert_eq!(made.num_rows(), rows);
    }
}
