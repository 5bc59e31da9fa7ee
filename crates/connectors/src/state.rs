//! The state folder: what a run has finished, so that the next one neither skips nor repeats it.
//!
//! Files are never forgotten, also when they are gone: a disk that is not mounted for a while must not
//! make everything new. One file takes about 200 bytes.
//!
//! One database file, written in transactions: after a crash it holds what the last whole
//! [`StateDir::commit`] left, nothing in between. One process has it open at a time.

mod marks;
mod opening;
mod part;

pub use crate::file_mark::FileMark;
pub use marks::OutputMark;
pub use part::Part;

use crate::error::ConnectorError;
use crate::known::KnownFiles;
use arrow_array::RecordBatch;
use dfp_storage::names::kept;
use parking_lot::Mutex;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Name of the database within the folder.
const FILE: &str = "state.redb";
/// How the names of unfinished databases begin.
const UNFINISHED: &str = ".state.";
/// Version of what the tables hold.
const VERSION: u32 = 2;
/// A version of which everything is taken over: paths were texts, and content was not known.
const OLD_VERSION: u32 = 1;
/// How often the copy beside the database is made anew while a run goes on.
const COPY_EVERY: Duration = Duration::from_secs(3600);

/// Path of a file as bytes -> [`FileMark`].
const FILES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("files by bytes");
/// The same of [`OLD_VERSION`].
const OLD_FILES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("files");
/// Hash and length of a content whose name is another file's by now -> its [`FileMark`].
const FORMER: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("former files");
/// User -> rows handed on so far.
const ROWS: TableDefinition<'_, &str, u64> = TableDefinition::new("rows");
/// User -> what derived columns remember.
const MEMORY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("memory");
/// User -> the history of the user's rhythm.
const HISTORY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("history");
/// User and number of a part -> rows of the user's window: a [`Part`].
const WINDOWS: TableDefinition<'_, (&str, u64), &[u8]> = TableDefinition::new("windows");
/// Number of a commit -> hashes of the ids of its events, 8 bytes each, little-endian.
const IDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("event ids");
/// So many event ids are remembered, the newest.
pub const EVENT_IDS: usize = 1 << 20;
/// Single values: [`ABOUT`], [`OUTPUTS`], [`ALERTS`].
const SINGLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("single");
const ABOUT: &str = "about";
const OUTPUTS: &str = "outputs";
const ALERTS: &str = "alerts";

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
    /// Hashes of the ids of events, in their order.
    pub event_ids: &'a [u64],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    version: u32,
    pipeline: String,
}

/// An open state folder.
///
/// A copy of the database is kept beside it, made when it is opened, once an hour, and when it is closed.
/// Whatever is older is consistent too: outputs are cut to their lengths of then, and what was read since is
/// read again.
pub struct StateDir {
    database: Database,
    path: PathBuf,
    /// Whether there is anything that the copy lacks.
    changed: AtomicBool,
    copied: Mutex<Instant>,
    /// The commits whose event ids are kept, each with how many there are.
    event_ids: Mutex<VecDeque<(u64, usize)>>,
}

impl StateDir {
    fn claim(&self, pipeline: &str) -> Result<(), ConnectorError> {
        let write = self.database.begin_write().map_err(|e| self.fail(&e))?;
        {
            // Tables are made here, so that readers find them.
            write.open_table(FILES).map_err(|e| self.fail(&e))?;
            write.open_table(FORMER).map_err(|e| self.fail(&e))?;
            for table in [MEMORY, HISTORY] {
                write.open_table(table).map_err(|e| self.fail(&e))?;
            }
            write.open_table(ROWS).map_err(|e| self.fail(&e))?;
            write.open_table(WINDOWS).map_err(|e| self.fail(&e))?;
            write.open_table(IDS).map_err(|e| self.fail(&e))?;
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
                Some(about) if ![OLD_VERSION, VERSION].contains(&about.version) => {
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
                Some(about) if about.version == OLD_VERSION => {
                    self.take_over(&write)?;
                    let bytes = self.print(&About { version: VERSION, ..about })?;
                    single.insert(ABOUT, bytes.as_slice()).map_err(|e| self.fail(&e))?;
                }
                Some(_) => {}
            }
        }
        write.commit().map_err(|e| self.fail(&e))
    }

    /// Files as an earlier version kept them.
    fn take_over(&self, write: &WriteTransaction) -> Result<(), ConnectorError> {
        let mut files = write.open_table(FILES).map_err(|e| self.fail(&e))?;
        let old = write.open_table(OLD_FILES).map_err(|e| self.fail(&e))?;
        for entry in old.iter().map_err(|e| self.fail(&e))? {
            let (path, mark) = entry.map_err(|e| self.fail(&e))?;
            files.insert(path.value().as_bytes(), mark.value()).map_err(|e| self.fail(&e))?;
        }
        drop(old);
        write.delete_table(OLD_FILES).map_err(|e| self.fail(&e)).map(|_| ())
    }

    /// The files that have been read.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn files(&self) -> Result<Vec<(PathBuf, FileMark)>, ConnectorError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(FILES).map_err(|e| self.fail(&e))?;
        let mut files = Vec::new();
        for entry in table.iter().map_err(|e| self.fail(&e))? {
            let (path, mark) = entry.map_err(|e| self.fail(&e))?;
            files.push((marks::path(path.value()), self.parse(mark.value())?));
        }
        Ok(files)
    }

    /// The files that have been read, also those whose names are other files' by now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn known(&self) -> Result<KnownFiles, ConnectorError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(FORMER).map_err(|e| self.fail(&e))?;
        let mut former = Vec::new();
        for entry in table.iter().map_err(|e| self.fail(&e))? {
            let (_, mark) = entry.map_err(|e| self.fail(&e))?;
            former.push((PathBuf::new(), self.parse(mark.value())?));
        }
        Ok(KnownFiles::new(former, self.files()?))
    }

    /// How far the outputs had been written, in the order of the pipeline.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn outputs(&self) -> Result<Vec<OutputMark>, ConnectorError> {
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
    pub fn user(&self, user: &str) -> Result<(u64, Option<Vec<u8>>), ConnectorError> {
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
    pub fn history(&self, user: &str) -> Result<Option<Vec<u8>>, ConnectorError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(HISTORY).map_err(|e| self.fail(&e))?;
        let history = table.get(user).map_err(|e| self.fail(&e))?;
        Ok(history.map(|bytes| bytes.value().to_vec()))
    }

    /// Every user with a window, and the number of its rows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn windows(&self) -> Result<Vec<(Arc<str>, usize)>, ConnectorError> {
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
    pub fn window(&self, user: &str) -> Result<Vec<RecordBatch>, ConnectorError> {
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

    /// Hashes of the ids of the newest events, in their order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn event_ids(&self) -> Result<Vec<u64>, ConnectorError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(IDS).map_err(|e| self.fail(&e))?;
        let mut ids = Vec::new();
        for entry in table.iter().map_err(|e| self.fail(&e))? {
            let (_, bytes) = entry.map_err(|e| self.fail(&e))?;
            let (eights, _) = bytes.value().as_chunks::<8>();
            ids.extend(eights.iter().map(|eight| u64::from_le_bytes(*eight)));
        }
        Ok(ids)
    }

    /// What has been spent of the budget of alerts.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn alerts(&self) -> Result<Option<Vec<u8>>, ConnectorError> {
        let read = self.database.begin_read().map_err(|e| self.fail(&e))?;
        let table = read.open_table(SINGLE).map_err(|e| self.fail(&e))?;
        let alerts = table.get(ALERTS).map_err(|e| self.fail(&e))?;
        Ok(alerts.map(|bytes| bytes.value().to_vec()))
    }

    /// Adds all of `commit` durably, or, after a crash, nothing of it.
    ///
    /// # Errors
    /// The system refuses, for instance since the disk is full.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<(), ConnectorError> {
        let write = self.database.begin_write().map_err(|e| self.fail(&e))?;
        {
            for (path, mark) in commit.files {
                self.put_file(&write, path, mark)?;
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
            self.put_event_ids(&write, commit.event_ids)?;
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
        write.commit().map_err(|e| self.fail(&e))?;
        self.changed.store(true, Ordering::Release);
        self.refresh_copy(COPY_EVERY);
        Ok(())
    }

    /// Puts down a file. Another one that had its name stays known by its content: in a rotation it may
    /// turn up elsewhere, and later than this one.
    fn put_file(
        &self,
        write: &WriteTransaction,
        path: &Path,
        mark: &FileMark,
    ) -> Result<(), ConnectorError> {
        let mut files = write.open_table(FILES).map_err(|e| self.fail(&e))?;
        let bytes = self.print(mark)?;
        let before =
            files.insert(marks::key(&kept(path)), bytes.as_slice()).map_err(|e| self.fail(&e))?;
        let Some(before) = before else { return Ok(()) };
        let was: FileMark = self.parse(before.value())?;
        let replaced = was.content.filter(|content| mark.content != Some(*content));
        if let Some(content) = replaced.filter(|_| !mark.is_grown) {
            let mut former = write.open_table(FORMER).map_err(|e| self.fail(&e))?;
            let key = (content.whole, content.bytes);
            former.insert(key, before.value()).map_err(|e| self.fail(&e))?;
        }
        Ok(())
    }

    /// Adds ids of events, and takes away those of commits that nobody looks back to.
    fn put_event_ids(&self, write: &WriteTransaction, new: &[u64]) -> Result<(), ConnectorError> {
        if new.is_empty() {
            return Ok(());
        }
        let mut table = write.open_table(IDS).map_err(|e| self.fail(&e))?;
        let mut kept = self.event_ids.lock();
        if kept.is_empty() {
            for entry in table.iter().map_err(|e| self.fail(&e))? {
                let (number, bytes) = entry.map_err(|e| self.fail(&e))?;
                kept.push_back((number.value(), bytes.value().len() / 8));
            }
        }
        let number = kept.back().map_or(0, |(last, _)| last + 1);
        let bytes: Vec<u8> = new.iter().flat_map(|id| id.to_le_bytes()).collect();
        table.insert(number, bytes.as_slice()).map_err(|e| self.fail(&e))?;
        kept.push_back((number, new.len()));
        let mut all: usize = kept.iter().map(|(_, ids)| ids).sum();
        while let Some((oldest, ids)) =
            kept.front().copied().filter(|(_, ids)| all - ids >= EVENT_IDS)
        {
            table.remove(oldest).map_err(|e| self.fail(&e))?;
            kept.pop_front();
            all -= ids;
        }
        Ok(())
    }

    fn print(&self, value: &impl Serialize) -> Result<Vec<u8>, ConnectorError> {
        serde_json::to_vec(value).map_err(|e| self.fail(&e))
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self, bytes: &[u8]) -> Result<T, ConnectorError> {
        serde_json::from_slice(bytes).map_err(|e| self.fail(&e))
    }

    fn fail(&self, cause: &dyn std::fmt::Display) -> ConnectorError {
        self.refuse(cause.to_string())
    }

    fn refuse(&self, cause: String) -> ConnectorError {
        ConnectorError::State { path: self.path.clone(), cause }
    }
}

#[cfg(test)]
mod tests;
