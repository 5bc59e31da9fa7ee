//! Watching for files that are complete.
//!
//! A file is complete when it was renamed into place or closed by its writer (the system says so, on
//! Linux by inotify), or when it has not changed for a set time. Every look lists the patterns
//! anew, so that nothing depends on a notification: they only say when to look sooner. Where the
//! system notifies of nothing (network file systems, remote objects), looks come at an interval.
//!
//! Files are handed on in the order in which they appeared: one that is complete waits for those that were
//! there before it, or with it, and may still be growing, though not for long. So files that are renamed in
//! in the order of their events are read in that order, also after a restart, when nobody has notified of
//! those that came before.

use crate::error::StorageError;
use crate::files::{self, Stamp};
use crate::names;
use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecursiveMode, Watcher};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After a notification, others mostly follow at once: one look for all of them.
const GATHER: Duration = Duration::from_millis(20);
/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(100);
/// A listing is not made in an instant: it may lack a file and have one that was renamed in later. Where two
/// listings in a row are equal, this is ruled out. So many are made at most.
const LISTINGS: usize = 8;

/// What is watched, and how.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// Patterns, directories or files, as [`files::find`] takes them.
    pub patterns: Vec<String>,
    /// Whether `**` reaches below the first directory.
    pub recursive: bool,
    /// Time between two looks where the system tells of nothing.
    pub interval: Duration,
    /// A file that has not changed for this long is complete.
    pub settle: Duration,
}

/// Files found so far, and those that wait.
pub struct Watch {
    options: WatchOptions,
    /// What each file was like when it was handed on.
    known: HashMap<PathBuf, Stamp>,
    waiting: HashMap<PathBuf, Waiting>,
    /// What the last look found.
    listed: Vec<PathBuf>,
    looks: u64,
    /// Files of which the system has said that they are complete.
    notified: HashSet<PathBuf>,
    /// Kept, since it ends with its owner.
    watcher: Option<notify::RecommendedWatcher>,
    events: Receiver<notify::Result<Event>>,
    not: Not,
}

/// A file that may still be growing, or waits for others that may.
struct Waiting {
    stamp: Stamp,
    /// Since when it has this stamp.
    since: Instant,
    /// When it was first seen, and by which look.
    first: Instant,
    look: u64,
    complete: bool,
}

/// Files that are none of ours to read, such as those that are written meanwhile.
type Not = Box<dyn Fn(&Path) -> bool + Send>;

impl Watch {
    /// Starts watching; files in `known` that have not changed since are not found again, and those that
    /// `not` names never are. The second
    /// value says why the system's notifications cannot be used, if so.
    pub fn new(
        options: WatchOptions,
        known: HashMap<PathBuf, Stamp>,
        not: Not,
    ) -> (Self, Option<String>) {
        let (sender, events) = channel();
        let started = notify::recommended_watcher(move |event| {
            // The receiver goes with the watch.
            let _ = sender.send(event);
        })
        .and_then(|mut watcher| {
            for (directory, mode) in directories(&options) {
                watcher.watch(&directory, mode)?;
            }
            Ok(watcher)
        });
        let (watcher, why) = match started {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let watch = Self {
            options,
            known,
            waiting: HashMap::new(),
            listed: Vec::new(),
            looks: 0,
            notified: HashSet::new(),
            watcher,
            events,
            not,
        };
        (watch, why)
    }

    /// The complete files that have not been handed on yet, sorted by path, each with its stamp; empty if
    /// there is none yet.
    ///
    /// # Errors
    /// A pattern is malformed, or a directory cannot be listed.
    pub fn look(&mut self) -> Result<Vec<(PathBuf, Stamp)>, StorageError> {
        self.looks += 1;
        let mut there = self.list()?;
        for _ in 1..LISTINGS {
            if there == self.listed {
                break;
            }
            self.listed = there;
            there = self.list()?;
        }
        // Behind the listing: what was notified of meanwhile is in it.
        self.take_events();
        self.waiting.retain(|path, _| there.binary_search(path).is_ok());
        for path in &there {
            let stamp = Stamp::of(path);
            if self.known.get(&*names::kept(path)) == Some(&stamp) {
                self.notified.remove(&without_dot(path));
                self.waiting.remove(path);
            } else {
                self.meet(path, stamp);
            }
        }
        self.listed = there;
        Ok(self.hand_on())
    }

    fn list(&self) -> Result<Vec<PathBuf>, StorageError> {
        let mut there = Vec::new();
        for pattern in &self.options.patterns {
            match files::find(pattern, self.options.recursive) {
                Err(StorageError::NoMatch { .. }) => {}
                found => there.extend(found?),
            }
        }
        there.sort_unstable();
        there.dedup();
        there.retain(|path| !(self.not)(path));
        Ok(there)
    }

    /// Notes whether a file is complete.
    fn meet(&mut self, path: &Path, stamp: Stamp) {
        let settle = self.options.settle;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let age = now.checked_sub(Duration::from_nanos(stamp.modified_ns));
        // The clock of a network file system may be ahead of ours: then only our own counts.
        let since = Instant::now();
        let new = Waiting { stamp, since, first: since, look: self.looks, complete: false };
        let file = self.waiting.entry(path.to_owned()).or_insert(new);
        if file.stamp != stamp {
            (file.stamp, file.since, file.complete) = (stamp, since, false);
        }
        let rests = age.is_some_and(|age| age >= settle) || file.since.elapsed() >= settle;
        file.complete |= self.notified.remove(&without_dot(path)) || rests;
    }

    /// The complete files that need not wait for others.
    fn hand_on(&mut self) -> Vec<(PathBuf, Stamp)> {
        let growing = self.waiting.values().filter(|file| !file.complete && self.counts(file));
        let first_growing = growing.map(|file| file.look).min().unwrap_or(u64::MAX);
        let due = |file: &Waiting| file.complete && file.look < first_growing;
        let mut complete: Vec<(PathBuf, Stamp)> = self
            .waiting
            .iter()
            .filter(|(_, file)| due(file))
            .map(|(path, file)| (path.clone(), file.stamp))
            .collect();
        complete.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (path, stamp) in &complete {
            self.waiting.remove(path);
            self.known.insert(names::kept(path).into_owned(), *stamp);
        }
        complete
    }

    /// Whether others wait for a file. One that goes on growing does not count for long.
    fn counts(&self, file: &Waiting) -> bool {
        file.first.elapsed() <= 2 * self.options.settle
    }

    /// Whether a file was seen that is not complete and will be soon: after a start, whatever arrived just
    /// before.
    pub fn expects_more(&self) -> bool {
        self.waiting.values().any(|file| file.complete || self.counts(file))
    }

    /// Waits until a look may find something, at most until the next interval; `ended` is asked
    /// now and then whether to give up waiting.
    pub fn wait(&mut self, ended: &dyn Fn() -> bool) {
        let interval = if self.waiting.is_empty() {
            self.options.interval
        } else {
            self.options.interval.min((self.options.settle / 4).max(TICK))
        };
        let until = Instant::now() + interval;
        while !ended() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // Without a watcher the channel has no sender and would answer at once.
            if self.watcher.is_none() {
                std::thread::sleep(left.min(TICK));
            } else if let Ok(event) = self.events.recv_timeout(left.min(TICK)) {
                self.take(event);
                std::thread::sleep(GATHER);
                return;
            }
        }
    }

    fn take_events(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
    }

    fn take(&mut self, event: notify::Result<Event>) {
        let Ok(event) = event else { return };
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => {
                self.notified.extend(event.paths.iter().map(|path| without_dot(path)));
            }
            // Written again: not complete after all, until it is closed.
            EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(_) => {
                for path in &event.paths {
                    self.notified.remove(&without_dot(path));
                }
            }
            _ => {}
        }
    }
}

/// The path without `.` in it: the system's names begin with the watched directory.
fn without_dot(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect()
}

/// The directories that patterns begin with, up to the first part with a wildcard.
fn directories(options: &WatchOptions) -> Vec<(PathBuf, RecursiveMode)> {
    let mode =
        if options.recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
    let mut directories: Vec<PathBuf> = Vec::new();
    for pattern in &options.patterns {
        let path = &names::path(pattern);
        let directory = if path.is_dir() {
            path.to_owned()
        } else {
            let plain = |part: &std::path::Component<'_>| {
                !files::has_wildcards(&names::to_text(part.as_os_str()))
            };
            let mut parts: Vec<_> = path.components().take_while(plain).collect();
            if parts.len() == path.components().count() {
                parts.pop();
            }
            parts.iter().collect()
        };
        let directory =
            if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    directories.into_iter().map(|directory| (directory, mode)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn watch(directory: &Path, settle: Duration) -> Watch {
        let options = WatchOptions {
            patterns: vec![names::to_text(directory.join("*.csv").as_os_str())],
            recursive: false,
            interval: Duration::from_millis(50),
            settle,
        };
        let (watch, why) = Watch::new(options, HashMap::new(), Box::new(|_| false));
        assert_eq!(why, None);
        watch
    }

    fn names(found: &[(PathBuf, Stamp)]) -> Vec<String> {
        found.iter().map(|(p, _)| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    /// Looks until something is found or two seconds are over.
    fn found(watch: &mut Watch) -> Vec<String> {
        let start = Instant::now();
        loop {
            let found = watch.look().unwrap();
            if !found.is_empty() || start.elapsed() > Duration::from_secs(2) {
                return names(&found);
            }
            watch.wait(&|| false);
        }
    }

    #[test]
    fn a_file_is_found_once_when_it_rests_and_again_when_it_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        fs::write(&path, "x").unwrap();
        let mut watch = watch(directory.path(), Duration::from_millis(200));
        assert!(watch.look().unwrap().is_empty(), "it may still be growing");
        assert_eq!(found(&mut watch), ["a.csv"]);
        assert!(watch.look().unwrap().is_empty());
        fs::write(&path, "xy").unwrap();
        assert_eq!(found(&mut watch), ["a.csv"]);
        // As long as it was.
        fs::write(&path, "yx").unwrap();
        assert_eq!(found(&mut watch), ["a.csv"]);
        assert!(watch.look().unwrap().is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_wait_without_notices_ends_after_the_interval() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = watch(directory.path(), Duration::from_secs(60));
        let interval = watch.options.interval;
        let start = Instant::now();
        watch.wait(&|| false);
        assert!(start.elapsed() >= interval);
    }

    #[test]
    fn a_file_that_is_renamed_in_or_closed_is_complete_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = watch(directory.path(), Duration::from_secs(3600));
        let hidden = directory.path().join("b.part");
        fs::write(&hidden, "x").unwrap();
        fs::rename(&hidden, directory.path().join("b.csv")).unwrap();
        assert_eq!(found(&mut watch), ["b.csv"]);
        let mut open = fs::File::create(directory.path().join("c.csv")).unwrap();
        std::io::Write::write_all(&mut open, b"x").unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert!(watch.look().unwrap().is_empty(), "it is still open");
        drop(open);
        assert_eq!(found(&mut watch), ["c.csv"]);
    }

    #[test]
    fn a_file_that_comes_later_waits_for_those_that_were_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        // Of the first one nobody notifies, so it has to rest; the second one is complete at once.
        fs::write(path("b.csv"), "x").unwrap();
        let settle = Duration::from_millis(500);
        let mut watch = watch(directory.path(), settle);
        assert!(watch.look().unwrap().is_empty());
        fs::write(path("a.part"), "x").unwrap();
        fs::rename(path("a.part"), path("a.csv")).unwrap();
        watch.wait(&|| false);
        assert!(watch.look().unwrap().is_empty(), "the one before it may be growing");
        assert_eq!(found(&mut watch), ["a.csv", "b.csv"]);
    }

    #[test]
    fn a_file_that_goes_on_growing_holds_others_back_for_a_while_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut slow = fs::File::create(path("slow.csv")).unwrap();
        let settle = Duration::from_millis(400);
        let mut watch = watch(directory.path(), settle);
        watch.look().unwrap();
        fs::write(path("a.csv"), "x").unwrap();
        let start = Instant::now();
        let names = loop {
            std::io::Write::write_all(&mut slow, b"x\n").unwrap();
            let found = watch.look().unwrap();
            if !found.is_empty() {
                break names(&found);
            }
            assert!(start.elapsed() < 10 * settle);
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(names, ["a.csv"]);
        assert!(start.elapsed() >= settle, "the slow one was there before");
    }

    #[test]
    fn directories_end_before_the_first_wildcard() {
        let options = WatchOptions {
            patterns: ["logs/*/2024/*.json", "*.csv", "./a/b.csv"].map(String::from).to_vec(),
            recursive: true,
            interval: Duration::ZERO,
            settle: Duration::ZERO,
        };
        let found: Vec<_> = directories(&options).into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, [Path::new("logs"), Path::new("."), Path::new("./a")]);
    }
}
