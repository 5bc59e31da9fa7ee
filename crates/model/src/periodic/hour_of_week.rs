//! How many events an account has in each hour of the week.
//!
//! A count model in two layers. The rate of an hour of the week has a gamma distribution: its prior
//! is worth one week and has the mean of that hour of the day over all days, itself drawn to the mean
//! of all hours; each week seen adds its count. Given the rate, counts vary more than Poisson's, since
//! people and programs work in bursts; how much more is one number of the account, by moments over all
//! hours. The predictive distribution is the negative binomial of the same mean and variance.
//!
//! What is remembered does not grow: three sums an hour of the week, in which a week counts half after
//! eight further ones.

use super::negative_binomial::ln_upper_tail;
use serde::{Deserialize, Serialize};

/// Seconds of a bin.
pub const SECONDS: i64 = 3600;
const DAY: usize = 24;
const WEEK: usize = 7 * DAY;
/// 1970-01-01 was a Thursday: weeks begin on Monday, 72 hours before.
const MONDAY: i64 = 72;
/// What is left of a week's weight after a week: a half after eight.
const KEPT: f64 = 0.917_004_043_204_671_2;
/// How many weeks the prior is worth.
const PRIOR: f64 = 1.0;
/// Burstiness (variance / mean² beyond Poisson's) assumed before anything is known, and its weight.
const BURSTINESS: (f64, f64) = (4.0, 4.0);
/// A flagged count teaches as if it were this many standard deviations above what was expected, so that
/// one attack does not become the habit, and a new habit does in a few weeks.
const TAUGHT: f64 = 10.0;

/// What is known of one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HourOfWeek {
    /// The week that is under way, by its number since 1969-12-29; `None` before the first hour.
    week: Option<i64>,
    /// The first hour of the running week that belongs to what is known: later ones without events
    /// count as 0 when the week is over.
    since: usize,
    /// Hours of the running week that are in the sums already.
    done: Vec<bool>,
    /// By hour of the week.
    hours: Vec<Sums>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sums {
    /// Weeks seen.
    n: f64,
    /// Events.
    x: f64,
    /// Their squares.
    xx: f64,
}

/// How unusual an hour's count is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HourVerdict {
    /// Events expected.
    pub expected: f64,
    /// ln of the probability of as many events or more.
    pub ln_p: f64,
}

impl Default for HourOfWeek {
    fn default() -> Self {
        Self { week: None, since: 0, done: vec![false; WEEK], hours: vec![Sums::default(); WEEK] }
    }
}

impl HourOfWeek {
    /// Judges the number of events of an hour (by its number since 1970) and learns it. Hours come
    /// in order; those between that have no events need not be told. An hour whose p-value is below
    /// `p_value` teaches less than it counts.
    pub fn observe(&mut self, hour: i64, count: u64, p_value: f64) -> HourVerdict {
        let (week, at) = place(hour);
        self.begin_week(week, at);
        let (expected, size) = self.expect(at);
        let ln_p = ln_upper_tail(count, expected, size);
        let mut taught = count as f64;
        if ln_p < p_value.ln() {
            let deviation = (expected + expected * expected / size).sqrt();
            taught = taught.min((expected + TAUGHT * deviation).ceil());
        }
        if !self.done[at] {
            self.done[at] = true;
            self.hours[at].n += 1.0;
        }
        self.hours[at].x += taught;
        self.hours[at].xx += taught * taught;
        HourVerdict { expected, ln_p }
    }

    /// Whether the sums are as many as an hour of the week has: what was read from elsewhere may not be.
    pub fn is_whole(&self) -> bool {
        self.done.len() == WEEK && self.hours.len() == WEEK && self.since <= WEEK
    }

    /// Closes the weeks before this one: hours without events count as 0, and older weeks count less.
    fn begin_week(&mut self, week: i64, at: usize) {
        let Some(running) = self.week else {
            (self.week, self.since) = (Some(week), at);
            return;
        };
        if week <= running {
            return;
        }
        for (hour, (sums, done)) in self.hours.iter_mut().zip(&mut self.done).enumerate() {
            if !*done && hour >= self.since {
                sums.n += 1.0;
            }
            *done = false;
        }
        // Weeks wholly without events add 1 to n each, and all weeks fade.
        let fade = KEPT.powf((week - running) as f64);
        let without = KEPT.powf((week - running - 1) as f64);
        for sums in &mut self.hours {
            sums.n = sums.n * fade + KEPT * (1.0 - without) / (1.0 - KEPT);
            sums.x *= fade;
            sums.xx *= fade;
        }
        (self.week, self.since) = (Some(week), 0);
    }

    /// Mean and size of the predictive negative binomial of an hour of the week.
    fn expect(&self, at: usize) -> (f64, f64) {
        let total = |hours: &mut dyn Iterator<Item = &Sums>| {
            hours.fold((0.0, 0.0), |(n, x), sums| (n + sums.n, x + sums.x))
        };
        let (n, x) = total(&mut self.hours.iter());
        // Half an event in an hour stands for what nobody has seen yet.
        let overall = (x + 0.5) / (n + 1.0);
        let (n, x) = total(&mut self.hours.iter().skip(at % DAY).step_by(DAY));
        let prior = (x + PRIOR * overall) / (n + PRIOR);
        let shape = PRIOR * prior + self.hours[at].x;
        let mean = shape / (PRIOR + self.hours[at].n);
        let bursts = 1.0 / self.burstiness();
        // Of the product of two gamma variables: 1/size = 1/shape + 1/bursts + 1/(shape bursts).
        (mean, shape * bursts / (shape + bursts + 1.0))
    }

    /// Variance / mean² beyond Poisson's, pooled over the hours of the week.
    fn burstiness(&self) -> f64 {
        let (mut beyond, mut squares) = (BURSTINESS.0 * BURSTINESS.1, BURSTINESS.1);
        for sums in self.hours.iter().filter(|sums| sums.n > 1.0) {
            let mean = sums.x / sums.n;
            beyond += sums.xx - sums.x * mean - (sums.n - 1.0) * mean;
            squares += (sums.n - 1.0) * mean * mean;
        }
        (beyond / squares).max(1e-3)
    }
}

/// The week of an hour, and which hour of the week it is: 0 on Monday at midnight.
fn place(hour: i64) -> (i64, usize) {
    let since_monday = hour + MONDAY;
    let at = since_monday.rem_euclid(WEEK as i64);
    (since_monday.div_euclid(WEEK as i64), usize::try_from(at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight events an hour from 9 to 17 on working days, for some weeks.
    fn of_office_hours(weeks: i64) -> HourOfWeek {
        let mut known = HourOfWeek::default();
        for hour in 0..weeks * 168 {
            let (_, at) = place(hour);
            if at < 5 * 24 && (9..17).contains(&(at % 24)) {
                known.observe(hour, 6 + (hour as u64 * 7919) % 5, 1e-4);
            }
        }
        known
    }

    #[test]
    fn a_week_begins_on_monday() {
        assert_eq!(place(-72), (0, 0));
        assert_eq!(place(0), (0, 72));
        assert_eq!(place(96), (1, 0));
    }

    #[test]
    fn what_is_usual_at_noon_is_not_at_night() {
        let known = of_office_hours(6);
        let monday = 6 * 168 + 96;
        let noon = known.clone().observe(monday + 12, 9, 1e-4);
        let night = known.clone().observe(monday + 3, 9, 1e-4);
        assert!(noon.ln_p > 0.05f64.ln() && (noon.expected - 8.0).abs() < 1.0, "{noon:?}");
        assert!(night.ln_p < 1e-4f64.ln() && night.expected < 0.2, "{night:?}");
    }

    #[test]
    fn weeks_without_events_fade_what_was_known() {
        let mut known = of_office_hours(6);
        let monday = 6 * 168 + 96;
        let before = known.clone().observe(monday + 12, 1, 1e-4).expected;
        let after = known.observe(monday + 52 * 168 + 12, 1, 1e-4).expected;
        assert!(after < before / 20.0, "{before} {after}");
    }

    #[test]
    fn a_new_habit_is_no_news_after_some_weeks() {
        let mut known = of_office_hours(6);
        let told = |week: i64, known: &mut HourOfWeek| {
            known.observe((6 + week) * 168 + 96 + 3, 20, 1e-4).ln_p < 1e-4f64.ln()
        };
        let flags: Vec<bool> = (0..20).map(|week| told(week, &mut known)).collect();
        assert!(flags[0] && !flags[19], "{flags:?}");
    }

    #[test]
    fn gaps_are_closed_at_once_however_long() {
        let mut known = HourOfWeek::default();
        known.observe(-500_000, 3, 1e-4);
        let verdict = known.observe(500_000, 3, 1e-4);
        assert!(verdict.ln_p.is_finite() && known.hours.iter().all(|sums| sums.n < 13.0));
    }
}
