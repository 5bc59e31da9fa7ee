//! Files that are read slice by slice: how far each has been read, and what of it waits.

use super::later_rows::Waiting;
use super::slice::{ALWAYS, Slice};
use super::source::Source;
use dfp_storage::memory_limit::MemoryLimit;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What has been read of files, and what of it waits for a later slice.
#[derive(Debug)]
pub struct SlicedFiles {
    pub(super) inner: Mutex<Inner>,
    /// Never locked before `inner` by whoever wants both.
    pub(super) waiting: Mutex<Waiting>,
    timed: AtomicBool,
}

/// A read of one slice of files.
#[derive(Clone, Copy, Debug)]
pub struct Sliced<'a> {
    /// What the slices before have left.
    pub files: &'a SlicedFiles,
    /// Where later slices end, in order.
    pub ends: &'a [i64],
}

/// What is known of files, by their paths.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) open: HashMap<PathBuf, Open>,
    /// Read to their ends.
    pub(super) finished: HashSet<PathBuf>,
    /// Files that are not read, and why.
    pub(super) refused: HashMap<PathBuf, String>,
    /// The ends of slices of which a part has been given.
    pub(super) given: HashMap<PathBuf, i64>,
}

/// A file that has been read in part.
pub(super) struct Open {
    pub(super) source: Source,
    /// The earliest time in each piece or behind it.
    pub(super) earliest: Vec<i64>,
    /// How many pieces have been read.
    pub(super) read: usize,
    /// Rows before that were read by an earlier run.
    pub(super) from: Option<Slice>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} pieces", self.read, self.earliest.len())
    }
}

impl Open {
    pub(super) fn new(source: Source, mut earliest: Vec<i64>) -> Self {
        let mut least = i64::MAX;
        for time in earliest.iter_mut().rev() {
            least = least.min(*time);
            *time = least;
        }
        Self { source, earliest, read: 0, from: None }
    }

    /// Whether there may be rows before `end`. What is at the end of the file may be there for what it
    /// left out alone.
    pub(super) fn has_rows_before(&self, end: i64) -> bool {
        end == ALWAYS.end || self.earliest.get(self.read).is_some_and(|earliest| *earliest < end)
    }
}

impl SlicedFiles {
    /// Nothing has been read. More rows than fit into memory wait in an unnamed file of `directory`, else
    /// of the system's directory for such files.
    pub fn new(memory: MemoryLimit, directory: Option<&Path>) -> Self {
        let inner = Inner {
            open: HashMap::new(),
            finished: HashSet::new(),
            refused: HashMap::new(),
            given: HashMap::new(),
        };
        let waiting = Waiting::new(memory.waiting() as u64, directory);
        Self {
            inner: Mutex::new(inner),
            waiting: Mutex::new(waiting),
            timed: AtomicBool::new(false),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Keeps what a first pass over a file has found.
    pub(super) fn keep(&self, path: &Path, source: Source, earliest: Vec<i64>) {
        self.lock().open.insert(path.to_owned(), Open::new(source, earliest));
    }

    /// A file is to be read from its beginning: what is known of an earlier reading is forgotten, but not what
    /// a first pass has found since.
    pub fn begin(&self, path: &Path) {
        let mut inner = self.lock();
        inner.finished.remove(path);
        inner.given.remove(path);
        self.waiting.lock().forget(path);
        if inner.open.get(path).is_some_and(|open| open.read > 0) {
            inner.open.remove(path);
        }
    }

    /// Nothing more is to be read of a file.
    pub fn forget(&self, path: &Path) {
        let mut inner = self.lock();
        inner.finished.remove(path);
        inner.open.remove(path);
        inner.refused.remove(path);
        inner.given.remove(path);
        self.waiting.lock().forget(path);
    }

    /// Whether any rows so far had times, these included.
    pub(super) fn any_timed(&self, now: bool) -> bool {
        self.timed.fetch_or(now, Ordering::Relaxed) || now
    }

    /// Keeps why a file is not read.
    pub(super) fn refuse(&self, path: &Path, why: String) {
        self.lock().refused.insert(path.to_owned(), why);
    }
}
