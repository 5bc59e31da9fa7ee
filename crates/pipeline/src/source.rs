//! The pipeline's source and the reading of training files: files -> one message a user.

use crate::derive::{actor, counters};
use crate::error::RunError;
use crate::message::Message;
use crate::plan::SourceSettings;
use crate::report::{Progress, Reporter, Weight};
use crate::stages::ScoreBook;
use crate::users::{self, Users};
use arrow_schema::Schema;
use dfp_flow::BoxError;
use dfp_io::files;
use dfp_io::logs::skipped::Unit;
use dfp_io::logs::{self, LogTable, ReadOptions};
use rayon::ThreadPool;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a read left out, and what it found.
#[derive(Clone, Debug, Default)]
pub struct ReadCount {
    /// Rows read.
    pub rows: usize,
    /// Users found.
    pub users: usize,
    /// Rows of users that were not asked for.
    pub rows_of_others: usize,
    /// What was left out, one line a reason.
    pub skipped: Vec<String>,
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
            Err(dfp_io::IoError::NoMatch { .. }) if allow_none => {}
            // The pattern was typed wrong: nothing has been read yet.
            Err(
                error @ (dfp_io::IoError::NoMatch { .. }
                | dfp_io::IoError::Pattern { .. }
                | dfp_io::IoError::Address { .. }),
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
    /// The column that tells users apart; stays text, whatever it looks like.
    pub user_column: &'a str,
    /// The feature columns looked for.
    pub features: &'a [String],
    /// Which columns are wanted; `None` for all.
    pub only: Option<Only<'a>>,
    /// Whether anything left out is an error.
    pub strict: bool,
    /// Where files are read in parallel.
    pub pool: &'a ThreadPool,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
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
/// under the name of the files' `purpose`. Each user's rows are in the order of time.
///
/// # Errors
/// No file gave a row, there is no column of users, or anything had to be left out of a strict run.
pub fn read(
    files: &[PathBuf],
    purpose: &'static str,
    reading: &Reading<'_>,
) -> Result<(LogTable, Users), RunError> {
    let Reading { settings, user_column, features, only, strict, pool, reporter } = *reading;
    let identifiers = [user_column.to_owned()];
    let read = |columns: Option<&[String]>| {
        let columns = columns.map(|columns| settings.kind.with_inputs(columns.to_vec()));
        let options = ReadOptions {
            file_type: settings.file_type,
            repeat: settings.repeat,
            identifiers: &identifiers,
            columns: columns.as_deref(),
            time: settings.time_column.as_deref(),
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
        let read = || logs::read(settings.kind.dialect, files, &options, &mut on_file);
        let mut table = pool.install(read)?;
        if settings.kind.makes_actors(features.iter().chain(&identifiers)) {
            table.batch = actor::add(&table.batch)?;
        }
        Ok::<_, RunError>(table)
    };
    let mut table = read(only.map(|only| only.columns));
    if let (Some(only), Ok(found)) = (only, &table)
        && !(only.will_do)(&found.batch.schema())
    {
        table = read(None);
    }
    reporter.phase_over();
    let mut table = table?;
    for reason in table.skipped.reasons() {
        for message in &reason.messages {
            reporter.say(Weight::Warning, message);
        }
    }
    if strict && !table.skipped.is_empty() {
        let (rows, files) = (table.skipped.rows(), table.skipped.files());
        return Err(RunError::Failed(format!(
            "--strict: {rows} rows and {files} files of the {purpose} would be skipped"
        )));
    }
    let mut users = Users::of(&table.batch, user_column, purpose)?;
    if let Some(spec) = &settings.kind.counters {
        let (batch, unreadable) = counters::add(&table.batch, &mut users.rows, spec)?;
        table.batch = batch;
        if unreadable > 0 {
            let text = format!(
                "{purpose}: {unreadable} {} no readable time in column {:?}; they count as of 1970-01-01",
                if unreadable == 1 { "row has" } else { "rows have" },
                spec.time
            );
            reporter.say(Weight::Warning, &text);
        }
    }
    Ok((table, users))
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
    /// Counts what `table` holds and what was left out of it.
    pub fn of(table: &LogTable, users: &Users, purpose: &str) -> Self {
        let mut skipped: Vec<String> = table
            .skipped
            .reasons()
            .iter()
            .map(|reason| {
                let unit = match reason.unit {
                    Unit::Row => "row",
                    Unit::File => "file",
                };
                let s = if reason.count == 1 { "" } else { "s" };
                format!("{purpose}: {} {unit}{s}: {}", reason.count, reason.reason)
            })
            .collect();
        if users.without_user > 0 {
            skipped.push(without_user(users.without_user, purpose));
        }
        Self {
            rows: table.batch.num_rows(),
            users: users.rows.len(),
            rows_of_others: users.of_others,
            skipped,
        }
    }
}

/// The source of the pipeline: everything is read at the first message, since the order of rows
/// is that of time over all files.
pub struct LogSource {
    files: Vec<PathBuf>,
    settings: SourceSettings,
    user_column: String,
    features: Vec<String>,
    user_filter: Option<String>,
    strict: bool,
    pool: Arc<ThreadPool>,
    book: Arc<ScoreBook>,
    reporter: Arc<dyn Reporter>,
    count: Arc<Mutex<ReadCount>>,
    read: Option<(LogTable, PendingUsers)>,
}

/// Users whose rows have not been handed on yet.
type PendingUsers = std::vec::IntoIter<(Arc<str>, Vec<u32>)>;

impl LogSource {
    /// A source of these files. What it read can be seen in `count` after the run.
    pub fn new(
        files: Vec<PathBuf>,
        plan: &crate::plan::Plan,
        pool: Arc<ThreadPool>,
        reporter: Arc<dyn Reporter>,
        count: Arc<Mutex<ReadCount>>,
        book: Arc<ScoreBook>,
    ) -> Self {
        Self {
            files,
            settings: plan.source.clone(),
            user_column: plan.user_column.clone(),
            features: plan.columns.clone(),
            user_filter: plan.user_filter.clone(),
            strict: plan.strict,
            pool,
            book,
            reporter,
            count,
            read: None,
        }
    }

    fn open(&mut self) -> Result<(), RunError> {
        let reading = Reading {
            settings: &self.settings,
            user_column: &self.user_column,
            features: &self.features,
            only: None,
            strict: self.strict,
            pool: &self.pool,
            reporter: self.reporter.as_ref(),
        };
        let (table, users) = read(&self.files, "input", &reading)?;
        let users = users.only(self.user_filter.as_deref(), "input")?;
        check_strict(&users, "input", self.strict)?;
        self.book.expect(users.rows.iter().map(|(_, rows)| rows.len()).sum());
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) =
            ReadCount::of(&table, &users, "input");
        self.read = Some((table, users.rows.into_iter()));
        Ok(())
    }
}

impl dfp_flow::Source<Message> for LogSource {
    fn next(&mut self) -> Result<Option<Message>, BoxError> {
        if self.files.is_empty() {
            return Ok(None);
        }
        if self.read.is_none() {
            self.open()?;
        }
        let Some((table, users)) = &mut self.read else { return Ok(None) };
        let Some((user, rows)) = users.next() else { return Ok(None) };
        // Each user is met once, so numbers start at 0.
        Ok(Some(Message::new(user, users::take(table, &rows)?)))
    }
}
