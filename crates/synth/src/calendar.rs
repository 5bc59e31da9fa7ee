//! Days, and the hours of a user's day.

use jiff::civil::{Date, Weekday};

use super::stable_rng::{Dice, Purpose};

pub(super) const DAY_SECONDS: u32 = 86_400;

/// Which days, and how many rows in them.
#[derive(Debug, Clone)]
pub(super) struct Period {
    pub(super) purpose: Purpose,
    /// First day of the whole story, from which all days are counted.
    pub(super) start: Date,
    /// Days before this period.
    pub(super) first_day: u32,
    pub(super) days: u32,
    /// Days of the whole story.
    pub(super) all_days: u32,
    pub(super) rows: u32,
}

impl Period {
    pub(super) fn date(&self, day: u32) -> Date {
        self.start.saturating_add(jiff::Span::new().days(self.first_day + day))
    }

    pub(super) fn day(&self, day: u32) -> Day {
        Day { date: self.date(day), number: self.first_day + day, all_days: self.all_days }
    }
}

/// One day of the whole story.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) date: Date,
    /// Days of the story before it.
    pub(super) number: u32,
    /// Days of the story.
    pub(super) all_days: u32,
}

/// When a user works.
#[derive(Debug)]
pub(super) struct Hours {
    /// Local time is UTC plus this, in seconds.
    pub(super) utc_offset_seconds: i32,
    /// Local hour at which work begins.
    first: u32,
    working: u32,
}

impl Hours {
    pub(super) fn new(dice: &mut Dice, utc_offset_seconds: i32) -> Self {
        Self { utc_offset_seconds, first: dice.between(7, 9), working: dice.between(8, 10) }
    }

    /// Start of the user's day, in seconds since 1970, UTC.
    pub(super) fn midnight(&self, date: Date) -> i64 {
        let days = date - Date::constant(1970, 1, 1);
        i64::from(days.get_days()) * i64::from(DAY_SECONDS) - i64::from(self.utc_offset_seconds)
    }

    /// Second of the local day at which something is begun.
    pub(super) fn begin(&self, dice: &mut Dice) -> u32 {
        // Now and then at any hour.
        if dice.chance(40) {
            return dice.below(DAY_SECONDS);
        }
        // The mean of two: most work is in the middle of the working day.
        let working_seconds = self.working * 3600;
        self.first * 3600 + (dice.below(working_seconds) + dice.below(working_seconds)) / 2
    }
}

/// How much happens on a date: little at weekends, and not the same every day.
pub(super) fn day_weight(dice: &mut Dice, date: Date) -> u32 {
    let usual = match date.weekday() {
        Weekday::Saturday => 10,
        Weekday::Sunday => 7,
        _ => 100,
    };
    usual * dice.between(60, 140)
}
