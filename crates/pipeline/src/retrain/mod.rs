//! `morpheus train`: new versions of users' models in a store, each compared with the live one before promotion.
//!
//! Users come one after the other on each core; a model is in the store, and out of memory, before the
//! next user's turn. What has been trained once on the same rows with the same settings is not trained
//! again, so a run that was broken off goes on where it was.

mod challenger;
mod compare;
mod drift;
mod files;
mod fingerprint;
mod history;
mod promotion;
mod rows;

pub(crate) use challenger::Trial;
pub use compare::{Comparison, Side, Verdict};
pub use drift::Drift;
pub(crate) use history::{in_order as ordered, joined, plain};
pub use promotion::{Outcome, Status};
pub(crate) use promotion::{RESERVED, Turns, counted};
pub(crate) use rows::{History, until_tomorrow};

use crate::error::RunError;
use crate::plan::{HistoryLength, Plan, RetrainRules};
use crate::source::{self, ReadCount};
use crate::train::{
    TRAINING_DATA, Task, Trainer, TrainingProgress, skipped_numbers, unknown_times_first,
};
use dfp_engine::Reporter;
use dfp_engine::Stop;
use dfp_features::derive::Memory;
use dfp_registry::library::Library;
use dfp_registry::store::Purpose;
use history::{Histories, Opening};
use rayon::{ThreadPool, ThreadPoolBuilder};
use rows::{Rows, of_everyone};
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
    /// When, what of, and what becomes of it.
    pub rules: RetrainRules,
    /// Everyone's model learns at most so many rows, the newest of each user.
    pub generic_rows: usize,
    /// Where histories are kept from run to run.
    pub history_dir: Option<PathBuf>,
    /// Whether damaged histories are replaced by their copy.
    pub rebuild_state: bool,
}

/// What a training run has come to.
#[derive(Clone, Debug, Serialize)]
pub struct Training {
    /// What was read, and left out while reading.
    #[serde(skip)]
    pub count: ReadCount,
    /// Numbers that were not learnt, in words, if there were any.
    #[serde(skip)]
    pub skipped_numbers: Option<String>,
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
    let plan = &options.plan;
    let threads = plan.compute_threads;
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| RunError::Failed(format!("cannot start {threads} threads: {error}")))?;
    let rehearses = options.users == TrainUsers::None;
    let purpose = if rehearses { Purpose::Rehearse } else { Purpose::Write };
    // Everything that can be refused without reading data is refused before.
    let settings = plan.trains()?;
    let library = Library::open(&options.store, purpose, settings.model_limits)?;
    let trained = with_library(options, &library, &pool, reporter, stop);
    let has_failed = |of_user: &Outcome| of_user.status == Status::Failed;
    if trained.as_ref().map_or(true, |trained| trained.users.iter().all(has_failed)) {
        library.store().discard_unused();
    }
    trained
}

fn with_library(
    options: &TrainOptions,
    library: &Library,
    pool: &ThreadPool,
    reporter: &Arc<dyn Reporter>,
    stop: &Stop,
) -> Result<Training, RunError> {
    let start = Instant::now();
    let plan = &options.plan;
    let settings = plan.trains()?;
    let rehearses = options.users == TrainUsers::None;
    library.check_source(plan.source.kind.stage, &settings.generic_user)?;
    let trainer = Trainer::new(plan, settings, reporter.as_ref(), stop);
    trainer.know_categories_of(library);
    let source = &plan.source;
    let strict = plan.strict;
    let (count, rows) = match &options.history_dir {
        Some(directory) => {
            let opening = match (rehearses, options.rebuild_state) {
                (true, _) => Opening::Copy,
                (false, true) => Opening::Rebuild,
                (false, false) => Opening::Plain,
            };
            let longest = options.rules.max_history;
            let histories = Histories::open(directory, plan, longest, opening, reporter.as_ref())?;
            let count = histories.take_in(plan, &trainer, pool, reporter.as_ref())?;
            (count, Rows::Kept(histories))
        }
        None => {
            let files =
                source::find(&source.input_globs, source.recursive, source.max_files, false)?;
            let mut memory = Memory::default();
            let (table, mut users) = trainer.read(&files, pool, &mut memory, &mut |_, _| Ok(()))?;
            source::check_strict(&users, TRAINING_DATA, strict)?;
            let mut count =
                ReadCount { files: files.len(), users: users.rows.len(), ..ReadCount::default() };
            count.add(&table, &users);
            let features = trainer.features(&table.batch)?;
            if matches!(options.rules.max_history, Some(HistoryLength::Rows(_))) {
                trainer.warn_of_unknown_order(&table.batch, "--max_history", TRAINING_DATA);
            }
            until_tomorrow(&features, &mut users.rows, reporter.as_ref(), &mut count.skipped)?;
            source::check_strict_skipped(&count.skipped, TRAINING_DATA, strict)?;
            unknown_times_first(&features, &mut users.rows)?;
            (count, Rows::Read(features, users.rows))
        }
    };
    let read = start.elapsed();
    let turns = Turns { rules: &options.rules, library, trainer, reporter, rehearses, new: None };
    let users = all(options, &turns, &rows, pool, stop)?;
    if let Rows::Kept(histories) = &rows {
        histories.close()?;
    }
    reporter.phase_over();
    let phases = [read, start.elapsed() - read];
    Ok(Training {
        count,
        skipped_numbers: skipped_numbers(turns.trainer.set_aside()),
        users,
        seed: settings.seed,
        interrupted: stop.is_set(),
        phases,
    })
}

/// Everyone's turn, then each user's; what became of them, by name.
fn all(
    options: &TrainOptions,
    turns: &Turns<'_>,
    rows: &Rows,
    pool: &ThreadPool,
    stop: &Stop,
) -> Result<Vec<Outcome>, RunError> {
    let TrainOptions { only, skip, rules, .. } = options;
    let Turns { trainer, .. } = turns;
    let generic = trainer.generic_user();
    let wanted = |user: &str| (only.is_empty() || only.contains(user)) && !skip.contains(user);
    let mut tasks = rows.tasks(&wanted)?;
    if tasks.is_empty() {
        let none = rows.tasks(&|_| true)?.is_empty();
        let why = match none {
            true => "there is no row to learn: the logs have none, and no history has any",
            false => {
                "no user of the training data is to be trained; see --only_user and --skip_user"
            }
        };
        return Err(RunError::Failed(why.to_owned()));
    }
    let everyone = options.users != TrainUsers::Individual;
    let each = options.users != TrainUsers::Generic;
    let users = usize::from(everyone) + if each { tasks.len() } else { 0 };
    let progress = TrainingProgress::of(users);
    let mut outcomes = Vec::with_capacity(users);
    if everyone {
        let of_each = match rules.max_history {
            Some(HistoryLength::Rows(most)) => most,
            _ => usize::MAX,
        };
        let task = of_everyone(generic, &tasks, options.generic_rows, of_each);
        let one = |task: &Task<'_>| turns.outcome(task, &None, &progress);
        outcomes.extend(trainer.each(vec![task], pool, &progress, &one, &panicked)?);
    }
    if each && !stop.is_set() {
        let peers = turns.peers()?;
        if let Some(at) = tasks.iter().position(|task| *task.user == *generic) {
            let why = promotion::RESERVED.to_owned();
            let Task { user, rows } = tasks.swap_remove(at);
            outcomes.push(Outcome::of(&user, rows.count(), Status::Failed, why));
        }
        let one = |task: &Task<'_>| turns.outcome(task, &peers, &progress);
        outcomes.extend(trainer.each(tasks, pool, &progress, &one, &panicked)?);
    }
    outcomes.sort_by(|a, b| a.user.cmp(&b.user));
    Ok(outcomes)
}

fn panicked(task: &Task<'_>) -> Outcome {
    let why = "training panicked; this is a defect of the program".to_owned();
    Outcome::of(&task.user, task.rows.count(), Status::Failed, why)
}
