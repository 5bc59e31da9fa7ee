//! Sign-ins: who, when, from where and with what, in no vendor's form; one file a vendor writes them.

pub(super) mod azure;
mod catalogue;
pub(super) mod duo;
pub(super) mod okta;
mod person;
mod takeover;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use super::activity::{Dated, Event, User};
use super::calendar::{DAY_SECONDS, Day, Period};
use super::kind::Kind;
use super::stable_rng::Dice;
use super::write::{Form, timestamp};
use catalogue::{Browser, Network, Place, System};
pub(super) use person::Person;

const LONGEST_PAUSE_SECONDS: u32 = 90;
/// Of up to ten rows.
const LONGEST_SESSION_SECONDS: u32 = 10 * LONGEST_PAUSE_SECONDS;

/// What differs between the vendors of such logs.
#[derive(Debug)]
pub(super) struct Vendor {
    /// What its files' names begin with.
    prefix: &'static str,
    /// Whether a user is called by the whole address, or by what is before the `@`.
    names_are_addresses: bool,
    /// Everyday applications, as the log names them.
    applications: &'static [&'static str],
    /// What only administrators do, as the log names it; no user has a habit in them.
    privileged: &'static [&'static str],
    /// A record as the vendor writes it.
    record: fn(&Person, &Event<SignIn>) -> serde_json::Value,
}

/// An array of records; one file a day, named after the time of its first event.
pub(super) const FORM: Form<Person> = Form {
    begin: "[",
    between: ",\n",
    end: "]\n",
    most_records: u64::MAX,
    name: |person, event, _| {
        let time = timestamp(event.time).strftime("%Y-%m-%dT%H_%M_%S.000Z");
        format!("{}_{time}.json", person.vendor.prefix)
    },
    record: |person, event| serde_json::to_string(&(person.vendor.record)(person, event)),
};

/// One row of such a log.
#[derive(Debug, Clone)]
pub(super) struct SignIn {
    deed: Deed,
    outcome: Outcome,
    from: Origin,
    factor: Factor,
    /// What all rows of one session have in common.
    session: u128,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// A session begins with a password, at this application.
    Begin(&'static str),
    /// The second factor is asked for, on the way to this application.
    Prove(&'static str),
    /// Another application is entered in the same session.
    Enter(&'static str),
    /// Something that only administrators do.
    Administer(&'static str),
}

impl Deed {
    /// The application, or the task of an administrator.
    fn name(self) -> &'static str {
        match self {
            Self::Begin(name) | Self::Prove(name) | Self::Enter(name) | Self::Administer(name) => {
                name
            }
        }
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    WrongPassword,
    /// The second factor is not given in time.
    NoAnswer,
    /// By a policy.
    Refused,
}

/// A second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Factor {
    Push,
    Passcode,
    PhoneCall,
    SecurityKey,
    /// One-time codes that an administrator hands out to those who have lost everything else.
    BypassCode,
}

/// From where, and with what.
#[derive(Debug, Clone)]
struct Origin {
    place: Place,
    network: &'static Network,
    address: Rc<str>,
    device: Rc<Device>,
}

/// A browser on a computer or telephone.
#[derive(Debug)]
struct Device {
    /// The name of a computer that the company manages.
    name: Option<String>,
    system: &'static System,
    browser: &'static Browser,
    /// Version of the browser.
    version: u32,
    /// An identifier.
    key: u128,
}

impl User for Person {
    type What = SignIn;

    fn number(&self) -> u32 {
        self.number
    }

    fn name(&self) -> &str {
        if self.vendor.names_are_addresses { &self.address } else { &self.name }
    }

    /// One session: password, perhaps a second factor, and some applications.
    fn session(&self, dice: &mut Dice, day: Day, most: usize, events: &mut Vec<Event<SignIn>>) {
        let habit = dice.habit(&self.devices);
        let site = self.site(dice, day, &habit.device);
        let from = Origin {
            place: site.place,
            network: site.network,
            address: Rc::clone(dice.habit(&site.addresses)),
            device: Rc::clone(&habit.device),
        };
        let factor = *dice.habit(&self.factors);
        let mut deeds = self.deeds(dice, &habit.applications);
        deeds.truncate(most);

        let session = dice.bits();
        let mut second = self.hours.begin(dice).min(DAY_SECONDS - LONGEST_SESSION_SECONDS);
        let midnight = self.hours.midnight(day.date);
        for (deed, outcome) in deeds {
            let what = SignIn { deed, outcome, from: from.clone(), factor, session };
            let (time, id) = (midnight + i64::from(second), dice.bits());
            events.push(Event { time, id, hostile: false, what });
            second += dice.between(3, LONGEST_PAUSE_SECONDS);
        }
    }

    fn takeover(
        &self,
        dice: &mut Dice,
        period: &Period,
        kind: Kind,
        rows: u32,
    ) -> Vec<Dated<SignIn>> {
        takeover::events(self, dice, period, kind, rows)
    }
}

impl Person {
    /// What is done in a session: now and then a password is mistyped or a second
    /// factor not given in time, and done again.
    fn deeds(&self, dice: &mut Dice, applications: &[&'static str]) -> Vec<(Deed, Outcome)> {
        let application = |dice: &mut Dice| {
            // Now and then one that the user has nothing to do with.
            *if dice.chance(4) {
                dice.any(&self.strange_applications)
            } else {
                dice.zipf(applications)
            }
        };
        let first = application(dice);
        let mut deeds = Vec::new();
        if dice.chance(35) {
            deeds.push((Deed::Begin(first), Outcome::WrongPassword));
        }
        deeds.push((Deed::Begin(first), Outcome::Success));
        if dice.chance(350) {
            if dice.chance(40) {
                deeds.push((Deed::Prove(first), Outcome::NoAnswer));
            }
            deeds.push((Deed::Prove(first), Outcome::Success));
        }
        for _ in 0..dice.below(7) {
            let outcome = if dice.chance(8) { Outcome::Refused } else { Outcome::Success };
            deeds.push((Deed::Enter(application(dice)), outcome));
        }
        deeds
    }
}

/// As `2024-01-01T08:15:30.123Z`, with so many digits, up to nine, of a second; they are made of the
/// event's identifier.
fn time_with_fraction(event: &Event<SignIn>, digits: usize) -> String {
    let nanosecond = (event.id % 1_000_000_000) as i32;
    let time = jiff::Timestamp::new(event.time, nanosecond).unwrap_or_default();
    format!("{time:.digits$}")
}

/// An identifier that is made of another one.
fn derived(id: u128, purpose: u128) -> u128 {
    // Odd, so that different identifiers stay different.
    id.wrapping_add(purpose).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// An identifier that is always the same for a name.
fn name_id(name: &str) -> u128 {
    name.bytes().fold(0, |sum, byte| derived(sum, u128::from(byte)))
}

/// An identifier of `length` capital letters and digits, up to 24.
fn key_text(id: u128, length: u32) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let digit = |position| id / 36_u128.pow(position) % 36;
    (0..length.min(24))
        .rev()
        .map(|position| char::from(ALPHABET[digit(position) as usize]))
        .collect()
}

impl Device {
    /// The user agent that it sends.
    fn agent(&self) -> String {
        format!(
            "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {}/{}.0.0.0",
            self.system.agent,
            self.browser.duo.replace(' ', ""),
            self.version
        )
    }
}
