//! How far measures would differ with other rows of the same kind: percentile bootstrap intervals
//! (Efron 1979).

use super::{Ranking, auroc, average_precision};
use crate::random::{Stream, stream_seed};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The ends of the middle 95 % of resamples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intervals {
    /// Of [`Ranking::auroc`].
    pub auroc: (f64, f64),
    /// Of [`Ranking::average_precision`].
    pub average_precision: (f64, f64),
}

/// A thousand say where the middle 95 % end to within a fifth of a percent of the resamples.
pub const RESAMPLES: usize = 1_000;

impl Ranking {
    /// Draws rows anew, with replacement, from within the labelled and the other rows of each stratum:
    /// a user, say. `strata` has one for each row, in the order in which rows were given. Neither
    /// the number of labelled rows nor that of a user's rows changes, so the intervals are about these
    /// users: they say nothing about others. `None` if there is nothing to measure.
    ///
    /// A resample is drawn as counts over the different scores, and is not sorted again.
    ///
    /// # Panics
    /// If there are not as many strata as rows.
    pub fn intervals(&self, strata: &[u32], seed: u64) -> Option<Intervals> {
        assert_eq!(strata.len(), self.places.len(), "a stratum a row");
        self.auroc()?;
        let mut pools: BTreeMap<(bool, u32), Vec<u32>> = BTreeMap::new();
        for ((place, positive), stratum) in self.places.iter().zip(&self.positive).zip(strata) {
            pools.entry((*positive, *stratum)).or_default().push(*place);
        }
        let resample = |number: usize| {
            let seed = stream_seed(seed, &number.to_string(), Stream::Resamples);
            let mut random = ChaCha8Rng::from_seed(seed);
            let mut counts = vec![(0, 0); self.ties.len()];
            for ((positive, _), pool) in &pools {
                let rows = pool.len() as u64;
                for _ in 0..rows {
                    // The upper half of the product: no division, and off by less than one in 2^32
                    // for each row.
                    let at = (u64::from(random.next_u32()) * rows) >> 32;
                    let count: &mut (u32, u32) = &mut counts[pool[at as usize] as usize];
                    match positive {
                        true => count.0 += 1,
                        false => count.1 += 1,
                    }
                }
            }
            let auroc = auroc(counts.iter().copied()).unwrap_or_default();
            (auroc, average_precision(counts.into_iter()).unwrap_or_default())
        };
        let resamples: Vec<(f64, f64)> = (0..RESAMPLES).into_par_iter().map(resample).collect();
        Some(Intervals {
            auroc: middle(resamples.iter().map(|measures| measures.0).collect()),
            average_precision: middle(resamples.iter().map(|measures| measures.1).collect()),
        })
    }
}

/// The .025 and .975 quantiles, between order statistics.
fn middle(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        values[below] + (place - place.floor()) * (values[above] - values[below])
    };
    (at(0.025), at(0.975))
}
