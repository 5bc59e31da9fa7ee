//! The source of the pipeline: batches of files -> one message a user and batch.

use crate::alike::Alike;
use crate::batches::{Batch, Fixed, Notes, Patience, Watching};
use crate::derive::Memory;
use crate::duplicates::Duplicates;
use crate::error::RunError;
use crate::message::{Message, Receipt};
use crate::models::Models;
use crate::plan::{Plan, SourceSettings, StageSettings, WatchSettings};
use crate::report::{Reporter, Weight};
use crate::source::{self, ReadCount, Reading};
use crate::stages::{ScoreBook, absolute};
use crate::users::{self, Numbers, Users};
use dfp_flow::{BoxError, Stop};
use dfp_io::IoError;
use dfp_io::files;
use dfp_io::known::{Arrival, KnownFiles};
use dfp_io::logs::ALWAYS;
use dfp_io::logs::LogTable;
use dfp_io::names;
use dfp_io::sinks::{Identity, identity};
use dfp_io::state::{Commit, FileMark, StateDir};
use dfp_io::watch::{Watch, WatchOptions};
use rayon::ThreadPool;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const UNUSABLE: &str = "file of a batch that cannot be used";

/// What the source shares with the rest of a run.
pub struct Shared {
    /// Where files are read in parallel.
    pub pool: Arc<ThreadPool>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Asked while waiting for files.
    pub stop: Stop,
    /// What was read, for the summary.
    pub count: Arc<Mutex<ReadCount>>,
    /// How many rows will be scored.
    pub book: Arc<ScoreBook>,
    /// What rows are scored with.
    pub models: Arc<Models>,
    /// What derived columns remember of each user.
    pub memory: Arc<Mutex<Memory>>,
    /// The ids of the newest rows.
    pub duplicates: Mutex<Duplicates>,
    /// What earlier runs have finished.
    pub state: Option<Arc<StateDir>>,
}

/// The source.
pub struct Intake {
    settings: SourceSettings,
    user_column: Option<String>,
    user_filter: Option<String>,
    strict: bool,
    /// Whether stages are to see where a batch ends.
    marks_batches: bool,
    shared: Shared,
    batches: Batches,
    /// Rows of each user handed on so far: their numbers run on over the batches.
    rows: HashMap<Arc<str>, u64>,
    /// Files that could not be read.
    unread: HashSet<PathBuf>,
    /// How many rows the files of the batch at hand have.
    file_rows: HashMap<PathBuf, u64>,
    /// Users that have had rows in this run.
    met: HashSet<Arc<str>>,
    alike: Alike,
    /// Why nobody is called as asked for, as long as nobody was.
    nobody: Option<RunError>,
    current: Option<Current>,
    /// Why the last look for files failed.
    trouble: Option<String>,
    /// The receipt of the latest batch that was handed on.
    latest: Option<Arc<Receipt>>,
    /// Files of batches without rows, which are remembered with or after those before them.
    without_rows: Vec<(PathBuf, FileMark)>,
}

enum Batches {
    Fixed(Fixed),
    Watching(Box<Watching>),
}

/// The batch whose rows are being handed on.
struct Current {
    table: LogTable,
    users: std::vec::IntoIter<(Arc<str>, Vec<u32>)>,
    receipt: Option<Arc<Receipt>>,
}

impl Intake {
    /// The source of a plan. Files that are there are found now, so that a pattern without a match is
    /// told before anything is trained.
    ///
    /// # Errors
    /// No file matches, or the state folder cannot be read.
    pub fn new(plan: &Plan, shared: Shared) -> Result<Self, RunError> {
        let mut settings = plan.source.clone();
        if shared.state.is_some() {
            // Runs that are started elsewhere, or name the folder otherwise, mean the same files.
            for glob in &mut settings.input_globs {
                if !files::is_address(Path::new(glob)) {
                    *glob = names::to_text(absolute(&names::path(glob)).as_os_str());
                }
            }
        }
        let outputs: HashSet<Identity> = plan.outputs().filter_map(identity).collect();
        let known = match &shared.state {
            Some(state) => state.known()?,
            None => KnownFiles::default(),
        };
        let batches = match settings.watch {
            Some(watch) => {
                // A pattern that was typed wrong is told at once.
                if let Err(RunError::Usage(why)) =
                    source::find(&settings.input_globs, settings.recursive, None, false)
                {
                    source::find(&settings.input_globs, settings.recursive, None, true)?;
                    let text = format!("{}; waiting for files", why.join("; "));
                    shared.reporter.say(Weight::Warning, &text);
                }
                let outputs = plan.outputs().map(Path::to_owned).collect();
                Batches::Watching(Box::new(watching(&settings, watch, known, outputs, &shared)))
            }
            None => Batches::Fixed(fixed(&settings, known, &outputs, &shared)?),
        };
        Ok(Self {
            settings,
            user_column: plan.user_column.clone(),
            user_filter: plan.user_filter.clone(),
            strict: plan.strict,
            marks_batches: plan.source.is_live()
                || plan.stages.iter().any(StageSettings::holds_rows),
            shared,
            batches,
            rows: HashMap::new(),
            unread: HashSet::new(),
            file_rows: HashMap::new(),
            met: HashSet::new(),
            alike: Alike::default(),
            nobody: None,
            current: None,
            trouble: None,
            latest: None,
            without_rows: Vec::new(),
        })
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, RunError> {
        let Self { batches, settings, shared, trouble, .. } = self;
        let watching = match batches {
            Batches::Fixed(fixed) => return Ok(fixed.next()),
            Batches::Watching(watching) => watching,
        };
        let hours = |files: &[PathBuf]| source::hours(files, settings, &shared.pool);
        let ended = || shared.stop.is_set();
        let reporter = shared.reporter.as_ref();
        let next = loop {
            let next = watching.next(&hours, &ended);
            watching.notes().report(reporter);
            match next {
                // A directory may be back in a while.
                Err(error) if !ended() => {
                    let text = error.to_string();
                    if trouble.as_ref() != Some(&text) {
                        reporter.say(Weight::Warning, &text);
                        *trouble = Some(text);
                    }
                    watching.wait(&ended);
                }
                next => {
                    *trouble = None;
                    break next?;
                }
            }
        };
        if next.is_none() {
            watching.notes().report_end(reporter);
        }
        let changes = watching.changes();
        self.remember(changes)?;
        Ok(next)
    }

    /// Reads a batch. Whatever is wrong with it ends a run over a fixed set of files, and is told and
    /// counted by a run that watches.
    fn open(&mut self, batch: &Batch) -> Result<(), RunError> {
        match self.read(batch) {
            Ok(current) => self.current = current,
            // It is not remembered: the next run tries again.
            Err(error) if self.settings.watch.is_some() && !self.strict => {
                self.duplicates().take_back();
                self.shared.reporter.say(Weight::Error, &error.to_string());
                let mut count = self.shared.count.lock().unwrap_or_else(PoisonError::into_inner);
                count.skipped.add_files(batch.files.len(), UNUSABLE, error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let finished = self.finished(batch);
        if let Batches::Watching(watching) = &mut self.batches {
            watching.finished(&finished);
        }
        match &self.current {
            Some(_) => Ok(()),
            None => self.remember(finished),
        }
    }

    /// Remembers files of which nothing will pass the end of the pipeline; but not while
    /// rows of an earlier batch are on their way, which may be of an earlier part of the same files, or of
    /// the same file under its former name.
    fn remember(&mut self, files: Vec<(PathBuf, FileMark)>) -> Result<(), RunError> {
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

    /// The rows of a batch; `None` if it has none.
    fn read(&mut self, batch: &Batch) -> Result<Option<Current>, RunError> {
        let Self { settings, user_column, shared, rows, unread, file_rows: of_files, .. } = self;
        // A file that is read from its beginning has another chance.
        unread.retain(|path| !batch.files.contains(path) || batch.slice(path).again);
        let file_rows = Mutex::new(HashMap::new());
        let on_rows = |path: &Path, rows: u64| {
            let mut all = file_rows.lock().unwrap_or_else(PoisonError::into_inner);
            let most: &mut u64 = all.entry(path.to_owned()).or_default();
            *most = rows.max(*most);
        };
        let reading = Reading {
            settings,
            user_column: user_column.as_deref(),
            known_categories: &shared.models.categories(),
            only: None,
            batch: Some(batch),
            strict: self.strict,
            pool: &shared.pool,
            reporter: shared.reporter.as_ref(),
            duplicates: Some(&shared.duplicates),
            on_rows: Some(&on_rows),
        };
        let memory = Arc::clone(&shared.memory);
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let state = shared.state.as_deref();
        let mut recall = |users: &Users, memory: &mut Memory| recall(users, state, rows, memory);
        let read = source::read(&batch.files, "input", &reading, &mut memory, &mut recall);
        *of_files = file_rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut count = self.shared.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.files += batch.files.len();
        let (table, users) = match read {
            // Other batches may have rows; what this one had to leave out is counted all the same.
            Err(RunError::NoRows(IoError::NoRows { skipped, .. })) => {
                let reporter = self.shared.reporter.as_ref();
                source::check_skipped(&skipped, "input", self.strict, reporter)?;
                self.unread.extend(skipped.unread().iter().cloned());
                count.skipped.merge(*skipped);
                return Ok(None);
            }
            read => read?,
        };
        self.unread.extend(table.skipped.unread().iter().cloned());
        let users = match users.only(self.user_filter.as_deref(), "input") {
            Ok(users) => users,
            // Other batches may have rows of the user.
            Err(error) => {
                self.nobody = Some(error);
                count.add(&table, &Users { of_others: table.batch.num_rows(), ..Users::default() });
                return Ok(None);
            }
        };
        source::check_strict(&users, "input", self.strict)?;
        count.add(&table, &users);
        if users.rows.is_empty() {
            return Ok(None);
        }
        for (user, _) in &users.rows {
            if self.met.insert(Arc::clone(user)) {
                self.alike.meet(user);
            }
        }
        if let Some(column) = &self.user_column {
            self.alike.report(column, self.shared.reporter.as_ref());
        }
        count.users = self.met.len();
        drop(count);
        for (user, rows) in &users.rows {
            let first = self.rows.get(user).copied().unwrap_or_default();
            self.shared.book.expect(user, first, rows.len());
        }
        let mut files = std::mem::take(&mut self.without_rows);
        files.extend(self.finished(batch));
        let receipt = self.marks_batches.then(|| Receipt {
            files,
            rows: users.rows.iter().map(|(user, rows)| self.numbers_after(user, rows)).collect(),
            memory: if self.shared.state.is_some() { memory.changes() } else { Vec::new() },
            event_ids: self.duplicates().take_new(),
            ..Receipt::default()
        });
        let receipt = receipt.map(Arc::new);
        self.latest.clone_from(&receipt);
        Ok(Some(Current { table, users: users.rows.into_iter(), receipt }))
    }

    fn duplicates(&self) -> MutexGuard<'_, Duplicates> {
        self.shared.duplicates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn numbers_after(&self, user: &Arc<str>, rows: &[u32]) -> (Arc<str>, u64) {
        let before = self.rows.get(user).copied().unwrap_or_default();
        (Arc::clone(user), before + rows.len() as u64)
    }

    /// The next user's rows of the batch at hand.
    fn next_message(&mut self) -> Result<Option<Message>, RunError> {
        let Some(Current { table, users, receipt }) = &mut self.current else { return Ok(None) };
        let Some((user, positions)) = users.next() else {
            self.current = None;
            return Ok(None);
        };
        let first = self.rows.entry(Arc::clone(&user)).or_default();
        let numbers = match self.user_column {
            Some(_) => Numbers::OfUser(*first),
            None => Numbers::OfFile,
        };
        let rows = users::take(table, &positions, numbers)?;
        *first += positions.len() as u64;
        let receipt = if users.len() == 0 { receipt.take() } else { None };
        Ok(Some(Message { receipt, ..Message::new(user, rows) }))
    }

    /// Whether files were read and nothing of them could be handed on, unless that was asked for.
    fn check_end(&mut self) -> Result<(), RunError> {
        let count = self.shared.count.lock().unwrap_or_else(PoisonError::into_inner);
        if self.settings.watch.is_some() || !self.met.is_empty() || count.files == 0 {
            return Ok(());
        }
        match self.nobody.take() {
            Some(nobody) => Err(nobody),
            None if count.rows == 0 => {
                let files = count.files;
                let skipped = Box::new(count.skipped.clone());
                Err(RunError::NoRows(IoError::NoRows { files, skipped }))
            }
            None => Ok(()),
        }
    }
}

/// Brings back what is remembered of users that this run has not met before.
fn recall(
    users: &Users,
    state: Option<&StateDir>,
    rows: &mut HashMap<Arc<str>, u64>,
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
            && let Some(earlier) = users::earlier_name(user)
        {
            known = state.user(&earlier)?;
        }
        let (before, remembered) = known;
        if let Some(bytes) = remembered {
            memory.restore(user, &bytes).map_err(RunError::Failed)?;
        }
        rows.insert(Arc::clone(user), before);
    }
    Ok(())
}

fn fixed(
    settings: &SourceSettings,
    mut known: KnownFiles,
    outputs: &HashSet<Identity>,
    shared: &Shared,
) -> Result<Fixed, RunError> {
    let SourceSettings { input_globs, recursive, max_files, allow_no_files, .. } = settings;
    let mut all = source::find(input_globs, *recursive, None, *allow_no_files)?;
    if settings.is_live() {
        all.retain(|path| !identity(path).is_some_and(|path| outputs.contains(&path)));
    }
    let mut arrivals: Vec<Arrival> = match &shared.state {
        Some(state) => {
            let arrivals = shared.pool.install(|| known.recognise(all));
            let mut notes = Notes::default();
            notes.add(&arrivals);
            notes.report(shared.reporter.as_ref());
            let changes = known.changes();
            if !changes.is_empty() {
                state.commit(&Commit { files: &changes, ..Commit::default() })?;
            }
            arrivals
        }
        None => all.into_iter().map(Arrival::new).collect(),
    };
    // What is finished takes no place of `max_files` or of a sample.
    arrivals.retain(|arrival| !arrival.is_finished());
    if let Some((sampling, seed)) = settings.sampling {
        let files = arrivals.iter().map(|arrival| arrival.path.clone()).collect();
        let sample: HashSet<PathBuf> = sampling.of(files, seed).into_iter().collect();
        arrivals.retain(|arrival| sample.contains(&arrival.path));
    }
    arrivals.truncate(max_files.unwrap_or(usize::MAX));
    let hours = |files: &[PathBuf]| source::hours(files, settings, &shared.pool);
    let fixed = Fixed::new(arrivals, &settings.rules, &hours);
    if fixed.is_cut() && settings.rules.period.is_none() {
        let text = "input: it is larger than --batch_megabytes and is read in parts, in the order of time; users come anew in each part";
        shared.reporter.say(Weight::Info, text);
    }
    Ok(fixed)
}

fn watching(
    settings: &SourceSettings,
    watch: WatchSettings,
    known: KnownFiles,
    outputs: Vec<PathBuf>,
    shared: &Shared,
) -> Watching {
    let options = WatchOptions {
        patterns: settings.input_globs.clone(),
        recursive: settings.recursive,
        interval: watch.interval,
        settle: watch.settle,
    };
    // Outputs may be made, or rotated away, while the run watches.
    let not = Box::new(move |path: &Path| {
        let same = identity(path);
        same.is_some() && outputs.iter().any(|output| identity(output) == same)
    });
    let (watcher, why_not) = Watch::new(options, known.stamps(), not);
    if let Some(why) = why_not {
        let text = format!(
            "the system does not tell of new files ({why}); they are looked for every {:?}",
            watch.interval
        );
        shared.reporter.say(Weight::Warning, &text);
    }
    let patience = Patience { lateness: watch.lateness, hand_on_at_end: shared.state.is_none() };
    Watching::new(watcher, known, settings.rules.clone(), patience, settings.max_files)
}

impl dfp_flow::Source<Message> for Intake {
    fn next(&mut self) -> Result<Option<Message>, BoxError> {
        loop {
            if let Some(message) = self.next_message()? {
                return Ok(Some(message));
            }
            match self.next_batch()? {
                Some(batch) => self.open(&batch)?,
                None => {
                    self.check_end()?;
                    return Ok(None);
                }
            }
        }
    }
}
