//! Intruders who sign in as a user.

use std::rc::Rc;

use super::catalogue::{
    ADMINISTRATORS_TOOL, Browser, HOSTILE_BROWSERS, HOSTILE_COUNTRIES, HOSTILE_SYSTEM, HOSTING,
    Place,
};
use super::person::{Person, Site};
use super::{Deed, Device, Factor, Origin, Outcome, SignIn, derived};
use crate::activity::{Dated, Event};
use crate::addresses;
use crate::calendar::Period;
use crate::kind::Kind;
use crate::stable_rng::Dice;
use crate::takeover::Schedule;

/// What an intruder does in the period.
pub(super) fn events(
    person: &Person,
    dice: &mut Dice,
    period: &Period,
    kind: Kind,
    rows: u32,
) -> Vec<Dated<SignIn>> {
    let day = dice.below(period.days);
    let (from, hours) = (origin(person, dice, kind), &person.hours);
    let mut schedule = match kind {
        Kind::SlowDrip => Schedule::daily(dice, hours, period, rows),
        Kind::PrivilegeActions => Schedule::working_hours(dice, hours, period, day, rows),
        _ => Schedule::night(dice, hours, period, day, rows),
    };
    let factor = match kind {
        Kind::PrivilegeActions => Factor::BypassCode,
        _ => person.factors[0],
    };
    let session = dice.bits();
    (0..rows)
        .map(|row| {
            let (deed, outcome) = deed(person, dice, kind, row, rows);
            // A session ends with the day.
            let session = derived(session, u128::from(schedule.day));
            let what = SignIn { deed, outcome, from: from.clone(), factor, session };
            let event = Event { time: schedule.time, id: dice.bits(), hostile: true, what };
            let dated = (schedule.day, event);
            schedule.advance(dice);
            dated
        })
        .collect()
}

/// From where, and with what.
fn origin(person: &Person, dice: &mut Dice, kind: Kind) -> Origin {
    match kind {
        Kind::UnusualHours | Kind::PrivilegeActions => {
            let own = &person.devices[0].device;
            let device = if kind == Kind::PrivilegeActions {
                let (name, browser) = (own.name.clone(), &ADMINISTRATORS_TOOL);
                let version = browser.oldest_version;
                Rc::new(Device { name, browser, version, system: own.system, key: own.key })
            } else {
                Rc::clone(own)
            };
            let Site { place, network, ref addresses } = person.home;
            Origin { place, network, address: Rc::clone(dice.habit(addresses)), device }
        }
        // Who tries out passwords comes from nearby, through somebody's computer.
        Kind::FailuresThenSuccess => strange(dice, person.strange_town),
        _ => {
            let country = dice.any(HOSTILE_COUNTRIES);
            let city = dice.any(country.cities);
            strange(dice, Place { country, city })
        }
    }
}

fn strange(dice: &mut Dice, place: Place) -> Origin {
    let browser: &'static Browser = dice.any(HOSTILE_BROWSERS);
    let device = Device {
        name: None,
        system: &HOSTILE_SYSTEM,
        browser,
        version: browser.oldest_version,
        key: dice.bits(),
    };
    let address = addresses::outside(dice);
    Origin { place, network: &HOSTING, address, device: Rc::new(device) }
}

/// What is done in a row, and how it goes.
fn deed(person: &Person, dice: &mut Dice, kind: Kind, row: u32, rows: u32) -> (Deed, Outcome) {
    let vendor = person.vendor;
    let usual = person.devices[0].applications[0];
    let strange = *dice.any(&person.strange_applications);
    match kind {
        Kind::FailuresThenSuccess if row + 1 < rows => (Deed::Begin(usual), Outcome::WrongPassword),
        Kind::FailuresThenSuccess | Kind::SlowDrip => (Deed::Begin(usual), Outcome::Success),
        Kind::PrivilegeActions => {
            let task = *dice.any(vendor.privileged);
            (Deed::Administer(task), Outcome::Success)
        }
        _ if row == 0 => (Deed::Begin(usual), Outcome::Success),
        // The user sleeps, and wakes up after a while.
        Kind::UnusualHours if row % 3 == 1 => (Deed::Prove(strange), Outcome::NoAnswer),
        Kind::UnusualHours if row % 3 == 2 => (Deed::Enter(strange), Outcome::Refused),
        _ if row == 1 => (Deed::Prove(usual), Outcome::Success),
        _ => (Deed::Enter(strange), Outcome::Success),
    }
}
