//! `inf-pytorch`: scores encoded rows with their user's model.

use super::ScoreStats;
use crate::message::{Encoded, Message, RowScores, Surprises};
use dfp_engine::Reporter;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_model::{EncodedRows, ModelError, ScoreMemory, UserModel};
use rayon::ThreadPool;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is wanted of the recommended scorers.
#[derive(Clone, Copy, Debug)]
pub struct Recommended {
    /// Rows with a p-value of at most this are explained.
    pub reasons: f64,
    /// Whether a later stage writes the surprise of each cell.
    pub surprises: bool,
}

/// The stage.
#[derive(Clone)]
pub struct Inference {
    /// Where the arithmetic runs.
    pub pool: Arc<ThreadPool>,
    /// Whether a later stage writes losses and predictions by feature.
    pub with_features: bool,
    /// Whether a later stage writes which model scored a row.
    pub with_version: bool,
    /// What is wanted of the recommended scorers, if anything.
    pub recommended: Option<Recommended>,
    /// Whether a user without a model ends the run.
    pub strict: bool,
    /// What the run's summary says about scores.
    pub book: Arc<ScoreStats>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// The scores of the model used last: a user's messages come one after the other.
    pub memory: Option<(Arc<UserModel>, ScoreMemory)>,
}

impl Inference {
    fn scores(
        &mut self,
        message: &Message,
        Encoded { rows: encoded, by }: &Encoded,
    ) -> Result<RowScores, ModelError> {
        let model = &by.model;
        if self.recommended.is_some() && !model.is_recommended() {
            return Err(ModelError::Artifact(format!(
                "the model of user {:?} was trained without counts, and inf-ae --scorer recommended needs them; train it with that option",
                model.header().user
            )));
        }
        let mut scores = if self.with_features {
            let scores = model.score_features(encoded);
            RowScores {
                anomaly_score: scores.anomaly_score.clone(),
                zscore: scores.zscore.clone(),
                combined: scores.combined.clone(),
                model_version: None,
                features: Some(scores),
                reasons: BTreeMap::new(),
                alerts: BTreeSet::new(),
                surprises: None,
            }
        } else {
            let memory = match &mut self.memory {
                Some((of, memory)) if Arc::ptr_eq(of, model) => memory,
                other => &mut other.insert((Arc::clone(model), ScoreMemory::default())).1,
            };
            let scores = model.score_with(memory, encoded);
            RowScores {
                anomaly_score: scores.anomaly_score,
                zscore: scores.zscore,
                combined: scores.combined,
                model_version: None,
                features: None,
                reasons: BTreeMap::new(),
                alerts: BTreeSet::new(),
                surprises: None,
            }
        };
        if self.with_version {
            scores.model_version = Some(by.version()?);
        }
        match &self.recommended {
            Some(recommended) => recommended.complete(&mut scores, model, message, encoded)?,
            None => scores.combined.clear(),
        }
        Ok(scores)
    }
}

impl Recommended {
    fn complete(
        &self,
        scores: &mut RowScores,
        model: &UserModel,
        message: &Message,
        encoded: &EncodedRows,
    ) -> Result<(), ModelError> {
        let header = model.header();
        if *header.user != *message.user {
            // All of it is what others do.
            scores.combined.iter_mut().for_each(|row| row.peers = 1.0);
        }
        let rows: Vec<usize> = (0..scores.combined.len())
            .filter(|row| scores.combined[*row].p_value <= self.reasons)
            .collect();
        if !rows.is_empty() {
            let sentences = model.sentences(&message.rows, encoded, &rows)?;
            scores.reasons = rows.into_iter().zip(sentences).collect();
        }
        if self.surprises {
            let names = header.plan.names().map(str::to_owned).collect();
            scores.surprises = Some(Surprises { names, values: model.surprises(encoded) });
        }
        Ok(())
    }
}

impl Stage<Message> for Inference {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if message.rows.num_rows() == 0 {
            out.emit(message);
            return Ok(());
        }
        if let Some(encoded) = &message.encoded {
            let pool = Arc::clone(&self.pool);
            let scores = pool.install(|| self.scores(&message, encoded));
            let named = |why| format!("user {:?}: {why}", message.user);
            message.scores = Some(scores.map_err(named)?);
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
