//! Reading: files -> a table with its derived columns, and which rows are whose.

use crate::batches::Batch;
use crate::duplicates::Duplicates;
use crate::error::RunError;
use crate::plan::SourceSettings;
use arrow_array::{ArrayRef, TimestampMicrosecondArray, new_null_array};
use arrow_schema::{DataType, Schema};
use dfp_engine::{Progress, Reporter, Weight};
use dfp_features::Features;
use dfp_features::apply::{self, Notes};
use dfp_features::derive::Memory;
use dfp_features::users::Users;
use dfp_logs::columns::with_columns;
use dfp_logs::skipped::{Note, Skipped, TIMELESS, Unit};
use dfp_logs::time::TimeColumn;
use dfp_logs::{EVENT_DT, LogTable, OnRows, ReadOptions, Slice, Sliced, SlicedFiles, Times};
use dfp_storage::StorageError;
use dfp_storage::files;
use parking_lot::Mutex;
use rayon::ThreadPool;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What was read of a source so far, and what was left out of it.
#[derive(Clone, Debug, Default)]
pub struct ReadCount {
    /// Rows read, those included that were then left out.
    pub rows: usize,
    /// Users found.
    pub users: usize,
    /// Files read.
    pub files: usize,
    /// Rows of users that were not asked for.
    pub rows_of_others: usize,
    /// Rows that the feature file leaves out.
    pub filtered: usize,
    /// Rows without a user.
    pub without_user: usize,
    /// Rows with the event id of an earlier one.
    pub repeated: usize,
    /// Rows and files that could not be used.
    pub skipped: Skipped,
}

/// The files that any of `globs` names, each once, sorted by path.
///
/// # Errors
/// One of them names no file, unless `allow_none`.
pub fn find(
    globs: &[String],
    recursive: bool,
    max_files: Option<usize>,
    allow_none: bool,
) -> Result<Vec<PathBuf>, RunError> {
    let mut all = Vec::new();
    for glob in globs {
        match files::find(glob, recursive) {
            Err(StorageError::NoMatch { .. }) if allow_none => {}
            // The pattern was typed wrong: nothing has been read yet.
            Err(
                error @ (StorageError::NoMatch { .. }
                | StorageError::Pattern { .. }
                | StorageError::Address { .. }),
            ) => {
                return Err(RunError::Usage(vec![error.to_string()]));
            }
            found => all.extend(found?),
        }
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(max_files.unwrap_or(usize::MAX));
    Ok(all)
}

/// How files are read, the same for input and training files.
pub struct Reading<'a> {
    /// The source's options.
    pub settings: &'a SourceSettings,
    /// The column that tells users apart, if there is one; stays text, whatever it looks like.
    pub user_column: Option<&'a str>,
    /// Columns that models have learnt as categories: cells of CSV files stay as they are written.
    pub known_categories: &'a [String],
    /// Which columns are wanted; `None` for all.
    pub only: Option<Only<'a>>,
    /// The part of the files that is read now; `None`: all of them.
    pub batch: Option<&'a Batch>,
    /// Rows without a readable time are left out; otherwise they come last.
    pub needs_times: bool,
    /// What earlier batches have left of files that are read in several.
    pub sliced: Option<&'a SlicedFiles>,
    /// Whether anything left out is an error.
    pub strict: bool,
    /// Where files are read in parallel.
    pub pool: &'a ThreadPool,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
    /// The ids of earlier rows, where repeated ones are looked for.
    pub duplicates: Option<&'a Mutex<Duplicates>>,
    /// As [`ReadOptions::on_rows`].
    pub on_rows: Option<OnRows<'a>>,
}

impl<'a> Reading<'a> {
    /// All columns of all files, by themselves: no models, no earlier rows, nothing that is left out ends it.
    pub fn alone(
        settings: &'a SourceSettings,
        user_column: Option<&'a str>,
        pool: &'a ThreadPool,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self {
            settings,
            user_column,
            known_categories: &[],
            only: None,
            batch: None,
            needs_times: false,
            sliced: None,
            strict: false,
            pool,
            reporter,
            duplicates: None,
            on_rows: None,
        }
    }
}

/// Some columns instead of all.
#[derive(Clone, Copy)]
pub struct Only<'a> {
    /// Their names.
    pub columns: &'a [String],
    /// Whether what was found of them will do. If not, all columns are read after all: whoever says
    /// what is missing also says what there is.
    pub will_do: &'a dyn Fn(&Schema) -> bool,
}

/// Reads files, adds the columns that are made of others, and tells the reporter what was left out,
/// under the name of the files' `purpose`. Each user's rows are in the order of time. `recall` is told
/// the users before their columns are derived, to bring back what is remembered of them.
///
/// # Errors
/// [`RunError::NoRows`] if no file gave a row; there is no column of users, or anything had to be left out of a strict run.
pub fn read(
    files: &[PathBuf],
    purpose: &'static str,
    reading: &Reading<'_>,
    memory: &mut Memory,
    recall: &mut dyn FnMut(&Users, &mut Memory) -> Result<(), RunError>,
) -> Result<(LogTable, Users), RunError> {
    let mut table = read_log(files, purpose, reading)?;
    let is_some_of_several = reading.batch.is_some_and(Batch::is_one_table_of_several);
    if let Some(user) = reading.user_column
        && !is_some_of_several
        && table.batch.column_by_name(user).is_none()
        && let kind = reading.settings.kind
        && let schema = table.batch.schema()
        && let Some(why) =
            kind.mistaken_for_another(&schema).or_else(|| kind.not_at_the_top(&schema))
    {
        return Err(RunError::Failed(format!("{purpose}: {why}")));
    }
    let features = reading.features();
    let tell = |notes: &Notes| tell(notes, purpose, reading.reporter);
    let notes = apply::before_users(&features, &mut table)?;
    tell(&notes);
    let (repeated, dropped) = reading.meet_ids(&mut table, purpose)?;
    let mut users = match reading.user_column {
        // Which rows come together depends on memory, and where files arrive on the moment.
        Some(column) if is_some_of_several => Users::of_part(&table.batch, column, purpose)?,
        Some(column) => Users::of(&table.batch, column, purpose)?,
        None => Users::everyone(&table.batch),
    };
    users.filtered = notes.filtered;
    (users.repeated, users.dropped) = (repeated, dropped);
    recall(&users, memory)?;
    let (batch, notes) = apply::derive(&features, &table.batch, &mut users.rows, memory)?;
    table.batch = batch;
    tell(&notes);
    if notes.timeless > 0 {
        let mut timeless = Skipped::default();
        let column = features.derived_time().unwrap_or(EVENT_DT);
        let rows = notes.timeless;
        let has = if rows == 1 { "row has" } else { "rows have" };
        let text = format!("{purpose}: {rows} {has} no readable time in column {column:?}");
        timeless.add_rows(Unit::Kept, rows, TIMELESS, text);
        check_skipped(&timeless, purpose, reading.strict, reading.reporter)?;
        table.skipped.merge(timeless);
    }
    Ok((table, users))
}

/// Says what went not quite as the feature file has it.
pub fn tell(notes: &Notes, purpose: &str, reporter: &dyn Reporter) {
    for message in &notes.messages {
        reporter.say(Weight::Warning, &format!("{purpose}: {message}"));
    }
}

/// As [`read`], but only the log's own columns.
///
/// # Errors
/// As [`read`].
pub fn read_log(
    files: &[PathBuf],
    purpose: &'static str,
    reading: &Reading<'_>,
) -> Result<LogTable, RunError> {
    let Reading { settings, user_column, known_categories, only, batch, .. } = *reading;
    let Reading { needs_times, strict, pool, reporter, on_rows, .. } = *reading;
    let features = reading.features();
    let mut exact = features.exact();
    exact.extend(known_categories.iter().cloned());
    let identifiers = user_column.map_or_else(Vec::new, |user| features.inputs_of_user(user));
    // Of all that is made of the log, whatever is wanted this time.
    let asked = settings.features.inputs_of(&settings.features.names());
    // Other batches may have the times that this one lacks; of all files a lack of them is said once, below.
    let is_part = batch.is_some_and(Batch::is_part);
    let clock = features.clock().map(|clock| TimeColumn { expected: is_part, ..clock });
    let sliced = reading.sliced();
    let slice = batch.map(|batch| |path: &Path| batch.slice(path));
    let read = |columns: Option<&[String]>| {
        let columns = columns.map(|columns| features.inputs_of(columns));
        let options = ReadOptions {
            file_type: settings.file_type,
            delimiter: settings.delimiter,
            repeat: settings.repeat,
            identifiers: &identifiers,
            exact: &exact,
            columns: columns.as_deref(),
            asked: &asked,
            time: features.time_of_log(),
            clock: clock.as_ref(),
            keep_timeless: !needs_times,
            between: settings.between.clone(),
            slice: slice.as_ref().map(|slice| slice as &(dyn Fn(&Path) -> Slice + Sync)),
            on_rows,
            sliced,
            memory: settings.memory,
            // A batch that does not fit is cut.
            all_or_nothing: batch.is_some() && sliced.is_none(),
            ..ReadOptions::default()
        };
        let (mut files_done, mut rows_read) = (0, 0);
        let mut on_file = |_: &Path, rows| {
            files_done += 1;
            rows_read += rows;
            reporter.progress(Progress::Read {
                purpose,
                files_done,
                files: files.len(),
                rows: rows_read,
            });
        };
        let read = || dfp_logs::read(settings.kind.dialect, files, &options, &mut on_file);
        Ok::<_, RunError>(pool.install(read)?)
    };
    let mut table = read(only.map(|only| only.columns));
    let expected = features.time_of_log().filter(|time| time.expected);
    let lacks_times = |found: &LogTable| {
        expected.is_some() && found.batch.schema().column_with_name(EVENT_DT).is_none()
    };
    if let (Some(only), Ok(found)) = (only, &table)
        && (!(only.will_do)(&found.batch.schema()) || lacks_times(found))
    {
        table = read(None);
    }
    reporter.phase_over();
    let mut table = table?;
    if is_part && lacks_times(&table) {
        let times =
            TimestampMicrosecondArray::new_null(table.batch.num_rows()).with_timezone("UTC");
        table.batch =
            with_columns(&table.batch, [(EVENT_DT.to_owned(), Arc::new(times) as ArrayRef)])?;
    }
    if is_part
        && let Some(clock) = &clock
        && table.batch.column_by_name(&clock.name).is_none()
    {
        let none = new_null_array(&DataType::Utf8, table.batch.num_rows());
        table.batch = with_columns(&table.batch, [(clock.name.clone(), none)])?;
    }
    check_skipped(&table.skipped, purpose, strict, reporter)?;
    Ok(table)
}

impl Reading<'_> {
    fn sliced(&self) -> Option<Sliced<'_>> {
        Some(Sliced { files: self.sliced?, ends: self.batch?.later()? })
    }

    /// How many rows repeat the id of an earlier one, and how many of them are left out. They are counted among
    /// the rows that are used.
    ///
    /// # Errors
    /// The column of ids cannot be printed.
    pub fn meet_ids(
        &self,
        table: &mut LogTable,
        purpose: &str,
    ) -> Result<(usize, usize), RunError> {
        let Some(duplicates) = self.duplicates else { return Ok((0, 0)) };
        let mut duplicates = duplicates.lock();
        let features = &self.settings.features;
        let column = features.event_id.as_deref();
        let repeated = duplicates.meet(column, table)?;
        duplicates.report(column, repeated, purpose, self.reporter);
        self.leave_ids(table);
        Ok((repeated, if duplicates.drops() { repeated } else { 0 }))
    }

    /// Takes the column of ids off, where it was read for [`meet_ids`](Self::meet_ids) alone: no column has more
    /// different texts.
    pub fn leave_ids(&self, table: &mut LogTable) {
        let schema = table.batch.schema();
        if let (Some(only), Some(id)) = (self.only, self.settings.features.plain_event_id())
            && !only.columns.contains(id)
            && (only.will_do)(&schema)
            && let Ok(at) = schema.index_of(id)
        {
            table.batch.remove_column(at);
        }
    }

    /// What is made of the log for the columns that are wanted.
    pub fn features(&self) -> Cow<'_, Features> {
        match self.only {
            Some(only) => Cow::Owned(self.settings.features.narrowed(only.columns)),
            None => Cow::Borrowed(self.settings.features.as_ref()),
        }
    }
}

/// When the events of files happened. What is found out of large files on the way is kept in `files`, to
/// read their rows in one more pass.
pub fn times(
    paths: &[PathBuf],
    settings: &SourceSettings,
    (user_column, known_categories): (Option<&str>, &[String]),
    files: &SlicedFiles,
    pool: &ThreadPool,
) -> Vec<Times> {
    let clock = settings.features.clock();
    let features = &settings.features;
    let mut exact = features.exact();
    exact.extend(known_categories.iter().cloned());
    let identifiers = user_column.map_or_else(Vec::new, |user| features.inputs_of_user(user));
    let asked = settings.features.inputs_of(&settings.features.names());
    let options = ReadOptions {
        file_type: settings.file_type,
        delimiter: settings.delimiter,
        repeat: settings.repeat,
        identifiers: &identifiers,
        exact: &exact,
        asked: &asked,
        time: settings.features.time_of_log(),
        clock: clock.as_ref(),
        keep_timeless: true,
        between: settings.between.clone(),
        sliced: Some(Sliced { files, ends: &[] }),
        memory: settings.memory,
        ..ReadOptions::default()
    };
    pool.install(|| dfp_logs::hours(settings.kind.dialect, paths, &options))
}

/// Says what was left out of a batch, and refuses it in a strict run.
///
/// # Errors
/// Something was left out, and the run is strict.
pub fn check_skipped(
    skipped: &Skipped,
    purpose: &str,
    strict: bool,
    reporter: &dyn Reporter,
) -> Result<(), RunError> {
    for message in skipped.reasons().iter().flat_map(|reason| &reason.messages) {
        reporter.say(Weight::Warning, message);
    }
    for note in skipped.notes() {
        reporter.say(Weight::Warning, &format!("{purpose}: {}", in_words(note)));
    }
    check_strict_skipped(skipped, purpose, strict)
}

/// Refuses what was left out in a strict run.
///
/// # Errors
/// Something was left out, and the run is strict.
pub fn check_strict_skipped(
    skipped: &Skipped,
    purpose: &str,
    strict: bool,
) -> Result<(), RunError> {
    if strict && !skipped.is_empty() {
        let what = if skipped.has_all_rows() { "changed or left out" } else { "skipped" };
        return Err(RunError::Failed(format!(
            "--strict: {} of the {purpose} would be {what}",
            skipped.totals()
        )));
    }
    Ok(())
}

/// What was done with rows that are kept.
fn in_words(note: &Note) -> String {
    let s = if note.rows == 1 { "" } else { "s" };
    format!("{} row{s}: {}", note.rows, note.text)
}

fn without_user(rows: usize, purpose: &str) -> String {
    format!("{purpose}: {rows} {} without a user", if rows == 1 { "row" } else { "rows" })
}

/// Refuses rows without a user in a strict run.
///
/// # Errors
/// There are such rows, and the run is strict.
pub fn check_strict(users: &Users, purpose: &str, strict: bool) -> Result<(), RunError> {
    match users.without_user {
        rows if strict && rows > 0 => {
            Err(RunError::Failed(format!("--strict: {}", without_user(rows, purpose))))
        }
        _ => Ok(()),
    }
}

impl ReadCount {
    /// Adds what `table` holds, and what was left out of it.
    pub fn add(&mut self, table: &LogTable, users: &Users) {
        self.rows += table.batch.num_rows() + users.filtered + users.dropped;
        self.rows_of_others += users.of_others;
        self.filtered += users.filtered;
        self.without_user += users.without_user;
        self.repeated += users.repeated;
        self.skipped.merge(table.skipped.clone());
    }

    /// What could not be used, one line a reason.
    pub fn lines(&self, purpose: &str) -> Vec<String> {
        let mut lines = self.reasons(purpose, |unit| unit != Unit::Value);
        if self.without_user > 0 {
            lines.push(without_user(self.without_user, purpose));
        }
        lines
    }

    /// What was changed or left out in rows that were read, one line a reason.
    pub fn changes(&self, purpose: &str) -> Vec<String> {
        self.reasons(purpose, |unit| unit == Unit::Value)
    }

    fn reasons(&self, purpose: &str, chosen: impl Fn(Unit) -> bool) -> Vec<String> {
        let reasons = self.skipped.reasons().iter().filter(|reason| chosen(reason.unit));
        reasons
            .map(|reason| {
                let unit = reason.unit.name(reason.count);
                format!("{purpose}: {} {unit}: {}", reason.count, reason.reason)
            })
            .collect()
    }
}
