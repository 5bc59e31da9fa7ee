//! What a page says of rows, gathered as they come. Of rows as such nothing is kept: a series of at most 600 buckets,
//! a histogram of at most 8,192 bins, the alerts that will be shown, and for each user a line of a few kilobytes. So memory
//! grows with users, up to 10,000 of them, and not with rows.

mod alert;
mod findings;
mod user;
mod view;

pub use alert::Alert;
pub use findings::{Findings, UserLine};
pub use view::{Names, View};

use crate::error::ReportError;
use crate::plots::axis::Counted;
use crate::plots::{Bins, Point, Series};
use alert::Alerts;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use user::{UserDigest, Values};

/// A z above this is an alert where rows have no p-value, as in the course that made the score known.
pub const UNUSUAL_Z: f64 = 4.0;
/// Columns of the picture of scores over time.
const COLUMNS: usize = 600;
const BINS: usize = 8_192;
/// Users with a line of their own; rows of further ones are counted together.
const MOST_USERS: usize = 10_000;
/// Columns whose missing cells are counted, and features whose contributions are kept.
const MOST_COLUMNS: usize = 500;

/// What tells alerts from other rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// `p_value` of at most this.
    P(f64),
    /// z above [`UNUSUAL_Z`], over the user's rows of the run.
    Z,
}

impl Measure {
    /// Where alerts begin, in the unit that is drawn: -log10 of p, or z.
    pub fn threshold(self) -> f64 {
        match self {
            Self::P(threshold) => surprise(threshold),
            Self::Z => UNUSUAL_Z,
        }
    }

    /// What is drawn.
    pub fn value(self) -> &'static str {
        match self {
            Self::P(_) => "-log10 of the p-value",
            Self::Z => "z of the score",
        }
    }
}

/// -log10 of a probability: how many zeros it has.
pub fn surprise(p: f64) -> f64 {
    -p.max(f64::MIN_POSITIVE).log10() + 0.0
}

/// What is asked of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// Rows with a p-value of at most this are alerts.
    pub threshold: f64,
    /// So many alerts are shown.
    pub alerts: usize,
}

/// What has been gathered.
#[derive(Debug)]
pub struct Digest {
    asked: Asked,
    /// Whether rows have p-values; known from the first rows on.
    has_p: Option<bool>,
    /// Whether `alert` has chosen the alerts; known with it.
    chosen: bool,
    counted: Counted,
    rows: u64,
    scored: u64,
    without_time: u64,
    lowest_p: Option<f64>,
    flagged: Option<u64>,
    series: Series,
    bins: Bins,
    places: HashMap<Arc<str>, usize>,
    users: Vec<UserDigest>,
    of_further_users: u64,
    alerts: Alerts,
    /// Names of the features that have contributions, and what these are called.
    features: Vec<String>,
    parts: Option<&'static str>,
    missing: BTreeMap<String, u64>,
}

impl Digest {
    /// Nothing yet.
    pub fn new(asked: Asked) -> Self {
        Self {
            asked,
            has_p: None,
            chosen: false,
            counted: Counted::Time,
            rows: 0,
            scored: 0,
            without_time: 0,
            lowest_p: None,
            flagged: None,
            series: Series::new(COLUMNS),
            bins: Bins::new(BINS),
            places: HashMap::new(),
            users: Vec::new(),
            of_further_users: 0,
            alerts: Alerts::new(asked.alerts),
            features: Vec::new(),
            parts: None,
            missing: BTreeMap::new(),
        }
    }

    /// Takes in rows.
    ///
    /// # Errors
    /// They have other scores than those before.
    pub fn add(&mut self, view: &View) -> Result<(), ReportError> {
        if view.rows == 0 {
            return Ok(());
        }
        let (has_p, chosen) = (view.p_values.is_some(), view.chosen.is_some());
        if self.rows == 0 {
            (self.has_p, self.chosen) = (Some(has_p), chosen);
        }
        if self.chosen != chosen {
            return Err(ReportError::SomeChosen);
        }
        if self.has_p != Some(has_p) {
            return Err(ReportError::SomeWithP);
        }
        if self.rows == 0 && view.times.is_none() {
            self.counted = Counted::Rows;
        }
        let features = self.features_of(view);
        self.count_missing(view);
        if view.flagged.is_some() {
            self.flagged.get_or_insert(0);
        }
        for row in 0..view.rows {
            self.add_row(view, row, &features);
        }
        Ok(())
    }

    /// Numbers of the view's features.
    fn features_of(&mut self, view: &View) -> Vec<Option<usize>> {
        if !view.parts.is_empty() {
            self.parts.get_or_insert(view.parts_name);
        }
        let mut number = |name: &String| {
            let known = self.features.iter().position(|known| known == name);
            known.or_else(|| {
                let free = self.features.len() < MOST_COLUMNS;
                free.then(|| {
                    self.features.push(name.clone());
                    self.features.len() - 1
                })
            })
        };
        view.parts.iter().map(|(name, _)| number(name)).collect()
    }

    fn count_missing(&mut self, view: &View) {
        for (name, missing) in view.missing() {
            if let Some(count) = self.missing.get_mut(name) {
                *count += missing;
            } else if self.missing.len() < MOST_COLUMNS {
                // A column that comes later was missing from all rows before.
                self.missing.insert(name.to_owned(), self.rows + missing);
            }
        }
        for (name, count) in &mut self.missing {
            if !view.has(name) {
                *count += view.rows as u64;
            }
        }
    }

    fn add_row(&mut self, view: &View, row: usize, features: &[Option<usize>]) {
        let order = self.rows;
        self.rows += 1;
        let p = view.p_value(row);
        let score = view.score(row);
        let flagged = view.is_flagged(row);
        if let Some(count) = &mut self.flagged {
            *count += u64::from(flagged);
        }
        let is_scored = if self.has_p == Some(true) { p.is_some() } else { score.is_some() };
        self.scored += u64::from(is_scored);
        if let Some(score) = score {
            self.bins.add(score);
        }
        let time = view.time(row);
        let at = match self.counted {
            Counted::Time => time,
            Counted::Rows => i64::try_from(order).ok(),
        };
        self.without_time += u64::from(at.is_none());
        let alert = match self.chosen {
            true => view.is_chosen(row),
            false => p.is_some_and(|p| p <= self.asked.threshold),
        };
        let value = match self.has_p {
            Some(true) => p.map(surprise),
            _ => score,
        };
        let point = Point { value: value.map(|value| value as f32), flagged, alert };
        if let Some(at) = at {
            self.series.add(at, point);
        }
        if let Some(p) = p {
            self.lowest_p = Some(self.lowest_p.map_or(p, |lowest| lowest.min(p)));
        }
        let Some(place) = self.place(view.user(row)) else {
            self.of_further_users += 1;
            // Its alert is one all the same.
            if alert && self.alerts.takes(p, score) {
                self.alerts.keep(Alert::of(view, row, order, features, None));
            }
            self.alerts.count += u64::from(alert);
            return;
        };
        let user = &mut self.users[place];
        user.add(at, point, Values { score, p });
        let may_be_shown = match self.has_p {
            Some(true) => alert && self.alerts.takes(p, score),
            _ if self.chosen => alert,
            _ => score.is_some_and(|score| user.is_high(score)),
        };
        if may_be_shown {
            self.alerts.keep(Alert::of(view, row, order, features, Some(place)));
            if self.has_p != Some(true) && self.alerts.is_full() {
                let users = &self.users;
                self.alerts.prune_by(|alert| alert.z_among(users));
            }
        }
        self.alerts.count += u64::from(alert);
    }

    fn place(&mut self, name: &Arc<str>) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if self.users.len() == MOST_USERS {
            return None;
        }
        self.places.insert(Arc::clone(name), self.users.len());
        let with_p = self.has_p == Some(true);
        self.users.push(UserDigest::new(Arc::clone(name), with_p));
        Some(self.users.len() - 1)
    }
}
