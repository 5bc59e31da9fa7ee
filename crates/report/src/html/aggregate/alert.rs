//! The rows that are shown.

use super::user::UserDigest;
use super::view::View;
use std::cmp::Ordering;
use std::sync::Arc;

/// Rows that wait until z is known, where there is no p-value.
const CANDIDATES: usize = 2_048;
/// Contributions of which the cell is kept too.
const CELLS: usize = 12;
/// Contributions that are kept.
const PARTS: usize = 64;

/// A row that stands out.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Whose row it is.
    pub user: Arc<str>,
    /// Its number among all rows, from 0.
    pub order: u64,
    /// Microseconds since 1970.
    pub time: Option<i64>,
    /// Its number in its own file (`_index_`).
    pub file_row: Option<i64>,
    /// Its score.
    pub score: Option<f64>,
    /// Its p-value.
    pub p_value: Option<f64>,
    /// z over its user's rows; known when all of them are.
    pub z: Option<f64>,
    /// `timeseries` has flagged it.
    pub flagged: bool,
    /// Why, in words.
    pub reason: Option<String>,
    /// Numbers of features, largest contribution first.
    pub parts: Vec<(usize, f64)>,
    /// The cells of the first of these.
    pub cells: Vec<Option<String>>,
    /// The user's place among those with a line of their own.
    place: Option<usize>,
}

impl Alert {
    pub(super) fn of(
        view: &View,
        row: usize,
        order: u64,
        features: &[Option<usize>],
        place: Option<usize>,
    ) -> Self {
        let parts = view.parts.iter().zip(features).filter_map(|((name, _), number)| {
            let value = view.part(name, row)?;
            Some((name, (*number)?, value))
        });
        let mut parts: Vec<(&String, usize, f64)> = parts.collect();
        parts.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.1.cmp(&b.1)));
        parts.truncate(PARTS);
        let cells = parts.iter().take(CELLS).map(|(name, _, _)| view.cell(name, row)).collect();
        Self {
            user: Arc::clone(view.user(row)),
            order,
            time: view.time(row),
            file_row: view.file_row(row),
            score: view.score(row),
            p_value: view.p_value(row),
            z: None,
            flagged: view.is_flagged(row),
            reason: view.reason(row),
            parts: parts.into_iter().map(|(_, number, value)| (number, value)).collect(),
            cells,
            place,
        }
    }

    pub(super) fn z_among(&self, users: &[UserDigest]) -> f64 {
        let user = self.place.and_then(|place| users.get(place));
        user.zip(self.score).map_or(0.0, |(user, score)| user.z(score))
    }
}

/// The least likely first; of those alike the one that came first.
fn by_p(a: (Option<f64>, Option<f64>, u64), b: (Option<f64>, Option<f64>, u64)) -> Ordering {
    let p = |p: Option<f64>| p.unwrap_or(f64::INFINITY);
    let score = |score: Option<f64>| score.unwrap_or(f64::NEG_INFINITY);
    let by_score = p(a.0).total_cmp(&p(b.0)).then(score(b.1).total_cmp(&score(a.1)));
    by_score.then(a.2.cmp(&b.2))
}

/// Alerts so far.
#[derive(Debug)]
pub(super) struct Alerts {
    most: usize,
    kept: Vec<Alert>,
    /// By p-value: what the last of a full list has.
    worst: Option<(Option<f64>, Option<f64>)>,
    pub(super) count: u64,
}

impl Alerts {
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: Vec::new(), worst: None, count: 0 }
    }

    /// Whether a row with these would be shown, as far as is known.
    pub(super) fn takes(&self, p: Option<f64>, score: Option<f64>) -> bool {
        self.most > 0
            && self
                .worst
                .is_none_or(|(of_p, of_score)| by_p((p, score, 1), (of_p, of_score, 0)).is_lt())
    }

    pub(super) fn keep(&mut self, alert: Alert) {
        self.kept.push(alert);
        if self.kept.len() > self.most.saturating_mul(2) && self.kept[0].p_value.is_some() {
            self.sort_by_p();
        }
    }

    fn sort_by_p(&mut self) {
        let key = |alert: &Alert| (alert.p_value, alert.score, alert.order);
        self.kept.sort_by(|a, b| by_p(key(a), key(b)));
        self.kept.truncate(self.most);
        if self.kept.len() == self.most {
            self.worst = self.kept.last().map(|alert| (alert.p_value, alert.score));
        }
    }

    /// Whether there are more candidates than are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= CANDIDATES.max(self.most).saturating_mul(2)
    }

    pub(super) fn prune_by(&mut self, z: impl Fn(&Alert) -> f64) {
        self.sort_by_z(z);
        self.kept.truncate(CANDIDATES.max(self.most));
    }

    fn sort_by_z(&mut self, z: impl Fn(&Alert) -> f64) {
        for alert in &mut self.kept {
            alert.z = Some(z(alert));
        }
        let key = |alert: &Alert| alert.z.unwrap_or(f64::NEG_INFINITY);
        self.kept.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.order.cmp(&b.order)));
    }

    pub(super) fn by_p(mut self) -> Vec<Alert> {
        self.sort_by_p();
        self.kept
    }

    /// The highest z first; unless they have been chosen, those above the threshold.
    pub(super) fn by_z(mut self, users: &[UserDigest], chosen: bool) -> Vec<Alert> {
        self.sort_by_z(|alert| alert.z_among(users));
        self.kept.retain(|alert| chosen || alert.z.is_some_and(|z| z > super::UNUSUAL_Z));
        self.kept.truncate(self.most);
        self.kept
    }
}
