//! What flows through the pipeline, and the columns that every message has.

use crate::plan::ScoreKind;
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take_record_batch;
use dfp_connectors::state::{FileMark, OutputMark, WindowChange};
use dfp_model::score::FeatureScores;
use dfp_model::{EncodedRows, RowScore};
use dfp_registry::LoadedModel;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Rows of one user, in order, with what the stages have made of them.
#[derive(Clone, Debug)]
pub struct Message {
    /// The user that the rows belong to.
    pub user: Arc<str>,
    /// The rows: [`INDEX`], [`FILE_ROW`], then the log's own columns.
    pub rows: RecordBatch,
    /// The model that these rows are to be scored with, which may be none, where `train-ae` learns from
    /// messages: a later message may have brought another one by the time that these are encoded.
    pub chosen: Option<Option<Arc<LoadedModel>>>,
    /// The rows as a model reads them; `None` before `preprocess` or without a model.
    pub encoded: Option<Encoded>,
    /// Scores; `None` before inference or without a model.
    pub scores: Option<RowScores>,
    /// The last message of a batch carries what is to be remembered once the batch is written.
    pub receipt: Option<Arc<BatchAck>>,
}

/// Rows as a model reads them, and the model: only the one that has encoded rows can score them, and
/// another may become the user's between two stages.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The rows.
    pub rows: EncodedRows,
    /// Whose reading it is.
    pub by: Arc<LoadedModel>,
}

/// What is to be remembered once everything up to here has been written: it travels with the last
/// message of a batch. Every sink adds how far its file goes; behind the last of them all of it is
/// committed together.
#[derive(Debug, Default)]
pub struct BatchAck {
    /// How far each file of the batch has been read.
    pub files: Vec<(PathBuf, FileMark)>,
    /// Rows of each of the batch's users that have been handed on so far.
    pub rows: Vec<(Arc<str>, u64)>,
    /// What derived columns remember of these users.
    pub memory: Vec<(Arc<str>, Vec<u8>)>,
    /// Hashes of the ids of the batch's events.
    pub event_ids: Vec<u64>,
    /// The history of these users' rhythm as of the end of the batch.
    pub history: Mutex<Vec<(Arc<str>, Vec<u8>)>>,
    /// What becomes of these users' windows of rows that models are learnt from.
    pub windows: Mutex<Vec<(Arc<str>, WindowChange)>>,
    /// What has been spent of the budget of alerts as of the end of the batch.
    pub alerts: Mutex<Option<Vec<u8>>>,
    /// How far the outputs go, in the order of the pipeline.
    pub outputs: Mutex<Vec<OutputMark>>,
    /// All of it has been remembered.
    pub committed: AtomicBool,
}

/// What inference found out about the rows of a message.
#[derive(Clone, Debug)]
pub struct RowScores {
    /// Anomaly score, `[rows]`.
    pub anomaly_score: Vec<f32>,
    /// |score - mean| / standard deviation of the training scores, `[rows]`.
    pub zscore: Vec<f32>,
    /// Which model it was, if a later stage writes it.
    pub model_version: Option<Arc<str>>,
    /// By feature, if a later stage writes them.
    pub features: Option<FeatureScores>,
    /// The score of all scorers, `[rows]`; empty unless the recommended ones are asked for.
    pub combined: Vec<RowScore>,
    /// Why, for the rows that are explained, by their numbers in the message.
    pub reasons: BTreeMap<usize, String>,
    /// The rows that `alert` has chosen, by their numbers in the message.
    pub alerts: BTreeSet<usize>,
    /// How surprising each cell is, if a later stage writes it.
    pub surprises: Option<Surprises>,
}

/// How surprising each cell of a message is.
#[derive(Clone, Debug)]
pub struct Surprises {
    /// Names of the features.
    pub names: Vec<String>,
    /// In nats, `[rows, features]`.
    pub values: Vec<f32>,
}

impl Message {
    /// A message that no stage has touched.
    pub fn new(user: Arc<str>, rows: RecordBatch) -> Self {
        Self { user, rows, chosen: None, encoded: None, scores: None, receipt: None }
    }

    /// Only the rows at these positions, with their scores. What they were encoded as stays behind.
    ///
    /// # Errors
    /// Arrow refuses the positions.
    pub fn only(&self, positions: &[u32]) -> Result<Self, ArrowError> {
        let at = UInt32Array::from(positions.to_vec());
        let scores = self.scores.as_ref().map(|scores| scores.only(positions)).transpose()?;
        Ok(self.with(take_record_batch(&self.rows, &at)?, scores))
    }

    /// Only the rows from `first` to before `end`, as [`only`](Self::only), without copying them.
    ///
    /// # Errors
    /// Arrow refuses the positions.
    pub fn part(&self, first: u32, end: u32) -> Result<Self, ArrowError> {
        let positions: Vec<u32> = (first..end).collect();
        let scores = self.scores.as_ref().map(|scores| scores.only(&positions)).transpose()?;
        Ok(self.with(self.rows.slice(first as usize, positions.len()), scores))
    }

    fn with(&self, rows: RecordBatch, scores: Option<RowScores>) -> Self {
        let (user, receipt) = (Arc::clone(&self.user), self.receipt.clone());
        Self { user, rows, chosen: self.chosen.clone(), encoded: None, scores, receipt }
    }
}

impl RowScores {
    /// A result of all rows.
    pub fn of(&self, kind: ScoreKind) -> &[f32] {
        match kind {
            ScoreKind::Score => &self.anomaly_score,
            ScoreKind::ZScore => &self.zscore,
        }
    }

    fn only(&self, positions: &[u32]) -> Result<Self, ArrowError> {
        let of = |values: &[f32]| positions.iter().map(|&row| values[row as usize]).collect();
        let features = self.features.as_ref().map(|features| features.only(positions));
        Ok(Self {
            anomaly_score: of(&self.anomaly_score),
            zscore: of(&self.zscore),
            model_version: self.model_version.clone(),
            features: features.transpose()?,
            // Empty unless the recommended scorers are asked for.
            combined: positions
                .iter()
                .filter_map(|&row| self.combined.get(row as usize))
                .copied()
                .collect(),
            reasons: (0..)
                .zip(positions)
                .filter_map(|(to, &from)| Some((to, self.reasons.get(&(from as usize))?.clone())))
                .collect(),
            alerts: (0..)
                .zip(positions)
                .filter_map(|(to, &from)| self.alerts.contains(&(from as usize)).then_some(to))
                .collect(),
            surprises: self.surprises.as_ref().map(|surprises| surprises.only(positions)),
        })
    }
}

impl Surprises {
    fn only(&self, positions: &[u32]) -> Self {
        let width = self.names.len();
        let row = |&row: &u32| &self.values[row as usize * width..][..width];
        let values = positions.iter().flat_map(row).copied().collect();
        Self { names: self.names.clone(), values }
    }
}

impl dfp_engine::Rows for Message {
    fn rows(&self) -> usize {
        self.rows.num_rows()
    }
}
