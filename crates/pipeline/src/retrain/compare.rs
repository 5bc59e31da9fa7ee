//! A new version beside the live one, on rows that the new one has not seen.
//!
//! The model that is compared is a trial: of the same settings as the new version, trained without the
//! newest rows of the history. Those rows are scored by both. The new version itself learns all rows.
//!
//! The rule. A new version is promoted unless
//!
//! 1. its loss is higher on the rows that neither has learnt: the mean difference of the rows' losses, new
//!    less live, is above 1 % of the live one's mean loss and above two standard errors of that
//!    difference. With fewer than 20 such rows losses say nothing, since a model knows what it has learnt;
//!    or
//! 2. on the rows held out it would raise more alerts: the share of rows with p <= 0.01 is above the live one's, and above
//!    0.01 by more than two standard errors of a share of so many rows.

use super::drift::{Drift, drift};
use crate::encoding::Encoder;
use crate::error::RunError;
use crate::train::without_times;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use dfp_engine::Reporter;
use dfp_model::UserModel;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rows with a p-value of at most this would be alerts.
const ALERT: f64 = 0.01;
/// Of models without p-values: rows further than this from the mean of the training scores, in their
/// standard deviations.
const ALERT_Z: f32 = 4.0;
/// A loss that is higher by less than this share is no worse.
const TOLERANCE: f64 = 0.01;
/// Standard errors that are chance.
const CHANCE: f64 = 2.0;
/// Losses are compared on at least so many rows.
pub(super) const FEWEST: usize = 20;
/// Names of new and vanished categories that are kept.
const NAMED: usize = 20;

/// Two models on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The live version.
    pub live_version: Option<u64>,
    /// Rows that were held out.
    pub held_out: usize,
    /// Of these, the live version's training window has so many.
    pub seen_by_live: usize,
    /// The live one.
    pub live: Side,
    /// The new one, trained without the rows held out.
    pub candidate: Side,
    /// Mean of the losses, new less live, of the rows that neither has learnt, and its standard error;
    /// `None` where there are too few, or where the two do not have the same scorer.
    pub difference: Option<(f64, f64)>,
    /// Categories that the live one does not know, as `column: value`, and how many there are.
    pub new_categories: (Vec<String>, usize),
    /// Categories of the live one that no row of the window has.
    pub vanished_categories: (Vec<String>, usize),
    /// How the rows held out differ from the older ones, by feature; the greatest first.
    pub drift: Vec<Drift>,
    /// What follows.
    pub verdict: Verdict,
}

/// What one of two models makes of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Mean loss: nats a cell by the counts, or the network's loss where there are none.
    pub loss: f64,
    /// Share of rows with p <= 0.05: a model that knows its user has about as many.
    pub at_five_percent: Option<f64>,
    /// Share of rows that would be alerts: p <= 0.01, or z > 4 where there are no p-values.
    pub alerts: f64,
}

/// Whether a version is promoted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// It is.
    pub promote: bool,
    /// Why.
    pub reason: String,
}

/// What a model makes of rows, row by row.
struct Scored {
    losses: Vec<f64>,
    p_values: Option<Vec<f64>>,
    alerts: usize,
}

impl Scored {
    fn side(&self) -> Side {
        let rows = self.losses.len().max(1) as f64;
        let share = |most: f64| {
            let below = |p: &[f64]| p.iter().filter(|p| **p <= most).count() as f64 / rows;
            self.p_values.as_deref().map(below)
        };
        Side {
            loss: self.losses.iter().sum::<f64>() / rows,
            at_five_percent: share(0.05),
            alerts: self.alerts as f64 / rows,
        }
    }
}

/// Holds `candidate` against `live` on the newer rows of a window; `seen`: so many of them the live one
/// has learnt.
pub(super) fn compare(
    (live, live_version): (&UserModel, Option<u64>),
    candidate: &UserModel,
    (older, newer): (&RecordBatch, &RecordBatch),
    seen: usize,
    reporter: &Arc<dyn Reporter>,
) -> Result<Comparison, RunError> {
    let (older, _) = without_times(older)?;
    let (newer, _) = without_times(newer)?;
    let of_live = scored(live, &newer, reporter)?;
    let of_candidate = scored(candidate, &newer, reporter)?;
    let alike = live.is_recommended() == candidate.is_recommended();
    // Rows are in the order of time, and what was learnt is older than what was not.
    let first = seen.min(newer.num_rows());
    let unseen = newer.num_rows() - first;
    let difference = (alike && unseen >= FEWEST)
        .then(|| difference(&of_live.losses[first..], &of_candidate.losses[first..]));
    let (new, vanished) = categories(live, &[&older, &newer])?;
    let (a, b) = (of_live.side(), of_candidate.side());
    Ok(Comparison {
        live_version,
        held_out: newer.num_rows(),
        seen_by_live: seen,
        live: a,
        candidate: b,
        difference,
        new_categories: new,
        vanished_categories: vanished,
        drift: drift(&older, &newer)?,
        verdict: verdict(a, b, (difference, unseen), newer.num_rows()),
    })
}

/// Mean of b - a, and its standard error.
fn difference(a: &[f64], b: &[f64]) -> (f64, f64) {
    let rows = a.len().max(1) as f64;
    let mean = a.iter().zip(b).map(|(a, b)| b - a).sum::<f64>() / rows;
    let squares = a.iter().zip(b).map(|(a, b)| (b - a - mean).powi(2)).sum::<f64>();
    (mean, (squares / (rows - 1.0).max(1.0) / rows).sqrt())
}

fn verdict(
    live: Side,
    new: Side,
    (difference, unseen): (Option<(f64, f64)>, usize),
    rows: usize,
) -> Verdict {
    let no = |reason: String| Verdict { promote: false, reason };
    if (1..FEWEST).contains(&unseen) {
        return no(format!(
            "too few rows to compare: {unseen} that neither has learnt, of {FEWEST} that are needed"
        ));
    }
    if let Some((mean, error)) = difference
        && mean > TOLERANCE * live.loss.abs()
        && mean > CHANCE * error
    {
        return no(format!(
            "its loss on rows that neither has learnt is higher by {mean:.4}, of {:.4} of the live one",
            live.loss
        ));
    }
    let chance = CHANCE * (ALERT * (1.0 - ALERT) / rows.max(1) as f64).sqrt();
    if new.alerts > live.alerts && new.alerts > ALERT + chance {
        return no(format!(
            "it would raise more alerts: {:.2} % of {rows} rows held out against {:.2} % of the live one",
            100.0 * new.alerts,
            100.0 * live.alerts
        ));
    }
    Verdict {
        promote: true,
        reason: match difference {
            Some(_) => format!(
                "not worse on {rows} rows held out: loss {:.4} against {:.4}, alerts {:.2} % against {:.2} %",
                new.loss,
                live.loss,
                100.0 * new.alerts,
                100.0 * live.alerts
            ),
            None => format!(
                "not worse on {rows} rows held out: alerts {:.2} % against {:.2} %; losses say nothing, the live one has learnt these rows or has another scorer",
                100.0 * new.alerts,
                100.0 * live.alerts
            ),
        },
    }
}

fn scored(
    model: &UserModel,
    rows: &RecordBatch,
    reporter: &Arc<dyn Reporter>,
) -> Result<Scored, RunError> {
    let encoded = Encoder::alone(reporter)
        .encode(&model.header().user, model, rows)
        .map_err(|error| RunError::Failed(error.to_string()))?;
    let scores = model.score(&encoded);
    if !model.is_recommended() {
        let losses = scores.anomaly_score.iter().map(|loss| f64::from(*loss)).collect();
        let alerts = scores.zscore.iter().filter(|z| **z > ALERT_Z).count();
        return Ok(Scored { losses, p_values: None, alerts });
    }
    let features = model.header().loss_scales.len().max(1);
    let surprises = model.surprises(&encoded);
    let mean = |row: &[f32]| row.iter().map(|s| f64::from(*s)).sum::<f64>() / features as f64;
    let p_values: Vec<f64> = scores.combined.iter().map(|row| row.p_value).collect();
    Ok(Scored {
        losses: surprises.chunks_exact(features).map(mean).collect(),
        alerts: p_values.iter().filter(|p| **p <= ALERT).count(),
        p_values: Some(p_values),
    })
}

/// Some names, and how many there are.
type Names = (Vec<String>, usize);

/// Categories that rows have and the model has not, and the other way round.
fn categories(model: &UserModel, rows: &[&RecordBatch]) -> Result<(Names, Names), RunError> {
    let (mut new, mut vanished) = (BTreeSet::new(), BTreeSet::new());
    let plan = &model.header().plan;
    for column in plan.names() {
        let Some(known) = plan.categories(column) else { continue };
        let known: BTreeSet<&str> = known.map(|(category, _)| category).collect();
        let mut found: BTreeSet<String> = BTreeSet::new();
        for rows in rows {
            let Some(cells) = rows.column_by_name(column) else { continue };
            let cells = arrow_cast::cast(cells, &DataType::Utf8)?;
            let cells = cells.as_string::<i32>();
            for cell in cells.iter().flatten() {
                if !found.contains(cell) {
                    found.insert(cell.to_owned());
                }
            }
        }
        let name = |value: &str| format!("{column}: {value}");
        new.extend(found.iter().filter(|value| !known.contains(value.as_str())).map(|v| name(v)));
        vanished.extend(known.iter().filter(|value| !found.contains(**value)).map(|v| name(v)));
    }
    let named = |all: BTreeSet<String>| {
        let count = all.len();
        (all.into_iter().take(NAMED).collect(), count)
    };
    Ok((named(new), named(vanished)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(loss: f64, alerts: f64) -> Side {
        Side { loss, at_five_percent: Some(0.05), alerts }
    }

    #[test]
    fn a_version_is_refused_for_its_loss_or_its_alerts() {
        let promote = |live, new, difference| verdict(live, new, (difference, 400), 400).promote;
        assert!(promote(side(1.0, 0.01), side(0.8, 0.01), Some((-0.2, 0.01))));
        // Higher, but by less than one in a hundred, or by chance.
        assert!(promote(side(1.0, 0.01), side(1.009, 0.01), Some((0.009, 0.001))));
        assert!(promote(side(1.0, 0.01), side(1.1, 0.01), Some((0.1, 0.06))));
        assert!(!promote(side(1.0, 0.01), side(1.1, 0.01), Some((0.1, 0.04))));
        // More alerts than the live one, but no more than promised: 0.01 + 2 * 0.005.
        assert!(promote(side(1.0, 0.0), side(1.0, 0.019), Some((0.0, 0.1))));
        assert!(!promote(side(1.0, 0.0), side(1.0, 0.021), Some((0.0, 0.1))));
        // The live one would raise even more.
        assert!(promote(side(1.0, 0.3), side(0.9, 0.2), Some((-0.1, 0.01))));
        // Losses of different scorers say nothing.
        assert!(promote(side(1.0, 0.01), side(9.0, 0.01), None));
        // Nor do a few rows; where nothing is new there are none.
        let of_rows = |unseen| verdict(side(1.0, 0.0), side(0.5, 0.0), (None, unseen), 400).promote;
        assert_eq!([0, 1, FEWEST - 1, FEWEST].map(of_rows), [true, false, false, true]);
    }

    #[test]
    fn the_difference_is_that_of_the_rows() {
        // Differences 1, 3: mean 2, variance 2, standard error 1.
        let (mean, error) = difference(&[1.0, 1.0], &[2.0, 4.0]);
        assert!((mean - 2.0).abs() < 1e-12 && (error - 1.0).abs() < 1e-12);
        assert_eq!(difference(&[1.0], &[3.0]), (2.0, 0.0));
    }
}
