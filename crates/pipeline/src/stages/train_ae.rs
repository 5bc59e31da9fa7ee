//! `train-ae`: sees to it that a user's model is there, and cuts rows into messages.
//!
//! Models come from training files, a model file or a store, or, with none of them, from what streams by:
//! a new model learns a message's rows and those of the user's messages before, and then scores the
//! message. So the peer meant it; its own program failed at the second message.

use super::deserialize::cut;
use crate::error::RunError;
use crate::message::Message;
use crate::models::{Known, Models};
use crate::plan::{self, Plan};
use crate::report::{Reporter, Weight};
use crate::retrain::{self, counted, joined, plain};
use crate::train::{Trainer, TrainingProgress};
use arrow_array::RecordBatch;
use dfp_flow::{BoxError, Outlet, Stage, Stop};
use dfp_model::UserModel;
use rayon::ThreadPool;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The share of a history on which a new model is held against the one before.
const HELD_OUT: f64 = 0.2;
/// Rows of a user that are kept, and learnt, if nobody asks for another number.
const DEFAULT_MAX_HISTORY: usize = 1000;

/// The stage.
pub struct TrainAe {
    /// The models of the run.
    pub models: Arc<Models>,
    /// Rows a message.
    pub batch_size: usize,
    /// Trains on each message, if models come from nowhere else.
    pub on_messages: Option<OnMessages>,
}

/// What training on messages needs.
pub struct OnMessages {
    plan: Plan,
    settings: plan::TrainAe,
    pool: Arc<ThreadPool>,
    reporter: Arc<dyn Reporter>,
    stop: Stop,
    failed: Arc<Mutex<Vec<(String, String)>>>,
    time: Arc<Mutex<Duration>>,
    histories: HashMap<Arc<str>, Kept>,
}

/// A user's rows of earlier messages.
#[derive(Default)]
struct Kept {
    /// Features and times, the newest last; none before the first message.
    rows: Option<RecordBatch>,
    /// Of these, no model has learnt so many.
    new: usize,
    /// Why the user has no model, if that has been said.
    no_model: Option<String>,
}

impl OnMessages {
    /// Training on messages; users whose training fails can be seen in `failed` after the run, and
    /// what it took in `time`.
    pub fn new(
        plan: &Plan,
        settings: &plan::TrainAe,
        pool: Arc<ThreadPool>,
        reporter: Arc<dyn Reporter>,
        stop: Stop,
        failed: Arc<Mutex<Vec<(String, String)>>>,
        time: Arc<Mutex<Duration>>,
    ) -> Self {
        let max_history = settings.max_history.or(Some(DEFAULT_MAX_HISTORY));
        let settings = plan::TrainAe { max_history, ..settings.clone() };
        let histories = HashMap::new();
        Self { plan: plan.clone(), settings, pool, reporter, stop, failed, time, histories }
    }

    /// Takes a message's rows to the user's history, and trains if that is due.
    fn train(&mut self, message: &Message, models: &Models) -> Result<(), RunError> {
        let user = &message.user;
        let trainer = Trainer::new(&self.plan, &self.settings, self.reporter.as_ref(), &self.stop);
        let features = trainer.features(&message.rows)?;
        let mut kept = self.histories.remove(user).unwrap_or_default();
        let most = self.settings.max_history.unwrap_or(DEFAULT_MAX_HISTORY);
        let mut parts: Vec<RecordBatch> = kept.rows.take().into_iter().collect();
        parts.push(plain(&features)?);
        let rows = joined(&parts)?;
        let newest = most.min(rows.num_rows());
        let rows = rows.slice(rows.num_rows() - newest, newest);
        kept.new += features.num_rows();
        let before = models.of(user);
        let due = before.is_none() || kept.new >= self.settings.min_increment;
        if due && rows.num_rows() >= self.settings.min_history {
            let start = Instant::now();
            let trained = self.trained(&trainer, user, &rows, kept.new, before.as_deref());
            *self.time.lock().unwrap_or_else(PoisonError::into_inner) += start.elapsed();
            if self.stop.is_set() {
                return Err(RunError::Interrupted);
            }
            match trained {
                Ok(model) => {
                    kept.new = 0;
                    kept.no_model = None;
                    if let Some(model) = model {
                        models.insert(Arc::clone(user), model);
                    }
                }
                Err(why) => kept.no_model = Some(self.tell(user, why)),
            }
        } else if before.is_none() && kept.no_model.is_none() {
            let why = format!(
                "{} so far, and --train_min_history asks for {}",
                counted(rows.num_rows(), "row"),
                self.settings.min_history
            );
            kept.no_model = Some(self.tell(user, why));
        }
        kept.rows = Some(rows);
        self.histories.insert(Arc::clone(user), kept);
        Ok(())
    }

    fn tell(&self, user: &str, why: String) -> String {
        self.reporter.say(Weight::Error, &no_model(user, &why));
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.push((user.to_owned(), why.clone()));
        why
    }

    /// A new model; `None` if it is worse than the one before, which then stays.
    fn trained(
        &self,
        trainer: &Trainer<'_>,
        user: &str,
        rows: &RecordBatch,
        new: usize,
        before: Option<&Known>,
    ) -> Result<Option<Arc<UserModel>>, String> {
        let progress = TrainingProgress::of(1);
        if let Some(before) = before.filter(|_| self.settings.must_earn_its_place) {
            let trial = retrain::Trial { trainer, peers: None, share: HELD_OUT };
            let comparison = self.pool.install(|| {
                trial.held_against(
                    user,
                    &before.model,
                    None,
                    (rows, new),
                    &progress,
                    &self.reporter,
                )
            })?;
            let text = format!("user {user:?}: a new model: {}", comparison.verdict.reason);
            if !comparison.verdict.promote {
                self.reporter.say(Weight::Warning, &format!("{text}; the one before stays"));
                return Ok(None);
            }
            self.reporter.say(Weight::Info, &text);
        }
        self.pool.install(|| trainer.fit(user, rows, None, &progress)).map(Some)
    }
}

/// The message about a user whose training failed.
pub fn no_model(user: &str, why: &str) -> String {
    format!("user {user:?} gets no model: {why}")
}

impl Stage<Message> for TrainAe {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        // Of a message whose rows have all been left out nothing can be learnt; its receipt goes on.
        if let Some(training) = self.on_messages.as_mut().filter(|_| message.rows.num_rows() > 0) {
            match training.train(&message, &self.models) {
                // What has been scored so far is kept, so this is no failure.
                Err(RunError::Interrupted) => {
                    out.drop_rows(
                        message.rows.num_rows(),
                        "stopped before their model was trained",
                    );
                    return Ok(());
                }
                trained => trained?,
            }
        }
        cut(message, self.batch_size, out);
        Ok(())
    }
}
