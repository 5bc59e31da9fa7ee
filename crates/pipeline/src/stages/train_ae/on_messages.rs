//! Models that are learnt from the rows that they score.

use super::no_model;
use super::windows::Windows;
use crate::error::RunError;
use crate::library::Lookup;
use crate::message::Message;
use crate::models::{Known, Models};
use crate::plan::{self, Plan};
use crate::report::{Reporter, Weight};
use crate::retrain::{self, History, Outcome, Promote, Rules, Status, Turns, counted};
use crate::train::{Task, TaskRows, Trainer, TrainingProgress};
use arrow_array::RecordBatch;
use dfp_flow::Stop;
use dfp_io::state::StateDir;
use dfp_model::UserModel;
use rayon::ThreadPool;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What training on messages needs.
pub struct OnMessages {
    plan: Plan,
    settings: plan::TrainAe,
    rules: Rules,
    around: Around,
    windows: Windows,
    users: HashMap<Arc<str>, User>,
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
    /// Why the user has no model, if that has been said.
    no_model: Option<String>,
}

impl OnMessages {
    /// Training on messages by these rules.
    pub fn new(plan: &Plan, settings: &plan::TrainAe, rules: &Rules, around: Around) -> Self {
        let longest = match rules.max_history {
            Some(retrain::Length::Rows(rows)) => rows,
            _ => usize::MAX,
        };
        let windows = Windows::new(longest, around.state.clone());
        Self {
            plan: plan.clone(),
            settings: settings.clone(),
            rules: rules.clone(),
            around,
            windows,
            users: HashMap::new(),
        }
    }

    /// Takes a message's rows to the user's window, and trains if that is due.
    ///
    /// # Errors
    /// [`RunError::Interrupted`]; the state folder or the store cannot be used. A user whose training fails
    /// is told.
    pub fn take(&mut self, message: &Message, models: &Models) -> Result<(), RunError> {
        // Of a message whose rows have all been left out nothing can be learnt; its receipt counts.
        if message.rows.num_rows() > 0 {
            self.learn(message, models)?;
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
        let features = trainer.features(&message.rows)?;
        let rows = self.windows.with(user, &features)?;
        let history = History::of(rows).map_err(RunError::Failed)?;
        let mut known = match self.users.remove(user) {
            Some(known) => User { new: known.new + features.num_rows(), ..known },
            None => match models.store() {
                Some(store) => User::of_store(store, user, &history)?,
                None => User { new: features.num_rows(), ..User::default() },
            },
        };
        let rows = history.rows.num_rows();
        let later = known.learnt_until.and_then(|until| Some(history.last()? - until));
        let due = !known.tried || self.rules.is_due(known.new, later);
        if due && rows >= self.rules.min_history {
            let start = Instant::now();
            let trained = match models.store() {
                Some(store) => self.version(trainer, store, user, &history),
                None => self.model(&trainer, models, user, &history, known.new),
            };
            *self.around.time.lock().unwrap_or_else(PoisonError::into_inner) += start.elapsed();
            if stop.is_set() {
                return Err(RunError::Interrupted);
            }
            (known.tried, known.new, known.learnt_until) = (true, 0, history.last());
            match trained {
                Ok(()) => known.no_model = None,
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

    fn tell(&self, user: &str, why: String) -> String {
        self.around.reporter.say(Weight::Error, &no_model(user, &why));
        let mut failed = self.around.failed.lock().unwrap_or_else(PoisonError::into_inner);
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
    ) -> Result<(), String> {
        let Around { pool, reporter, .. } = &self.around;
        let turns = Turns {
            rules: &self.rules,
            library: store.library(),
            trainer,
            reporter,
            rehearses: false,
        };
        let peers = turns.peers().map_err(|error| error.to_string())?;
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
            Status::UpToDate | Status::Waiting | Status::Due => {}
        }
        Ok(())
    }

    /// A new model in memory, unless it is worse than the one before, which then stays.
    fn model(
        &self,
        trainer: &Trainer<'_>,
        models: &Models,
        user: &Arc<str>,
        history: &History,
        new: usize,
    ) -> Result<(), String> {
        let before = models.of(user).filter(|_| self.rules.promote == Promote::Better);
        let fit = || {
            let progress = TrainingProgress::of(1);
            if let Some(before) = before
                && !self.is_better(trainer, user, (&history.rows, new), &before, &progress)?
            {
                return Ok(None);
            }
            trainer.fit(user, &history.rows, None, &progress).map(Some)
        };
        let model: Result<Option<Arc<UserModel>>, String> = self.around.pool.install(fit);
        if let Some(model) = model? {
            models.insert(Arc::clone(user), model);
        }
        Ok(())
    }

    fn is_better(
        &self,
        trainer: &Trainer<'_>,
        user: &str,
        rows: (&RecordBatch, usize),
        before: &Known,
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

impl User {
    /// What the store knows of a user. One whose newest version cannot be read gets a new one.
    fn of_store(store: &Lookup, user: &str, history: &History) -> Result<Self, RunError> {
        let library = store.library();
        let latest = library.store().shelf(user)?.latest();
        let about = latest.and_then(|latest| library.about(user, latest).ok());
        Ok(about.map_or_else(Self::default, |about| Self {
            tried: true,
            new: history.newer_than(&about),
            learnt_until: about.window.map(|window| window.last),
            no_model: None,
        }))
    }
}
