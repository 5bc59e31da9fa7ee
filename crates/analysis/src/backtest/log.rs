//! The log that is tested: its own columns, and what is derived of them.

use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow_schema::Schema;
use arrow_select::filter::{filter, filter_record_batch};
use dfp_engine::Reporter;
use dfp_features::Features;
use dfp_features::apply;
use dfp_features::derive::{Memory, instants};
use dfp_features::users::Users;
use dfp_logs::columns::missing_column;
use dfp_logs::skipped::{Skipped, Unit};
use dfp_logs::{EVENT_DT, LogTable};
use dfp_pipeline::RunError;
use dfp_pipeline::plan::{Plan, SourceSettings};
use dfp_pipeline::source::{self, Only, ReadCount, Reading};
use dfp_pipeline::train::Trainer;
use rayon::ThreadPool;
use std::sync::Arc;

const PURPOSE: &str = "input";

/// A log and what is made of it.
pub(super) struct Log {
    /// The log's own columns of the rows that are used; row labels are their positions.
    pub(super) table: LogTable,
    /// What is made of them.
    pub(super) features: Features,
    user_column: String,
}

/// The log with its derived columns.
pub(super) struct Derived {
    pub(super) batch: RecordBatch,
    /// Which row of the log each is.
    pub(super) log_rows: Int64Array,
    /// Users with their rows.
    pub(super) users: Vec<(Arc<str>, Vec<u32>)>,
    /// When each row happened, in microseconds since 1970.
    pub(super) times: Vec<i64>,
}

impl Log {
    /// Reads the columns that the features need, and counts what was left out.
    pub(super) fn read(
        plan: &Plan,
        trainer: &Trainer<'_>,
        pool: &ThreadPool,
        reporter: &dyn Reporter,
    ) -> Result<(Self, ReadCount), RunError> {
        let SourceSettings { input_globs, recursive, max_files, .. } = &plan.source;
        let files = source::find(input_globs, *recursive, *max_files, false)?;
        let columns = trainer.columns();
        let will_do = |schema: &Schema| trainer.will_do(schema);
        let reading = Reading {
            settings: &plan.source,
            user_column: plan.user_column.as_deref(),
            known_categories: &[],
            only: Some(Only { columns: &columns, will_do: &will_do }),
            batch: None,
            needs_times: true,
            sliced: None,
            strict: plan.strict,
            pool,
            reporter,
            duplicates: Some(trainer.duplicates()),
            on_rows: None,
        };
        let Some(user_column) = reading.user_column else {
            return Err(RunError::Failed("backtest needs a column of users".to_owned()));
        };
        let mut table = source::read_log(&files, PURPOSE, &reading)?;
        let features = reading.features().into_owned();
        let mut log = Self {
            table: with_positions(table.clone()),
            features,
            user_column: user_column.to_owned(),
        };
        let mut used = log.table.clone();
        let notes = apply::before_users(&log.features, &mut used)?;
        let mut skipped = table.skipped.clone();
        log.leave_out_timeless(&mut used, &mut skipped)?;
        source::check_strict_skipped(&skipped, PURPOSE, plan.strict)?;
        // As often as they are there: takeovers are put in place of any row.
        let (repeated, _) = reading.meet_ids(&mut used, PURPOSE)?;
        let mut users = Users::of(&used.batch, user_column, PURPOSE)?;
        trainer.warn_of_alike(&users, PURPOSE);
        (users.filtered, users.repeated) = (notes.filtered, repeated);
        let mut count = ReadCount { files: files.len(), ..ReadCount::default() };
        count.add(&LogTable { skipped, ..used.clone() }, &users);
        count.users = users.rows.len();
        // Only rows of users that are used can be tested or put in.
        let mut rows: Vec<i64> = Vec::new();
        for (_, of_user) in &users.rows {
            rows.extend(of_user.iter().map(|row| used.file_rows.value(*row as usize)));
        }
        rows.sort_unstable();
        let rows = UInt32Array::from_iter_values(rows.into_iter().map(|row| row as u32));
        table.batch = arrow_select::take::take_record_batch(&table.batch, &rows)?;
        reading.leave_ids(&mut table);
        log.table = with_positions(table);
        Ok((log, count))
    }

    /// Makes the columns that features are, as a run would; `tell` what goes wrong with them.
    pub(super) fn derive(
        &self,
        table: &LogTable,
        reporter: &dyn Reporter,
        tell: bool,
    ) -> Result<Derived, RunError> {
        let mut table = table.clone();
        let before = apply::before_users(&self.features, &mut table)?;
        let mut users = Users::of(&table.batch, &self.user_column, PURPOSE)?;
        let times = self.times(&table.batch)?;
        let times = times.into_iter().map(Option::unwrap_or_default).collect();
        let mut memory = Memory::default();
        let (batch, after) =
            apply::derive(&self.features, &table.batch, &mut users.rows, &mut memory)?;
        if tell {
            source::tell(&before, PURPOSE, reporter);
            source::tell(&after, PURPOSE, reporter);
        }
        Ok(Derived { batch, log_rows: table.file_rows, users: users.rows, times })
    }

    /// Histories are cut by time: a row without one has no place in them. The reader has left out those of
    /// which it knows.
    fn leave_out_timeless(
        &self,
        table: &mut LogTable,
        skipped: &mut Skipped,
    ) -> Result<(), RunError> {
        let timed: Vec<bool> = self.times(&table.batch)?.iter().map(Option::is_some).collect();
        let timeless = timed.iter().filter(|timed| !**timed).count();
        if timeless > 0 {
            let timed = BooleanArray::from(timed);
            table.batch = filter_record_batch(&table.batch, &timed)?;
            table.file_rows = filter(&table.file_rows, &timed)?.as_primitive().clone();
            let text = format!("{PURPOSE}: {timeless} rows without a readable time are left out");
            skipped.add_rows(Unit::Row, timeless, "no readable time", text);
        }
        Ok(())
    }

    /// When each row happened, in microseconds since 1970.
    fn times(&self, batch: &RecordBatch) -> Result<Vec<Option<i64>>, RunError> {
        let column = self.features.derived_time().unwrap_or(EVENT_DT);
        let Some(times) = batch.column_by_name(column) else {
            let wanted = self.features.time.as_ref().map_or(EVENT_DT, |time| time.name.as_str());
            return Err(RunError::Failed(missing_column(
                "column of times, by which histories are cut:",
                wanted,
                &batch.schema(),
            )));
        };
        let times = instants(times)?.into_iter();
        Ok(times.map(|time| Some(time?.div_euclid(1_000))).collect())
    }
}

/// The rows labelled by their positions.
fn with_positions(mut table: LogTable) -> LogTable {
    table.file_rows = Int64Array::from_iter_values(0..table.batch.num_rows() as i64);
    table
}
