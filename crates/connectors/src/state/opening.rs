//! Opening a state folder: a damaged database is found, named, and replaced by the copy beside it where
//! that is asked for.
//!
//! The database has a checksum in every page. They are all verified when it is opened, so nothing that was
//! changed from outside is read later on.

use super::{FILE, StateDir, UNFINISHED};
use crate::error::ConnectorError;
use dfp_storage::names::shown;
use dfp_storage::private;
use parking_lot::Mutex;
use redb::{Database, DatabaseError};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Name of the copy of the database within the folder.
const COPY: &str = "state.copy.redb";
/// What a damaged database is called once another one has its place.
const DAMAGED: &str = "state.redb.damaged";
/// What the rows of an output are kept as that the copy does not know of.
const CUT_OFF: &str = "before-rebuild";

/// Why a database cannot be opened.
enum Refusal {
    /// It is not what it was when it was written.
    Damaged(String),
    Other(String),
}

impl StateDir {
    /// Opens the folder, or makes it. `pipeline` says whose state it is; another one's is refused.
    ///
    /// # Errors
    /// Another process has it open, it belongs to another pipeline or a later version, it is damaged, or the
    /// system refuses.
    pub fn open(directory: &Path, pipeline: &str) -> Result<Self, ConnectorError> {
        private::create_directory(directory)?;
        let path = directory.join(FILE);
        if !path.exists() {
            Self::make(directory, &path)?;
        }
        let state = Self::with(database(&path).map_err(|why| refused(&path, why))?, path);
        state.claim(pipeline)?;
        // What a process that was killed while it made a database has left.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let _ = fs::remove_file(entry.path());
            }
        }
        let changed = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
        if changed(&state.copy_path()) < changed(&state.path) {
            state.changed.store(true, Ordering::Release);
            state.refresh_copy(Duration::ZERO);
        }
        Ok(state)
    }

    /// As [`open`](Self::open). A damaged database is moved aside, and its copy takes its place, if that is
    /// sound. Outputs are then kept beside as they are, since what the copy does not know of is cut off. The
    /// second value says what was done.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the damage.
    pub fn rebuild(directory: &Path, pipeline: &str) -> Result<(Self, String), ConnectorError> {
        let path = directory.join(FILE);
        let why = match path.exists().then(|| database(&path)) {
            Some(Err(Refusal::Damaged(why))) => why,
            // Its lock goes with it.
            sound => {
                drop(sound);
                let text = format!("state \"{}\" is sound: nothing to rebuild", shown(&path));
                return Ok((Self::open(directory, pipeline)?, text));
            }
        };
        let aside = free_name(&directory.join(DAMAGED));
        fs::rename(&path, &aside).map_err(|e| ConnectorError::os("rename", &path, e))?;
        let copy = directory.join(COPY);
        let said = format!(
            "state \"{}\" was damaged ({why}) and is now \"{}\"",
            shown(&path),
            shown(&aside)
        );
        if !copy.exists() || database(&copy).is_err() {
            let text = format!(
                "{said}; there is no copy of it that can be used, so all files are read again: move outputs away that hold their rows"
            );
            return Ok((Self::open(directory, pipeline)?, text));
        }
        let made = copy.metadata().and_then(|file| file.modified()).ok();
        fs::copy(&copy, &path).map_err(|e| ConnectorError::os("copy", &copy, e))?;
        let state = Self::open(directory, pipeline)?;
        let age = made.and_then(|made| made.elapsed().ok()).unwrap_or_default();
        let kept = state.keep_outputs()?;
        Ok((
            state,
            format!(
                "{said}; a copy takes its place that is {} old: files that were read since are read again{kept}",
                minutes(age)
            ),
        ))
    }

    /// Copies outputs that go on behind what the state knows: rows of files that are gone would be lost.
    fn keep_outputs(&self) -> Result<String, ConnectorError> {
        let mut kept = String::new();
        for output in self.outputs()? {
            if output.path.metadata().is_ok_and(|file| file.len() > output.bytes) {
                let mut name = output.path.clone().into_os_string();
                name.push(format!(".{CUT_OFF}"));
                let beside = free_name(Path::new(&name));
                fs::copy(&output.path, &beside)
                    .map_err(|e| ConnectorError::os("copy", &output.path, e))?;
                kept += &format!(
                    "; \"{}\" is kept as \"{}\" and cut to its length of then",
                    shown(&output.path),
                    shown(&beside)
                );
            }
        }
        Ok(kept)
    }

    /// A copy of the folder, as it is now, in another one; an empty one where there is none. What becomes of
    /// the copy is nothing to the folder.
    ///
    /// # Errors
    /// As [`StateDir::open`].
    pub fn copy(directory: &Path, into: &Path, pipeline: &str) -> Result<Self, ConnectorError> {
        let from = directory.join(FILE);
        if from.exists() {
            // Nobody writes as long as this one has it open.
            let _held = Self::open(directory, pipeline)?;
            fs::copy(&from, into.join(FILE)).map_err(|e| ConnectorError::os("copy", &from, e))?;
        }
        Self::open(into, pipeline)
    }

    /// Makes an empty database, which appears under its name complete or not at all.
    fn make(directory: &Path, path: &Path) -> Result<(), ConnectorError> {
        let fail = |e| ConnectorError::os("write into directory", directory, e);
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED);
        private::allow(&mut builder);
        let unfinished = builder.tempfile_in(directory).map_err(fail)?;
        let made = Database::create(unfinished.path());
        drop(made.map_err(|e| refused(path, Refusal::Other(e.to_string())))?);
        unfinished.as_file().sync_all().map_err(fail)?;
        match unfinished.persist_noclobber(path) {
            Ok(_) => Ok(()),
            // Another process was faster; whoever opens it first has it.
            Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(fail(e.error)),
        }
    }

    fn with(database: Database, path: PathBuf) -> Self {
        let (changed, copied) = (AtomicBool::new(false), Mutex::new(Instant::now()));
        Self { database, path, changed, copied, event_ids: Mutex::default() }
    }

    fn copy_path(&self) -> PathBuf {
        self.path.with_file_name(COPY)
    }

    /// Makes the copy beside the database anew, if it lacks anything and is older than this. Nobody writes
    /// meanwhile: the database is locked, and this is not called in the middle of a commit. A disk that is
    /// too full for a copy is no reason to end a run.
    pub(super) fn refresh_copy(&self, older_than: Duration) {
        let mut copied = self.copied.lock();
        if copied.elapsed() < older_than || !self.changed.swap(false, Ordering::AcqRel) {
            return;
        }
        *copied = Instant::now();
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(directory);
        let Ok(unfinished) = unfinished else { return };
        let written = fs::copy(&self.path, unfinished.path());
        if written.is_ok() && unfinished.as_file().sync_all().is_ok() {
            let _ = unfinished.persist(self.copy_path());
        }
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        self.refresh_copy(Duration::ZERO);
    }
}

/// Opens a database and verifies all of it.
fn database(path: &Path) -> Result<Database, Refusal> {
    // The database takes an empty file for one that is to be made.
    if path.metadata().is_ok_and(|file| file.len() == 0) {
        return Err(Refusal::Damaged("the file is empty".to_owned()));
    }
    let open = || Database::builder().set_check_integrity_on_open(true).open(path);
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => {
            Err(Refusal::Other("another process is using it".to_owned()))
        }
        Ok(Err(DatabaseError::Storage(redb::StorageError::Io(error))))
            if error.raw_os_error().is_some() =>
        {
            Err(Refusal::Other(error.to_string()))
        }
        Ok(Err(error)) => Err(Refusal::Damaged(error.to_string())),
        Err(_) => Err(Refusal::Damaged("it cannot be read".to_owned())),
    }
}

fn refused(path: &Path, why: Refusal) -> ConnectorError {
    let cause = match why {
        Refusal::Other(why) => why,
        Refusal::Damaged(why) => format!(
            "it is damaged ({why}); add --rebuild_state to continue from its backup copy, or restore the folder from a backup"
        ),
    };
    ConnectorError::State { path: path.to_owned(), cause }
}

/// The path, or the first one with a number behind it that is not taken.
fn free_name(path: &Path) -> PathBuf {
    let numbered = (2..).map(|number| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    });
    let mut names = std::iter::once(path.to_owned()).chain(numbered);
    names.find(|name| !name.exists()).unwrap_or_else(|| path.to_owned())
}

fn minutes(age: Duration) -> String {
    match age.as_secs() / 60 {
        0 => "less than a minute".to_owned(),
        1 => "a minute".to_owned(),
        minutes if minutes < 120 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes / 60),
    }
}
