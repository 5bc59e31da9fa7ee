//! What only a run knows.

use crate::plots::Bins;
use crate::summary::Summary;
use dfp_model::user_model::UserModel;
use std::sync::Arc;

/// Bins of the training rows' scores.
const BINS: usize = 8_192;
/// Losses of more models are not drawn.
const MOST_CURVES: usize = 2_000;

/// What only a run knows.
#[derive(Debug)]
pub struct RunFacts {
    /// The plan as text.
    pub plan: String,
    /// The seed of training.
    pub seed: Option<u64>,
    /// Nobody asked for it.
    pub seed_is_drawn: bool,
    /// Of each model, the mean loss of each epoch.
    pub losses: Vec<Vec<f64>>,
    /// Fewest and most steps of training.
    pub steps: Option<(usize, usize)>,
    /// What is known of the training rows' scores.
    pub training: Training,
    /// What was left out, a line each.
    pub quality: Vec<String>,
}

/// What models know of their training rows' scores.
#[derive(Debug)]
pub enum Training {
    /// The scores of rows that were held back, of so many models; others have none.
    Scores {
        /// The scores.
        bins: Bins,
        /// Models that have some.
        models: usize,
        /// Models that have none.
        without: usize,
    },
    /// Mean and standard deviation of each model.
    Moments(Vec<(f64, f64)>),
}

impl Training {
    /// What these models know.
    pub fn of(models: &[Arc<UserModel>]) -> Self {
        if !models.iter().any(|model| model.is_recommended()) {
            let scale = |model: &Arc<UserModel>| {
                let scale = model.header().score_scale;
                (f64::from(scale.mean), f64::from(scale.std))
            };
            return Self::Moments(models.iter().map(scale).collect());
        }
        let mut bins = Bins::new(BINS);
        let held_back = models.iter().filter_map(|model| model.held_out_scores());
        let mut with = 0;
        for scores in held_back {
            with += 1;
            scores.iter().for_each(|score| bins.add(f64::from(*score)));
        }
        Self::Scores { bins, models: with, without: models.len() - with }
    }
}

impl RunFacts {
    /// What a run knows at its end.
    pub fn new(
        plan: String,
        seed: Option<(u64, bool)>,
        models: &[Arc<UserModel>],
        summary: &Summary,
    ) -> Self {
        let losses = models.iter().map(|model| model.header().epoch_losses.clone());
        Self {
            plan,
            seed: seed.map(|(seed, _)| seed),
            seed_is_drawn: seed.is_some_and(|(_, drawn)| drawn),
            losses: losses.filter(|of| !of.is_empty()).take(MOST_CURVES).collect(),
            steps: summary.steps,
            training: Training::of(models),
            quality: quality(summary),
        }
    }
}

/// Everything that was left out.
fn quality(summary: &Summary) -> Vec<String> {
    let count = |rows: usize, noun: &str| super::count(rows as u64, noun);
    let mut lines: Vec<String> =
        summary.skipped.iter().map(|line| format!("skipped, {line}")).collect();
    lines.extend(summary.changed.iter().map(|line| format!("changed, {line}")));
    if summary.rows_without_model > 0 {
        let rows = count(summary.rows_without_model, "row");
        lines.push(format!("{rows} of users without a model passed on without a score"));
    }
    for (user, why) in &summary.failed_users {
        lines.push(format!("no model of user {user:?}: {why}"));
    }
    for (purpose, rows) in summary.filtered.iter().filter(|(_, rows)| *rows > 0) {
        lines
            .push(format!("{purpose}: {} left out, as the feature file asks", count(*rows, "row")));
    }
    if summary.rows_of_others > 0 {
        let rows = count(summary.rows_of_others, "row");
        lines.push(format!("{rows} of other users left out, as --userid_filter asks"));
    }
    if summary.rows_outside > 0 {
        lines
            .push(format!("{} outside of the times asked for", count(summary.rows_outside, "row")));
    }
    for (stage, rows, why) in &summary.dropped {
        lines.push(format!("{} left out by {stage}: {why}", count(*rows, "row")));
    }
    if let Some(alerts) = &summary.alerts {
        for (rule, rows) in &alerts.suppressed {
            lines.push(format!("{} suppressed: {rule}", count(*rows, "alert")));
        }
        if alerts.over_budget > 0 {
            let rows = count(alerts.over_budget, "row");
            lines.push(format!("{rows} as unusual as alerts exceeded the daily budget"));
        }
    }
    if let Some(rows) = &summary.time_series {
        let untested = rows.untested + rows.late + rows.timeless;
        if untested > 0 {
            let tested = count(rows.tested, "row");
            let untested = count(untested, "row");
            lines.push(format!("timeseries tested {tested} and could not test {untested}"));
        }
    }
    lines
}
