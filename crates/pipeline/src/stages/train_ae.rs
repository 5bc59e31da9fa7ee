//! `train-ae`: sees to it that a user's model is there, and cuts rows into messages.
//!
//! Models come from training files or a model file before the first message, or, with neither,
//! from the message itself: a new model learns the message's rows and then scores them.

use super::deserialize::cut;
use crate::error::RunError;
use crate::message::Message;
use crate::models::Models;
use crate::plan::{self, Plan};
use crate::report::{Reporter, Weight};
use crate::train::{Task, TaskRows, Trainer};
use dfp_flow::{BoxError, Outlet, Stage, Stop};
use rayon::ThreadPool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Rows that a model learns from when it is trained on the message that it scores.
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
        Self { plan: plan.clone(), settings, pool, reporter, stop, failed, time }
    }

    fn train(&self, message: &Message, models: &Models) -> Result<(), RunError> {
        let trainer = Trainer::new(&self.plan, &self.settings, self.reporter.as_ref(), &self.stop);
        let rows = TaskRows::All(trainer.features(&message.rows)?);
        let start = Instant::now();
        let trained =
            trainer.train(vec![Task { user: Arc::clone(&message.user), rows }], &self.pool)?;
        *self.time.lock().unwrap_or_else(PoisonError::into_inner) += start.elapsed();
        for (user, result) in trained {
            match result {
                Ok(model) => models.insert(user, model),
                Err(why) => {
                    self.reporter.say(Weight::Error, &no_model(&user, &why));
                    self.failed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((user.to_string(), why));
                }
            }
        }
        Ok(())
    }
}

/// The message about a user whose training failed.
pub fn no_model(user: &str, why: &str) -> String {
    format!("user {user:?} gets no model: {why}")
}

impl Stage<Message> for TrainAe {
    fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        // Of a message whose rows have all been left out nothing can be learnt; its receipt goes on.
        if let Some(training) = self.on_messages.as_ref().filter(|_| message.rows.num_rows() > 0) {
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
