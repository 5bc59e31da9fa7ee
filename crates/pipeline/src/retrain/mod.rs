//! `morpheus train`: new versions of users' models in a store, each of which has to earn its place.
//!
//! Users come one after the other on each core; a model is in the store, and out of memory, before the
//! next user's turn. What has been trained once on the same rows with the same settings is not trained
//! again, so a run that was broken off goes on where it was.

mod compare;
mod digest;
mod drift;
mod history;
mod rows;
mod trial;

pub use compare::{Comparison, Side, Verdict};
pub use drift::Drift;
pub(crate) use history::{joined, plain};
pub(crate) use trial::Trial;

use crate::derive::Memory;
use crate::error::RunError;
use crate::library::{About, Leaning, Library};
use crate::models::GENERIC;
use crate::plan::{Plan, StageSettings, TrainAe};
use crate::report::{Reporter, Weight};
use crate::source::{self, ReadCount};
use crate::train::{TRAINING_DATA, Task, Trainer, TrainingProgress, without_times};
use dfp_flow::Stop;
use dfp_io::store::{Purpose, Shelf, State};
use dfp_model::UserModel;
use dfp_model::artifact::{self, PeersName};
use history::Histories;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rows::{History, Rows, newest, of_everyone, until_tomorrow};
use serde::Serialize;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whose models are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainUsers {
    /// Everyone's, and each user's.
    All,
    /// Everyone's.
    Generic,
    /// Each user's.
    Individual,
    /// Nobody's: what would be trained is told.
    None,
}

/// When a new version becomes the live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promote {
    /// At once.
    Always,
    /// If it is not worse than the one that is live: see [`Comparison`].
    Better,
    /// When somebody says so.
    Never,
}

/// How much of a user's history is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The newest rows.
    Rows(usize),
    /// The rows of so much time, in microseconds, up to the newest.
    Time(i64),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// The run that would train such models: its source's files, its features, its users, its settings.
    pub plan: Plan,
    /// The store, as it is named.
    pub store: String,
    /// Whose models.
    pub users: TrainUsers,
    /// Only these users, if any are named.
    pub only: HashSet<String>,
    /// None of these.
    pub skip: HashSet<String>,
    /// Users with fewer rows get no model.
    pub min_history: usize,
    /// A user who has a version gets another when there are so many newer rows. Without this and without
    /// `retrain_every` any other history is a reason.
    pub min_increment: Option<usize>,
    /// Or when its newest row is at least so much later than that of the version, in microseconds.
    pub retrain_every: Option<i64>,
    /// What is learnt of a longer history.
    pub max_history: Option<Length>,
    /// Everyone's model learns at most so many rows, the newest of each user.
    pub generic_rows: usize,
    /// Where histories are kept from run to run.
    pub history_dir: Option<PathBuf>,
    /// When a version becomes live.
    pub promote: Promote,
    /// The share of a history, its newest rows, by which two versions are compared.
    pub held_out: f64,
}

/// What became of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The new version is live.
    Promoted,
    /// The new version waits, or was found worse.
    Candidate,
    /// There is a version of the same rows and settings.
    UpToDate,
    /// There are too few rows, or too few new ones.
    Waiting,
    /// There is no new version, and there should be.
    Failed,
    /// Would be trained.
    Due,
}

/// A user, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The user.
    pub user: String,
    /// Rows of the history that are learnt.
    pub rows: usize,
    /// What it took.
    pub seconds: f64,
    /// Mean training loss of the last epoch.
    pub loss: Option<f64>,
    /// What became of it.
    pub status: Status,
    /// The version that is spoken of.
    pub version: Option<u64>,
    /// Why.
    pub reason: String,
    /// New version and live one side by side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// What a training run has come to.
#[derive(Clone, Debug, Serialize)]
pub struct Training {
    /// What was read, and left out while reading.
    #[serde(skip)]
    pub count: ReadCount,
    /// Every user, in the order of their names; everyone's model among them.
    pub users: Vec<Outcome>,
    /// The seed.
    pub seed: u64,
    /// The run was asked to stop before its end.
    pub interrupted: bool,
    /// Time that reading took, and everything after it.
    #[serde(skip)]
    pub phases: [Duration; 2],
}

/// Reads the logs, and trains who is due.
///
/// # Errors
/// See [`RunError`]: no file or row, no column of users, a store that cannot be used. A user whose
/// training fails does not stop the others.
pub fn train(
    options: &TrainOptions,
    reporter: &Arc<dyn Reporter>,
    stop: &Stop,
) -> Result<Training, RunError> {
    let start = Instant::now();
    let plan = &options.plan;
    let threads = plan.compute_threads;
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| RunError::Failed(format!("cannot start {threads} threads: {error}")))?;
    let purpose = match options.users {
        TrainUsers::None => Purpose::Read,
        _ => Purpose::Write,
    };
    // Everything that can be refused without reading data is refused before.
    let library = Library::open(&options.store, purpose)?;
    let settings = settings(plan)?;
    let trainer = Trainer::new(plan, settings, reporter.as_ref(), stop);
    let source = &plan.source;
    let strict = plan.strict;
    let (count, rows) = match &options.history_dir {
        Some(directory) => {
            let histories = Histories::open(
                directory,
                plan,
                options.max_history,
                options.users != TrainUsers::None,
            )?;
            // Who only looks changes nothing.
            let count = match options.users {
                TrainUsers::None => ReadCount::default(),
                _ => histories.take_in(plan, &trainer, &pool, reporter.as_ref())?,
            };
            (count, Rows::Kept(histories))
        }
        None => {
            let files =
                source::find(&source.input_globs, source.recursive, source.max_files, false)?;
            let mut memory = Memory::default();
            let (table, users) = trainer.read(&files, &pool, &mut memory, &mut |_, _| Ok(()))?;
            source::check_strict(&users, TRAINING_DATA, strict)?;
            let mut count =
                ReadCount { files: files.len(), users: users.rows.len(), ..ReadCount::default() };
            count.add(&table, &users);
            (count, Rows::Read(trainer.features(&table.batch)?, users.rows))
        }
    };
    let read = start.elapsed();
    let work = Work { options, library, trainer, settings, reporter, stop };
    let (users, interrupted) = work.all(&rows, &pool)?;
    if let (Rows::Kept(histories), false) = (&rows, options.users == TrainUsers::None) {
        histories.close()?;
    }
    reporter.phase_over();
    let phases = [read, start.elapsed() - read];
    Ok(Training { count, users, seed: settings.seed, interrupted, phases })
}

fn settings(plan: &Plan) -> Result<&TrainAe, RunError> {
    let found = plan.stages.iter().find_map(|stage| match stage {
        StageSettings::TrainAe(settings) => Some(settings),
        _ => None,
    });
    found.ok_or_else(|| RunError::Failed("a plan that trains nothing".to_owned()))
}

struct Work<'a> {
    options: &'a TrainOptions,
    library: Library,
    trainer: Trainer<'a>,
    settings: &'a TrainAe,
    reporter: &'a Arc<dyn Reporter>,
    stop: &'a Stop,
}

/// The model that users lean on, and which version it is.
type Peers = Option<(Arc<UserModel>, Leaning)>;

impl Work<'_> {
    fn all(&self, rows: &Rows, pool: &ThreadPool) -> Result<(Vec<Outcome>, bool), RunError> {
        let TrainOptions { only, skip, .. } = self.options;
        let wanted = |user: &str| (only.is_empty() || only.contains(user)) && !skip.contains(user);
        let mut tasks = rows.tasks(&wanted)?;
        if tasks.is_empty() {
            return Err(RunError::Failed(
                "no user of the training data is to be trained; see --only_user and --skip_user"
                    .to_owned(),
            ));
        }
        let everyone = self.options.users != TrainUsers::Individual;
        let each = self.options.users != TrainUsers::Generic;
        let users = usize::from(everyone) + if each { tasks.len() } else { 0 };
        let progress = TrainingProgress::of(users);
        let mut outcomes = Vec::with_capacity(users);
        if everyone {
            let of_each = match self.options.max_history {
                Some(Length::Rows(most)) => most,
                _ => usize::MAX,
            };
            let task = of_everyone(&tasks, self.options.generic_rows, of_each);
            let one = |task: &Task<'_>| self.outcome(task, &None, &progress);
            outcomes.extend(self.trainer.each(vec![task], pool, &progress, &one, &panicked)?);
        }
        if each && !self.stop.is_set() {
            let peers = self.peers()?;
            if let Some(at) = tasks.iter().position(|task| *task.user == *GENERIC) {
                let why = "the name stands for the model of all users".to_owned();
                let Task { user, rows } = tasks.swap_remove(at);
                outcomes.push(Outcome::of(&user, rows.len(), Status::Failed, why));
            }
            let one = |task: &Task<'_>| self.outcome(task, &peers, &progress);
            outcomes.extend(self.trainer.each(tasks, pool, &progress, &one, &panicked)?);
        }
        let interrupted = self.stop.is_set();
        outcomes.sort_by(|a, b| a.user.cmp(&b.user));
        Ok((outcomes, interrupted))
    }

    /// Everyone's live model, if users are to lean on it.
    fn peers(&self) -> Result<Peers, RunError> {
        if !self.trainer.is_recommended() {
            return Ok(None);
        }
        let Some(version) = self.library.store().shelf(GENERIC)?.live() else { return Ok(None) };
        let model = self.library.model(GENERIC, version)?;
        if !model.is_recommended() {
            return Ok(None);
        }
        let fingerprint =
            artifact::fingerprint(&model).map_err(|error| RunError::Failed(error.to_string()))?;
        // Read through the library, so that live models that lean on it share it.
        let name = PeersName { user: GENERIC.to_owned(), fingerprint: fingerprint.clone() };
        let model = self.library.shared(&name)?;
        Ok(Some((model, Leaning { user: GENERIC.to_owned(), version, fingerprint })))
    }

    fn outcome(&self, task: &Task<'_>, peers: &Peers, progress: &TrainingProgress) -> Outcome {
        let start = Instant::now();
        let mut outcome = match self.one(task, peers, progress) {
            Ok(outcome) => outcome,
            Err(why) => Outcome::of(&task.user, task.rows.len(), Status::Failed, why),
        };
        outcome.seconds = start.elapsed().as_secs_f64();
        outcome
    }

    /// A user's turn.
    fn one(
        &self,
        task: &Task<'_>,
        peers: &Peers,
        progress: &TrainingProgress,
    ) -> Result<Outcome, String> {
        let user = &*task.user;
        let history = self.history(task)?;
        let rows = history.rows.num_rows();
        let least = self.options.min_history;
        if rows < least {
            let why = format!("{}, and --min_history asks for {least}", counted(rows, "row"));
            return Ok(Outcome::of(user, rows, Status::Waiting, why));
        }
        let shelf = self.library.store().shelf(user).map_err(|error| error.to_string())?;
        let peers_model = peers.as_ref().map(|(model, _)| model);
        let leaning = peers.as_ref().map(|(_, leaning)| leaning.clone());
        let config = self.settings.model.config(rows, self.settings.seed);
        let trained_on = digest::digest(&history.rows, &config, leaning.is_some())
            .map_err(|error| error.to_string())?;
        // A version that cannot be read counts for nothing: it is mended by a new one.
        let readable = |version: u64| {
            let about = self.library.about(user, version).ok()?;
            let model = self.library.model(user, version).ok()?;
            Some((about, model))
        };
        if let Some((latest, (about, _))) =
            shelf.latest().and_then(|latest| Some((latest, readable(latest)?)))
        {
            if about.trained_on.as_ref() == Some(&trained_on) {
                return self.finish(user, &shelf, latest, &about);
            }
            if let Some(why) = self.not_yet(&history, &about, latest) {
                let mut outcome = Outcome::of(user, rows, Status::Waiting, why);
                outcome.version = Some(latest);
                return Ok(outcome);
            }
        }
        if self.options.users == TrainUsers::None {
            let why = match shelf.latest() {
                None => "has no version".to_owned(),
                Some(latest) => format!("version {latest} is of other rows or settings"),
            };
            return Ok(Outcome::of(user, rows, Status::Due, why));
        }
        let start = Instant::now();
        let live = shelf.live().filter(|_| self.options.promote != Promote::Always);
        let comparison = match live.and_then(|live| Some((live, readable(live)?))) {
            Some((live, (about, model))) => {
                let new = history.newer_than(&about);
                let rows = (&history.rows, new);
                let share = self.options.held_out;
                let trial = Trial { trainer: &self.trainer, peers: peers_model, share };
                Some(trial.held_against(user, &model, Some(live), rows, progress, self.reporter)?)
            }
            None => None,
        };
        let model = self.trainer.fit(user, &history.rows, peers_model, progress)?;
        let source = self.options.plan.source.kind.stage.name;
        let mut about = About::of(&model, source, leaning).map_err(|error| error.to_string())?;
        about.seconds = Some(start.elapsed().as_secs_f64());
        about.trained_on = Some(trained_on);
        about.comparison =
            comparison.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
        let version = self.library.put(&model, &about).map_err(|error| error.to_string())?;
        self.finish(user, &shelf, version, &about)
    }

    /// Why a user who has a version gets no other yet.
    fn not_yet(&self, history: &History, about: &About, latest: u64) -> Option<String> {
        let mut missing = Vec::new();
        if let Some(least) = self.options.min_increment {
            let new = history.newer_than(about);
            if new >= least {
                return None;
            }
            missing.push(format!(
                "{} since version {latest}, and --min_increment asks for {least}",
                counted(new, "new row")
            ));
        }
        if let Some(least) = self.options.retrain_every {
            let newest = history.times.last().zip(about.window).map(|(at, of)| at - of.last);
            // Where nothing is known of times, there is no reason to wait.
            if newest.is_none_or(|newest| newest >= least) {
                return None;
            }
            missing.push("its newest row is not much later, as --retrain_every asks".to_owned());
        }
        (!missing.is_empty()).then(|| missing.join("; "))
    }

    /// Promotes a version or leaves it, as the rule has it; also one that an earlier run has put there.
    fn finish(
        &self,
        user: &str,
        shelf: &Shelf,
        version: u64,
        about: &About,
    ) -> Result<Outcome, String> {
        let comparison: Option<Comparison> =
            about.comparison.clone().map(serde_json::from_value).transpose().map_err(|error| {
                format!("the comparison of version {version} cannot be used: {error}")
            })?;
        let mut outcome = Outcome::of(user, about.rows, Status::UpToDate, String::new());
        outcome.version = Some(version);
        outcome.loss = about.losses.last().copied();
        let state = shelf.standing.state(version);
        let is_new = !shelf.versions.contains(&version);
        if state != State::Candidate {
            outcome.reason =
                format!("version {version}, {state}, is of the same rows and settings");
            return Ok(outcome);
        }
        let verdict = match (self.options.promote, &comparison) {
            (Promote::Never, _) => Verdict { promote: false, reason: "--promote never".to_owned() },
            (Promote::Always, _) => {
                Verdict { promote: true, reason: "--promote always".to_owned() }
            }
            (Promote::Better, Some(comparison)) => comparison.verdict.clone(),
            (Promote::Better, None) => match shelf.live() {
                None => Verdict { promote: true, reason: "the first version".to_owned() },
                Some(live) if self.library.model(user, live).is_err() => Verdict {
                    promote: true,
                    reason: format!("the live version {live} cannot be read"),
                },
                Some(live) => Verdict {
                    promote: false,
                    reason: format!("it was never compared with the live version {live}"),
                },
            },
        };
        let compared = comparison.as_ref().and_then(|comparison| comparison.live_version);
        // What it was held against, or nothing, has to be what it takes the place of.
        let expected = compared.or(shelf.live().filter(|_| comparison.is_none()));
        outcome.comparison = comparison;
        outcome.reason = verdict.reason;
        outcome.status = match (verdict.promote, is_new) {
            (true, _) if self.options.users != TrainUsers::None => {
                let always = self.options.promote == Promote::Always;
                let taken = self.library.store().change(user, &mut |standing, _| {
                    if always || standing.live() == expected {
                        standing.promote(version);
                    }
                    Ok(())
                });
                let taken = taken.map_err(|error| error.to_string())?;
                match taken.live() {
                    Some(live) if live != version => {
                        outcome.reason =
                            format!("version {live} is live now, with which it was not compared");
                        if is_new { Status::Candidate } else { Status::UpToDate }
                    }
                    _ => Status::Promoted,
                }
            }
            (false, false) => Status::UpToDate,
            _ => Status::Candidate,
        };
        Ok(outcome)
    }

    /// What is learnt of a user's rows.
    fn history(&self, task: &Task<'_>) -> Result<History, String> {
        let rows = task.rows.newest(usize::MAX).map_err(|error| error.to_string())?;
        let (rows, later) = until_tomorrow(&rows)?;
        if later > 0 {
            let text = format!(
                "user {:?}: {} later than tomorrow left out; a clock was wrong",
                task.user,
                counted(later, "row")
            );
            self.reporter.say(Weight::Warning, &text);
        }
        let most = match self.options.max_history {
            // Everyone's rows are that many of each user.
            Some(Length::Rows(_)) if *task.user == *GENERIC => None,
            most => most,
        };
        let rows = newest(&rows, most)?;
        let (_, times) = without_times(&rows).map_err(|error| error.to_string())?;
        Ok(History { rows, times })
    }
}

impl Outcome {
    fn of(user: &str, rows: usize, status: Status, reason: String) -> Self {
        Self {
            user: user.to_owned(),
            rows,
            seconds: 0.0,
            loss: None,
            status,
            version: None,
            reason,
            comparison: None,
        }
    }
}

fn panicked(task: &Task<'_>) -> Outcome {
    let why = "training panicked; this is a defect of the program".to_owned();
    Outcome::of(&task.user, task.rows.len(), Status::Failed, why)
}

/// So many of something.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
