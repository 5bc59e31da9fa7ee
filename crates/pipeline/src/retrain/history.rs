//! Each user's window of rows, on disk: what `--history_dir` remembers from run to run.
//!
//! A file is learnt once: its rows join their users' windows in the transaction that marks the file as
//! read. What could not be read, or did not fit into memory, is tried again. One that has changed since is left out and told, since its first rows are there already. Rows
//! with equal times are kept, and so are late ones: a window is put in order when it is read.

use super::files::{Found, has_only_begun, together};
use super::rows::{newest, until_tomorrow};
use crate::error::RunError;
use crate::plan::HistoryLength;
use crate::plan::Plan;
use crate::source::{self, ReadCount};
use crate::train::{TRAINING_DATA, Trainer, without_times};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use dfp_connectors::state::{Commit, FileMark, Part, StateDir, WindowChange};
use dfp_engine::{Reporter, Weight};
use dfp_features::derive::Memory;
use dfp_features::users::Users;
use dfp_storage::names;
use dfp_storage::names::shown;
use parking_lot::Mutex;
use rayon::ThreadPool;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A window in more parts than this becomes one.
const MOST_PARTS: usize = 8;
/// Windows that are tidied in one transaction.
const TIDIED: usize = 256;

/// How the folder is opened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Opening {
    Plain,
    /// With its copy in place of a damaged one.
    Rebuild,
    /// A copy, by who only looks.
    Copy,
}

/// The windows of all users.
pub(super) struct Histories {
    state: StateDir,
    longest: Option<HistoryLength>,
    /// Whether anything left out is an error.
    strict: bool,
    tidied: Mutex<Vec<(Arc<str>, WindowChange)>>,
    /// Who only looks has a copy.
    _copy: Option<TempDir>,
}

impl Histories {
    /// The windows in a folder, or in a copy of it. They belong to a source, a column of users, and features.
    pub(super) fn open(
        directory: &Path,
        plan: &Plan,
        longest: Option<HistoryLength>,
        opening: Opening,
        reporter: &dyn Reporter,
    ) -> Result<Self, RunError> {
        let features = xxhash_rust::xxh3::xxh3_64(plan.columns.join("\n").as_bytes());
        let users = plan.user_column.as_deref().unwrap_or_default();
        let source = plan.source.kind.stage;
        let about = format!("training from {source} by {users}, features {features:016x}");
        let (state, copy) = match opening {
            Opening::Copy => {
                let copy = tempfile::tempdir().map_err(|error| {
                    RunError::Failed(format!("cannot make a copy of the histories: {error}"))
                })?;
                (StateDir::copy(directory, copy.path(), &about)?, Some(copy))
            }
            Opening::Rebuild => {
                let (state, said) = StateDir::rebuild(directory, &about)?;
                reporter.say(Weight::Warning, &said);
                (state, None)
            }
            Opening::Plain => (StateDir::open(directory, &about)?, None),
        };
        let strict = plan.strict;
        Ok(Self { state, longest, strict, tidied: Mutex::default(), _copy: copy })
    }

    /// Reads the files that are new into the windows.
    pub(super) fn take_in(
        &self,
        plan: &Plan,
        trainer: &Trainer<'_>,
        pool: &ThreadPool,
        reporter: &dyn Reporter,
    ) -> Result<ReadCount, RunError> {
        let source = &plan.source;
        let globs: Vec<String> = source
            .input_globs
            .iter()
            .map(|glob| match dfp_storage::files::is_address(Path::new(glob)) {
                true => glob.clone(),
                false => names::to_text(names::absolute(&names::path(glob)).as_os_str()),
            })
            .collect();
        let mut known = self.state.known()?;
        // Logs that were learnt may be gone.
        let files = source::find(&globs, source.recursive, source.max_files, !known.is_empty())?;
        let mut count = ReadCount::default();
        let Found { new, changed, mut notes } = pool.install(|| Found::of(files, &mut known));
        for path in changed {
            let text = format!(
                "{}: it has changed since its rows were learnt; new rows are taken from files of their own",
                shown(&path)
            );
            count.skipped.add_files(1, "file that has changed since it was read", text);
        }
        notes.report(reporter);
        let renamed = known.changes();
        if !renamed.is_empty() {
            self.state.commit(&Commit { files: &renamed, ..Commit::default() })?;
        }
        source::check_skipped(&count.skipped, TRAINING_DATA, self.strict, reporter)?;
        let (mut memory, mut met) = (Memory::default(), HashSet::new());
        for files in together(new, source.memory) {
            match self.take_in_some(&files, trainer, pool, &mut memory, &mut met, &mut count) {
                // Other files may have rows; these are looked at again by the next run.
                Err(RunError::NoRows(dfp_logs::LogError::NoRows { skipped, .. })) => {
                    source::check_skipped(&skipped, TRAINING_DATA, self.strict, reporter)?;
                    count.files += files.len();
                    count.skipped.merge(*skipped);
                }
                done => done?,
            }
        }
        count.users = met.len();
        Ok(count)
    }

    fn take_in_some(
        &self,
        marks: &[(PathBuf, FileMark)],
        trainer: &Trainer<'_>,
        pool: &ThreadPool,
        memory: &mut Memory,
        met: &mut HashSet<Arc<str>>,
        count: &mut ReadCount,
    ) -> Result<(), RunError> {
        let files: Vec<PathBuf> = marks.iter().map(|(path, _)| path.clone()).collect();
        let mut recall = |users: &Users, memory: &mut Memory| {
            for (user, _) in users.rows.iter().filter(|(user, _)| !met.contains(user)) {
                if let (_, Some(bytes)) = self.state.user(user)? {
                    memory.restore(user, &bytes)?;
                }
            }
            Ok(())
        };
        let (table, mut users) = trainer.read(&files, pool, memory, &mut recall)?;
        source::check_strict(&users, TRAINING_DATA, self.strict)?;
        count.files += files.len();
        count.add(&table, &users);
        let features = trainer.features(&table.batch)?;
        if matches!(self.longest, Some(HistoryLength::Rows(_))) {
            trainer.warn_of_unknown_order(&table.batch, "--max_history", TRAINING_DATA);
        }
        until_tomorrow(&features, &mut users.rows, trainer.reporter(), &mut count.skipped)?;
        source::check_strict_skipped(&count.skipped, TRAINING_DATA, self.strict)?;
        let left_out = table.skipped.unread().iter().chain(table.skipped.unfit());
        let left_out: HashSet<PathBuf> = left_out.cloned().collect();
        drop(table);
        let part = |(user, rows): &(Arc<str>, Vec<u32>)| {
            let at = UInt32Array::from(rows.clone());
            let rows = arrow_select::take::take_record_batch(&features, &at)?;
            let part = Part::encode(&rows).map_err(RunError::Failed)?;
            Ok::<_, RunError>((Arc::clone(user), WindowChange::Further(part)))
        };
        let windows = users.rows.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        met.extend(users.rows.iter().map(|(user, _)| Arc::clone(user)));
        let read: Vec<_> = marks
            .iter()
            .filter(|(path, _)| !left_out.contains(path) && !has_only_begun(path))
            .cloned()
            .collect();
        let memory = memory.changes();
        let commit =
            Commit { files: &read, windows: &windows, memory: &memory, ..Commit::default() };
        Ok(self.state.commit(&commit)?)
    }

    /// Users, and how many rows their windows have.
    pub(super) fn users(&self) -> Result<Vec<(Arc<str>, usize)>, RunError> {
        Ok(self.state.windows()?)
    }

    /// A user's window in the order of time, at most as long as asked for; what is longer is forgotten.
    pub(super) fn window(&self, user: &Arc<str>) -> Result<RecordBatch, RunError> {
        let parts = self.state.window(user)?;
        let rows = in_order(&joined(&parts)?)?;
        let all: usize = parts.iter().map(RecordBatch::num_rows).sum();
        let kept = newest(&rows, self.longest).map_err(RunError::Failed)?;
        if kept.num_rows() < all || parts.len() > MOST_PARTS {
            let part = Part::encode(&kept).map_err(RunError::Failed)?;
            let mut tidied = self.tidied.lock();
            tidied.push((Arc::clone(user), WindowChange::Whole(part)));
            if tidied.len() >= TIDIED {
                self.replace(std::mem::take(&mut *tidied))?;
            }
        }
        Ok(kept)
    }

    /// Writes what is still to be forgotten.
    pub(super) fn close(&self) -> Result<(), RunError> {
        let mut tidied = self.tidied.lock();
        self.replace(std::mem::take(&mut *tidied))
    }

    fn replace(&self, windows: Vec<(Arc<str>, WindowChange)>) -> Result<(), RunError> {
        Ok(self.state.commit(&Commit { windows: &windows, ..Commit::default() })?)
    }
}

/// Rows whose texts are texts, and not codes of the log that they came from.
pub(crate) fn plain(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let column = match column.data_type() {
            DataType::Dictionary(_, values) => arrow_cast::cast(column, values)?,
            _ => Arc::clone(column),
        };
        Ok((field.name(), column, true))
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Result<Vec<_>, ArrowError>>()?)
}

/// Parts that may have other columns, or others of the same name, as one table.
pub(crate) fn joined(parts: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let mut kinds: Vec<(String, DataType)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for field in parts.iter().flat_map(|part| part.schema().fields().to_vec()) {
        match places.get(field.name()) {
            Some(&at) => kinds[at].1 = common(&kinds[at].1, field.data_type()),
            None => {
                places.insert(field.name().clone(), kinds.len());
                kinds.push((field.name().clone(), field.data_type().clone()));
            }
        }
    }
    let fields: Vec<Field> =
        kinds.iter().map(|(name, kind)| Field::new(name, kind.clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let cast = |part: &RecordBatch| {
        let columns = kinds.iter().map(|(name, kind)| match part.column_by_name(name) {
            // As the columns of files are joined: a flag is `True` wherever it stands beside texts.
            Some(column) if *kind == DataType::Utf8 && is_printed(column.data_type()) => {
                let texts = dfp_logs::print(column);
                arrow_cast::cast(&texts.map_err(|e| ArrowError::ExternalError(Box::new(e)))?, kind)
            }
            Some(column) => arrow_cast::cast(column, kind),
            None => Ok(arrow_array::new_null_array(kind, part.num_rows())),
        });
        RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
    };
    let parts = parts.iter().map(cast).collect::<Result<Vec<_>, _>>()?;
    arrow_select::concat::concat_batches(&schema, &parts)
}

fn is_printed(kind: &DataType) -> bool {
    matches!(kind, DataType::Boolean | DataType::Int64 | DataType::UInt64 | DataType::Float64)
}

/// A type that holds what both do.
fn common(a: &DataType, b: &DataType) -> DataType {
    match (a, b) {
        (a, b) if a == b => a.clone(),
        (a, b) if a.is_numeric() && b.is_numeric() => DataType::Float64,
        _ => DataType::Utf8,
    }
}

/// Rows in the order of time, those without one first; of rows with equal times the first stays first. Without
/// any times they stay as they are.
pub(crate) fn in_order(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (_, times) = without_times(rows)?;
    if times.is_sorted() {
        return Ok(rows.clone());
    }
    let mut order: Vec<u32> = (0_u32..).take(times.len()).collect();
    order.sort_by_key(|row| times[*row as usize]);
    arrow_select::take::take_record_batch(rows, &UInt32Array::from(order))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    #[test]
    fn values_of_older_parts_beside_texts_are_written_as_in_logs() {
        let of = |values: ArrayRef| RecordBatch::try_from_iter([("code", values)]).unwrap();
        let joined = joined(&[
            of(Arc::new(BooleanArray::from(vec![true]))),
            of(Arc::new(Int64Array::from(vec![7]))),
            of(Arc::new(Float64Array::from(vec![1e22]))),
            of(Arc::new(StringArray::from(vec!["A7"]))),
        ]);
        let joined = joined.unwrap();
        let texts: Vec<&str> = joined.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(texts, ["True", "7", "1e+22", "A7"]);
    }
}
