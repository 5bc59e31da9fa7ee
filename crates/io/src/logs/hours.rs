//! When the events of files happened, without keeping anything else of them.

use super::parts::{PART, is_large, read_in_parts};
use super::read::{EVENT_DT, ReadOptions};
use super::time::TimeColumn;
use super::union::Part;
use super::{Dialect, file};
use crate::error::IoError;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Microseconds.
const HOUR: i64 = 3_600_000_000;

/// When a file's events happened: rows by the hour they are in, as hours since 1970; those without a readable
/// time are in [`TIMELESS_HOUR`].
pub type Hours = BTreeMap<i64, usize>;

/// The hour of rows without a readable time: after all others, since they are read last.
pub const TIMELESS_HOUR: i64 = i64::MAX / HOUR - 1;

/// Finds out when the events of each file happened that are in [`ReadOptions::between`]. A file that cannot be read has no hours.
pub fn hours(dialect: &Dialect, files: &[PathBuf], options: &ReadOptions<'_>) -> Vec<Hours> {
    let clock: Vec<String> = options.clock.iter().map(|clock| clock.name.clone()).collect();
    let options = ReadOptions { columns: Some(&clock), slice: None, ..options.clone() };
    let of_file = |path: &PathBuf| {
        let mut hours = Hours::new();
        if is_large(path, &options) {
            for part in read_in_parts(dialect, path, &options, PART)?.into_parts() {
                count_hours(&mut hours, part?, options.clock)?;
            }
        } else {
            count_hours(&mut hours, file::read(path, dialect, &options)?, options.clock)?;
        }
        Ok::<_, IoError>(hours)
    };
    files.par_iter().map(|path| of_file(path).unwrap_or_default()).collect()
}

fn count_hours(hours: &mut Hours, part: Part, clock: Option<&TimeColumn>) -> Result<(), IoError> {
    let mut count = |time: Option<i64>| {
        let hour = time.map_or(TIMELESS_HOUR, |time| time.div_euclid(HOUR));
        *hours.entry(hour).or_default() += 1;
    };
    let mut timed = false;
    for (name, mut cells) in part.columns {
        if name == EVENT_DT {
            timed = true;
            let times = cells.array()?.as_primitive::<TimestampMicrosecondType>();
            times.iter().for_each(&mut count);
        } else if let Some(clock) = clock.filter(|clock| clock.name == name) {
            timed = true;
            file::clock_times(cells.array()?, clock)?.into_iter().for_each(&mut count);
        }
    }
    if !timed && part.rows > 0 {
        *hours.entry(TIMELESS_HOUR).or_default() += part.rows;
    }
    Ok(())
}
