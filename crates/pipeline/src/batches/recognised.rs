//! What is reported about files that an earlier look has read.

use dfp_connectors::known::{Arrival, Earlier, Seen};
use dfp_engine::{Reporter, Weight};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Names that a message has at most.
const NAMED: usize = 3;

/// Files that were recognised.
#[derive(Debug, Default)]
pub struct Notes {
    renamed: Vec<PathBuf>,
    /// Each with the file that it is a copy of.
    copies: Vec<(PathBuf, PathBuf)>,
    changed: Vec<PathBuf>,
    /// Appended to, and read again as a whole.
    read_again: Vec<PathBuf>,
    /// How often each file was appended to.
    grown: BTreeMap<PathBuf, usize>,
    /// Those of which that has not been reported.
    newly_grown: Vec<PathBuf>,
}

impl Notes {
    /// Adds what a look has found.
    pub fn add(&mut self, arrivals: &[Arrival]) {
        for Arrival { path, seen, .. } in arrivals {
            match seen {
                Seen::New | Seen::Read => {}
                Seen::Touched | Seen::Renamed(_) => self.renamed.push(path.clone()),
                Seen::Copy(of) | Seen::Twin(of) => self.copies.push((path.clone(), of.clone())),
                Seen::Changed => self.changed.push(path.clone()),
                // Nothing of it has been used.
                Seen::Grown(Some(Earlier { rows: 0, .. })) => {}
                Seen::Grown(None) => self.read_again.push(path.clone()),
                Seen::Grown(Some(_)) => {
                    let times = self.grown.entry(path.clone()).or_default();
                    *times += 1;
                    if *times == 1 {
                        self.newly_grown.push(path.clone());
                    }
                }
            }
        }
    }

    /// Reports what was added since the last call. That a file was appended to is said once.
    pub fn report(&mut self, reporter: &dyn Reporter) {
        let renamed = std::mem::take(&mut self.renamed);
        if !renamed.is_empty() {
            let what = "read before, under another name or with another time of change: skipped";
            reporter.say(Weight::Info, &listed(&renamed, what));
        }
        let changed = std::mem::take(&mut self.changed);
        if !changed.is_empty() {
            let what = "with other content than when it was read: read as a new file";
            reporter.say(Weight::Info, &listed(&changed, what));
        }
        let read_again = std::mem::take(&mut self.read_again);
        if !read_again.is_empty() {
            let what = "appended to after it was read: read again as a whole, so its first rows are written twice; rename finished files in";
            reporter.say(Weight::Warning, &listed(&read_again, what));
        }
        let copies = std::mem::take(&mut self.copies);
        if let Some((path, of)) = copies.first() {
            let more = match copies.len() - 1 {
                0 => String::new(),
                1 => " and 1 more file".to_owned(),
                more => format!(" and {more} more files"),
            };
            let text = format!(
                "input: {path:?}{more} skipped: every byte is that of a file that was read ({of:?})"
            );
            reporter.say(Weight::Warning, &text);
        }
        let grown = std::mem::take(&mut self.newly_grown);
        if !grown.is_empty() {
            let what = "appended to after it was read: only the new rows are read; rename finished files in rather than appending to them";
            reporter.say(Weight::Warning, &listed(&grown, what));
        }
    }

    /// How often files were appended to, at the end of a run.
    pub fn report_end(&self, reporter: &dyn Reporter) {
        let times: usize = self.grown.values().sum();
        if times > self.grown.len() {
            let files: Vec<PathBuf> = self.grown.keys().cloned().collect();
            let what = format!("appended to after it was read, {times} times in all");
            reporter.say(Weight::Info, &listed(&files, &what));
        }
    }
}

/// `input: "a", "b", "c" and 4 more files …`.
fn listed(files: &[PathBuf], what: &str) -> String {
    let mut text = "input:".to_owned();
    for (at, path) in files.iter().take(NAMED).map(|path| path as &Path).enumerate() {
        let _ = write!(text, "{} {path:?}", if at == 0 { "" } else { "," });
    }
    match files.len().saturating_sub(NAMED) {
        0 => {}
        1 => text += " and 1 more file",
        more => text += &format!(" and {more} more files"),
    }
    text + " " + what
}
