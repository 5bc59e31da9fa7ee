//! Account takeovers: whose, and when an intruder acts.

use super::activity::{Dated, User};
use super::calendar::{DAY_SECONDS, Hours, Period};
use super::kind::Kind;
use super::stable_rng::{Dice, Purpose};

/// One takeover, in the new activity.
pub(super) struct Takeover<W> {
    pub(super) kind: Kind,
    pub(super) events: Vec<Dated<W>>,
}

impl<W> Takeover<W> {
    /// One of `kinds`, which must not be empty.
    pub(super) fn new<U: User<What = W>>(
        seed: u64,
        user: &U,
        period: &Period,
        kinds: &[Kind],
        rows: u32,
    ) -> Self {
        let dice = &mut Dice::new(seed, user.number(), Purpose::Takeover);
        let kind = *dice.any(kinds);
        let mut events = user.takeover(dice, period, kind, rows);
        events.sort_by_key(|(day, event)| (*day, event.time));
        Self { kind, events }
    }
}

/// When an intruder acts. It is moved on row by row, so that a source draws what else a row needs
/// in between.
pub(super) struct Schedule<'a> {
    period: &'a Period,
    hours: &'a Hours,
    pace: Pace,
    /// Day of the period.
    pub(super) day: u32,
    /// Seconds since 1970, UTC.
    pub(super) time: i64,
}

#[derive(Clone, Copy)]
enum Pace {
    Burst { longest_pause: u32 },
    Daily { first_day: u32, row: u32, rows: u32 },
}

impl<'a> Schedule<'a> {
    /// All rows in one go, in the small hours of the user's day, when the user is asleep.
    pub(super) fn night(
        dice: &mut Dice,
        hours: &'a Hours,
        period: &'a Period,
        day: u32,
        rows: u32,
    ) -> Self {
        let second = dice.between(3600, 10_800);
        Self::burst(hours, period, day, second, rows)
    }

    /// All rows in one go, among the user's own work.
    pub(super) fn working_hours(
        dice: &mut Dice,
        hours: &'a Hours,
        period: &'a Period,
        day: u32,
        rows: u32,
    ) -> Self {
        let second = hours.begin(dice);
        Self::burst(hours, period, day, second, rows)
    }

    fn burst(hours: &'a Hours, period: &'a Period, day: u32, second: u32, rows: u32) -> Self {
        let longest_pause = (72_000 / rows).clamp(1, 60);
        // It ends on the day that it begins on.
        let latest = (DAY_SECONDS - 1).saturating_sub(rows.saturating_mul(longest_pause));
        let time = hours.midnight(period.date(day)) + i64::from(second.min(latest));
        Self { period, hours, pace: Pace::Burst { longest_pause }, day, time }
    }

    /// One row a day, in working hours; several, if the days are fewer than the rows.
    pub(super) fn daily(dice: &mut Dice, hours: &'a Hours, period: &'a Period, rows: u32) -> Self {
        let first_day = dice.below(period.days.saturating_sub(rows) + 1);
        let mut schedule = Self {
            period,
            hours,
            pace: Pace::Daily { first_day, row: 0, rows },
            day: first_day,
            time: 0,
        };
        schedule.set_time(dice);
        schedule
    }

    /// To the next row.
    pub(super) fn advance(&mut self, dice: &mut Dice) {
        match &mut self.pace {
            Pace::Burst { longest_pause } => {
                self.time += i64::from(dice.between(1, *longest_pause))
            }
            Pace::Daily { first_day, row, rows } => {
                *row += 1;
                let days = u64::from((*rows).min(self.period.days));
                let later = u64::from(*row) * days / u64::from(*rows);
                self.day = *first_day + later as u32;
                self.set_time(dice);
            }
        }
    }

    fn set_time(&mut self, dice: &mut Dice) {
        let second = self.hours.begin(dice);
        self.time = self.hours.midnight(self.period.date(self.day)) + i64::from(second);
    }
}

/// For each user whether the account is taken over.
pub(super) fn victims(seed: u64, users: u32, takeovers: u32) -> Vec<bool> {
    let everyone: Vec<u32> = (0..users).collect();
    let mut victims = vec![false; everyone.len()];
    let dice = &mut Dice::new(seed, 0, Purpose::World);
    for user in dice.some(&everyone, takeovers as usize) {
        victims[user as usize] = true;
    }
    victims
}
