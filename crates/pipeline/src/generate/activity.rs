//! What a user does, day by day.

use std::rc::Rc;

use jiff::civil::{Date, Weekday};

use super::dice::{Dice, Purpose};
use super::event::Event;
use super::profile::{Profile, Routine};
use super::takeover::Takeover;

const DAY_SECONDS: u32 = 86_400;

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
}

/// The events of a user in a period, by time.
pub(super) struct Activity<'a> {
    profile: &'a Profile,
    period: Period,
    takeover: Option<Takeover>,
    dice: Dice,
    /// Sum of the weights of all days up to and including each.
    weights: Vec<u64>,
    /// The day to come.
    day: u32,
    today: std::vec::IntoIter<Event>,
}

impl<'a> Activity<'a> {
    pub(super) fn new(
        seed: u64,
        profile: &'a Profile,
        period: Period,
        takeover: Option<Takeover>,
    ) -> Self {
        let mut dice = Dice::new(seed, profile.number, period.purpose);
        let mut sum = 0;
        let weights = (0..period.days)
            .map(|day| {
                sum += u64::from(day_weight(&mut dice, period.date(day)));
                sum
            })
            .collect();
        Self { profile, period, takeover, dice, weights, day: 0, today: Vec::new().into_iter() }
    }

    /// Rows before `day`: in proportion to the weights, and all of them at the end.
    fn rows_before(&self, day: u32) -> u64 {
        let last = self.weights.last().copied().unwrap_or(1);
        let so_far = day.checked_sub(1).map_or(0, |day| self.weights[day as usize]);
        u64::from(self.period.rows) * so_far / last
    }

    fn events_of(&mut self, day: u32) -> Vec<Event> {
        let rows = self.rows_before(day + 1) - self.rows_before(day);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let mut events = Vec::with_capacity(rows);
        while events.len() < rows {
            let left = rows - events.len();
            self.session(day, left, &mut events);
        }
        if let Some(takeover) = self.takeover.take_if(|takeover| takeover.day == day) {
            events.extend(takeover.events);
        }
        events.sort_by_key(|event| event.time);
        events
    }

    /// A run of one routine: one place, one tool, a few of its actions.
    fn session(&mut self, day: u32, most: usize, events: &mut Vec<Event>) {
        let (profile, dice) = (self.profile, &mut self.dice);
        let (day_now, all_days) = (self.period.first_day + day, self.period.all_days);
        let weights = profile.routines.iter().map(|routine| routine.weight(day_now, all_days));
        let routine = &profile.routines[dice.weighted(weights)];
        let length = (dice.between(2, 14) as usize).min(most);
        let pauses = if routine.by_machine { (1, 4) } else { (2, 90) };
        let mut seconds: Vec<u32> = vec![0];
        for _ in 1..length {
            let last = seconds.last().copied().unwrap_or(0);
            seconds.push(last + dice.between(pauses.0, pauses.1));
        }
        let duration = seconds.last().copied().unwrap_or(0);
        let begin = begin(dice, profile, routine).min(DAY_SECONDS - 1 - duration);
        let midnight = local_midnight(profile, self.period.date(day));

        let side = profile.side(routine);
        let (address, agent) = (dice.habit(&side.addresses), dice.habit(&side.agents));
        for second in seconds {
            let action = *if dice.chance(10) {
                dice.any(&profile.strays)
            } else {
                dice.zipf(&routine.actions)
            };
            let failure = dice.chance(20).then(|| *dice.zipf(&profile.failures));
            events.push(Event {
                time: midnight + i64::from(begin + second),
                action,
                address: Rc::clone(address),
                agent: Rc::clone(&agent.name),
                access_key: Rc::clone(&routine.access_key),
                console: agent.console,
                error: failure.map(|(code, message)| (code, message.into())),
                resource: Rc::clone(dice.zipf(&routine.resources)),
                id: dice.bits(),
                request_id: dice.bits(),
                hostile: false,
            });
        }
    }
}

impl Iterator for Activity<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.today.next() {
                return Some(event);
            }
            if self.day == self.period.days {
                return None;
            }
            self.today = self.events_of(self.day).into_iter();
            self.day += 1;
        }
    }
}

/// How much happens on a date: little at weekends, and not the same every day.
fn day_weight(dice: &mut Dice, date: Date) -> u32 {
    let usual = match date.weekday() {
        Weekday::Saturday => 10,
        Weekday::Sunday => 7,
        _ => 100,
    };
    usual * dice.between(60, 140)
}

/// Second of the local day at which a session begins.
fn begin(dice: &mut Dice, profile: &Profile, routine: &Routine) -> u32 {
    if routine.by_machine || dice.chance(40) {
        return dice.below(DAY_SECONDS);
    }
    // The mean of two: most work is in the middle of the working day.
    let working_seconds = profile.working_hours * 3600;
    profile.first_hour * 3600 + (dice.below(working_seconds) + dice.below(working_seconds)) / 2
}

/// Seconds since 1970, UTC.
pub(super) fn local_midnight(profile: &Profile, date: Date) -> i64 {
    let days = date - Date::constant(1970, 1, 1);
    i64::from(days.get_days()) * i64::from(DAY_SECONDS) - i64::from(profile.utc_offset_seconds)
}
