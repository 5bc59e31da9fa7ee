//! `train-ae`: sees to it that a user's model is there, and cuts rows into messages.
//!
//! Models come from training files, a model file or a store, or from what streams by: a new model learns a
//! message's rows and those of the user's messages before, and then scores the message. So the peer meant
//! it; its own program failed at the second message.

mod online;
mod windows;

pub use online::{Around, OnMessages};

use super::deserialize::cut;
use crate::error::RunError;
use crate::message::Message;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_registry::model_set::Models;
use std::sync::Arc;

/// The stage.
pub struct TrainAe {
    /// The models of the run.
    pub models: Arc<Models>,
    /// Rows a message.
    pub batch_size: usize,
    /// Trains on each message, if that is asked for.
    pub on_messages: Option<OnMessages>,
}

/// The message about a user whose training failed.
pub fn no_model(user: &str, why: &str) -> String {
    format!("user {user:?} gets no model: {why}")
}

impl Stage<Message> for TrainAe {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if let Some(training) = self.on_messages.as_mut() {
            match training.take(&message, &self.models) {
                // What has been scored so far is kept, so this is no failure.
                Err(RunError::Interrupted) => {
                    out.drop_rows(
                        message.rows.num_rows(),
                        "stopped before their model was trained",
                    );
                    return Ok(());
                }
                taken => taken?,
            }
            message.chosen = Some(self.models.of(&message.user));
        }
        cut(message, self.batch_size, out);
        Ok(())
    }
}
