//! Scorers as they stand in a model file: small things by name, tables as numbers in a row.

use super::baseline::Baseline;
use super::peers::Peers;
use super::{HeldOut, Scorers};
use crate::calibrate::Reference;
use crate::counts::{Counts, StoredCounts};
use crate::encode::FeaturePlan;
use crate::encode::values::ValueCoding;
use crate::error::ModelError;
use crate::neighbours::{Neighbours, StoredNeighbours};
use serde::{Deserialize, Serialize};

/// What is said by name. Behind it stand `words`, the pairs of values and the neighbours' values,
/// and `numbers`: the samples in the order of their lengths here, then the neighbours' numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    coding: ValueCoding,
    counts: StoredCounts,
    neighbours: Option<StoredNeighbours>,
    /// Lengths of the samples of counts, neighbours, network and sums.
    samples: [usize; 4],
    /// The extremal index of the sums; files of version 2 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<f64>,
    /// Whether the sample of counts is too small for a tail and has one; in old files it has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    open: bool,
    /// Whom the user leans on; put in by whoever writes.
    pub(crate) peers: Option<StoredPeers>,
}

/// The peers' name, and how many rows their word is worth in each column.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredPeers {
    pub(crate) user: String,
    /// Of the peers' model; files before version 4 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    weights: Vec<u32>,
}

impl StoredPeers {
    /// How far a user leans on the model of that name.
    pub(crate) fn of(user: String, fingerprint: String, peers: &Peers) -> Self {
        Self { user, fingerprint: Some(fingerprint), weights: peers.weights().to_vec() }
    }

    /// The peers that were stored, for a user with this plan. `base` is what their model lends, `None`
    /// if that is not one to lean on.
    ///
    /// # Errors
    /// [`ModelError::Artifact`] if they are not of this user's features.
    pub(crate) fn restore(
        self,
        base: Option<Baseline<'_>>,
        plan: &FeaturePlan,
    ) -> Result<Peers, ModelError> {
        base.and_then(|base| Peers::restore(base, plan, self.weights)).ok_or_else(|| {
            ModelError::Artifact(format!(
                "the model leans on that of {:?}, which is not one to lean on",
                self.user
            ))
        })
    }
}

impl Scorers {
    /// Puts the tables behind `words` and `numbers`. What the user leans on is not known here.
    pub(crate) fn store(&self, words: &mut Vec<u32>, numbers: &mut Vec<f32>) -> Stored {
        let counts = self.counts.store(words);
        let none = Reference::new(Vec::new());
        let held_out = self.held_out.as_ref();
        let samples = [
            &self.of_counts,
            self.of_neighbours.as_ref().unwrap_or(&none),
            held_out.map_or(&none, |h| &h.of_net),
            held_out.map_or(&none, |h| &h.of_sum),
        ]
        .map(Reference::scores);
        samples.iter().for_each(|sample| numbers.extend_from_slice(sample));
        Stored {
            coding: self.coding.clone(),
            counts,
            neighbours: self.neighbours.as_ref().map(|n| n.store(words, numbers)),
            samples: samples.map(<[f32]>::len),
            index: held_out.and_then(|h| h.of_sum.index()),
            open: self.of_counts.is_open(),
            peers: None,
        }
    }

    /// Scorers of a model with this plan.
    ///
    /// # Errors
    /// [`ModelError::Artifact`] if the parts do not fit each other or the plan.
    pub(crate) fn restore(
        stored: Stored,
        plan: &FeaturePlan,
        mut words: &[u32],
        mut numbers: &[f32],
    ) -> Result<Self, ModelError> {
        let refuse = |what: &str| ModelError::Artifact(format!("the model's scorers {what}"));
        let values = plan.value_counts(&stored.coding).filter(|_| plan.accepts(&stored.coding));
        let values = values.ok_or_else(|| refuse("do not fit its features"))?;
        let counts = Counts::restore(stored.counts, &values, &mut words)?;
        let mut samples = Vec::with_capacity(stored.samples.len());
        let indices = [None, None, None, stored.index];
        for (length, index) in stored.samples.into_iter().zip(indices) {
            let sample = numbers.split_at_checked(length).and_then(|(sample, rest)| {
                numbers = rest;
                Reference::restore(sample, index)
            });
            samples.push(sample.ok_or_else(|| refuse("have a sample that cannot be one"))?);
        }
        let shape = (plan.shape().numeric, values.len());
        let neighbours = stored
            .neighbours
            .map(|neighbours| {
                Neighbours::restore(neighbours, shape, &mut words, &mut numbers)
                    .ok_or_else(|| refuse("have neighbours that do not fit its features"))
            })
            .transpose()?;
        if !words.is_empty() || !numbers.is_empty() {
            return Err(refuse("have more numbers than their header says"));
        }
        let is_some = |sample: &Reference| !sample.scores().is_empty();
        let mut samples = samples.into_iter();
        let with_a_tail = |sample: Reference| match stored.open {
            true => sample.with_a_tail(),
            false => sample,
        };
        let (of_counts, of_neighbours) = (samples.next(), samples.next());
        let (of_net, of_sum) = (samples.next().filter(is_some), samples.next().filter(is_some));
        let of_neighbours = of_neighbours.filter(is_some);
        if of_net.is_some() != of_sum.is_some() || of_neighbours.is_some() != neighbours.is_some() {
            return Err(refuse("lack a sample"));
        }
        Ok(Self {
            coding: stored.coding,
            counts,
            neighbours,
            of_counts: of_counts.map(with_a_tail).ok_or_else(|| refuse("lack a sample"))?,
            of_neighbours,
            held_out: of_net.zip(of_sum).map(|(of_net, of_sum)| HeldOut { of_net, of_sum }),
        })
    }
}
