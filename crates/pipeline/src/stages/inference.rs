//! `inf-pytorch`: scores encoded rows with their user's model.

use super::ScoreBook;
use crate::message::{Message, RowScores};
use crate::models::Models;
use crate::report::Reporter;
use dfp_flow::{BoxError, Outlet, Stage};
use dfp_model::{ScoreMemory, UserModel};
use rayon::ThreadPool;
use std::sync::Arc;

/// The stage.
#[derive(Clone)]
pub struct Inference {
    /// The models of the run.
    pub models: Arc<Models>,
    /// Where the arithmetic runs.
    pub pool: Arc<ThreadPool>,
    /// Whether a later stage writes losses and predictions by feature.
    pub with_features: bool,
    /// Whether a user without a model ends the run.
    pub strict: bool,
    /// What the run's summary says about scores.
    pub book: Arc<ScoreBook>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// The scores of the model used last: a user's messages come one after the other.
    pub memory: Option<(Arc<UserModel>, ScoreMemory)>,
}

impl Stage<Message> for Inference {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if message.rows.num_rows() == 0 {
            out.emit(message);
            return Ok(());
        }
        if let Some((model, encoded)) = self.models.of(&message.user).zip(message.encoded.as_ref())
        {
            message.scores = Some(self.pool.install(|| {
                if self.with_features {
                    let scores = model.score_features(encoded);
                    RowScores {
                        anomaly_score: scores.anomaly_score.clone(),
                        zscore: scores.zscore.clone(),
                        features: Some(scores),
                    }
                } else {
                    let memory = match &mut self.memory {
                        Some((of, memory)) if Arc::ptr_eq(of, &model) => memory,
                        other => &mut other.insert((Arc::clone(&model), ScoreMemory::default())).1,
                    };
                    let scores = model.score_with(memory, encoded);
                    RowScores {
                        anomaly_score: scores.anomaly_score,
                        zscore: scores.zscore,
                        features: None,
                    }
                }
            }));
        }
        if self.strict && message.scores.is_none() {
            return Err(format!("--strict: user {:?} has no model", message.user).into());
        }
        self.book.enter(&message, self.reporter.as_ref());
        out.emit(message);
        Ok(())
    }

    fn worker(&self) -> Option<Box<dyn Stage<Message>>> {
        Some(Box::new(self.clone()))
    }
}
