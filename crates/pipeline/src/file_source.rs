//! The source of the pipeline: batches of files -> one message a user and batch.

mod reading;

use crate::batches::{Batch, Fixed, Notes, Patience, Watching};
use crate::duplicates::Duplicates;
use crate::error::RunError;
use crate::message::{BatchAck, Message};
use crate::plan::{Plan, SourceSettings, StageSettings, WatchSettings};
use crate::similar_users::Alike;
use crate::source::{self, ReadCount};
use crate::stages::ScoreStats;
use dfp_connectors::known::{Arrival, KnownFiles};
use dfp_connectors::state::{Commit, FileMark, StateDir};
use dfp_engine::{BoxError, Stop};
use dfp_engine::{Reporter, Weight};
use dfp_features::derive::Memory;
use dfp_features::users::{self, Numbers};
use dfp_logs::LogError;
use dfp_logs::{LogTable, SlicedFiles, TIMELESS_HOUR};
use dfp_registry::model_set::Models;
use dfp_storage::atomic_write::{Identity, identity};
use dfp_storage::files;
use dfp_storage::names;
use dfp_storage::watch::{Watch, WatchOptions};
use parking_lot::Mutex;
use rayon::ThreadPool;
use reading::Rest;
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    pub book: Arc<ScoreStats>,
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
pub struct FileSource {
    settings: SourceSettings,
    user_column: Option<String>,
    user_filter: Option<String>,
    strict: bool,
    /// The stage that cannot do without event times, if there is one.
    times_needed_by: Option<&'static str>,
    /// Whether stages are to see where a batch ends.
    marks_batches: bool,
    shared: Shared,
    batches: Batches,
    /// Rows of each user handed on so far: their numbers run on over the batches.
    rows: HashMap<Arc<str>, Seen>,
    /// Files that could not be read.
    unread: HashSet<PathBuf>,
    /// How many rows the files of the batch at hand have.
    file_rows: HashMap<PathBuf, u64>,
    /// Users that have had rows in this run.
    met: usize,
    alike: Alike,
    /// Error to return if no batch contains the user given by --userid_filter.
    nobody: Option<RunError>,
    /// Why a part of the input has no users: their column is not there.
    no_column: Option<String>,
    /// Another part has it.
    has_column: bool,
    current: Option<Current>,
    /// What batches of the same files have left for each other.
    sliced: SlicedFiles,
    /// Batches that a batch was cut into.
    cut: VecDeque<Batch>,
    /// A batch whose rows did not fit into one table.
    rest: Option<Rest>,
    /// What carries the receipt of such a batch where its last table has no rows.
    last: Option<Message>,
    /// Why the last look for files failed.
    trouble: Option<String>,
    /// The receipt of the latest batch that was handed on.
    latest: Option<Arc<BatchAck>>,
    /// Files of batches without rows, which are remembered with or after those before them.
    without_rows: Vec<(PathBuf, FileMark)>,
}

enum Batches {
    Fixed(Fixed),
    Watching(Box<Watching>),
}

/// The rows that are being handed on.
struct Current {
    table: LogTable,
    users: std::vec::IntoIter<(Arc<str>, Vec<u32>)>,
    receipt: Option<Arc<BatchAck>>,
}

/// What is known of a user. There may be millions.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Rows handed on so far, by earlier runs too.
    rows: u64,
    /// There were rows in this run.
    is_met: bool,
}

impl FileSource {
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
                    *glob = names::to_text(names::absolute(&names::path(glob)).as_os_str());
                }
            }
        }
        let outputs: HashSet<Identity> = plan.outputs().filter_map(identity).collect();
        let known = match &shared.state {
            Some(state) => state.known()?,
            None => KnownFiles::default(),
        };
        let sliced = SlicedFiles::new(settings.memory, settings.state_dir.as_deref());
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
            None => {
                let user = plan.user_column.as_deref();
                Batches::Fixed(fixed(&settings, user, known, &outputs, (&shared, &sliced))?)
            }
        };
        Ok(Self {
            settings,
            user_column: plan.user_column.clone(),
            user_filter: plan.user_filter.clone(),
            strict: plan.strict,
            times_needed_by: plan.times_needed_by(),
            marks_batches: plan.source.is_live()
                || plan.stages.iter().any(StageSettings::holds_rows),
            shared,
            batches,
            rows: HashMap::new(),
            unread: HashSet::new(),
            file_rows: HashMap::new(),
            met: 0,
            alike: Alike::default(),
            nobody: None,
            no_column: None,
            has_column: false,
            current: None,
            sliced,
            cut: VecDeque::new(),
            rest: None,
            last: None,
            trouble: None,
            latest: None,
            without_rows: Vec::new(),
        })
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, RunError> {
        if let Some(batch) = self.cut.pop_front() {
            return Ok(Some(batch));
        }
        let Self { batches, settings, user_column, shared, sliced, trouble, .. } = self;
        let watching = match batches {
            Batches::Fixed(fixed) => return Ok(fixed.next()),
            Batches::Watching(watching) => watching,
        };
        let user = user_column.as_deref();
        let known = shared.models.categories();
        // There is no last batch that rows without a time could wait for.
        let hours = |files: &[PathBuf]| {
            let mut times = source::times(files, settings, (user, &known), sliced, &shared.pool);
            times.iter_mut().for_each(|of_file| {
                of_file.hours.remove(&TIMELESS_HOUR);
            });
            times
        };
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

    /// The next user's rows of the batch at hand.
    fn next_message(&mut self) -> Result<Option<Message>, RunError> {
        let Some(Current { table, users, receipt }) = &mut self.current else {
            return Ok(self.last.take());
        };
        let Some((user, positions)) = users.next() else {
            self.current = None;
            return Ok(self.last.take());
        };
        let first = &mut self.rows.entry(Arc::clone(&user)).or_default().rows;
        let numbers = match self.user_column {
            Some(_) => Numbers::OfUser(*first),
            None => Numbers::OfFile,
        };
        let rows = users::take(table, &positions, numbers)?;
        *first += positions.len() as u64;
        let is_last = users.len() == 0;
        let receipt = if is_last { receipt.take() } else { None };
        if let Some(rest) = self.rest.as_mut().filter(|_| is_last) {
            rest.empty = Some(Message::new(Arc::clone(&user), rows.slice(0, 0)));
        }
        Ok(Some(Message { receipt, ..Message::new(user, rows) }))
    }

    /// Whether files were read and nothing of them could be handed on, unless that was asked for.
    fn check_end(&mut self) -> Result<(), RunError> {
        let count = self.shared.count.lock();
        if self.settings.watch.is_some() || self.met > 0 || count.files == 0 {
            return Ok(());
        }
        if let Some(why) = self.no_column.take().filter(|_| !self.has_column) {
            return Err(RunError::Failed(why));
        }
        match self.nobody.take() {
            Some(nobody) => Err(nobody),
            None if count.rows == 0 => {
                let files = count.files;
                let skipped = Box::new(count.skipped.clone());
                Err(RunError::NoRows(LogError::NoRows { files, skipped }))
            }
            None => Ok(()),
        }
    }
}

fn fixed(
    settings: &SourceSettings,
    user_column: Option<&str>,
    mut known: KnownFiles,
    outputs: &HashSet<Identity>,
    (shared, sliced): (&Shared, &SlicedFiles),
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
    let known = shared.models.categories();
    let hours = |files: &[PathBuf]| {
        source::times(files, settings, (user_column, &known), sliced, &shared.pool)
    };
    let fixed = Fixed::new(arrivals, &settings.rules, &hours);
    if settings.rules.period.is_some() && fixed.lacks_times() {
        let text = "input: --period: no row has a readable time, so all of them are one batch";
        shared.reporter.say(Weight::Warning, text);
    }
    if fixed.is_cut() && settings.rules.period.is_none() {
        let text = "input: it is larger than --batch_megabytes or --memory_limit allow at once, and is read in parts, in the order of time; users come anew in each part";
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
            "the system does not notify of new files ({why}); scanning every {:?}",
            watch.interval
        );
        shared.reporter.say(Weight::Warning, &text);
    }
    let patience = Patience { lateness: watch.lateness, hand_on_at_end: shared.state.is_none() };
    Watching::new(watcher, known, settings.rules.clone(), patience, settings.max_files)
}

impl dfp_engine::Source<Message> for FileSource {
    fn next(&mut self) -> Result<Option<Message>, BoxError> {
        loop {
            if let Some(message) = self.next_message()? {
                return Ok(Some(message));
            }
            let next = match self.rest.take() {
                Some(rest) => Some(rest),
                None => self.next_batch()?.map(Rest::of),
            };
            match next {
                Some(rest) => self.open(rest)?,
                None => {
                    self.check_end()?;
                    return Ok(None);
                }
            }
        }
    }
}
