//! The state folder: what a run has finished, so that the next one neither skips nor repeats it.
//!
//! Files are never forgotten, also when they are gone: a disk that is not mounted for a while must not
//! make everything new. One file takes about 200 bytes.
//!
//! One database file, written in transactions: after a crash it holds what the last whole
//! [`StateDir::commit`] left, nothing in between. One process has it open at a time.

mod part;

pub use part::Part;

use crate::error::IoError;
use crate::files::Stamp;
use crate::private;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// Name of the database within the folder.
const FILE: &str = "state.redb";
/// How the names of unfinished databases begin.
const UNFINISHED: &str = ".state.";
/// Version of what the tables hold.
const VERSION: u32 = 1;

/// Path of a file -> [`FileMark`].
const FILES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("files");
/// User -> rows handed on so far.
const ROWS: TableDefinition<'_, &str, u64> = TableDefinition::new("rows");
/// User -> what derived columns remember.
const MEMORY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("memory");
/// User -> the history of the user's rhythm.
const HISTORY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("history");
/// User and number of a part -> rows of the user's window: a [`Part`].
const WINDOWS: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("windows");
/// Single values: [`ABOUT`], [`OUTPUTS`], [`ALERTS`].
const SINGLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("single");
const ABOUT: &str = "about";
const OUTPUTS: &str = "outputs";
const ALERTS: &str = "alerts";

/// How far a file has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMark {
    /// The file as it was then: one that has changed since is another file.
    pub stamp: Stamp,
    /// Rows before this time (microseconds since 1970) have been written; `None`: all rows.
    pub until: Option<i64>,
    /// Tells its beginning from others, if that was looked at: see [`head`](crate::files::head).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
}

/// How far an output has been written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputMark {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes; what stands behind belongs to no finished input.
    pub bytes: u64,
    /// Names of its columns, with their Arrow types as Arrow prints them.
    pub columns: Vec<(String, String)>,
}

impl OutputMark {
    /// The columns of the file.
    ///
    /// # Errors
    /// A type is none that Arrow knows.
    pub fn schema(&self) -> Result<SchemaRef, IoError> {
        let field = |(name, kind): &(String, String)| {
            let kind = DataType::from_str(kind).map_err(|e| IoError::State {
                path: self.path.clone(),
                cause: format!("column \"{name}\": \"{kind}\" is no type: {e}"),
            })?;
            Ok(Field::new(name, kind, true))
        };
        let fields: Result<Vec<Field>, IoError> = self.columns.iter().map(field).collect();
        Ok(Arc::new(Schema::new(fields?)))
    }
}

/// What becomes of a user's window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowChange {
    /// Further rows.
    Further(Part),
    /// These rows in place of all others.
    Whole(Part),
}

/// What one transaction adds to the state.
#[derive(Clone, Debug, Default)]
pub struct Commit<'a> {
    /// Files read, wholly or up to a time.
    pub files: &'a [(PathBuf, FileMark)],
    /// Rows of each user handed on so far.
    pub rows: &'a [(Arc<str>, u64)],
    /// What derived columns remember of each user.
    pub memory: &'a [(Arc<str>, Vec<u8>)],
    /// The history of each user's rhythm.
    pub history: &'a [(Arc<str>, Vec<u8>)],
    /// What becomes of users' windows.
    pub windows: &'a [(Arc<str>, WindowChange)],
    /// All outputs, in the order of the pipeline.
    pub outputs: &'a [OutputMark],
    /// What has been spent of the budget of alerts, if there is one.
    pub alerts: Option<&'a [u8]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    version: u32,
    pipeline: String,
}

/// An open state folder.
pub struct StateDir {
    database: Database,
    path: PathBuf,
}

impl StateDir {
    /// Opens the folder, or makes it. `pipeline` says whose state it is; another one's is refused.
    ///
    /// # Errors
    /// Another process has it open, it belongs to another pipeline or a later version, or the
    /// system refuses.
    pub fn open(directory: &Path, pipeline: &str) -> Result<Self, IoError> {
        private::create_directory(directory)?;
        let path = directory.join(FILE);
        if !path.exists() {
            Self::make(directory, &path)?;
        }
        let state = Self::at(&path, path.clone())?;
        state.claim(pipeline)?;
        // What a process that was killed while it made the database has left.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(state)
    }

    /// A copy of the folder, as it is now, in another one; an empty one where there is none. What becomes of
    /// the copy is nothing to the folder.
    ///
    /// # Errors
    /// As [`StateDir::open`].
    pub fn copy(directory: &Path, into: &Path, pipeline: &str) -> Result<Self, IoError> {
        let from = directory.join(FILE);
        if from.exists() {
            // Nobody writes as long as this one has it open.
            let _held = Self::open(directory, pipeline)?;
            fs::copy(&from, into.join(FILE)).map_err(|e| IoError::os("copy", &from, e))?;
        }
        Self::open(into, pipeline)
    }

    /// Makes an empty database, which appears under its name complete or not at all.
    fn make(directory: &Path, path: &Path) -> Result<(), IoError> {
        let fail = |e| IoError::os("write into directory", directory, e);
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED);
        private::allow(&mut builder);
        let unfinished = builder.tempfile_in(directory).map_err(fail)?;
        drop(Self::at(unfinished.path(), path.to_owned())?);
        unfinished.as_file().sync_all().map_err(fail)?;
        match unfinished.persist_noclobber(path) {
            Ok(_) => Ok(()),
            // Another process was faster; whoever opens it first has it.
            Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(fail(e.error)),
        }
    }

    fn at(file: &Path, path: PathBuf) -> Result<Self, IoError> {
        let database = Database::create(file).map_err(|e| {
            let cause = match e {
                redb::DatabaseError::DatabaseAlreadyOpen => {
                    "another process is using it".to_owned()
                }
                other => format!(
                    "{other}; if it cannot be restored, remove it: all files are then read again"
                ),
            };
            IoError::State { path: path.clone(), cause }
        })?;
        Ok(Self { database, path })
    }

    fn claim(&self, pipeline: &str) -> Result<(), IoError> {
        let write = self.database.begin_write().map_err(|e| self.fail(&e))?;
        {
            // Tables are made here, so that readers find them.
            for table in [FILES, MEMORY, HISTORY] {
                write.open_table(table).map_err(|e| self.fail(&e))?;
            }
            write.open_table(ROWS).map_err(|e| self.fail(&e))?;
            write.open_table(WINDOWS).map_err(|e| self.fail(&e))?;
            let mut single = write.open_table(SINGLE).map_err(|e| self.fail(&e))?;
            let known: Option<About> = match single.get(ABOUT).map_err(|e| self.fail(&e))? {
                Some(bytes) => Some(self.parse(bytes.value())?),
                None => None,
            };
            match known {
                None => {
                    let about = About { version: VERSION, pipeline: pipeline.to_owned() };
                    let bytes = self.print(&about)?;
                    single.insert(ABOUT, bytes.as_slice()).map_err(|e| self.fail(&e))?;
                }
                Some(about) if about.version != VERSION => {
                    return Err(self.refuse(format!(
                        "it was written by version {} of the state, and this program knows version {VERSION}",
                        about.version
                    )));
                }
                Some(about) if about.pipeline != pipeline => {
                    return Err(self.refuse(format!(
                        "it belongs to another pipeline ({}, and this one is {pipeline}); choose another folder",
                        about.pipeline
                    )));
                }
                Some(_) => {}
            }
        }
        write.commit().map_err(|e| self.fail(&e))
    }

    /// The files that have been read.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn files(&self) -> Result<HashMap<PathBuf, FileMark>, IoError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(FILES).map_err(|e| self.fail(&e))?;
        let mut files = HashMap::new();
        for entry in table.iter().map_err(|e| self.fail(&e))? {
            let (path, mark) = entry.map_err(|e| self.fail(&e))?;
            files.insert(PathBuf::from(path.value()), self.parse(mark.value())?);
        }
        Ok(files)
    }

    /// How far the outputs had been written, in the order of the pipeline.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn outputs(&self) -> Result<Vec<OutputMark>, IoError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(SINGLE).map_err(|e| self.fail(&e))?;
        match table.get(OUTPUTS).map_err(|e| self.fail(&e))? {
            Some(bytes) => self.parse(bytes.value()),
            None => Ok(Vec::new()),
        }
    }

    /// Rows of this user handed on so far, and what derived columns remember.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn user(&self, user: &str) -> Result<(u64, Option<Vec<u8>>), IoError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let rows = read.open_table(ROWS).map_err(|e| self.fail(&e))?;
        let rows = rows.get(user).map_err(|e| self.fail(&e))?.map_or(0, |rows| rows.value());
        let memory = read.open_table(MEMORY).map_err(|e| self.fail(&e))?;
        let memory = memory.get(user).map_err(|e| self.fail(&e))?.map(|m| m.value().to_vec());
        Ok((rows, memory))
    }

    /// The history of this user's rhythm.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn history(&self, user: &str) -> Result<Option<Vec<u8>>, IoError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(HISTORY).map_err(|e| self.fail(&e))?;
        let history = table.get(user).map_err(|e| self.fail(&e))?;
        Ok(history.map(|bytes| bytes.value().to_vec()))
    }

    /// Every user with a window, and the number of its rows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn windows(&self) -> Result<Vec<(Arc<str>, usize)>, IoError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(WINDOWS).map_err(|e| self.fail(&e))?;
        let mut users: Vec<(Arc<str>, usize)> = Vec::new();
        for entry in table.iter().map_err(|e| self.fail(&e))? {
            let (key, part) = entry.map_err(|e| self.fail(&e))?;
            let rows = Part::rows(part.value()).map_err(|why| self.refuse(why))?;
            let (user, _) = key.value();
            match users.last_mut().filter(|(last, _)| **last == *user) {
                Some((_, all)) => *all += rows,
                None => users.push((Arc::from(user), rows)),
            }
        }
        Ok(users)
    }

    /// The parts of a user's window, in the order in which they came.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn window(&self, user: &str) -> Result<Vec<RecordBatch>, IoError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(WINDOWS).map_err(|e| self.fail(&e))?;
        let parts = table.range((user, 0)..=(user, u64::MAX)).map_err(|e| self.fail(&e))?;
        let mut rows = Vec::new();
        for entry in parts {
            let (_, part) = entry.map_err(|e| self.fail(&e))?;
            rows.extend(Part::decode(part.value()).map_err(|why| self.refuse(why))?);
        }
        Ok(rows)
    }

    /// What has been spent of the budget of alerts.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn alerts(&self) -> Result<Option<Vec<u8>>, IoError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(SINGLE).map_err(|e| self.fail(&e))?;
        let alerts = table.get(ALERTS).map_err(|e| self.fail(&e))?;
        Ok(alerts.map(|bytes| bytes.value().to_vec()))
    }

    /// Adds all of `commit` durably, or, after a crash, nothing of it.
    ///
    /// # Errors
    /// The system refuses, for instance since the disk is full.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<(), IoError> {
        let write = self.database.begin_write().map_err(|e| self.fail(&e))?;
        {
            let mut files = write.open_table(FILES).map_err(|e| self.fail(&e))?;
            for (path, mark) in commit.files {
                let bytes = self.print(mark)?;
                let path = path.to_string_lossy();
                files.insert(&*path, bytes.as_slice()).map_err(|e| self.fail(&e))?;
            }
            let mut rows = write.open_table(ROWS).map_err(|e| self.fail(&e))?;
            for (user, count) in commit.rows {
                rows.insert(&**user, count).map_err(|e| self.fail(&e))?;
            }
            for (table, of_users) in [(MEMORY, commit.memory), (HISTORY, commit.history)] {
                let mut table = write.open_table(table).map_err(|e| self.fail(&e))?;
                for (user, bytes) in of_users {
                    table.insert(&**user, bytes.as_slice()).map_err(|e| self.fail(&e))?;
                }
            }
            let mut windows = write.open_table(WINDOWS).map_err(|e| self.fail(&e))?;
            for (user, window) in commit.windows {
                let parts = (&**user, 0)..=(&**user, u64::MAX);
                let (at, part) = match window {
                    WindowChange::Whole(part) => {
                        windows.retain_in(parts, |_, _| false).map_err(|e| self.fail(&e))?;
                        (0, part)
                    }
                    WindowChange::Further(part) => {
                        let last = windows.range(parts).map_err(|e| self.fail(&e))?.next_back();
                        let last = last.transpose().map_err(|e| self.fail(&e))?;
                        (last.map_or(0, |(key, _)| key.value().1 + 1), part)
                    }
                };
                windows.insert((&**user, at), part.0.as_slice()).map_err(|e| self.fail(&e))?;
            }
            if let Some(alerts) = commit.alerts {
                let mut single = write.open_table(SINGLE).map_err(|e| self.fail(&e))?;
                single.insert(ALERTS, alerts).map_err(|e| self.fail(&e))?;
            }
            if !commit.outputs.is_empty() {
                let bytes = self.print(&commit.outputs)?;
                let mut single = write.open_table(SINGLE).map_err(|e| self.fail(&e))?;
                single.insert(OUTPUTS, bytes.as_slice()).map_err(|e| self.fail(&e))?;
            }
        }
        write.commit().map_err(|e| self.fail(&e))
    }

    fn print(&self, value: &impl Serialize) -> Result<Vec<u8>, IoError> {
        serde_json::to_vec(value).map_err(|e| self.fail(&e))
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self, bytes: &[u8]) -> Result<T, IoError> {
        serde_json::from_slice(bytes).map_err(|e| self.fail(&e))
    }

    fn fail(&self, cause: &dyn std::fmt::Display) -> IoError {
        self.refuse(cause.to_string())
    }

    fn refuse(&self, cause: String) -> IoError {
        IoError::State { path: self.path.clone(), cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(bytes: u64, until: Option<i64>) -> FileMark {
        FileMark { stamp: Stamp { bytes, modified_ns: 7 }, until, head: None }
    }

    #[test]
    fn what_was_committed_is_there_after_opening_again() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("deep/state");
        let files = [("a.json".into(), mark(1, None)), ("b.json".into(), mark(2, Some(-5)))];
        let outputs = [OutputMark {
            path: "out.csv".into(),
            bytes: 12,
            columns: vec![("n".into(), "Int64".into())],
        }];
        {
            let state = StateDir::open(&folder, "from-azure").unwrap();
            assert_eq!(state.user("ana").unwrap(), (0, None));
            assert!(state.files().unwrap().is_empty() && state.outputs().unwrap().is_empty());
            let commit = Commit {
                files: &files,
                rows: &[("ana".into(), 3)],
                memory: &[("ana".into(), b"{}".to_vec())],
                history: &[("ana".into(), b"[]".to_vec())],
                outputs: &outputs,
                windows: &[],
                alerts: Some(b"spent"),
            };
            state.commit(&commit).unwrap();
            let later = [("b.json".into(), mark(2, None))];
            state.commit(&Commit { files: &later, ..Commit::default() }).unwrap();
        }
        let state = StateDir::open(&folder, "from-azure").unwrap();
        assert_eq!(state.user("ana").unwrap(), (3, Some(b"{}".to_vec())));
        assert_eq!(state.history("ana").unwrap(), Some(b"[]".to_vec()));
        assert_eq!(state.outputs().unwrap(), outputs);
        assert_eq!(state.alerts().unwrap(), Some(b"spent".to_vec()));
        let known = state.files().unwrap();
        assert_eq!((known.len(), known[Path::new("b.json")]), (2, mark(2, None)));
    }

    #[test]
    fn windows_grow_by_parts_and_are_replaced_whole() {
        use arrow_array::{ArrayRef, StringArray};
        let rows = |texts: &[&str]| {
            let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
            RecordBatch::try_from_iter_with_nullable([("a", texts, true)]).unwrap()
        };
        let directory = tempfile::tempdir().unwrap();
        let state = StateDir::open(directory.path(), "train").unwrap();
        let part = |user: &str, texts: &[&str]| {
            (Arc::from(user), WindowChange::Further(Part::encode(&rows(texts)).unwrap()))
        };
        for windows in
            [vec![part("ann", &["x", "y"]), part("bo", &["z"])], vec![part("ann", &["w"])]]
        {
            state.commit(&Commit { windows: &windows, ..Commit::default() }).unwrap();
        }
        assert_eq!(state.windows().unwrap(), [("ann".into(), 3), ("bo".into(), 1)]);
        assert_eq!(state.window("ann").unwrap(), [rows(&["x", "y"]), rows(&["w"])]);
        let whole = WindowChange::Whole(Part::encode(&rows(&["y", "w"])).unwrap());
        let windows = [("ann".into(), whole)];
        state.commit(&Commit { windows: &windows, ..Commit::default() }).unwrap();
        assert_eq!(state.window("ann").unwrap(), [rows(&["y", "w"])]);
        assert_eq!(state.window("bo").unwrap().len(), 1);
        assert!(state.window("an").unwrap().is_empty());
    }

    #[test]
    fn what_a_process_killed_at_its_very_start_has_left_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".state.half"), "half a header").unwrap();
        StateDir::open(directory.path(), "from-azure").unwrap();
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_folder_in_use_or_of_another_pipeline_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let first = StateDir::open(directory.path(), "from-azure").unwrap();
        let second = StateDir::open(directory.path(), "from-azure").err().unwrap().to_string();
        assert!(second.contains("state.redb\": another process is using it"), "{second}");
        drop(first);
        let other = StateDir::open(directory.path(), "from-duo").err().unwrap().to_string();
        assert!(
            other.contains("another pipeline (from-azure, and this one is from-duo)"),
            "{other}"
        );
    }
}
