//! What a user has done so far on a day: events, places and applications, counted in the order of time.
//!
//! The columns are those of the peer's sign-in sources: `time` and `day` (UTC), `locincrement` and
//! `appincrement` (different places and applications seen so far that day), `logcount` (events before
//! this one that day). Counts begin anew at midnight UTC. They are always a user's own, also in
//! the rows that the model of all users learns from; the peer counts everyone together there.

use super::Cells;
use crate::RunError;
use crate::message::with_columns;
use crate::users::missing_column;
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use dfp_io::logs::time;
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;

/// Names of the columns that are made.
pub const COLUMNS: [&str; 5] = ["time", "day", "locincrement", "appincrement", "logcount"];
const DAY: i64 = 86_400_000_000_000;

/// Which columns are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// When it happened.
    pub time: &'static str,
    /// City, state and country; together one place.
    pub place: [&'static str; 3],
    /// The application, if applications are counted.
    pub application: Option<&'static str>,
}

impl Counters {
    /// The columns that the counters are made of.
    pub fn inputs(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.time).chain(self.place).chain(self.application)
    }

    /// Whether a column of this name is made.
    pub fn makes(&self, column: &str) -> bool {
        COLUMNS.contains(&column) && (column != COLUMNS[3] || self.application.is_some())
    }
}

/// `batch` with the counters behind its columns, and how many rows had no readable time: they count
/// as of 1970-01-01, as the peer's. The row positions of each user are sorted by time; equal
/// times stay in their order.
///
/// # Errors
/// There is no column of times.
pub fn add(
    batch: &RecordBatch,
    users: &mut [(Arc<str>, Vec<u32>)],
    spec: &Counters,
) -> Result<(RecordBatch, usize), RunError> {
    if batch.column_by_name(spec.time).is_none() {
        let what = "column of times:";
        return Err(RunError::Failed(missing_column(what, spec.time, &batch.schema())));
    }
    let rows = batch.num_rows();
    let cells = Cells::of(batch, spec.time)?;
    let parsed: Vec<Option<i64>> =
        (0..rows).map(|row| cells.get(row).and_then(time::nanoseconds)).collect();
    let unreadable = parsed.iter().filter(|time| time.is_none()).count();
    let times: Vec<i64> = parsed.into_iter().map(Option::unwrap_or_default).collect();
    let [city, state, country] = spec.place.map(|name| Cells::of(batch, name));
    let place = [city?, state?, country?];
    let application = spec.application.map(|name| Cells::of(batch, name)).transpose()?;

    let mut places_so_far = vec![0.0; rows];
    let mut applications_so_far = vec![0.0; rows];
    let mut events_before = vec![0_i64; rows];
    for (_, rows) in users {
        rows.sort_by_key(|row| times[*row as usize]);
        for of_day in rows.chunk_by(|a, b| day(times[*a as usize]) == day(times[*b as usize])) {
            let (mut places, mut applications) = (HashSet::new(), HashSet::new());
            for (before, row) in (0..).zip(of_day.iter().map(|row| *row as usize)) {
                // A part that is missing is the word that the peer puts in its place.
                places.insert(place.each_ref().map(|part| part.get(row).unwrap_or("nan")));
                // A missing application is none: the peer's number for it is 0.
                applications.extend(application.as_ref().and_then(|cells| cells.get(row)));
                places_so_far[row] = places.len() as f64;
                applications_so_far[row] = applications.len() as f64;
                events_before[row] = before;
            }
        }
    }
    let days: Vec<String> = times.iter().map(|time| date(*time)).collect();
    let [time, day, places, applications, events] = COLUMNS;
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        (time, Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"))),
        (day, Arc::new(StringArray::from(days))),
        (places, Arc::new(Float64Array::from(places_so_far))),
    ];
    if application.is_some() {
        columns.push((applications, Arc::new(Float64Array::from(applications_so_far))));
    }
    columns.push((events, Arc::new(Int64Array::from(events_before))));
    let columns = columns.into_iter().map(|(name, array)| (name.to_owned(), array));
    Ok((with_columns(batch, columns)?, unreadable))
}

fn day(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(DAY)
}

fn date(nanoseconds: i64) -> String {
    let instant = Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(instant).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};

    const SPEC: Counters =
        Counters { time: "when", place: ["city", "state", "country"], application: Some("app") };

    fn table(rows: &[(&str, Option<&str>, Option<&str>)]) -> RecordBatch {
        let texts = |cell: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
            Arc::new((0..rows.len()).map(cell).collect::<StringArray>())
        };
        RecordBatch::try_from_iter_with_nullable([
            ("when", texts(&|i| Some(rows[i].0.to_owned())), true),
            ("city", texts(&|i| rows[i].1.map(str::to_owned)), true),
            ("app", texts(&|i| rows[i].2.map(str::to_owned)), true),
        ])
        .unwrap()
    }

    #[test]
    fn the_example_of_the_documents() {
        let batch = table(&[
            ("2022-08-01T00:00:00Z", Some("A"), Some("x")),
            ("2022-08-02T00:00:00Z", Some("A"), Some("x")),
            ("2022-08-01T02:00:00Z", Some("A"), Some("y")),
            ("2022-08-01T01:00:00Z", Some("B"), None),
            ("never", None, None),
        ]);
        let mut users = [(Arc::from("ana"), vec![0, 1, 2, 3, 4])];
        let (counted, unreadable) = add(&batch, &mut users, &SPEC).unwrap();
        assert_eq!((unreadable, &users[0].1), (1, &vec![4, 0, 3, 2, 1]));
        let floats = |name: &str| {
            counted.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec()
        };
        assert_eq!(floats("locincrement"), [1.0, 1.0, 2.0, 2.0, 1.0]);
        assert_eq!(floats("appincrement"), [1.0, 1.0, 2.0, 1.0, 0.0]);
        let events = counted.column_by_name("logcount").unwrap().as_primitive::<Int64Type>();
        assert_eq!(events.values(), &[0, 0, 2, 1, 0]);
        let days = counted.column_by_name("day").unwrap().as_string::<i32>();
        assert_eq!((days.value(1), days.value(4)), ("2022-08-02", "1970-01-01"));
    }

    #[test]
    fn counts_do_not_depend_on_the_order_of_the_rows() {
        let rows: Vec<(String, String, String)> = (0..60)
            .map(|i| {
                (
                    format!("2022-08-0{}T{:02}:00:00Z", 1 + i % 3, i / 3),
                    format!("city {}", i * 7 % 5),
                    format!("app {}", i * 5 % 11),
                )
            })
            .collect();
        let counted = |order: &[usize]| {
            let rows: Vec<_> = order
                .iter()
                .map(|i| {
                    (rows[*i].0.as_str(), Some(rows[*i].1.as_str()), Some(rows[*i].2.as_str()))
                })
                .collect();
            let mut users = [(Arc::from("ana"), (0..60).collect::<Vec<u32>>())];
            let (batch, _) = add(&table(&rows), &mut users, &SPEC).unwrap();
            let order = arrow_array::UInt32Array::from(users[0].1.clone());
            arrow_select::take::take_record_batch(&batch, &order).unwrap()
        };
        let forward: Vec<usize> = (0..60).collect();
        let backward: Vec<usize> = (0..60).rev().collect();
        let mixed: Vec<usize> = (0..60).map(|i| i * 37 % 60).collect();
        assert_eq!(counted(&forward), counted(&backward));
        assert_eq!(counted(&forward), counted(&mixed));
    }

    #[test]
    fn a_log_without_times_cannot_be_counted() {
        let batch = table(&[]).project(&[1]).unwrap();
        let error = add(&batch, &mut [], &SPEC).unwrap_err().to_string();
        assert_eq!(error, "there is no column of times: \"when\"; columns are city");
    }
}
