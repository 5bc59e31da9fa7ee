//! `preprocess`: encodes the feature columns, once; inference and explanations reuse it.

use crate::message::Message;
use crate::models::Models;
use dfp_flow::{BoxError, Outlet, Stage};
use std::sync::Arc;

/// The stage.
pub struct Preprocess {
    /// The models of the run.
    pub models: Arc<Models>,
}

impl Stage<Message> for Preprocess {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if let Some(model) = self.models.of(&message.user) {
            let encoded = model.encode(&message.rows);
            message.encoded = Some(encoded.map_err(|error| format!("user {:?}: {error}", message.user))?);
        }
        out.emit(message);
        Ok(())
    }

    fn worker(&self) -> Option<Box<dyn Stage<Message>>> {
        Some(Box::new(Self { models: Arc::clone(&self.models) }))
    }
}
