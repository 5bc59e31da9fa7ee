//! What a user does, day by day.

use std::iter::Peekable;
use std::vec;

use super::calendar::{Day, Period, day_weight};
use super::kind::Kind;
use super::stable_rng::Dice;

/// One row of a log, in no file's form yet.
#[derive(Debug, Clone)]
pub(super) struct Event<W> {
    /// Seconds since 1970, UTC.
    pub(super) time: i64,
    /// Its identifier is the [`uuid`] of these.
    pub(super) id: u128,
    pub(super) hostile: bool,
    pub(super) what: W,
}

/// An event, and its day of the period.
pub(super) type Dated<W> = (u32, Event<W>);

/// A user of one kind of log: habits, and how the account is taken over.
pub(super) trait User {
    /// What an event tells besides when it was.
    type What;

    /// 0 for the first user.
    fn number(&self) -> u32;

    /// As the log has it.
    fn name(&self) -> &str;

    /// Adds up to `most` events, and at least one: something done in one go.
    fn session(&self, dice: &mut Dice, day: Day, most: usize, events: &mut Vec<Event<Self::What>>);

    /// What an intruder does in the period, by time, each event with its day of the period.
    fn takeover(
        &self,
        dice: &mut Dice,
        period: &Period,
        kind: Kind,
        rows: u32,
    ) -> Vec<Dated<Self::What>>;
}

/// The events of a user in a period, by time.
pub(super) struct Activity<'a, U: User> {
    user: &'a U,
    period: Period,
    intruder: Peekable<vec::IntoIter<Dated<U::What>>>,
    dice: Dice,
    /// Sum of the weights of all days up to and including each.
    weights: Vec<u64>,
    /// The day to come.
    day: u32,
    today: vec::IntoIter<Event<U::What>>,
}

impl<'a, U: User> Activity<'a, U> {
    pub(super) fn new(
        seed: u64,
        user: &'a U,
        period: Period,
        intruder: Vec<Dated<U::What>>,
    ) -> Self {
        let mut dice = Dice::new(seed, user.number(), period.purpose);
        let mut sum = 0;
        let weights = (0..period.days)
            .map(|day| {
                sum += u64::from(day_weight(&mut dice, period.date(day)));
                sum
            })
            .collect();
        let intruder = intruder.into_iter().peekable();
        Self { user, period, intruder, dice, weights, day: 0, today: Vec::new().into_iter() }
    }

    /// Rows before `day`: in proportion to the weights, and all of them at the end.
    fn rows_before(&self, day: u32) -> u64 {
        let last = self.weights.last().copied().unwrap_or(1);
        let so_far = day.checked_sub(1).map_or(0, |day| self.weights[day as usize]);
        u64::from(self.period.rows) * so_far / last
    }

    fn events_of(&mut self, day: u32) -> Vec<Event<U::What>> {
        let rows = self.rows_before(day + 1) - self.rows_before(day);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let mut events = Vec::with_capacity(rows);
        while events.len() < rows {
            let left = rows - events.len();
            self.user.session(&mut self.dice, self.period.day(day), left, &mut events);
        }
        while let Some((_, event)) = self.intruder.next_if(|(of, _)| *of == day) {
            events.push(event);
        }
        events.sort_by_key(|event| event.time);
        events
    }
}

impl<U: User> Iterator for Activity<'_, U> {
    type Item = Event<U::What>;

    fn next(&mut self) -> Option<Self::Item> {
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

/// Number of the first user: user123.
const FIRST_USER: u32 = 123;

/// `user123`, `user124` and so on; `number` is 0 for the first.
pub(super) fn user_name(number: u32) -> String {
    format!("user{}", u64::from(FIRST_USER) + u64::from(number))
}

/// A random (version 4) UUID: the usual form of an event's identifier.
pub(super) fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn uuids_have_their_version_and_variant() {
        assert_eq!(super::uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(super::uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
