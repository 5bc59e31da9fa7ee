//! AWS CloudTrail: users who call an account's services.

mod call;
mod catalogue;
pub(super) mod flat;
mod profile;
pub(super) mod records;
mod takeover;

use std::rc::Rc;

use super::activity::{Dated, Event, User};
use super::calendar::{DAY_SECONDS, Day, Period};
use super::kind::Kind;
use super::stable_rng::Dice;
use call::Call;
pub(super) use profile::Profile;

impl User for Profile {
    type What = Call;

    fn number(&self) -> u32 {
        self.number
    }

    fn name(&self) -> &str {
        &self.identity.user
    }

    /// A run of one routine: one place, one tool, a few of its actions.
    fn session(&self, dice: &mut Dice, day: Day, most: usize, events: &mut Vec<Event<Call>>) {
        let weights = self.routines.iter().map(|routine| routine.weight(day.number, day.all_days));
        let routine = &self.routines[dice.weighted(weights)];
        let length = (dice.between(2, 14) as usize).min(most);
        let pauses = if routine.by_machine { (1, 4) } else { (2, 90) };
        let mut seconds: Vec<u32> = vec![0];
        for _ in 1..length {
            let last = seconds.last().copied().unwrap_or(0);
            seconds.push(last + dice.between(pauses.0, pauses.1));
        }
        let duration = seconds.last().copied().unwrap_or(0);
        let begin =
            if routine.by_machine { dice.below(DAY_SECONDS) } else { self.hours.begin(dice) };
        let begin = begin.min(DAY_SECONDS - 1 - duration);
        let midnight = self.hours.midnight(day.date);

        let side = self.side(routine);
        let (address, agent) = (dice.habit(&side.addresses), dice.habit(&side.agents));
        for second in seconds {
            let action =
                *if dice.chance(10) { dice.any(&self.strays) } else { dice.zipf(&routine.actions) };
            let failure = dice.chance(20).then(|| *dice.zipf(&self.failures));
            let resource = Rc::clone(dice.zipf(&routine.resources));
            events.push(Event {
                time: midnight + i64::from(begin + second),
                id: dice.bits(),
                hostile: false,
                what: Call {
                    action,
                    address: Rc::clone(address),
                    agent: Rc::clone(&agent.name),
                    access_key: Rc::clone(&routine.access_key),
                    console: agent.console,
                    error: failure.map(|(code, message)| (code, message.into())),
                    resource,
                    request_id: dice.bits(),
                },
            });
        }
    }

    fn takeover(
        &self,
        dice: &mut Dice,
        period: &Period,
        kind: Kind,
        rows: u32,
    ) -> Vec<Dated<Call>> {
        takeover::events(self, dice, period, kind, rows)
    }
}
