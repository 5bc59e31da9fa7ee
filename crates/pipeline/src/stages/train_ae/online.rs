//! Models that are learnt from the rows that they score.

use super::no_model;
use super::windows::Windows;
use crate::error::RunError;
use crate::message::Message;
use crate::plan::{self, HistoryLength, Plan, Promote, RetrainRules};
use crate::retrain::{self, History, Outcome, RESERVED, Status, Turns, counted, until_tomorrow};
use crate::source::{self, ReadCount};
use crate::train::{TRAINING_DATA, Task, TaskRows, Trainer, TrainingProgress};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_select::take::take_record_batch;
use dfp_connectors::state::StateDir;
use dfp_engine::Stop;
use dfp_engine::{Reporter, Weight};
use dfp_model::UserModel;
use dfp_registry::LoadedModel;
use dfp_registry::library::Lookup;
use dfp_registry::model_set::Models;
use dfp_registry::store::State;
use parking_lot::Mutex;
use rayon::ThreadPool;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What training on messages needs.
pub struct OnMessages {
    plan: Plan,
    settings: plan::TrainAe,
    rules: RetrainRules,
    around: Around,
    windows: Windows,
    users: HashMap<Arc<str>, User>,
    /// The run was stopped while a model was trained: what comes after has not been learnt.
    is_interrupted: bool,
    /// The last thing that was said of a store that does not answer.
    trouble: Mutex<Option<String>>,
    /// It has been said that nobody knows which rows are the newest.
    told_of_order: bool,
}

/// What it shares with the rest of a run.
pub struct Around {
    /// Where models are trained.
    pub pool: Arc<ThreadPool>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Asked while training.
    pub stop: Stop,
    /// Users whose training failed, and why.
    pub failed: Arc<Mutex<Vec<(String, String)>>>,
    /// What training took.
    pub time: Arc<Mutex<Duration>>,
    /// What was learnt, and what of it was left out.
    pub count: Arc<Mutex<ReadCount>>,
    /// Where windows are kept from run to run.
    pub state: Option<Arc<StateDir>>,
}

/// What is known of a user.
#[derive(Default)]
struct User {
    /// A model was trained, or could not be, or is in the store.
    tried: bool,
    /// Rows since then.
    new: usize,
    /// The newest row of that time, microseconds since 1970.
    learnt_until: Option<i64>,
    /// Rows that the model in use has not learnt.
    unseen: usize,
    /// A new version learns at least so many rows: one of a window that has just begun would know less than
    /// the one before.
    least: usize,
    /// Why the user has no model, if that has been said.
    no_model: Option<String>,
}

/// What training has come to.
#[derive(PartialEq, Eq)]
enum Done {
    /// There is a new model, which is used.
    Replaced,
    /// The one before stays, if there is one.
    Stays,
    /// It is not due, or the store does not answer.
    Waits,
}

impl OnMessages {
    /// Training on messages by these rules.
    pub fn new(
        plan: &Plan,
        settings: &plan::TrainAe,
        rules: &RetrainRules,
        around: Around,
    ) -> Self {
        let longest = match rules.max_history {
            Some(HistoryLength::Rows(rows)) => rows,
            _ => usize::MAX,
        };
        let windows = Windows::new(longest, plan.columns.clone(), around.state.clone());
        Self {
            plan: plan.clone(),
            settings: settings.clone(),
            rules: rules.clone(),
            around,
            windows,
            users: HashMap::new(),
            is_interrupted: false,
            trouble: Mutex::default(),
            told_of_order: false,
        }
    }

    /// Takes a message's rows to the user's window, and trains if that is due.
    ///
    /// # Errors
    /// [`RunError::Interrupted`], from the moment on when training was stopped: what comes after that must
    /// not be remembered as done. The state folder cannot be used. A user whose training fails is told.
    pub fn take(&mut self, message: &Message, models: &Models) -> Result<(), RunError> {
        if self.is_interrupted {
            return Err(RunError::Interrupted);
        }
        // Of a message whose rows have all been left out nothing can be learnt; its receipt counts.
        if message.rows.num_rows() > 0 {
            let learnt = self.learn(message, models);
            self.is_interrupted = matches!(learnt, Err(RunError::Interrupted));
            learnt?;
        }
        if let Some(receipt) = &message.receipt {
            self.windows.end_batch(receipt);
        }
        Ok(())
    }

    fn learn(&mut self, message: &Message, models: &Models) -> Result<(), RunError> {
        let user = &message.user;
        let (reporter, stop) = (Arc::clone(&self.around.reporter), self.around.stop.clone());
        let trainer = Trainer::new(&self.plan, &self.settings, reporter.as_ref(), &stop);
        if **user == *trainer.generic_user() {
            if !self.users.contains_key(user) {
                self.tell(user, RESERVED.to_owned());
                self.users.insert(Arc::clone(user), User::default());
            }
            return Ok(());
        }
        let features = trainer.features(&message.rows)?;
        let all = (0_u32..).take(features.num_rows()).collect();
        let mut rows = vec![(Arc::clone(user), all)];
        {
            let mut count = self.around.count.lock();
            until_tomorrow(&features, &mut rows, reporter.as_ref(), &mut count.skipped)?;
            source::check_strict_skipped(&count.skipped, TRAINING_DATA, self.plan.strict)?;
        }
        if self.settings.max_history.is_some() && !self.told_of_order {
            self.told_of_order = true;
            trainer.warn_of_unknown_order(&message.rows, "--train_max_history", TRAINING_DATA);
        }
        let Some((_, rows)) = rows.pop() else { return Ok(()) };
        let come = rows.len();
        let features = take_record_batch(&features, &UInt32Array::from(rows))?;
        let window = self.windows.with(user, &features)?;
        let history = History::of(window).map_err(RunError::Failed)?;
        let mut known = match (self.users.remove(user), models.store()) {
            (Some(known), _) => {
                User { new: known.new + come, unseen: known.unseen + come, ..known }
            }
            (None, None) => User { new: come, unseen: come, ..User::default() },
            (None, Some(store)) => match self.of_store(store, user, &history, come) {
                Ok(known) => known,
                // The user's next message asks again.
                Err(error) => {
                    self.tell_of_store(&error.to_string());
                    return Ok(());
                }
            },
        };
        let rows = history.rows.num_rows();
        let later = known.learnt_until.and_then(|until| Some(history.last()? - until));
        let due = !known.tried || self.rules.is_due(Some(known.new), later);
        if due && rows >= self.rules.min_history.max(known.least) {
            let start = Instant::now();
            let trained = match models.store() {
                Some(store) => self.version(trainer, store, user, &history, known.new),
                None => self.model(&trainer, models, user, &history, known.unseen),
            };
            *self.around.time.lock() += start.elapsed();
            if stop.is_set() {
                return Err(RunError::Interrupted);
            }
            known.tried = true;
            if !matches!(trained, Ok(Done::Waits)) {
                (known.new, known.learnt_until) = (0, history.last());
            }
            match trained {
                Ok(done) => {
                    if done == Done::Replaced {
                        known.unseen = 0;
                        known.least = rows;
                    }
                    if known.no_model.take().is_some() {
                        let failed = &self.around.failed;
                        let mut failed = failed.lock();
                        failed.retain(|(of, _)| **of != **user);
                    }
                }
                Err(why) if known.no_model.as_ref() == Some(&why) => {}
                Err(why) => known.no_model = Some(self.tell(user, why)),
            }
        } else if rows < self.rules.min_history
            && known.no_model.is_none()
            && models.of(user).is_none()
        {
            let why = format!(
                "{} so far, and --train_min_history asks for {}",
                counted(rows, "row"),
                self.rules.min_history
            );
            known.no_model = Some(self.tell(user, why));
        }
        self.users.insert(Arc::clone(user), known);
        Ok(())
    }

    /// What the store knows of a user of whom so many rows have come. One whose newest version cannot be
    /// read, or waits since its run was killed, has a turn at once.
    fn of_store(
        &self,
        store: &Lookup,
        user: &str,
        history: &History,
        come: usize,
    ) -> Result<User, RunError> {
        let library = store.library();
        let shelf = library.store().shelf(user)?;
        let about =
            shelf.latest().and_then(|latest| Some((latest, library.about(user, latest).ok()?)));
        let Some((latest, about)) = about else {
            return Ok(User { new: come, unseen: come, ..User::default() });
        };
        let waits = shelf.standing.state(latest) == State::Candidate;
        let longest = match self.rules.max_history {
            Some(HistoryLength::Rows(rows)) => rows,
            _ => usize::MAX,
        };
        Ok(User {
            tried: !waits || self.rules.promote == Promote::Never,
            // Where that is not known, there is no reason to wait.
            new: history
                .newer_than(&about, self.rules.max_history)
                .unwrap_or(self.rules.min_increment.unwrap_or_default().max(come)),
            learnt_until: about.window.map(|window| window.last),
            unseen: 0,
            least: about.rows.min(longest),
            no_model: None,
        })
    }

    fn tell_of_store(&self, why: &str) {
        let mut trouble = self.trouble.lock();
        if trouble.as_deref() != Some(why) {
            let text = format!("{why}; nothing is learnt meanwhile");
            self.around.reporter.say(Weight::Error, &text);
            *trouble = Some(why.to_owned());
        }
    }

    fn tell(&self, user: &str, why: String) -> String {
        self.around.reporter.say(Weight::Error, &no_model(user, &why));
        let mut failed = self.around.failed.lock();
        failed.push((user.to_owned(), why.clone()));
        why
    }

    /// A new version in the store, as `morpheus train` would put one there.
    fn version(
        &self,
        trainer: Trainer<'_>,
        store: &Lookup,
        user: &Arc<str>,
        history: &History,
        new: usize,
    ) -> Result<Done, String> {
        let Around { pool, reporter, .. } = &self.around;
        let turns = Turns {
            rules: &self.rules,
            library: store.library(),
            trainer,
            reporter,
            rehearses: false,
            new: Some(new),
        };
        let peers = match turns.peers() {
            Ok(peers) => peers,
            Err(error) => {
                self.tell_of_store(&error.to_string());
                return Ok(Done::Waits);
            }
        };
        let rows = history.rows.clone();
        let task = Task {
            user: Arc::clone(user),
            rows: TaskRows::Kept(rows.num_rows(), Box::new(move || Ok(rows.clone()))),
        };
        let progress = TrainingProgress::of(1);
        let Outcome { status, version, reason, .. } =
            pool.install(|| turns.outcome(&task, &peers, &progress));
        let version = version.unwrap_or_default();
        match status {
            Status::Failed => return Err(reason),
            Status::Promoted => {
                store.forget(user);
                let text = format!("user {user:?}: version {version} is live: {reason}");
                reporter.say(Weight::Info, &text);
            }
            Status::Candidate => {
                let text = format!("user {user:?}: version {version} stays a candidate: {reason}");
                reporter.say(Weight::Warning, &text);
            }
            Status::Waiting => return Ok(Done::Waits),
            Status::UpToDate | Status::Due => {}
        }
        Ok(if status == Status::Promoted { Done::Replaced } else { Done::Stays })
    }

    /// A new model in memory, unless it is worse than the one before, which then stays.
    fn model(
        &self,
        trainer: &Trainer<'_>,
        models: &Models,
        user: &Arc<str>,
        history: &History,
        unseen: usize,
    ) -> Result<Done, String> {
        let before = models.of(user).filter(|_| self.rules.promote == Promote::Better);
        let fit = || {
            let progress = TrainingProgress::of(1);
            if let Some(before) = before
                && !self.is_better(trainer, user, (&history.rows, unseen), &before, &progress)?
            {
                return Ok(None);
            }
            trainer.fit(user, &history.rows, None, &progress).map(Some)
        };
        let model: Result<Option<Arc<UserModel>>, String> = self.around.pool.install(fit);
        let Some(model) = model? else { return Ok(Done::Stays) };
        models.insert(Arc::clone(user), model);
        Ok(Done::Replaced)
    }

    fn is_better(
        &self,
        trainer: &Trainer<'_>,
        user: &str,
        rows: (&RecordBatch, usize),
        before: &LoadedModel,
        progress: &TrainingProgress,
    ) -> Result<bool, String> {
        let Around { reporter, .. } = &self.around;
        let trial = retrain::Trial { trainer, peers: None, share: self.rules.held_out };
        let verdict =
            trial.held_against(user, &before.model, None, rows, progress, reporter)?.verdict;
        let text = format!("user {user:?}: a new model: {}", verdict.reason);
        match verdict.promote {
            true => reporter.say(Weight::Info, &text),
            false => reporter.say(Weight::Warning, &format!("{text}; the one before stays")),
        }
        Ok(verdict.promote)
    }
}
