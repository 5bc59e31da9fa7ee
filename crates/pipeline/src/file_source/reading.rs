//! What is read of a batch: all of it at once, in several batches, or in several tables.

use super::{Batches, Current, FileSource, Seen};
use crate::batches::Batch;
use crate::duplicates::Duplicates;
use crate::error::RunError;
use crate::message::{BatchAck, Message};
use crate::source::{self, Reading};
use dfp_connectors::state::{Commit, FileMark, StateDir};
use dfp_engine::Weight;
use dfp_features::derive::Memory;
use dfp_features::event_times;
use dfp_features::users::Users;
use dfp_logs::LogError;
use dfp_logs::{ALWAYS, LogTable};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const UNUSABLE: &str = "file of a batch that cannot be used";

/// What is still to be read of a batch.
pub(super) struct Rest {
    pub(super) batch: Batch,
    /// Some of it has been read.
    is_begun: bool,
    has_rows: bool,
    /// Whose rows these were, if that is to be remembered.
    users: BTreeSet<Arc<str>>,
    /// A message without rows of what was handed on last, should nothing follow that can carry the receipt.
    pub(super) empty: Option<Message>,
}

impl Rest {
    pub(super) fn of(batch: Batch) -> Self {
        Self { batch, is_begun: false, has_rows: false, users: BTreeSet::new(), empty: None }
    }

    /// Whether nothing of it is on its way, and no later part would mark its files as read: what follows could
    /// then be remembered without it.
    fn can_be_left(&self) -> bool {
        !self.has_rows && self.batch.files.iter().all(|path| self.batch.ends(path))
    }
}

/// What was read of a batch.
struct Read {
    rows: Option<(LogTable, Users)>,
    /// There are more rows, which did not fit into memory.
    more: bool,
}

impl FileSource {
    /// Reads a batch, or as much of it as fits into memory. Whatever is wrong with it ends a run over a fixed
    /// set of files, and is told and counted by a run that watches.
    pub(super) fn open(&mut self, mut rest: Rest) -> Result<(), RunError> {
        let read = match self.read(&rest) {
            Err(RunError::Overflow(_)) if rest.batch.later().is_none() => {
                self.cut(rest.batch);
                return Ok(());
            }
            // It is not remembered: the next run tries again.
            Err(error) if self.settings.watch.is_some() && !self.strict && rest.can_be_left() => {
                self.duplicates().take_back();
                self.shared.reporter.say(Weight::Error, &error.to_string());
                let mut count = self.shared.count.lock();
                count.skipped.add_files(rest.batch.files.len(), UNUSABLE, error.to_string());
                return Ok(());
            }
            read => read?,
        };
        let Read { rows, more } = read;
        rest.is_begun = true;
        let of_table = rows.as_ref().map_or(&[][..], |(_, users)| &users.rows);
        rest.has_rows |= !of_table.is_empty();
        if self.marks_batches {
            rest.users.extend(of_table.iter().map(|(user, _)| Arc::clone(user)));
        }
        if more {
            self.current = rows.map(|(table, users)| Current {
                table,
                users: users.rows.into_iter(),
                receipt: None,
            });
            self.rest = Some(rest);
            return Ok(());
        }
        if rest.batch.later().is_some() {
            let ended = rest.batch.files.iter().filter(|path| rest.batch.ends(path));
            ended.for_each(|path| self.sliced.forget(path));
        }
        let finished = self.finished(&rest.batch);
        if let Batches::Watching(watching) = &mut self.batches {
            watching.finished(&finished);
        }
        if !rest.has_rows {
            return self.remember(finished);
        }
        let receipt = self.receipt(&rest, of_table, finished);
        match rows {
            Some((table, users)) => {
                self.current = Some(Current { table, users: users.rows.into_iter(), receipt });
            }
            // The tables before have all the rows.
            None => self.last = rest.empty.map(|message| Message { receipt, ..message }),
        }
        Ok(())
    }

    /// Cuts a batch that does not fit into memory.
    fn cut(&mut self, batch: Batch) {
        let Self { settings, user_column, shared, sliced, cut, .. } = self;
        let text = "input: it does not fit into memory at once (--memory_limit) and is read in parts, in the order of time; users come anew in each part";
        shared.reporter.say(Weight::Info, text);
        let user = user_column.as_deref();
        batch.files.iter().for_each(|path| sliced.begin(path));
        let known = shared.models.categories();
        let look = |files: &[PathBuf]| {
            source::times(files, settings, (user, &known), sliced, &shared.pool)
        };
        cut.extend(batch.cut(&settings.rules, &look));
    }

    /// Remembers files of which nothing will pass the end of the pipeline; but not while
    /// rows of an earlier batch are on their way, which may be of an earlier part of the same files, or of
    /// the same file under its former name.
    pub(super) fn remember(&mut self, files: Vec<(PathBuf, FileMark)>) -> Result<(), RunError> {
        let Some(state) = &self.shared.state else { return Ok(()) };
        self.without_rows.extend(files);
        let before = self.latest.as_ref();
        let waits = before.is_some_and(|receipt| !receipt.committed.load(Ordering::Acquire));
        if !waits && !self.without_rows.is_empty() {
            state.commit(&Commit { files: &self.without_rows, ..Commit::default() })?;
            self.without_rows.clear();
        }
        Ok(())
    }

    /// The files of a batch that need not be read again. What the system would not give us is tried
    /// again by the next run.
    fn finished(&self, batch: &Batch) -> Vec<(PathBuf, FileMark)> {
        let read = batch.marks.iter().filter(|(path, _)| !self.unread.contains(path));
        // Rows after the times asked for may be asked for by the next run.
        let end = Some(self.settings.between.end).filter(|end| *end != ALWAYS.end);
        let until = |mark: FileMark| match (mark.until, end) {
            (Some(until), Some(end)) => Some(until.min(end)),
            (until, end) => until.or(end),
        };
        // Where parts were read at different times, nobody knows how far each of them went.
        let rows = |path: &PathBuf| {
            let rows = self.file_rows.get(path).copied().unwrap_or_default();
            batch.is_whole(path).then_some(rows)
        };
        let mark = |path, mark: FileMark| FileMark { until: until(mark), rows: rows(path), ..mark };
        read.map(|(path, of_file)| (path.clone(), mark(path, *of_file))).collect()
    }

    fn duplicates(&self) -> MutexGuard<'_, Duplicates> {
        self.shared.duplicates.lock()
    }

    /// The next rows of a batch, if there are any.
    fn read(&mut self, rest: &Rest) -> Result<Read, RunError> {
        let Self { settings, user_column, shared, rows, unread, sliced, .. } = self;
        let file_rows = Mutex::new(match rest.is_begun {
            true => std::mem::take(&mut self.file_rows),
            false => HashMap::new(),
        });
        let on_rows = |path: &Path, rows: u64| {
            let mut all = file_rows.lock();
            let most: &mut u64 = all.entry(path.to_owned()).or_default();
            *most = rows.max(*most);
        };
        let batch = &rest.batch;
        if !rest.is_begun {
            // A file that is read from its beginning has another chance.
            let begun = batch.files.iter().filter(|path| !batch.slice(path).again);
            begun.for_each(|path| {
                unread.remove(path);
                if batch.later().is_some() {
                    sliced.begin(path);
                }
            });
        }
        let reading = Reading {
            settings,
            user_column: user_column.as_deref(),
            known_categories: &shared.models.categories(),
            only: None,
            batch: Some(batch),
            needs_times: false,
            sliced: batch.later().is_some().then_some(&*sliced),
            strict: self.strict,
            pool: &shared.pool,
            reporter: shared.reporter.as_ref(),
            duplicates: Some(&shared.duplicates),
            on_rows: Some(&on_rows),
        };
        let memory = Arc::clone(&shared.memory);
        let mut memory = memory.lock();
        let state = shared.state.as_deref();
        let mut recall = |users: &Users, memory: &mut Memory| recall(users, state, rows, memory);
        let read = source::read(&batch.files, "input", &reading, &mut memory, &mut recall);
        drop(memory);
        self.file_rows = file_rows.into_inner();
        let mut count = self.shared.count.lock();
        if !rest.is_begun && !matches!(read, Err(RunError::Overflow(_))) {
            count.files += batch.files.len();
        }
        let (table, users) = match read {
            // Other batches may have rows; what this one had to leave out is counted all the same.
            Err(RunError::NoRows(LogError::NoRows { skipped, .. })) => {
                let reporter = self.shared.reporter.as_ref();
                source::check_skipped(&skipped, "input", self.strict, reporter)?;
                self.unread.extend(skipped.unread().iter().cloned());
                count.skipped.merge(*skipped);
                return Ok(Read { rows: None, more: false });
            }
            read => read?,
        };
        let more = table.more;
        self.unread.extend(table.skipped.unread().iter().cloned());
        if let Some(needs) = &self.times_needed_by {
            event_times::check(&table.batch, &self.settings.features, needs, "input")?;
        }
        match &users.lacks_column {
            Some(why) => {
                if self.settings.watch.is_some() {
                    let text = format!("{why}; its rows have no user");
                    self.shared.reporter.say(Weight::Warning, &text);
                }
                self.no_column.get_or_insert_with(|| why.clone());
            }
            None => self.has_column = true,
        }
        let of_nobody = Users { of_others: table.batch.num_rows(), ..users.without_rows() };
        let users = match users.only(self.user_filter.as_deref(), "input") {
            Ok(users) => users,
            // Other batches may have rows of the user.
            Err(error) => {
                self.nobody = Some(error.into());
                count.add(&table, &of_nobody);
                return Ok(Read { rows: None, more });
            }
        };
        source::check_strict(&users, "input", self.strict)?;
        count.add(&table, &users);
        if users.rows.is_empty() {
            return Ok(Read { rows: None, more });
        }
        for (user, rows) in &users.rows {
            let seen = self.rows.entry(Arc::clone(user)).or_default();
            if !std::mem::replace(&mut seen.is_met, true) {
                self.met += 1;
                self.alike.meet(user);
            }
            self.shared.book.expect(user, seen.rows, rows.len());
        }
        if let Some(column) = &self.user_column {
            self.alike.report(column, "input", self.shared.reporter.as_ref());
        }
        count.users = self.met;
        drop(count);
        Ok(Read { rows: Some((table, users)), more })
    }

    /// What is to be remembered once a batch is written, the last rows of which are `last`.
    fn receipt(
        &mut self,
        rest: &Rest,
        last: &[(Arc<str>, Vec<u32>)],
        finished: Vec<(PathBuf, FileMark)>,
    ) -> Option<Arc<BatchAck>> {
        let mut files = std::mem::take(&mut self.without_rows);
        files.extend(finished);
        let event_ids = self.duplicates().take_new();
        if !self.marks_batches {
            self.latest = None;
            return None;
        }
        let more: HashMap<&str, u64> =
            last.iter().map(|(user, rows)| (&**user, rows.len() as u64)).collect();
        let numbers_after = |user: &Arc<str>| {
            let before = self.rows.get(user).map_or(0, |seen| seen.rows);
            (Arc::clone(user), before + more.get(&**user).copied().unwrap_or_default())
        };
        let rows = rest.users.iter().map(numbers_after).collect();
        let memory = match self.shared.state {
            Some(_) => self.shared.memory.lock().changes(),
            None => Vec::new(),
        };
        let receipt = BatchAck { files, rows, memory, event_ids, ..BatchAck::default() };
        let receipt = Arc::new(receipt);
        self.latest = Some(Arc::clone(&receipt));
        Some(receipt)
    }
}

/// Brings back what is remembered of users that this run has not met before.
fn recall(
    users: &Users,
    state: Option<&StateDir>,
    rows: &mut HashMap<Arc<str>, Seen>,
    memory: &mut Memory,
) -> Result<(), RunError> {
    let Some(state) = state else { return Ok(()) };
    for (user, _) in &users.rows {
        if rows.contains_key(user) {
            continue;
        }
        let mut known = state.user(user)?;
        if known.0 == 0
            && known.1.is_none()
            && let Some(earlier) = dfp_registry::earlier_name(user)
        {
            known = state.user(&earlier)?;
        }
        let (before, remembered) = known;
        if let Some(bytes) = remembered {
            memory.restore(user, &bytes)?;
        }
        rows.insert(Arc::clone(user), Seen { rows: before, is_met: false });
    }
    Ok(())
}
