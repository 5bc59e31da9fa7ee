//! Rows and files that were left out, and rows that were kept though not all of them could be used, each
//! counted under a reason.

use std::path::{Path, PathBuf};

/// Columns that were not read, or values of columns.
pub(crate) const TOO_MANY_COLUMNS: &str = "columns beyond the limits, and not asked for";
/// Files that cannot be read, or not to their ends.
pub(crate) const UNREADABLE: &str = "unreadable file";
/// The reason of rows without a readable time that are kept.
pub const TIMELESS: &str = "no readable time; kept, after all rows that have one";

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Single rows.
    Row,
    /// Rows that are there, without a value that could not be used.
    Kept,
    /// Whole files.
    File,
    /// The end of a file whose other rows were read.
    End,
    /// Single values, changed or left out; their rows were read.
    Value,
}

impl Unit {
    /// What it is called, in the singular and the plural.
    pub fn name(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::Row | Self::Kept, 1) => "row",
            (Self::Row | Self::Kept, _) => "rows",
            (Self::File, 1) => "file",
            (Self::File, _) => "files",
            (Self::End, 1) => "end of a file",
            (Self::End, _) => "ends of files",
            (Self::Value, 1) => "value",
            (Self::Value, _) => "values",
        }
    }
}

/// One reason, how often it applied, and the first messages in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What is counted.
    pub unit: Unit,
    /// The reason in a few words, the same for every occurrence.
    pub reason: &'static str,
    /// How many of the unit.
    pub count: usize,
    /// Full messages (file, place, value, what would be accepted) of the first occurrences, at
    /// most [`Skipped::MESSAGES`].
    pub messages: Vec<String>,
}

/// Everything that was left out, in the order in which the reasons were first met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    reasons: Vec<Reason>,
    outside: usize,
    unread: Vec<PathBuf>,
    unfit: Vec<PathBuf>,
    notes: Vec<Note>,
}

/// What was done with rows that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What was done, the same for every occurrence.
    pub text: String,
    /// How many rows.
    pub rows: usize,
}

impl Skipped {
    /// Messages kept for each reason; further occurrences are counted only.
    pub const MESSAGES: usize = 20;

    /// The reasons, in the order in which they were first met.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Rows left out, all reasons together.
    pub fn rows(&self) -> usize {
        self.total(Unit::Row)
    }

    /// Files left out, all reasons together.
    pub fn files(&self) -> usize {
        self.total(Unit::File)
    }

    /// Rows that were kept without a value that could not be used, all reasons together.
    pub fn kept(&self) -> usize {
        self.total(Unit::Kept)
    }

    /// Rows outside of the times asked for: nothing is wrong with them, and they count nowhere else.
    pub fn outside(&self) -> usize {
        self.outside
    }

    /// Files that the system did not let us read. They may be readable another time.
    pub fn unread(&self) -> &[PathBuf] {
        &self.unread
    }

    /// Files that did not fit into memory. They may fit when fewer are read together, or with a higher limit.
    pub fn unfit(&self) -> &[PathBuf] {
        &self.unfit
    }

    /// Nothing was changed, or left out but what was not asked for.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// What was done with rows that are kept, in the order in which it was first done.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Notes what was done with so many rows that are kept.
    pub(crate) fn note(&mut self, rows: usize, text: impl FnOnce() -> String) {
        self.merge_note(Note { text: text(), rows });
    }

    fn merge_note(&mut self, note: Note) {
        match self.notes.iter().position(|known| known.text == note.text) {
            Some(known) => self.notes[known].rows += note.rows,
            None if self.notes.len() < Self::MESSAGES => self.notes.push(note),
            None => {}
        }
    }

    /// Every row and file was read, though values may have been changed or left out.
    pub fn has_all_rows(&self) -> bool {
        self.reasons.iter().all(|reason| reason.unit == Unit::Value)
    }

    /// How many of each unit are counted, in words: `3 rows and 1 file`.
    pub fn totals(&self) -> String {
        let units = [Unit::Row, Unit::Kept, Unit::File, Unit::End, Unit::Value];
        let counted = units.map(|unit| (unit, self.total(unit)));
        let words: Vec<String> = counted
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(unit, count)| format!("{count} {}", unit.name(count)))
            .collect();
        match words.split_last() {
            Some((last, before)) if !before.is_empty() => {
                format!("{} and {last}", before.join(", "))
            }
            _ => words.concat(),
        }
    }

    /// Counts one of the unit; `message` is only called while messages are kept.
    pub(crate) fn add(
        &mut self,
        unit: Unit,
        reason: &'static str,
        message: impl FnOnce() -> String,
    ) {
        let entry = self.entry(unit, reason);
        entry.count += 1;
        if entry.messages.len() < Self::MESSAGES {
            entry.messages.push(message());
        }
    }

    /// Counts rows that were read, and left out or kept.
    pub fn add_rows(&mut self, unit: Unit, count: usize, reason: &'static str, message: String) {
        if count > 0 {
            let entry = self.entry(unit, reason);
            entry.count += count;
            if entry.messages.len() < Self::MESSAGES {
                entry.messages.push(message);
            }
        }
    }

    /// Counts occurrences of which only the first have messages.
    pub(crate) fn add_many(
        &mut self,
        unit: Unit,
        reason: &'static str,
        count: usize,
        messages: impl Iterator<Item = String>,
    ) {
        if count > 0 {
            let entry = self.entry(unit, reason);
            entry.count += count;
            let room = Self::MESSAGES - entry.messages.len();
            entry.messages.extend(messages.take(room));
        }
    }

    /// Counts files that were read and could not be used.
    pub fn add_files(&mut self, count: usize, reason: &'static str, message: String) {
        let entry = self.entry(Unit::File, reason);
        entry.count += count;
        if entry.messages.len() < Self::MESSAGES {
            entry.messages.push(message);
        }
    }

    pub(crate) fn add_outside(&mut self, rows: usize) {
        self.outside += rows;
    }

    /// A file that the system did not give: it is not taken for read.
    pub(crate) fn add_unread(&mut self, path: &Path) {
        self.unread.push(path.to_owned());
    }

    /// Counts a file that does not fit into memory.
    pub(crate) fn add_unfit(&mut self, path: &Path, reason: &'static str, message: String) {
        self.unfit.push(path.to_owned());
        self.add(Unit::File, reason, || message);
    }

    /// Adds what another part of the input left out.
    pub fn merge(&mut self, other: Self) {
        self.outside += other.outside;
        self.unread.extend(other.unread);
        self.unfit.extend(other.unfit);
        other.notes.into_iter().for_each(|note| self.merge_note(note));
        for theirs in other.reasons {
            let ours = self.entry(theirs.unit, theirs.reason);
            ours.count += theirs.count;
            let room = Self::MESSAGES - ours.messages.len();
            ours.messages.extend(theirs.messages.into_iter().take(room));
        }
    }

    /// Forgets what has been counted before, of which the first messages are.
    pub(crate) fn forget(&mut self, before: &Self) {
        for theirs in &before.reasons {
            let ours = self.entry(theirs.unit, theirs.reason);
            ours.count = ours.count.saturating_sub(theirs.count);
            ours.messages.drain(..theirs.messages.len().min(ours.messages.len()));
        }
        self.reasons.retain(|reason| reason.count > 0);
    }

    /// Every reason with its count and messages, each on a line of its own.
    pub(crate) fn text(&self) -> String {
        let mut text = match self.outside {
            0 => String::new(),
            1 => "; 1 row is outside of the times asked for".to_owned(),
            rows => format!("; {rows} rows are outside of the times asked for"),
        };
        for reason in &self.reasons {
            text.push_str(&format!("; {} x {}", reason.count, reason.reason));
            for message in &reason.messages {
                text.push_str("\n  ");
                text.push_str(message);
            }
            if reason.count > reason.messages.len() {
                text.push_str(&format!("\n  and {} more", reason.count - reason.messages.len()));
            }
        }
        text
    }

    fn total(&self, unit: Unit) -> usize {
        self.reasons.iter().filter(|r| r.unit == unit).map(|r| r.count).sum()
    }

    fn entry(&mut self, unit: Unit, reason: &'static str) -> &mut Reason {
        let known = self.reasons.iter().position(|r| r.unit == unit && r.reason == reason);
        let index = known.unwrap_or_else(|| {
            self.reasons.push(Reason { unit, reason, count: 0, messages: Vec::new() });
            self.reasons.len() - 1
        });
        &mut self.reasons[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_adds_counts_and_keeps_the_first_messages() {
        let mut whole = Skipped::default();
        let mut part = Skipped::default();
        for i in 0..15 {
            whole.add(Unit::Row, "bad", || format!("whole {i}"));
            part.add(Unit::Row, "bad", || format!("part {i}"));
        }
        part.add(Unit::File, "unreadable", || "file".into());
        whole.merge(part);
        assert_eq!((whole.rows(), whole.files()), (30, 1));
        assert_eq!(whole.reasons()[0].messages.len(), Skipped::MESSAGES);
        assert_eq!(whole.reasons()[0].messages[15], "part 0");
    }

    #[test]
    fn changed_values_cost_no_row() {
        let mut skipped = Skipped::default();
        assert_eq!(skipped.totals(), "");
        skipped.add_many(Unit::Value, "replaced", 3, std::iter::once("first".into()));
        assert!(skipped.has_all_rows() && !skipped.is_empty());
        assert_eq!((skipped.totals(), skipped.rows()), ("3 values".to_owned(), 0));
        skipped.add(Unit::End, "cut short", || "end".into());
        skipped.add(Unit::Row, "bad", || "row".into());
        assert!(!skipped.has_all_rows());
        assert_eq!(skipped.totals(), "1 row, 1 end of a file and 3 values");
    }
}
