//! The deep front door: one user's encoder, weights and loss statistics.

mod fit;

use crate::combined::{Baseline, Leaning, Peers, Scorers, StoredPeers};
use crate::encode::{EncodedRows, FeaturePlan};
use crate::error::ModelError;
use crate::header::ModelHeader;
use crate::kernels::math::sigmoid;
use crate::memory_size::Heap;
use crate::net::{Layout, Network, Parameter};
use crate::score::{self, FeatureScores, LossScale, RowScore, Scores, ZSign};
use crate::score_cache::{Distinct, spread};
use arrow_array::{ArrayRef, RecordBatch};
pub(crate) use fit::MAX_WEIGHTS;
pub use fit::TrainingData;
use std::sync::{Arc, OnceLock};

/// The scores of the different rows that a model has scored: log rows repeat, and a score depends on
/// its row alone.
#[derive(Clone, Debug, Default)]
pub struct ScoreMemory {
    distinct: Distinct,
    anomaly_score: Vec<f32>,
    zscore: Vec<f32>,
    combined: Vec<RowScore>,
}

impl ScoreMemory {
    /// With more different rows than this it begins anew.
    const MOST_ROWS: usize = 1 << 16;
}

/// One user's model: encodes log rows, scores them, explains the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct UserModel {
    header: ModelHeader,
    network: Network,
    /// What [`Scorer::Recommended`](crate::config::Scorer::Recommended) has beside the network.
    beside: Option<Box<Scorers>>,
    /// The peers' model, which others may share, and how far this one leans on it.
    leans_on: Option<(Arc<Self>, Peers)>,
    fingerprint: Remembered,
}

/// The fingerprint of a model, once somebody asked. Models are equal whether or not.
#[derive(Clone, Debug, Default)]
struct Remembered(OnceLock<String>);

impl PartialEq for Remembered {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl UserModel {
    /// A model that has the network alone.
    fn bare(header: ModelHeader, network: Network) -> Self {
        Self { header, network, beside: None, leans_on: None, fingerprint: Remembered::default() }
    }

    /// A model from its stored parts.
    ///
    /// # Errors
    /// [`ModelError::Config`]; [`ModelError::Artifact`] if the number of weights or of loss scales
    /// is not that of the header's features and layers, or one is not a finite number.
    pub fn from_parts(header: ModelHeader, weights: Vec<f32>) -> Result<Self, ModelError> {
        header.config.check()?;
        let layout = Layout::new(&header.plan.shape(), &header.config);
        let refuse = |found: String, wanted: String| {
            Err(ModelError::Artifact(format!("the model has {found}; its header says {wanted}")))
        };
        let (found, wanted) = (weights.len(), layout.len());
        let features = layout.shape().features();
        if header.loss_scales.len() != features {
            return refuse(
                format!("{} loss scales", header.loss_scales.len()),
                format!("{features} features"),
            );
        }
        let scales = header.loss_scales.iter().flat_map(|scale| [scale.location, scale.spread]);
        let scales = scales.chain([header.score_scale.mean, header.score_scale.std]);
        if !weights.iter().copied().chain(scales).all(f32::is_finite) {
            return Err(ModelError::Artifact(
                "the model has a weight or a statistic that is not a finite number".into(),
            ));
        }
        if !header.plan.counts_fit(header.training_rows) {
            return refuse(
                "counts of categories that are not those of its rows".into(),
                format!("{} training rows", header.training_rows),
            );
        }
        if header.window.is_some_and(|window| window.first > window.last) {
            return Err(ModelError::Artifact(
                "the model's training rows end before they begin".into(),
            ));
        }
        match Network::with_weights(layout, weights) {
            Some(network) => Ok(Self::bare(header, network)),
            None => refuse(format!("{found} weights"), format!("{wanted}")),
        }
    }

    pub(crate) fn beside(&self) -> Option<&Scorers> {
        self.beside.as_deref()
    }

    pub(crate) fn set_beside(&mut self, scorers: Scorers) {
        self.beside = Some(Box::new(scorers));
        self.fingerprint = Remembered::default();
    }

    /// The model that this one leans on, which others may share.
    pub fn leans_on(&self) -> Option<&Arc<Self>> {
        self.leans_on.as_ref().map(|(base, _)| base)
    }

    /// What this model lends to those that lean on it; `None` without counts.
    fn lend(&self) -> Option<Baseline<'_>> {
        Some(self.beside()?.lend(&self.header.plan))
    }

    /// How far this model leans on its peers, and what they lend.
    pub(crate) fn leaning(&self) -> Option<Leaning<'_>> {
        let (base, peers) = self.leans_on.as_ref()?;
        Some(Leaning { peers, base: base.lend()? })
    }

    /// Memory that the model takes, in bytes, about, without the model that it leans on.
    pub fn bytes(&self) -> usize {
        let ModelHeader { user, plan, loss_scales, epoch_losses, software, .. } = &self.header;
        let scales = loss_scales.capacity() * size_of::<LossScale>();
        size_of::<Self>()
            + (user.heap() + plan.heap() + scales + epoch_losses.heap() + software.heap())
            + (self.network.heap() + self.beside.heap())
            + self.leans_on.as_ref().map_or(0, |(_, peers)| peers.heap())
    }

    /// The place of the fingerprint, for [`crate::artifact`], which computes it.
    pub(crate) fn remembered_fingerprint(&self) -> &OnceLock<String> {
        &self.fingerprint.0
    }

    /// Gives a model with scorers its peers.
    pub(crate) fn lean_on(
        &mut self,
        peers: &Arc<Self>,
        stored: StoredPeers,
    ) -> Result<(), ModelError> {
        self.fingerprint = Remembered::default();
        self.leans_on = None;
        if self.beside.is_some() {
            // Who leans on others is not one to lean on.
            let base = peers.lend().filter(|_| peers.leans_on.is_none());
            let found = stored.restore(base, &self.header.plan)?;
            self.leans_on = Some((Arc::clone(peers), found));
        }
        Ok(())
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Whether rows get a [`RowScore`].
    pub fn is_recommended(&self) -> bool {
        self.beside.is_some()
    }

    /// [`RowScore::score`] of the training rows that were held back, ascending; `None` without scorers
    /// beside the network, or where too few rows were learnt to hold any back.
    pub fn held_out_scores(&self) -> Option<&[f32]> {
        self.beside.as_ref()?.held_out_scores()
    }

    /// All of the model but its weights and what stands beside the network.
    pub fn header(&self) -> &ModelHeader {
        &self.header
    }

    /// The weights, in the order of [`Layout`].
    pub fn weights(&self) -> &[f32] {
        self.network.weights()
    }

    /// Names, shapes and places of the weights.
    pub fn parameters(&self) -> Vec<Parameter> {
        let shape = self.network.layout().shape();
        let names: Vec<&str> =
            self.header.plan.names().skip(shape.numeric + shape.binary).collect();
        self.network.layout().parameters(&names)
    }

    /// Rows as the network reads them.
    ///
    /// # Errors
    /// As [`FeaturePlan::encode`].
    pub fn encode(&self, rows: &RecordBatch) -> Result<EncodedRows, ModelError> {
        let mut encoded = encode(&self.header.plan, rows)?;
        if let Some(scorers) = &self.beside {
            scorers.encode(&self.header.plan, rows, &mut encoded)?;
        }
        if let Some(leaning) = self.leaning() {
            leaning.base.encode(rows, &mut encoded.beside)?;
        }
        Ok(encoded)
    }

    /// Scores rows that this model has encoded.
    ///
    /// # Panics
    /// If they were encoded by a model with other features.
    pub fn score(&self, rows: &EncodedRows) -> Scores {
        self.score_with(&mut ScoreMemory::default(), rows)
    }

    /// As [`UserModel::score`], without computing again the rows that `memory` knows from calls
    /// before. A memory belongs to one model.
    ///
    /// # Panics
    /// As [`UserModel::score`].
    pub fn score_with(&self, memory: &mut ScoreMemory, rows: &EncodedRows) -> Scores {
        if memory.distinct.rows.rows > ScoreMemory::MOST_ROWS {
            *memory = ScoreMemory::default();
        }
        let shape = self.network.layout().shape();
        let known = memory.anomaly_score.len();
        let places = memory.distinct.add(rows, shape);
        let slice = self.header.config.eval_batch_size;
        let losses = score::losses_from(&self.network, &memory.distinct.rows, known, slice);
        let (anomaly_score, zscore) = self.scores_of(&losses);
        if let Some(scorers) = &self.beside {
            let rows = &memory.distinct.rows;
            memory.combined.extend(scorers.score(self.leaning(), rows, known, &anomaly_score));
        }
        memory.anomaly_score.extend(anomaly_score);
        memory.zscore.extend(zscore);
        Scores {
            anomaly_score: spread(&places, &memory.anomaly_score, 1),
            zscore: spread(&places, &memory.zscore, 1),
            combined: match self.beside {
                Some(_) => spread(&places, &memory.combined, 1),
                None => Vec::new(),
            },
        }
    }

    /// How surprising each cell is, in nats, `[rows, features]`: what the counts' part of a row's
    /// score is made of. Empty for a model that has the network alone.
    ///
    /// # Panics
    /// As [`UserModel::score`].
    pub fn surprises(&self, rows: &EncodedRows) -> Vec<f32> {
        let surprises = |scorers: &Scorers| scorers.surprises(self.leaning(), rows);
        self.beside().map_or_else(Vec::new, surprises)
    }

    /// Scores rows that this model has encoded and tells each feature's part, with z losses as
    /// distances, so that `max_abs_z` and `mean_abs_z` are what they are called.
    ///
    /// # Panics
    /// As [`UserModel::score`].
    pub fn score_features(&self, rows: &EncodedRows) -> FeatureScores {
        self.score_features_signed(rows, ZSign::Absolute)
    }

    /// As [`UserModel::score_features`], with a choice of the z losses' sign.
    ///
    /// # Panics
    /// As [`UserModel::score`].
    pub fn score_features_signed(&self, rows: &EncodedRows, sign: ZSign) -> FeatureScores {
        let mut distinct = Distinct::default();
        let places = distinct.add(rows, self.network.layout().shape());
        let (mut loss, mut outputs) = (Vec::new(), Vec::new());
        let slice = self.header.config.eval_batch_size;
        score::each_slice(&self.network, &distinct.rows, 0, slice, |evaluation| {
            loss.extend_from_slice(evaluation.losses());
            outputs.extend(evaluation.outputs());
        });
        let features = self.header.loss_scales.len();
        score::add_beyond(&mut loss, &distinct.rows, 0, features);
        let combined = match &self.beside {
            Some(scorers) => {
                let (anomaly_score, _) = self.scores_of(&loss);
                let combined = scorers.score(self.leaning(), &distinct.rows, 0, &anomaly_score);
                spread(&places, &combined, 1)
            }
            None => Vec::new(),
        };
        let loss = spread(&places, &loss, features);
        let (anomaly_score, zscore) = self.scores_of(&loss);
        let mut z_loss = loss.clone();
        for row in z_loss.chunks_exact_mut(features) {
            for (z, scale) in row.iter_mut().zip(&self.header.loss_scales) {
                *z = scale.apply(*z);
                if sign == ZSign::Absolute {
                    *z = z.abs();
                }
            }
        }
        FeatureScores {
            anomaly_score,
            zscore,
            combined,
            names: self.header.plan.names().map(str::to_owned).collect(),
            max_abs_z: z_loss
                .chunks_exact(features)
                .map(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max))
                .collect(),
            mean_abs_z: score::row_means(&z_loss, features)
                .into_iter()
                .map(|mean| mean.clamp(f32::MIN, f32::MAX))
                .collect(),
            predictions: self.predictions(&outputs, &places),
            loss,
            z_loss,
        }
    }

    /// Anomaly scores and their z values from losses, `[rows, features]`.
    fn scores_of(&self, losses: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let scores = score::row_means(losses, self.header.loss_scales.len());
        let z = scores.iter().map(|score| self.header.score_scale.z(*score)).collect();
        (scores, z)
    }

    /// A column for each feature from the network's outputs for distinct rows, `[distinct rows,
    /// outputs]`, and the place of each row among them.
    fn predictions(&self, outputs: &[f32], places: &[usize]) -> Vec<ArrayRef> {
        let (plan, shape) = (&self.header.plan, self.network.layout().shape());
        let width = shape.outputs();
        let rows = || places.iter().map(|place| &outputs[place * width..(place + 1) * width]);
        let numeric =
            (0..shape.numeric).map(|f| plan.numeric_prediction(f, rows().map(move |row| row[f])));
        let binary = (0..shape.binary).map(|f| {
            let at = shape.numeric + f;
            plan.binary_prediction(f, rows().map(move |row| sigmoid(row[at])))
        });
        let mut at = shape.numeric + shape.binary;
        let categorical = shape.codes.iter().enumerate().map(|(f, codes)| {
            let logits = at..at + codes;
            at = logits.end;
            plan.category_prediction(f, rows().map(move |row| &row[logits.clone()]))
        });
        numeric.chain(binary).chain(categorical).collect()
    }
}

fn encode(plan: &FeaturePlan, rows: &RecordBatch) -> Result<EncodedRows, ModelError> {
    let mut encoded = EncodedRows::default();
    plan.encode(rows, &mut encoded)?;
    Ok(encoded)
}
