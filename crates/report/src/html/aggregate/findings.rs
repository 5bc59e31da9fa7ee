//! What has been gathered, once all rows are there.

use super::user::UserDigest;
use super::{Alert, Digest, Measure, UNUSUAL_Z};
use crate::plots::axis::Counted;
use crate::plots::{Bins, Bucket, Column, Series};
use crate::summary::TooFew;
use std::sync::Arc;

/// Users that are listed.
const LISTED: usize = 1_000;

/// All that a page says of rows.
#[derive(Debug)]
pub struct Findings {
    /// What tells alerts.
    pub measure: Measure,
    /// The stage `alert` has told them instead.
    pub chosen: bool,
    /// All rows.
    pub rows: u64,
    /// Rows with a score.
    pub scored: u64,
    /// Rows that are alerts.
    pub alert_rows: u64,
    /// There may be more of them.
    pub at_least: bool,
    /// Users and rows of which none can be an alert, since z is over too few rows.
    pub too_few: (u64, u64),
    /// The lowest p-value.
    pub lowest_p: Option<f64>,
    /// Rows that `timeseries` has flagged; `None` if it was not there.
    pub flagged: Option<u64>,
    /// Rows that are not in the picture, since they have no time.
    pub without_time: u64,
    /// What the axis of that picture counts.
    pub counted: Counted,
    /// The picture's columns.
    pub columns: Vec<Column>,
    /// Scores.
    pub bins: Bins,
    /// The alerts that are shown.
    pub alerts: Vec<Alert>,
    /// All users.
    pub users: usize,
    /// Users that are listed, most alerts first.
    pub listed: Vec<UserLine>,
    /// Rows and alerts of the users with a line that are not listed.
    pub unlisted: (u64, u64),
    /// Rows of users beyond the number that have a line.
    pub of_further_users: u64,
    /// Features with contributions.
    pub features: Vec<String>,
    /// What the contributions are.
    pub parts: Option<&'static str>,
    /// The log's own columns with their missing cells.
    pub missing: Vec<(String, u64)>,
}

/// A user.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the table")]
pub struct UserLine {
    pub name: Arc<str>,
    pub rows: u64,
    pub alerts: u64,
    pub lowest_p: Option<f64>,
    pub highest_score: Option<f64>,
    pub highest_z: Option<f64>,
    /// In the unit that is drawn.
    pub series: Series,
}

impl Digest {
    /// What has been gathered.
    pub fn finish(mut self) -> Findings {
        let with_p = self.has_p == Some(true);
        let measure = if with_p { Measure::P(self.asked.threshold) } else { Measure::Z };
        let mut at_least = false;
        let by_z = !with_p && !self.chosen;
        if by_z {
            for user in &mut self.users {
                at_least |= user.count_by_z();
            }
        }
        at_least |= by_z && self.of_further_users > 0;
        let alert_rows = match by_z {
            true => self.users.iter().map(|user| user.alerts).sum(),
            false => self.alerts.count,
        };
        let few = self
            .users
            .iter()
            .map(UserDigest::scored)
            .filter(|rows| by_z && *rows > 0 && *rows < TooFew::LEAST as u64);
        let too_few = few.fold((0, 0), |sum, rows| (sum.0 + 1, sum.1 + rows));
        let columns = if with_p { Column::all(&self.series) } else { self.columns_by_z() };
        let chosen = self.chosen;
        let (users, rows) = (self.users.len(), self.rows);
        let alerts = match with_p {
            true => self.alerts.by_p(),
            false => self.alerts.by_z(&self.users, chosen),
        };
        let mut lines: Vec<UserLine> =
            self.users.into_iter().map(|user| line(user, with_p, chosen)).collect();
        let p = |line: &UserLine| line.lowest_p.unwrap_or(f64::INFINITY);
        let high =
            |line: &UserLine| line.highest_z.or(line.highest_score).unwrap_or(f64::NEG_INFINITY);
        lines.sort_by(|a, b| {
            let by_alerts = b.alerts.cmp(&a.alerts).then(p(a).total_cmp(&p(b)));
            by_alerts.then(high(b).total_cmp(&high(a))).then(a.name.cmp(&b.name))
        });
        let rest = lines.split_off(lines.len().min(LISTED));
        let unlisted =
            rest.iter().fold((0, 0), |sum, line| (sum.0 + line.rows, sum.1 + line.alerts));
        Findings {
            measure,
            chosen,
            rows,
            scored: self.scored,
            alert_rows,
            at_least,
            too_few,
            lowest_p: self.lowest_p,
            flagged: self.flagged,
            without_time: self.without_time,
            counted: self.counted,
            columns,
            bins: self.bins,
            alerts,
            users,
            listed: lines,
            unlisted,
            of_further_users: self.of_further_users,
            features: self.features,
            parts: self.parts,
            missing: self.missing.into_iter().collect(),
        }
    }

    /// z over time: scores become z by their users' means, which are known only now.
    fn columns_by_z(&self) -> Vec<Column> {
        if let ([user], 0) = (self.users.as_slice(), self.of_further_users) {
            // A single user's scores are all scores, in finer buckets.
            let mut series = Series::new(super::COLUMNS);
            series.merge(&self.series, |bucket| by_z(user, bucket, self.chosen));
            return Column::all(&series);
        }
        let mut series = Series::new(super::COLUMNS);
        for user in &self.users {
            series.merge(&user.series, |bucket| by_z(user, bucket, self.chosen));
        }
        Column::all(&series)
    }
}

fn by_z(user: &UserDigest, bucket: Bucket, chosen: bool) -> Bucket {
    let z = |score: f32| user.z(f64::from(score)) as f32;
    let range = bucket.range.map(|(low, high)| (z(low), z(high)));
    let above = range.is_some_and(|(_, high)| f64::from(high) > UNUSUAL_Z);
    let alert = if chosen { bucket.alert } else { above };
    Bucket { range, alert, ..bucket }
}

fn line(user: UserDigest, with_p: bool, chosen: bool) -> UserLine {
    let highest_z = (!with_p).then(|| user.highest_score.map(|score| user.z(score))).flatten();
    let series = if with_p {
        user.series.clone()
    } else {
        let mut series = Series::new(96);
        series.merge(&user.series, |bucket| by_z(&user, bucket, chosen));
        series
    };
    UserLine {
        name: user.name,
        rows: user.rows,
        alerts: user.alerts,
        lowest_p: user.lowest_p,
        highest_score: user.highest_score,
        highest_z,
        series,
    }
}
