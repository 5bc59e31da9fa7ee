//! What the tests of all operations share, and the columns that depend on the user.

use super::*;
use crate::apply::{before_users, derive};
use crate::feature_file::{self, Features};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Int64Array, UInt32Array};
use dfp_logs::LogTable;
use dfp_logs::texts;
use proptest::prelude::*;

/// A table of text columns, as the readers make them.
pub fn table(columns: &[(&str, &[Option<&str>])]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns
            .iter()
            .map(|(name, cells)| (*name, texts::collect(cells.iter().copied()).unwrap(), true)),
    )
    .unwrap()
}

fn log_table(batch: RecordBatch) -> LogTable {
    let rows = batch.num_rows() as i64;
    LogTable {
        batch,
        file_rows: Int64Array::from_iter_values(0..rows),
        skipped: Default::default(),
        more: false,
    }
}

fn read(folder: &Path, columns: &str) -> Result<Features, Vec<String>> {
    feature_file::read("f.toml", &format!("user = 'u'\n[[column]]\n{columns}"), folder)
}

/// The table with one derived column, and what was told.
pub fn noted(column: &str, columns: &[(&str, &[Option<&str>])]) -> (RecordBatch, Vec<String>) {
    let mut table = log_table(table(columns));
    let features = read(Path::new(""), column).unwrap();
    let notes = before_users(&features, &mut table).unwrap();
    (table.batch, notes.messages)
}

/// The table with one derived column.
pub fn made(column: &str, columns: &[(&str, &[Option<&str>])]) -> RecordBatch {
    made_in(Path::new(""), column, columns)
}

/// The same, with files in a folder.
pub fn made_in(folder: &Path, column: &str, columns: &[(&str, &[Option<&str>])]) -> RecordBatch {
    let mut table = log_table(table(columns));
    before_users(&read(folder, column).unwrap(), &mut table).unwrap();
    table.batch
}

/// Why a column is refused.
pub fn refused(column: &str) -> Vec<String> {
    refused_in(Path::new(""), column)
}

/// The same, with files in a folder.
pub fn refused_in(folder: &Path, column: &str) -> Vec<String> {
    read(folder, column).map(|_| ()).unwrap_err()
}

/// The cells of a column as text.
pub fn texts_of<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    let texts = Cells::of(batch, name).texts().unwrap();
    // The texts live as long as the test.
    let texts: Vec<Option<String>> = texts.iter().map(|text| text.map(str::to_owned)).collect();
    texts.into_iter().map(|text| text.map(|text| &*text.leak())).collect()
}

const COUNTERS: &str = "
time = 'when'
lateness = '1d'
[[column]]
name = 'when'
op = 'datetime'
of = 'at'
[[column]]
name = 'events'
op = 'increment'
[[column]]
name = 'places'
op = 'distinct_increment'
of = ['city', 'country']
[[column]]
name = 'apps'
op = 'distinct_increment'
of = 'app'
missing = 'none'
number = 'float'
[[column]]
name = 'new_app'
op = 'first_seen'
of = 'app'
missing = 'none'
[[column]]
name = 'gap'
op = 'since_previous'
[[column]]
name = 'both'
op = 'concat'
of = ['events', 'app']
separator = ' '
";

fn counters() -> Features {
    feature_file::read("f.toml", COUNTERS, Path::new("")).unwrap()
}

/// Derives the columns of all rows of one user, and returns them in the order of time.
fn counted(features: &Features, memory: &mut Memory, rows: RecordBatch) -> RecordBatch {
    let mut table = log_table(rows);
    before_users(features, &mut table).unwrap();
    let rows = table.batch.num_rows() as u32;
    let mut users = [(Arc::from("ana"), (0..rows).collect::<Vec<u32>>())];
    let (batch, _) = derive(features, &table.batch, &mut users, memory).unwrap();
    arrow_select::take::take_record_batch(&batch, &UInt32Array::from(users[0].1.clone())).unwrap()
}

fn ints(batch: &RecordBatch, name: &str) -> Vec<i64> {
    batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn floats(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().iter().collect()
}

fn flags(batch: &RecordBatch, name: &str) -> Vec<bool> {
    batch.column_by_name(name).unwrap().as_boolean().iter().map(|flag| flag.unwrap()).collect()
}

#[test]
fn a_users_days_by_hand() {
    let batch = table(&[
        (
            "at",
            &[
                Some("2022-08-01T00:00:00Z"),
                Some("2022-08-02T00:00:00Z"),
                Some("2022-08-01T02:00:00Z"),
                Some("2022-08-01T01:00:00Z"),
                Some("2022-08-01T01:00:00Z"),
            ],
        ),
        ("city", &[Some("A"), Some("A"), Some("A"), Some("B"), None]),
        ("country", &[Some("NO"); 5]),
        ("app", &[Some("x"), Some("x"), Some("y"), None, Some("x")]),
    ]);
    let batch = counted(&counters(), &mut Memory::default(), batch);
    // 0:00 A x; 1:00 B none; 1:00 nan x; 2:00 A y; the next day A x.
    assert_eq!(ints(&batch, "events"), [0, 1, 2, 3, 0]);
    assert_eq!(ints(&batch, "places"), [1, 2, 3, 3, 1]);
    assert_eq!(floats(&batch, "apps"), [1.0, 1.0, 1.0, 2.0, 1.0].map(Some));
    assert_eq!(flags(&batch, "new_app"), [true, false, false, true, false]);
    assert_eq!(
        floats(&batch, "gap"),
        [None, Some(3600.0), Some(0.0), Some(3600.0), Some(22.0 * 3600.0)]
    );
    assert_eq!(texts_of(&batch, "both"), ["0 x", "1 nan", "2 x", "3 y", "0 x"].map(Some));
}

#[test]
fn periods_of_the_calendar() {
    let at = &[
        Some("2022-07-30T10:10:00Z"),
        Some("2022-07-30T10:50:00Z"),
        Some("2022-07-31T10:00:00Z"),
        // A Monday and a new month.
        Some("2022-08-01T00:00:00Z"),
        Some("2022-08-01T23:59:59Z"),
    ];
    for (period, expected) in [
        ("hour", [0, 1, 0, 0, 0]),
        ("day", [0, 1, 0, 0, 1]),
        ("week", [0, 1, 2, 0, 1]),
        ("month", [0, 1, 2, 0, 1]),
    ] {
        let text = format!(
            "time = 't'\n[[column]]\nname = 't'\nop = 'datetime'\nof = 'at'\n[[column]]\nname = 'n'\nop = 'increment'\nperiod = '{period}'"
        );
        let features = feature_file::read("f.toml", &text, Path::new("")).unwrap();
        let batch = counted(&features, &mut Memory::default(), table(&[("at", at)]));
        assert_eq!(ints(&batch, "n"), expected, "{period}");
    }
}

#[test]
fn a_row_that_is_too_late_stands_alone_in_its_period() {
    let features = counters();
    let mut memory = Memory::default();
    let mut count = |at: &str| {
        let rows = table(&[("at", &[Some(at)]), ("app", &[Some("x")])]);
        ints(&counted(&features, &mut memory, rows), "events")[0]
    };
    assert_eq!(count("2022-08-01T10:00:00Z"), 0);
    assert_eq!(count("2022-08-03T00:00:00Z"), 0);
    // The first day ended a day before the newest event: it is still known.
    assert_eq!(count("2022-08-01T09:00:00Z"), 1);
    assert_eq!(count("2022-08-03T00:00:01Z"), 1);
    assert_eq!(count("2022-08-01T11:00:00Z"), 0);
    assert_eq!(count("2022-08-01T11:00:00Z"), 0);
}

#[test]
fn scoring_knows_the_values_of_training_and_counts_its_days_anew() {
    let features = counters();
    let rows = || table(&[("at", &[Some("2022-08-01T10:00:00Z")]), ("app", &[Some("x")])]);
    let mut memory = Memory::default();
    let first = counted(&features, &mut memory, rows());
    assert_eq!((ints(&first, "events"), flags(&first, "new_app")), (vec![0], vec![true]));
    let mut memory = memory.after_training();
    let second = counted(&features, &mut memory, rows());
    assert_eq!((ints(&second, "events"), flags(&second, "new_app")), (vec![0], vec![false]));
    assert_eq!(floats(&second, "gap"), [None]);
}

#[test]
fn a_full_memory_forgets_what_was_not_seen_for_longest() {
    let text = "time = 't'\n[[column]]\nname = 't'\nop = 'datetime'\nof = 'at'\n[[column]]\nname = 'new'\nop = 'first_seen'\nof = 'v'\nremember = 2";
    let features = feature_file::read("f.toml", text, Path::new("")).unwrap();
    let at = ["00", "01", "02", "03", "04", "05"].map(|hour| format!("2022-08-01T{hour}:00:00Z"));
    let at: Vec<Option<&str>> = at.iter().map(|at| Some(at.as_str())).collect();
    let values = ["a", "b", "a", "c", "a", "b"].map(Some);
    let batch = counted(&features, &mut Memory::default(), table(&[("at", &at), ("v", &values)]));
    assert_eq!(flags(&batch, "new"), [true, true, false, true, false, true]);
}

#[test]
fn a_log_without_times_cannot_be_counted() {
    let mut table = log_table(table(&[("city", &[])]));
    let error = before_users(&counters(), &mut table).unwrap_err().to_string();
    assert_eq!(error, "there is no column of times: \"at\"; columns are city");
}

#[test]
fn what_is_no_memory_is_refused() {
    let mut memory = Memory::default();
    let why = memory.restore("ana", b"{").unwrap_err();
    let why = why.to_string();
    assert!(why.starts_with("no memory of user \"ana\": "), "{why}");
}

/// Some rows of one user: hours, cities and applications.
fn some_rows() -> impl Strategy<Value = Vec<(u32, u8, Option<u8>)>> {
    prop::collection::vec((0..200_u32, 0..4_u8, prop::option::of(0..5_u8)), 1..60)
}

fn table_of(rows: &[(u32, u8, Option<u8>)]) -> RecordBatch {
    let at: Vec<String> = rows
        .iter()
        .map(|(hour, ..)| format!("2022-08-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24))
        .collect();
    let city: Vec<String> = rows.iter().map(|row| format!("city {}", row.1)).collect();
    let app: Vec<Option<String>> = rows.iter().map(|row| Some(format!("app {}", row.2?))).collect();
    let at: Vec<Option<&str>> = at.iter().map(|text| Some(text.as_str())).collect();
    let city: Vec<Option<&str>> = city.iter().map(|text| Some(text.as_str())).collect();
    let app: Vec<Option<&str>> = app.iter().map(|text| text.as_deref()).collect();
    table(&[("at", &at), ("city", &city), ("app", &app)])
}

fn cells_of(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    ["when", "events", "places", "apps", "new_app", "gap", "both"]
        .map(|name| {
            let texts = texts_of(batch, name);
            texts.into_iter().map(|text| text.map(str::to_owned)).collect()
        })
        .to_vec()
}

proptest! {
    /// The same rows as one batch, and as several in the order of time, each with a memory that was
    /// written and read again.
    #[test]
    fn batches_make_no_difference(mut rows in some_rows(), cuts in prop::collection::vec(0..60_usize, 0..5)) {
        rows.sort_by_key(|row| row.0);
        let features = counters();
        let whole = cells_of(&counted(&features, &mut Memory::default(), table_of(&rows)));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(rows.len())).collect();
        cuts.extend([0, rows.len()]);
        cuts.sort_unstable();
        let mut parts: Vec<Vec<Option<String>>> = vec![Vec::new(); whole.len()];
        let mut kept: Vec<(Arc<str>, Vec<u8>)> = Vec::new();
        for cut in cuts.windows(2).filter(|cut| cut[0] < cut[1]) {
            let mut memory = Memory::default();
            for (user, bytes) in &kept {
                memory.restore(user, bytes).unwrap();
            }
            let batch = counted(&features, &mut memory, table_of(&rows[cut[0]..cut[1]]));
            for (part, cells) in parts.iter_mut().zip(cells_of(&batch)) {
                part.extend(cells);
            }
            kept = memory.changes();
            prop_assert!(memory.changes().is_empty());
        }
        prop_assert_eq!(parts, whole);
    }
}
