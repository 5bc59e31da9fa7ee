//! Which files have been read before, under whatever name.
//!
//! A path whose length and time of change are as they were is not looked at. Any other file is recognised
//! by its [`Content`]: it may have been touched, renamed, rotated, compressed, or appended to.

use crate::file_identity::{self, Appended, Beginning, Content, Lengths, Look};
use crate::file_mark::FileMark;
pub use dfp_logs::Earlier;
use dfp_logs::LABELLED;
use dfp_storage::files::{Stamp, head, is_address};
use dfp_storage::names::kept;
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The files that have been read, and how far.
#[derive(Debug, Default)]
pub struct KnownFiles {
    marks: HashMap<PathBuf, FileMark>,
    /// Where each content was last seen. It stays known when its name has become another file's: the file
    /// may turn up elsewhere.
    contents: HashMap<Content, (PathBuf, FileMark)>,
    lengths: Lengths,
    /// Files that a state folder of an earlier version knows by the hash of their beginning.
    old: HashMap<Stamp, Vec<(PathBuf, FileMark)>>,
    /// Marks that differ from those that were given.
    changes: Vec<(PathBuf, FileMark)>,
}

/// A file that was found, and what it is to earlier runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The file.
    pub path: PathBuf,
    /// The file as it is now, and how far it has been read.
    pub mark: FileMark,
    /// What it is.
    pub seen: Seen,
}

/// What a file is to earlier runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has not been read.
    New,
    /// Another content has been read under its name.
    Changed,
    /// It was appended to after it had been read: this much of it has been, if that is known.
    Grown(Option<Earlier>),
    /// It has been read, up to the time of its mark if that has one.
    Read,
    /// As [`Read`](Self::Read), when its time of change was another.
    Touched,
    /// As [`Read`](Self::Read), under this name, which now is gone or another file's.
    Renamed(PathBuf),
    /// As [`Read`](Self::Read), under this name, which is still there.
    Copy(PathBuf),
    /// It holds what this file holds, which is as new.
    Twin(PathBuf),
}

impl Arrival {
    /// A file that nobody remembers.
    pub fn new(path: PathBuf) -> Self {
        let mark = FileMark::new(Stamp::of(&path));
        Self { path, mark, seen: Seen::New }
    }

    /// Whether nothing of it is left to read.
    pub fn is_finished(&self) -> bool {
        let known = !matches!(self.seen, Seen::New | Seen::Changed | Seen::Grown(_));
        known && self.mark.until.is_none()
    }
}

impl KnownFiles {
    /// What earlier runs have read: files, and `former` ones, whose names are now those of other files.
    pub fn new(former: Vec<(PathBuf, FileMark)>, marks: Vec<(PathBuf, FileMark)>) -> Self {
        let mut known = Self::default();
        for (path, mark) in former {
            known.insert_content(&path, mark);
        }
        for (path, mark) in marks {
            known.insert(path, mark);
        }
        known
    }

    /// How far a file has been read.
    pub fn get(&self, path: &Path) -> Option<&FileMark> {
        self.marks.get(&*kept(path))
    }

    /// Whether no file has been read.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The stamps of the files that need not be looked at again.
    pub fn stamps(&self) -> HashMap<PathBuf, Stamp> {
        let settled = self.marks.iter().filter(|(path, mark)| {
            mark.until.is_none() && (mark.content.is_some() || is_address(path))
        });
        settled.map(|(path, mark)| (path.clone(), mark.stamp)).collect()
    }

    /// Remembers how far a file has been read.
    pub fn insert(&mut self, path: PathBuf, mark: FileMark) {
        let before = self.marks.get(&path).and_then(|before| before.content);
        if let Some(before) = before.filter(|before| mark.is_grown && mark.content != Some(*before))
        {
            // A log is appended to for months.
            self.forget_content(&path, before);
        }
        self.insert_content(&path, mark);
        if mark.content.is_none() && mark.head.is_some() {
            self.old.entry(mark.stamp).or_default().push((path.clone(), mark));
        }
        self.marks.insert(kept(&path).into_owned(), mark);
    }

    /// A file no longer holds this content. A copy of what it was may still do.
    fn forget_content(&mut self, path: &Path, before: Content) {
        let path = kept(path);
        let others = || self.marks.iter().filter(|(other, _)| ***other != *path);
        let copy = others().find(|(_, mark)| mark.content == Some(before));
        let copy = copy.map(|(other, mark)| (other.clone(), *mark));
        let shares_length = |mark: &FileMark| {
            mark.content.is_some_and(|c| (c.first, c.bytes) == (before.first, before.bytes))
        };
        let is_shared = others().any(|(_, mark)| shares_length(mark));
        match copy {
            Some(copy) => drop(self.contents.insert(before, copy)),
            None => drop(self.contents.remove(&before)),
        }
        if !is_shared {
            self.lengths.remove(&before);
        }
    }

    fn insert_content(&mut self, path: &Path, mark: FileMark) {
        if let Some(content) = mark.content {
            self.contents.insert(content, (path.to_owned(), mark));
            self.lengths.add(&content);
        }
    }

    /// What is to be remembered of the files that were recognised since the last call: they have another
    /// name or stamp than before.
    pub fn changes(&mut self) -> Vec<(PathBuf, FileMark)> {
        std::mem::take(&mut self.changes)
    }

    /// What files are, in their order.
    pub fn recognise(&mut self, files: Vec<PathBuf>) -> Vec<Arrival> {
        let stamped = |path: PathBuf| {
            let stamp = Stamp::of(&path);
            (path, stamp)
        };
        self.recognise_stamped(files.into_iter().map(stamped).collect())
    }

    /// As [`recognise`](Self::recognise), of files whose stamps are known. Of two new ones with one content
    /// the second is a copy of the first.
    pub fn recognise_stamped(&mut self, files: Vec<(PathBuf, Stamp)>) -> Vec<Arrival> {
        let looks: Vec<Option<Look>> = files
            .par_iter()
            .map(|(path, stamp)| match self.get(path).filter(|m| m.stamp == *stamp) {
                Some(mark) if mark.content.is_some() => None,
                _ => file_identity::look(path, *stamp, &self.lengths),
            })
            .collect();
        let mut now: HashMap<Content, PathBuf> = HashMap::new();
        let mut arrivals = Vec::with_capacity(files.len());
        for ((path, stamp), look) in files.into_iter().zip(looks) {
            arrivals.push(self.arrival(path, stamp, look.as_ref(), &mut now));
        }
        // After all have been judged: in a rotation each file has the former name of the next.
        for Arrival { path, mark, seen } in &arrivals {
            let unread = matches!(seen, Seen::New | Seen::Changed | Seen::Grown(_) | Seen::Twin(_));
            if !unread && self.get(path) != Some(mark) {
                self.insert(path.clone(), *mark);
                self.changes.push((path.clone(), *mark));
            }
        }
        arrivals
    }

    fn arrival(
        &self,
        path: PathBuf,
        stamp: Stamp,
        look: Option<&Look>,
        now: &mut HashMap<Content, PathBuf>,
    ) -> Arrival {
        let own = self.get(&path);
        let content = look.map(|look| look.content);
        let mut mark = FileMark { content, ..FileMark::new(stamp) };
        if let Some(own) = own.filter(|own| own.stamp == stamp) {
            let mark = FileMark { content: own.content.or(content), ..*own };
            return Arrival { path, mark, seen: Seen::Read };
        }
        if let Some((former, known)) = self.recognised(&path, stamp, content) {
            mark = FileMark { stamp, content, is_grown: false, ..known };
            let seen = match former == path {
                true => Seen::Touched,
                false if Stamp::of(&former) == known.stamp => Seen::Copy(former),
                false => Seen::Renamed(former),
            };
            return Arrival { path, mark, seen };
        }
        // An empty file says nothing about where it comes from.
        if let Some(content) = content.filter(|content| content.bytes > 0) {
            if let Some(first) = now.get(&content) {
                return Arrival { mark, seen: Seen::Twin(first.clone()), path };
            }
            now.insert(content, path.clone());
        }
        let grown = look.and_then(|look| {
            let mut beginnings = look.beginnings.iter().rev();
            beginnings.find_map(|begin| self.grown(&path, begin, look.appended))
        });
        // A file of which nobody knows what it held, such as a packed one that was cut short.
        let longer = own.filter(|own| {
            own.content.is_none() && own.head.is_none() && own.stamp.bytes < stamp.bytes
        });
        let longer =
            longer.map(|own| own.rows.filter(|rows| *rows == 0).map(|_| Earlier::default()));
        let before = own.and_then(|own| own.content);
        mark.is_grown = before.is_some()
            && look.is_some_and(|look| look.beginnings.iter().any(|b| Some(b.content) == before));
        let seen = match grown.or(longer) {
            Some(earlier) => Seen::Grown(earlier),
            None if own.is_some() => Seen::Changed,
            None => Seen::New,
        };
        Arrival { path, mark, seen }
    }

    /// A file with another name or stamp that has been read.
    fn recognised(
        &self,
        path: &Path,
        stamp: Stamp,
        content: Option<Content>,
    ) -> Option<(PathBuf, FileMark)> {
        let own = self.get(path).filter(|own| content.is_some() && own.content == content);
        if let Some(own) = own {
            return Some((path.to_owned(), *own));
        }
        let known = content.and_then(|content| self.contents.get(&content));
        let known =
            known.filter(|(former, _)| former == path || content.is_some_and(|c| c.bytes > 0));
        if let Some((former, mark)) = known {
            return Some((former.clone(), *mark));
        }
        let old = self.old.get(&stamp)?.iter().find(|(former, mark)| {
            former != path && Stamp::of(former) != stamp && mark.head == head(path, stamp.bytes)
        });
        old.cloned()
    }

    /// Whether a file that begins like this was read when it was shorter, under its name or under one that
    /// is gone, and how much of it.
    fn grown(&self, path: &Path, begin: &Beginning, appended: Appended) -> Option<Option<Earlier>> {
        // What it held itself says more than what a copy of that holds.
        let own = self.get(path).filter(|own| own.content == Some(begin.content));
        let (former, mark) = match own {
            Some(own) => (path, own),
            None => self.contents.get(&begin.content).map(|(path, mark)| (path.as_path(), mark))?,
        };
        let rows = mark.rows.filter(|rows| mark.until.is_none() && *rows != LABELLED);
        let rows = rows.and_then(|rows| match appended {
            Appended::Events => Some(rows),
            // The row that was cut is read again, now that it is whole.
            Appended::Lines => Some(rows.saturating_sub(begin.is_cut.into())),
            Appended::Other => None,
        });
        // Another file may begin like one without rows, with the same header.
        let renamed = || rows.is_some_and(|rows| rows > 0) && Stamp::of(former) != mark.stamp;
        let earlier = rows.map(|rows| Earlier { rows, lines: begin.lines });
        (former == path || renamed()).then_some(earlier)
    }
}

#[cfg(test)]
mod tests;
