//! The habits of one user.

use std::rc::Rc;

use super::call::Identity;
use super::catalogue::{Action, HAND_TOOLS, MACHINE_TOOLS, SERVICES, Service, Tool};
use crate::activity::user_name;
use crate::addresses::{home, instance, office, private_network};
use crate::calendar::Hours;
use crate::stable_rng::{AWS_ALPHABET, Dice, Purpose};

/// How usual the routines of a user are: one above all, and a long tail.
const ROUTINE_WEIGHTS: [u32; 9] = [450, 150, 100, 80, 60, 50, 40, 40, 30];

/// A tool in one version, as the log shows it.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) name: Rc<str>,
    pub(super) console: bool,
}

/// Calls that a user makes together. Lists are in order of habit, the most usual first.
#[derive(Debug)]
pub(super) struct Routine {
    pub(super) actions: Vec<Action>,
    pub(super) access_key: Rc<str>,
    pub(super) resources: Vec<Rc<str>>,
    /// Whether it runs by itself, at any hour.
    pub(super) by_machine: bool,
    weight: u32,
    /// Change of the weight from the first to the last day, in percent.
    drift: i32,
}

impl Routine {
    /// How usual this routine is on a day.
    pub(super) fn weight(&self, day: u32, days: u32) -> u32 {
        let percent = 100 + i64::from(self.drift) * i64::from(day) / i64::from(days.max(1));
        u32::try_from(i64::from(self.weight) * percent / 100).unwrap_or(1).max(1)
    }
}

/// Code and message of a call that fails.
pub(super) type Failure = (&'static str, &'static str);

/// Failures that come with everyday work.
const FAILURES: [Failure; 5] = [
    ("AccessDenied", "Access Denied"),
    ("ThrottlingException", "Rate exceeded"),
    ("ResourceNotFoundException", "The resource you requested does not exist"),
    ("ValidationException", "1 validation error detected"),
    ("ConflictException", "The resource is being changed by another request"),
];

/// The habits of one user.
#[derive(Debug)]
pub(crate) struct Profile {
    /// 0 for the first user.
    pub(super) number: u32,
    pub(super) identity: Identity,
    pub(super) routines: Vec<Routine>,
    pub(super) hand: Side,
    machine: Side,
    /// Actions outside all routines, but of the same services, now and then.
    pub(super) strays: Vec<Action>,
    /// How calls fail, now and then, the most usual first.
    pub(super) failures: Vec<Failure>,
    pub(super) hours: Hours,
}

impl Profile {
    pub(crate) fn new(seed: u64, number: u32) -> Self {
        let dice = &mut Dice::new(seed, number, Purpose::Profile);
        let identity = Identity {
            user: user_name(number),
            account: account(seed),
            role_id: format!("AROA{}", dice.text(AWS_ALPHABET, 17)),
        };
        let hand = Side::hand(dice);
        let machine = Side::machine(dice);
        let mut services: Vec<&'static Service> =
            dice.some(&SERVICES.iter().collect::<Vec<_>>(), 11);
        let routines: Vec<Routine> = ROUTINE_WEIGHTS
            .iter()
            .enumerate()
            .map(|(position, &weight)| {
                // Two of three routines are done by hand; the most usual one always is.
                let side = if position % 3 == 2 { &machine } else { &hand };
                services.rotate_left(1);
                side.routine(dice, &services, weight)
            })
            .collect();
        let within_reach: Vec<Action> =
            routines.iter().flat_map(|routine| routine.actions[0].service.actions()).collect();
        Self {
            number,
            identity,
            routines,
            strays: dice.some(&within_reach, 6),
            hand,
            machine,
            failures: dice.some(&FAILURES, 3),
            hours: {
                let utc_offset_seconds = (dice.between(0, 10) as i32 - 8) * 3600;
                Hours::new(dice, utc_offset_seconds)
            },
        }
    }
}

impl Profile {
    /// What a routine is done with.
    pub(super) fn side(&self, routine: &Routine) -> &Side {
        if routine.by_machine { &self.machine } else { &self.hand }
    }
}

/// All users are of one account.
pub(super) fn account(seed: u64) -> String {
    Dice::new(seed, u32::MAX, Purpose::World).text(b"123456789", 12)
}

/// What a user has for working by hand, or lets work by itself. Lists are in order of habit.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) agents: Vec<Agent>,
    pub(super) addresses: Vec<Rc<str>>,
    pub(super) access_keys: Vec<Rc<str>>,
    by_machine: bool,
}

impl Side {
    fn hand(dice: &mut Dice) -> Self {
        let addresses = [
            office(dice),
            home(dice),
            office(dice),
            private_network(dice),
            home(dice),
            private_network(dice),
            home(dice),
        ];
        Self {
            agents: agents(dice, HAND_TOOLS, 4),
            addresses: addresses.into(),
            access_keys: vec![access_key(dice), access_key(dice)],
            by_machine: false,
        }
    }

    fn machine(dice: &mut Dice) -> Self {
        Self {
            agents: agents(dice, MACHINE_TOOLS, 2),
            addresses: (0..6).map(|_| instance(dice)).collect(),
            access_keys: vec![access_key(dice), access_key(dice)],
            by_machine: true,
        }
    }

    /// A routine with the first service, and a little of the second.
    fn routine(&self, dice: &mut Dice, services: &[&'static Service], weight: u32) -> Routine {
        let action_count = dice.between(3, 5) as usize;
        let mut actions = dice.some(&services[0].actions().collect::<Vec<_>>(), action_count);
        actions.extend(dice.some(&services[1].actions().collect::<Vec<_>>(), 1));
        Routine {
            actions,
            access_key: Rc::clone(dice.habit(&self.access_keys)),
            resources: (0..3).map(|_| resource(dice)).collect(),
            by_machine: self.by_machine,
            weight,
            drift: dice.between(0, 60) as i32 - 30,
        }
    }
}

/// `count` tools, those with versions in up to three of them.
fn agents(dice: &mut Dice, tools: &[Tool], count: usize) -> Vec<Agent> {
    let mut agents = Vec::new();
    for tool in dice.some(tools, count) {
        match tool {
            Tool::Console(name) => agents.push(Agent { name: name.into(), console: true }),
            Tool::Client(name) => {
                let (long, short) = (dice.between(10, 90), dice.between(1, 6));
                agents.extend((0..3).map(|version| {
                    let long = (long + version * 3).to_string();
                    let name =
                        name.replace("#1", &long).replace("#2", &(short + version).to_string());
                    Agent { name: name.into(), console: false }
                }));
            }
        }
    }
    agents
}

pub(super) fn access_key(dice: &mut Dice) -> Rc<str> {
    format!("ASIA{}", dice.text(AWS_ALPHABET, 16)).into()
}

fn resource(dice: &mut Dice) -> Rc<str> {
    const SUBJECTS: &[&str] =
        &["payments", "orders", "billing", "search", "reports", "ingest", "web", "catalog"];
    const PLACES: &[&str] = &["prod", "staging", "dev", "test", "shared"];
    format!("{}-{}", dice.any(SUBJECTS), dice.any(PLACES)).into()
}
