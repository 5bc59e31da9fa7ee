//! The measures, and what budgets of alerts find.

use super::judged::{Judged, Row};
use dfp_model::ranking_metrics::{Alerts, Intervals, Ranking};
use serde::Serialize;
use std::collections::BTreeMap;

/// Days of a mean month.
const MONTH: f64 = 365.25 / 12.0;

/// Whose the alerts of a day are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetOf {
    /// All users have one budget: the highest rows of them all.
    #[default]
    All,
    /// Each user has one.
    Each,
}

/// How many alerts are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Budgets {
    /// Alerts a day.
    pub a_day: Vec<f64>,
    /// Whose they are.
    pub of: BudgetOf,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Rows.
    pub rows: usize,
    /// Users with rows.
    pub users: usize,
    /// Days looked at, all users' added.
    pub user_days: f64,
    /// Days from the first to the last row, all parts' added.
    pub days: f64,
    /// Labelled rows.
    pub labelled: usize,
    /// Rows without a score, which rank below all others.
    pub unscored: usize,
    /// Of all rows together; `None` without labelled rows or without others.
    pub auroc: Option<f64>,
    /// The middle 95 % of resamples.
    pub auroc_interval: Option<(f64, f64)>,
    /// Of all rows together.
    pub average_precision: Option<f64>,
    /// The middle 95 % of resamples.
    pub average_precision_interval: Option<(f64, f64)>,
    /// Whose budgets are.
    pub budget_of: BudgetOf,
    /// What each budget finds.
    pub budgets: Vec<Spent>,
    /// The same by kind.
    pub kinds: Vec<KindFound>,
    /// The same by part, if there are several.
    pub parts: Vec<PartMeasures>,
}

/// What a budget finds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// Alerts a day.
    pub alerts_per_day: f64,
    /// Alerts in all: no more than there are rows.
    pub alerts: f64,
    /// Labelled rows among them.
    pub found: f64,
    /// Share of the labelled rows that is found.
    pub recall: Option<f64>,
    /// Share of the alerts that are labelled rows.
    pub precision: Option<f64>,
    /// Other alerts for each user and month.
    pub false_alerts_per_user_month: f64,
    /// The lowest and the highest of the scores from which on rows are alerts: one for each day, and for
    /// each user that has a budget of its own.
    pub score_from: Option<(f64, f64)>,
    /// The lowest and the highest of the p-values up to which as many rows lie.
    pub p_value_to: Option<(f64, f64)>,
}

/// How well one kind of labelled rows is found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindFound {
    /// The kind.
    pub kind: String,
    /// Its rows.
    pub rows: usize,
    /// Against the rows without a label.
    pub auroc: Option<f64>,
    /// Share that is found, for each budget.
    pub recall: Vec<f64>,
}

/// The measures of one part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartMeasures {
    /// Rows.
    pub rows: usize,
    /// Labelled rows.
    pub labelled: usize,
    /// Of the part alone.
    pub auroc: Option<f64>,
    /// Of the part alone.
    pub average_precision: Option<f64>,
    /// Share of the labelled rows that is found, for each budget.
    pub recall: Vec<Option<f64>>,
}

/// Takes the measures; `seed` draws the resamples.
pub fn evaluate(judged: &Judged, budgets: &Budgets, seed: u64) -> Evaluation {
    let rows: Vec<&Row> = judged.rows.iter().collect();
    let ranking = ranking(&rows);
    let strata: Vec<u32> = rows.iter().map(|row| row.user).collect();
    let intervals = ranking.intervals(&strata, seed);
    let groups = Group::all(judged, budgets.of);
    let user_days: f64 = judged.spans.iter().map(|span| span.days).sum();
    let mut spent = Vec::new();
    let mut found_by_kind = vec![Vec::new(); judged.kinds.len()];
    let mut recall_by_part = vec![Vec::new(); judged.part_days.len()];
    for &a_day in &budgets.a_day {
        spent.push(spend(&groups, a_day, user_days));
        let of_kinds = (0..).zip(&mut found_by_kind);
        of_kinds.for_each(|(kind, found)| {
            found.push(recall(&groups, a_day, |row| row.kind == Some(kind)))
        });
        for (part, recalls) in (0..).zip(&mut recall_by_part) {
            recalls.push(recall(&groups, a_day, |row| row.part == part && row.kind.is_some()));
        }
    }
    Evaluation {
        rows: rows.len(),
        users: judged.users.len(),
        user_days,
        days: judged.part_days.iter().sum(),
        labelled: ranking.positives(),
        unscored: rows.iter().filter(|row| row.score.is_nan()).count(),
        auroc: ranking.auroc(),
        auroc_interval: intervals.map(|Intervals { auroc, .. }| auroc),
        average_precision: ranking.average_precision(),
        average_precision_interval: intervals.map(|intervals| intervals.average_precision),
        budget_of: budgets.of,
        budgets: spent,
        kinds: kinds(judged, found_by_kind),
        parts: if judged.part_days.len() > 1 { parts(judged, recall_by_part) } else { Vec::new() },
    }
}

/// Rows that share a budget: those of a day, of all users or of one. They are ranked as `alert` ranks them:
/// by p-value if all have one.
struct Group<'a> {
    rows: Vec<&'a Row>,
    ranking: Ranking,
    /// The same rows by their scores.
    by_score: Ranking,
    is_by_p_value: bool,
}

impl<'a> Group<'a> {
    fn all(judged: &'a Judged, of: BudgetOf) -> Vec<Self> {
        let mut groups: BTreeMap<(u32, i64, u32), Vec<&Row>> = BTreeMap::new();
        for row in &judged.rows {
            let user = if of == BudgetOf::Each { row.user } else { 0 };
            groups.entry((row.part, row.day, user)).or_default().push(row);
        }
        let is_by_p_value = judged.rows.iter().all(|row| row.p_value.is_some());
        let group = |rows: Vec<&'a Row>| {
            let by_score = ranking(&rows);
            let labelled: Vec<bool> = rows.iter().map(|row| row.kind.is_some()).collect();
            let p_values: Vec<f64> = rows.iter().filter_map(|row| Some(-row.p_value?)).collect();
            let ranking = match is_by_p_value {
                true => Ranking::new(&p_values, &labelled),
                false => by_score.clone(),
            };
            Self { ranking, by_score, is_by_p_value, rows }
        };
        groups.into_values().map(group).collect()
    }

    fn alerts(&self, a_day: f64) -> Alerts {
        self.ranking.alerts(a_day)
    }
}

fn ranking(rows: &[&Row]) -> Ranking {
    let scores: Vec<f64> = rows.iter().map(|row| row.score).collect();
    let labelled: Vec<bool> = rows.iter().map(|row| row.kind.is_some()).collect();
    Ranking::new(&scores, &labelled)
}

fn spend(groups: &[Group<'_>], a_day: f64, user_days: f64) -> Spent {
    let of_groups: Vec<Alerts> = groups.iter().map(|group| group.alerts(a_day)).collect();
    let alerts: f64 = of_groups.iter().map(|alerts| alerts.rows).sum();
    let found: f64 = of_groups.iter().map(|alerts| alerts.found).sum();
    let labelled: usize = groups.iter().map(|group| group.ranking.positives()).sum();
    let thresholds = |by_score: bool| {
        range(groups.iter().map(|group| {
            let ranking = if by_score { &group.by_score } else { &group.ranking };
            ranking.alerts(a_day).threshold
        }))
    };
    let is_by_p_value = groups.iter().all(|group| group.is_by_p_value);
    let p_values = thresholds(false).filter(|_| is_by_p_value);
    let share = |of: f64| (of > 0.0).then(|| found / of);
    Spent {
        alerts_per_day: a_day,
        alerts,
        found,
        recall: share(labelled as f64),
        precision: share(alerts),
        false_alerts_per_user_month: match user_days > 0.0 {
            true => (alerts - found) / (user_days / MONTH),
            false => 0.0,
        },
        score_from: thresholds(true),
        p_value_to: p_values.map(|(low, high)| (-high, -low)),
    }
}

/// The lowest and the highest of these numbers.
fn range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = numbers.filter(|number| number.is_finite());
    finite.fold(None, |range, number| {
        let (low, high) = range.unwrap_or((number, number));
        Some((low.min(number), high.max(number)))
    })
}

/// Of the rows meant, the share that a budget finds.
fn recall(groups: &[Group<'_>], a_day: f64, is_meant: impl Fn(&Row) -> bool) -> Option<f64> {
    let (mut found, mut rows) = (0.0, 0);
    for group in groups {
        found += group.ranking.found_of(a_day, |row| is_meant(group.rows[row]));
        rows += group.rows.iter().filter(|row| is_meant(row)).count();
    }
    (rows > 0).then(|| found / rows as f64)
}

fn kinds(judged: &Judged, found: Vec<Vec<Option<f64>>>) -> Vec<KindFound> {
    let kinds = (0..).zip(&judged.kinds).zip(found);
    let kinds = kinds.map(|((kind, name), recall)| {
        let is_of = |row: &&Row| row.kind.is_none_or(|of| of == kind);
        let rows: Vec<&Row> = judged.rows.iter().filter(is_of).collect();
        let ranking = ranking(&rows);
        KindFound {
            kind: name.clone(),
            rows: ranking.positives(),
            auroc: ranking.auroc(),
            recall: recall.into_iter().map(Option::unwrap_or_default).collect(),
        }
    });
    kinds.filter(|kind| kind.rows > 0).collect()
}

fn parts(judged: &Judged, recalls: Vec<Vec<Option<f64>>>) -> Vec<PartMeasures> {
    let parts = (0..).zip(recalls).map(|(part, recall)| {
        let rows: Vec<&Row> = judged.rows.iter().filter(|row| row.part == part).collect();
        let ranking = ranking(&rows);
        PartMeasures {
            rows: rows.len(),
            labelled: ranking.positives(),
            auroc: ranking.auroc(),
            average_precision: ranking.average_precision(),
            recall,
        }
    });
    parts.collect()
}
