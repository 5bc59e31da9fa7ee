//! When the rows of a file happened, and what becomes of those of which that cannot be read.

use super::super::concat::print;
use super::super::options::ReadOptions;
use super::super::part::Part;
use super::super::projection::Wanted;
use super::super::slice::{ALWAYS, Slice};
use super::super::time::{TimeColumn, TimeFormats};
use super::{Cleaner, message};
use crate::error::{LogError, Place};
use crate::skipped::{Skipped, TIMELESS, Unit};
use crate::texts::{Cells, TextCells};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use dfp_storage::names::shown;
use std::path::Path;

const NO_TIMES: &str = "no event times, where rows of some times are asked for";
const BAD_TIME: &str = "bad event time";
/// Values that are looked at to find out whether a column holds times.
const LOOKED_AT: usize = 20;
/// Columns that are named.
const NAMED: usize = 3;

impl Cleaner<'_> {
    /// Reads the column of event times, or the one that says when a row happened in its place, and counts
    /// the rows that have no readable time.
    pub(super) fn read_times(&mut self, wanted: &Wanted<'_>) -> Result<(), LogError> {
        let options = wanted.options;
        if let Some(name) = wanted.time() {
            let auto = TimeFormats::default();
            let formats = options.time.map_or(&auto, |time| &time.formats);
            let read = |text: &str| formats.microseconds(text);
            self.times = self.parse(name, formats, &read, options)?;
        } else if let Some(clock) = options.clock {
            let read = |text: &str| microseconds(text, clock);
            self.clock = self.parse(&clock.name, &clock.formats, &read, options)?;
        }
        Ok(())
    }

    /// The times in a column, if it is there.
    fn parse(
        &mut self,
        name: &str,
        formats: &TimeFormats,
        read: &dyn Fn(&str) -> Option<i64>,
        options: &ReadOptions<'_>,
    ) -> Result<Option<Vec<Option<i64>>>, LogError> {
        let Some(column) = self.column(name)? else { return Ok(None) };
        let texts = print(column)?;
        let Some(texts) = TextCells::of(&texts) else { return Ok(None) };
        let times: Vec<Option<i64>> = texts.iter().map(|text| read(text?)).collect();
        let (unit, reason) = match is_needed(options) {
            true => (Unit::Row, BAD_TIME),
            false => (Unit::Kept, TIMELESS),
        };
        for (row, _) in times.iter().enumerate().filter(|(_, time)| time.is_none()) {
            let label = self.labels.value(row);
            self.skipped.add(unit, reason, || {
                let text = texts.get(row);
                let cause = match text {
                    None => "missing value".to_owned(),
                    Some(text) => format!("\"{text}\" is not a time"),
                };
                message(self.path, label, name, cause, &formats.expected(text.unwrap_or_default()))
            });
        }
        Ok(Some(times))
    }

    /// Keeps the rows of the times that are wanted, and of those the ones in this part of the file.
    pub(super) fn within(
        &mut self,
        slice: Slice,
        options: &ReadOptions<'_>,
    ) -> Result<(), LogError> {
        if slice.again {
            self.skipped = Skipped::default();
        }
        let (between, is_needed) = (&options.between, is_needed(options));
        let Some(times) = self.times.as_ref().or(self.clock.as_ref()) else {
            // Nobody can tell which rows were asked for.
            return match *between == ALWAYS {
                true => Ok(()),
                false => Err(LogError::Content {
                    path: self.path.to_owned(),
                    place: Box::new(Place::default()),
                    cause: NO_TIMES.to_owned(),
                    expected: "a column of event times".to_owned(),
                }),
            };
        };
        if !slice.again {
            let outside = times.iter().flatten().filter(|time| !between.contains(time)).count();
            self.skipped.add_outside(outside);
        }
        let is_wanted = |time: &Option<i64>| match time {
            Some(time) => between.contains(time) && slice.times.contains(time),
            None => !is_needed && slice.timeless,
        };
        let keep: Vec<bool> = times.iter().map(is_wanted).collect();
        for times in [&mut self.times, &mut self.clock].into_iter().flatten() {
            times.retain(is_wanted);
        }
        self.retain(&keep)
    }
}

/// Whether rows without a readable time are left out.
fn is_needed(options: &ReadOptions<'_>) -> bool {
    !options.keep_timeless || options.between != ALWAYS
}

/// Derived columns of times are in nanoseconds: what is too far away for them is no time.
fn microseconds(text: &str, clock: &TimeColumn) -> Option<i64> {
    clock.formats.nanoseconds(text).map(|time| time.div_euclid(1_000))
}

/// What a column says about when each row happened, microseconds since 1970.
pub(in super::super) fn clock_times(
    column: &ArrayRef,
    clock: &TimeColumn,
) -> Result<Vec<Option<i64>>, LogError> {
    let texts = print(column)?;
    let cells = TextCells::of(&texts).into_iter().flat_map(TextCells::iter);
    Ok(cells.map(|text| microseconds(text?, clock)).collect())
}

impl Part {
    /// Says that a file of so many rows has no column of times, and which of its columns could be it.
    pub(in super::super) fn without_times(&self, path: &Path, time: &str, rows: usize) -> String {
        let could_be = self.columns.iter().filter(|(_, values)| holds_times(values));
        let names: Vec<String> =
            could_be.take(NAMED).map(|(name, _)| format!("\"{name}\"")).collect();
        let s = if rows == 1 { "" } else { "s" };
        let hint = match names.is_empty() {
            true => String::new(),
            false => format!(
                "; times are in {}: name the column by the key time of a feature file",
                names.join(", ")
            ),
        };
        format!(
            "no column \"{time}\": \"{}\"; its {rows} row{s} keep the order of the file, after all rows with a time{hint}",
            shown(path)
        )
    }
}

/// Whether the first values of a column of texts are times.
fn holds_times(values: &Cells) -> bool {
    let formats = TimeFormats::default();
    let is_time = |text: &str| formats.microseconds(text).is_some();
    let mut seen = match values {
        Cells::Texts(texts) => texts.first(LOOKED_AT).map(is_time).collect::<Vec<bool>>(),
        Cells::Array(array) if *array.data_type() != DataType::Null => TextCells::of(array)
            .into_iter()
            .flat_map(TextCells::iter)
            .flatten()
            .take(LOOKED_AT)
            .map(is_time)
            .collect(),
        Cells::Array(_) => Vec::new(),
    }
    .into_iter()
    .peekable();
    seen.peek().is_some() && seen.all(|is_time| is_time)
}
