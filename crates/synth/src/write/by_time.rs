//! All users together, by time, split into files as a source splits them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::super::activity::{Activity, Event, User};
use super::super::calendar::DAY_SECONDS;
use super::super::error::GenerateError;
use super::super::stable_rng::Dice;
use super::{create, io_error};

/// The files of a source. A file ends with the day (UTC).
pub(in super::super) struct Form<U: User> {
    /// Before the first record, between two, and after the last.
    pub(in super::super) begin: &'static str,
    pub(in super::super) between: &'static str,
    pub(in super::super) end: &'static str,
    /// A file ends after this many records, too.
    pub(in super::super) most_records: u64,
    /// The name of a file that begins with this event.
    pub(in super::super) name: fn(&U, &Event<U::What>, &mut Dice) -> String,
    /// An event as JSON.
    pub(in super::super) record: fn(&U, &Event<U::What>) -> serde_json::Result<String>,
}

impl<U: User> Form<U> {
    /// Writes the events of all users, tells each with its file's name and its place in the file,
    /// and gives the number of files and of rows.
    pub(in super::super) fn write(
        &self,
        directory: &Path,
        names: &mut Dice,
        mut users: Vec<(&U, Activity<'_, U>)>,
        mut on_row: impl FnMut(&str, u64, &U, &Event<U::What>),
    ) -> Result<(usize, u64), GenerateError> {
        let mut coming: Vec<Option<Event<U::What>>> =
            users.iter_mut().map(|(_, activity)| activity.next()).collect();
        // The next event of each user; at the same second, in the order of users.
        let mut order: BinaryHeap<Reverse<(i64, usize)>> = coming
            .iter()
            .enumerate()
            .filter_map(|(user, event)| Some(Reverse((event.as_ref()?.time, user))))
            .collect();

        let mut file: Option<LogFile<'_, U>> = None;
        let (mut files, mut rows) = (0, 0);
        while let Some(Reverse((time, number))) = order.pop() {
            let (user, activity) = &mut users[number];
            let next = activity.next();
            order.extend(next.as_ref().map(|next| Reverse((next.time, number))));
            let Some(event) = std::mem::replace(&mut coming[number], next) else { continue };
            if let Some(full) = file.take_if(|file| !file.has_room_at(time)) {
                full.finish()?;
            }
            let file = match &mut file {
                Some(file) => file,
                none => {
                    files += 1;
                    let name = (self.name)(user, &event, names);
                    none.insert(LogFile::begin(self, directory, name, time)?)
                }
            };
            on_row(&file.name, file.records, user, &event);
            file.write(user, &event)?;
            rows += 1;
        }
        if let Some(last) = file {
            last.finish()?;
        }
        Ok((files, rows))
    }
}

/// One file, being written.
struct LogFile<'a, U: User> {
    form: &'a Form<U>,
    name: String,
    path: PathBuf,
    out: BufWriter<File>,
    day: i64,
    records: u64,
}

impl<'a, U: User> LogFile<'a, U> {
    fn begin(
        form: &'a Form<U>,
        directory: &Path,
        name: String,
        time: i64,
    ) -> Result<Self, GenerateError> {
        let path = directory.join(&name);
        let mut out = create(&path)?;
        out.write_all(form.begin.as_bytes()).map_err(io_error("write", &path))?;
        Ok(Self { form, name, path, out, day: day(time), records: 0 })
    }

    fn has_room_at(&self, time: i64) -> bool {
        self.records < self.form.most_records && day(time) == self.day
    }

    fn write(&mut self, user: &U, event: &Event<U::What>) -> Result<(), GenerateError> {
        let between = if self.records == 0 { "" } else { self.form.between };
        self.records += 1;
        (self.form.record)(user, event)
            .map_err(io::Error::from)
            .and_then(|record| write!(self.out, "{between}{record}"))
            .map_err(io_error("write", &self.path))
    }

    fn finish(mut self) -> Result<(), GenerateError> {
        self.out
            .write_all(self.form.end.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(io_error("write", &self.path))
    }
}

/// Days since 1970, UTC.
fn day(time: i64) -> i64 {
    time.div_euclid(i64::from(DAY_SECONDS))
}
