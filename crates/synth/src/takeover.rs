//! Account takeovers: their kinds, and when an intruder acts.

use super::activity::{Event, User};
use super::calendar::{DAY_SECONDS, Hours, Period};
use super::dice::{Dice, Purpose};

/// How an account is abused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rights that last: users, keys, passwords.
    PrivilegeEscalation,
    /// Data: secrets, buckets, snapshots.
    DataExfiltration,
    /// Not being seen: trails, detectors.
    DefenseEvasion,
    /// Signs in from a country and with a device that the user never had.
    NewCountryAndDevice,
    /// Is turned away again and again, in quick succession, and then let in.
    FailuresThenSuccess,
    /// From the user's own place and device, at night, all over what there is.
    UnusualHours,
    /// From the user's own place and device, but does what administrators do.
    PrivilegeActions,
    /// From a strange place and device, one row a day.
    SlowDrip,
}

impl Kind {
    /// The kinds in CloudTrail's logs; those of [`Kind::CLOUDTRAIL_DEFAULT`] come first.
    pub const CLOUDTRAIL: [Self; 6] = [
        Self::PrivilegeEscalation,
        Self::DataExfiltration,
        Self::DefenseEvasion,
        Self::FailuresThenSuccess,
        Self::UnusualHours,
        Self::SlowDrip,
    ];

    /// Those that CloudTrail's takeovers are of unless others are asked for.
    pub const CLOUDTRAIL_DEFAULT: [Self; 3] =
        [Self::PrivilegeEscalation, Self::DataExfiltration, Self::DefenseEvasion];

    /// The kinds in logs of sign-ins, all of them unless others are asked for.
    pub const SIGN_IN: [Self; 5] = [
        Self::NewCountryAndDevice,
        Self::FailuresThenSuccess,
        Self::UnusualHours,
        Self::PrivilegeActions,
        Self::SlowDrip,
    ];

    /// The label in `labels.csv`, and the word of the option.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::PrivilegeEscalation => "privilege_escalation",
            Self::DataExfiltration => "data_exfiltration",
            Self::DefenseEvasion => "defense_evasion",
            Self::NewCountryAndDevice => "new_country_and_device",
            Self::FailuresThenSuccess => "failures_then_success",
            Self::UnusualHours => "unusual_hours",
            Self::PrivilegeActions => "privilege_actions",
            Self::SlowDrip => "slow_drip",
        }
    }

    /// The kind of this label.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        Self::CLOUDTRAIL.into_iter().chain(Self::SIGN_IN).find(|kind| kind.label() == label)
    }
}

/// An event, and its day of the period.
pub(super) type Dated<W> = (u32, Event<W>);

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
