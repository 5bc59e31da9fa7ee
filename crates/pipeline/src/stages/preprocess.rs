//! `preprocess`: encodes the feature columns, once; inference and explanations reuse it.

use crate::encoding::Encoder;
use crate::message::{Encoded, Message};
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_registry::model_set::Models;
use std::sync::Arc;

/// The stage.
#[derive(Clone)]
pub struct Preprocess {
    /// The models of the run.
    pub models: Arc<Models>,
    /// How rows are encoded.
    pub encoder: Encoder,
}

impl Stage<Message> for Preprocess {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if message.rows.num_rows() > 0
            && let Some(by) = message.chosen.take().unwrap_or_else(|| self.models.of(&message.user))
        {
            let rows = self.encoder.encode(&message.user, &by.model, &message.rows)?;
            message.encoded = Some(Encoded { rows, by });
        }
        out.emit(message);
        Ok(())
    }

    fn worker(&self) -> Option<Box<dyn Stage<Message>>> {
        Some(Box::new(self.clone()))
    }
}
