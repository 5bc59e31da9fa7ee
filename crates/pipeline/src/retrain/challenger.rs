//! The model that a new version is judged by.

use super::compare::{self, Comparison};
use crate::train::{Trainer, TrainingProgress};
use arrow_array::RecordBatch;
use dfp_engine::Reporter;
use dfp_model::UserModel;
use std::sync::Arc;

/// A trial learns so many rows at least, if there are.
const LEAST_LEARNT: usize = 20;

/// A model that has not seen the newest rows of a history.
pub(crate) struct Trial<'a> {
    /// With the settings of the new version.
    pub(crate) trainer: &'a Trainer<'a>,
    /// What it leans on.
    pub(crate) peers: Option<&'a Arc<UserModel>>,
    /// The share of the rows that it does not see.
    pub(crate) share: f64,
}

impl Trial<'_> {
    /// Trains it and holds it against the live model, which has not learnt the last `new` rows.
    ///
    /// # Errors
    /// Why it cannot be trained, or rows cannot be scored.
    pub(crate) fn held_against(
        &self,
        user: &str,
        live: &UserModel,
        version: Option<u64>,
        (rows, new): (&RecordBatch, usize),
        progress: &TrainingProgress,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Comparison, String> {
        let all = rows.num_rows();
        let mut held_out = ((all as f64 * self.share).ceil() as usize).max(compare::FEWEST);
        if new > 0 {
            // What is new may be all that has changed: the trial learns the older half of it, if the
            // newer one is enough to compare.
            held_out = held_out.min(new.div_ceil(2).max(new.min(compare::FEWEST)));
        }
        let held_out = held_out.clamp(1, all.saturating_sub(LEAST_LEARNT).max(1));
        let (older, newer) = (rows.slice(0, all - held_out), rows.slice(all - held_out, held_out));
        let trial = self.trainer.fit(user, &older, self.peers, progress)?;
        let seen = held_out - new.min(held_out);
        compare::compare((live, version), &trial, (&older, &newer), seen, reporter)
            .map_err(|error| error.to_string())
    }
}
