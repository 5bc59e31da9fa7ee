//! Putting takeovers into a log.

use super::folds::{Folds, History};
use super::identity::{Columns, Gaps, Role};
use super::log::Log;
use super::takeover::{Kind, Values, Victim};
use super::{BacktestOptions, Placed};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use dfp_features::apply;
use dfp_features::derive::instants;
use dfp_logs::texts::{self, TextCells};
use dfp_logs::time::TimeColumn;
use dfp_logs::{EVENT_DT, LogTable};
use dfp_pipeline::RunError;
use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A takeover takes at most this part of the rows that are scored.
const MOST: usize = 4;
/// Rows by which it is told whether any feature knows the hour.
const SAMPLE: usize = 64;
const HALF_A_DAY: i64 = 12 * 3_600_000_000;

/// What stands in place of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The row whose place it takes.
    pub(super) row: u32,
    /// The row that says what is done.
    pub(super) content: u32,
    /// That row is another user's.
    pub(super) is_foreign: bool,
    /// When it happens, if that is another time: microseconds since 1970.
    pub(super) time: Option<i64>,
}

/// A log with takeovers in it.
pub(super) struct Injection {
    pub(super) table: LogTable,
    /// The kind of each row that was replaced.
    pub(super) kinds: HashMap<u32, u32>,
}

/// Puts takeovers into a log.
pub(super) struct Injector<'a> {
    log: &'a Log,
    columns: &'a Columns,
    histories: &'a [History],
    options: &'a BacktestOptions,
    times: &'a [i64],
    values: Values,
    gaps: Gaps<'a>,
    /// Why rows cannot be moved to other hours, or why that would change nothing.
    no_hours: Option<String>,
}

impl<'a> Injector<'a> {
    pub(super) fn new(
        log: &'a Log,
        columns: &'a Columns,
        histories: &'a [History],
        options: &'a BacktestOptions,
        times: &'a [i64],
    ) -> Result<Self, RunError> {
        let no_hours = match options.kinds.contains(&Kind::UnusualHours) {
            true => no_hours(log, histories, times)?,
            false => None,
        };
        Ok(Self {
            log,
            columns,
            histories,
            options,
            times,
            values: Values::new(log, columns.with(Role::Action))?,
            gaps: Gaps::new(&log.table.batch, columns),
            no_hours,
        })
    }

    /// The log with the takeovers of a fold; counts what each kind came to.
    pub(super) fn inject(
        &self,
        folds: &Folds,
        fold: usize,
        placed: &mut [Placed],
    ) -> Result<Injection, RunError> {
        let rows: Vec<&[u32]> = self.histories.iter().map(|of| of.rows.as_slice()).collect();
        let (mut taken, mut kinds) = (Vec::new(), HashMap::new());
        let all = self.histories.iter().enumerate();
        for (user, history) in all.filter(|(_, history)| history.is_tested) {
            let (from, to) = (folds.cut(history, fold), folds.cut(history, fold + 1));
            let others: Vec<&[u32]> = [&rows[..user], &rows[user + 1..]].concat();
            let victim = Victim {
                learnt: &history.rows[..from],
                scored: &history.rows[from..to],
                others: &others,
                times: self.times,
                values: &self.values,
            };
            let seed = xxh3_64_with_seed(history.user.as_bytes(), self.options.seed);
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(fold as u64);
            let donors = self.donors(&victim);
            for (kind, block) in self.blocks(victim.scored, user + fold, &mut random) {
                let made = match (&self.no_hours, self.options.kinds[kind]) {
                    (Some(why), Kind::UnusualHours) => Err(why.clone()),
                    (_, of) => victim.taken(of, block, &mut random),
                };
                match made {
                    Ok(rows) => {
                        placed[kind].takeovers += 1;
                        placed[kind].rows += rows.len();
                        kinds.extend(rows.iter().map(|taken| (taken.row, kind as u32)));
                        let with =
                            |taken: Taken| (taken, self.identity(&taken, &donors, &mut random));
                        taken.extend(rows.into_iter().map(with));
                    }
                    Err(why) => {
                        let reasons = &mut placed[kind].not_made;
                        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
                            Some((_, count)) => *count += 1,
                            None => reasons.push((why, 1)),
                        }
                    }
                }
            }
        }
        Ok(Injection { table: self.table(&taken)?, kinds })
    }

    /// Where takeovers go: kinds, and consecutive rows of the user that do not overlap.
    fn blocks<'b>(
        &self,
        scored: &'b [u32],
        turn: usize,
        random: &mut ChaCha8Rng,
    ) -> Vec<(usize, &'b [u32])> {
        let kinds = self.options.kinds.len();
        let many = self.options.takeovers_per_user.unwrap_or(kinds).min(scored.len() / MOST).max(1);
        let rows = self.options.takeover_rows.min(scored.len() / (MOST * many)).max(1);
        // Fewer takeovers than kinds take turns.
        let first = if many < kinds { turn } else { 0 };
        let place = |number: usize| {
            let part = number * scored.len() / many..(number + 1) * scored.len() / many;
            let start = part.start + random.random_range(0..=part.len() - rows);
            ((first + number) % kinds, &scored[start..start + rows])
        };
        (0..many).map(place).collect()
    }

    /// The user's rows by which identity values are missing.
    fn donors(&self, victim: &Victim<'_>) -> HashMap<Vec<bool>, Vec<u32>> {
        let mut donors: HashMap<Vec<bool>, Vec<u32>> = HashMap::new();
        for &row in victim.learnt {
            donors.entry(self.gaps.of(row)).or_default().push(row);
        }
        donors
    }

    /// The row whose identity values a row gets: of the user's own, the one whose place it takes if the
    /// same values are missing there; else a row that the user had before. A whole row, so that
    /// values that belong together stay together.
    fn identity(
        &self,
        taken: &Taken,
        donors: &HashMap<Vec<bool>, Vec<u32>>,
        random: &mut ChaCha8Rng,
    ) -> u32 {
        if !taken.is_foreign {
            return taken.content;
        }
        let gaps = self.gaps.of(taken.content);
        match donors.get(&gaps) {
            Some(rows) if gaps != self.gaps.of(taken.row) => {
                rows[random.random_range(0..rows.len())]
            }
            _ => taken.row,
        }
    }

    /// The log with these rows replaced; beside each the row with its identity.
    fn table(&self, taken: &[(Taken, u32)]) -> Result<LogTable, RunError> {
        let batch = &self.log.table.batch;
        let mut contents: Vec<u32> = (0..batch.num_rows() as u32).collect();
        let mut identities = contents.clone();
        for (taken, identity) in taken {
            contents[taken.row as usize] = taken.content;
            identities[taken.row as usize] = *identity;
        }
        let (contents, identities) = (UInt32Array::from(contents), UInt32Array::from(identities));
        let arrays = batch.columns().iter().zip(&self.columns.of).map(|(array, role)| match role {
            Role::Row => Ok(array.clone()),
            Role::Identity => arrow_select::take::take(array, &identities, None),
            Role::Unique | Role::Action => arrow_select::take::take(array, &contents, None),
        });
        let batch = RecordBatch::try_new(batch.schema(), arrays.collect::<Result<_, _>>()?)?;
        let moved: HashMap<u32, i64> =
            taken.iter().filter_map(|(taken, _)| Some((taken.row, taken.time?))).collect();
        let batch = match moved.is_empty() {
            true => batch,
            // Whether it can be done was asked before.
            false => moved_to(self.log, &batch, &moved)?.map_err(RunError::Failed)?,
        };
        Ok(LogTable { batch, ..self.log.table.clone() })
    }
}

/// Why no row can be moved to another hour, or why that would change no feature.
fn no_hours(log: &Log, histories: &[History], times: &[i64]) -> Result<Option<String>, RunError> {
    const DAY: i64 = 2 * HALF_A_DAY;
    let rows: Vec<u32> =
        histories.iter().flat_map(|of| of.rows.iter().copied()).take(SAMPLE).collect();
    let sample = UInt32Array::from(rows.clone());
    let batch = arrow_select::take::take_record_batch(&log.table.batch, &sample)?;
    // Half a day on, on the same day.
    let moved = (0..).zip(&rows).map(|(at, row)| {
        let time = times[*row as usize];
        let of_day = (time + HALF_A_DAY).rem_euclid(DAY);
        (at, time.div_euclid(DAY) * DAY + of_day.div_euclid(1_000_000) * 1_000_000)
    });
    let moved = match moved_to(log, &batch, &moved.collect())? {
        Ok(moved) => moved,
        Err(why) => return Ok(Some(why)),
    };
    let derived = |batch: RecordBatch| {
        let labels = (0..batch.num_rows() as i64).collect::<Vec<_>>().into();
        let skipped = Default::default();
        let mut table = LogTable { batch, file_rows: labels, skipped, more: false };
        apply::before_users(&log.features, &mut table)?;
        Ok::<_, RunError>(table.batch)
    };
    let (usual, moved) = (derived(batch)?, derived(moved)?);
    let tells = log.features.names().iter().any(|name| {
        usual.column_by_name(name).map(Array::to_data)
            != moved.column_by_name(name).map(Array::to_data)
    });
    Ok((!tells).then(|| {
        "no feature holds the hour of a row; a feature file can derive one (op = \"part\")"
            .to_owned()
    }))
}

/// The log with these rows at other times, or why these cannot be written.
fn moved_to(
    log: &Log,
    batch: &RecordBatch,
    moved: &HashMap<u32, i64>,
) -> Result<Result<RecordBatch, String>, RunError> {
    let clock: Option<TimeColumn> =
        log.features.clock().or_else(|| log.features.time_of_log().cloned());
    let mut arrays = batch.columns().to_vec();
    for (field, array) in batch.schema().fields().iter().zip(&mut arrays) {
        let name = field.name();
        let of_clock = clock.as_ref().filter(|clock| clock.name == *name);
        if name != EVENT_DT && of_clock.is_none() {
            continue;
        }
        match with_times(array, of_clock, moved)? {
            Some(times) => *array = times,
            None => {
                return Ok(Err(format!(
                    "times cannot be moved: column {name:?} does not hold them as ISO 8601"
                )));
            }
        }
    }
    // Texts that were plain may have become a dictionary.
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(&arrays).map(|(field, array)| {
        Field::new(field.name(), array.data_type().clone(), field.is_nullable())
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    Ok(Ok(RecordBatch::try_new(Arc::new(schema), arrays)?))
}

/// A column of times with some of them replaced; `None` if what would be written is not read as such.
fn with_times(
    array: &ArrayRef,
    column: Option<&TimeColumn>,
    moved: &HashMap<u32, i64>,
) -> Result<Option<ArrayRef>, RunError> {
    if let DataType::Timestamp(unit, _) = array.data_type() {
        let a_unit = match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        };
        let times = (0..).zip(instants(array)?).map(|(row, time)| {
            let moved = moved.get(&row).map(|time| time.saturating_mul(1_000));
            Some(moved.or(time)?.div_euclid(a_unit))
        });
        let times: Int64Array = times.collect();
        return Ok(Some(arrow_cast::cast(&times, array.data_type())?));
    }
    let Some((texts, column)) = TextCells::of(array).zip(column) else { return Ok(None) };
    let written: HashMap<u32, String> = moved
        .iter()
        .filter_map(|(row, time)| {
            Some((*row, Timestamp::from_microsecond(*time).ok()?.to_string()))
        })
        .collect();
    let is_read = |row: &u32, text: &String| {
        moved.get(row).and_then(|time| time.checked_mul(1_000)) == column.formats.nanoseconds(text)
    };
    if written.len() < moved.len() || !written.iter().all(|(row, text)| is_read(row, text)) {
        return Ok(None);
    }
    let texts = (0..).zip(texts.iter());
    let texts = texts.map(|(row, text)| written.get(&row).map(String::as_str).or(text));
    Ok(Some(texts::collect(texts)?))
}
