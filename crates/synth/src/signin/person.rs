//! The habits of one user.

use std::rc::Rc;

use super::catalogue::{
    ACCESS, BROWSERS, Browser, COMPUTERS, COUNTRIES, City, Country, MOBILE_BROWSERS, MOBILES,
    Network, OFFICE, Place, System,
};
use super::{Device, Factor, Vendor};
use crate::activity::user_name;
use crate::addresses;
use crate::calendar::{Day, Hours};
use crate::stable_rng::{Dice, Purpose};

/// Letters and digits of the names of computers.
const NAME_ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// How many applications a user has to do with, on all devices together.
const USUAL_APPLICATIONS: usize = 6;

/// The habits of one user. Lists are in order of habit, the most usual first.
#[derive(Debug)]
pub(crate) struct Person {
    /// 0 for the first user.
    pub(super) number: u32,
    pub(super) vendor: &'static Vendor,
    /// `user123`.
    pub(super) name: String,
    /// `user123@example.com`.
    pub(super) address: String,
    /// The user's identifiers are made of it.
    pub(super) id: u128,
    /// Telephone number, of those that are kept for fiction.
    pub(super) phone: String,
    pub(super) hours: Hours,
    office: Site,
    pub(super) home: Site,
    /// Where a telephone's provider reaches the net, now and then for a computer too.
    on_the_way: Vec<Site>,
    /// Days of the week on which the user works at home, from Monday, as bits.
    home_days: u8,
    /// A town of the user's country in which the user never is.
    pub(super) strange_town: Place,
    travel: Travel,
    pub(super) devices: Vec<DeviceHabit>,
    /// Applications that no device is used for.
    pub(super) strange_applications: Vec<&'static str>,
    pub(super) factors: Vec<Factor>,
}

/// A place, and the addresses that a user has there.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) place: Place,
    pub(super) network: &'static Network,
    pub(super) addresses: Vec<Rc<str>>,
}

/// A device, and what it is used for.
#[derive(Debug)]
pub(super) struct DeviceHabit {
    pub(super) device: Rc<Device>,
    pub(super) applications: Vec<&'static str>,
}

/// Trips of some days, at regular intervals.
#[derive(Debug)]
struct Travel {
    sites: Vec<Site>,
    every_days: u32,
    days: u32,
    phase: u32,
}

impl Travel {
    /// Where the user is on this day of the story, if on a trip.
    fn site(&self, day: u32) -> Option<&Site> {
        let since = day + self.phase;
        let trip = (since / self.every_days) as usize;
        (since % self.every_days < self.days).then(|| &self.sites[trip % self.sites.len()])
    }
}

impl Person {
    pub(crate) fn new(seed: u64, number: u32, vendor: &'static Vendor) -> Self {
        let dice = &mut Dice::new(seed, number, Purpose::Profile);
        let country = dice.any(COUNTRIES);
        let towns: Vec<&'static City> = country.cities.iter().collect();
        let towns = dice.some(&towns, 4);
        let town = |position: usize| Place { country, city: towns[position] };
        let home = if dice.chance(600) { town(0) } else { town(1) };
        let abroad = abroad(dice, country);
        let access = dice.any(&ACCESS[..2]);
        let name = user_name(number);
        let devices = devices(dice, vendor);
        let usual = |application: &&'static str| {
            devices.iter().any(|habit| habit.applications.contains(application))
        };
        let strange_applications =
            vendor.applications.iter().copied().filter(|name| !usual(name)).collect();
        Self {
            number,
            vendor,
            address: format!("{name}@example.com"),
            name,
            id: dice.bits(),
            phone: format!("+1 555-01{:02}", dice.below(100)),
            hours: Hours::new(dice, town(0).city.utc_offset_hours * 3600),
            office: Site::new(dice, town(0), &OFFICE, addresses::office, 2),
            home: Site::new(dice, home, access, addresses::home, 2),
            on_the_way: [1, 0, 2]
                .map(|position| Site::new(dice, town(position), &ACCESS[2], addresses::home, 2))
                .into(),
            // The weekend, and two days or one.
            home_days: 0b110_0000 | 1 << dice.below(5) | 1 << dice.below(5),
            strange_town: town(3),
            travel: Travel {
                sites: vec![
                    Site::new(dice, town(2), &ACCESS[2], addresses::private_network, 2),
                    Site::new(dice, abroad, &ACCESS[2], addresses::private_network, 2),
                ],
                every_days: dice.between(20, 40),
                days: dice.between(2, 4),
                phase: dice.below(40),
            },
            devices,
            strange_applications,
            factors: {
                use Factor::{Passcode, PhoneCall, Push, SecurityKey};
                dice.some(&[Push, Passcode, PhoneCall, SecurityKey], 2)
            },
        }
    }

    /// Where the user is for a session.
    pub(super) fn site(&self, dice: &mut Dice, day: Day, device: &Device) -> &Site {
        let weekday = day.date.weekday().to_monday_zero_offset();
        match self.travel.site(day.number) {
            Some(site) => site,
            None if device.system.mobile || dice.chance(120) => dice.habit(&self.on_the_way),
            None if self.home_days >> weekday & 1 == 1 => &self.home,
            None => &self.office,
        }
    }
}

/// A town in another country.
fn abroad(dice: &mut Dice, home: &Country) -> Place {
    let countries: Vec<&'static Country> =
        COUNTRIES.iter().filter(|country| country.code != home.code).collect();
    let country = *dice.any(&countries);
    Place { country, city: dice.any(country.cities) }
}

impl Site {
    fn new(
        dice: &mut Dice,
        place: Place,
        network: &'static Network,
        address: fn(&mut Dice) -> Rc<str>,
        count: usize,
    ) -> Self {
        Self { place, network, addresses: (0..count).map(|_| address(dice)).collect() }
    }
}

/// Which of a user's machines, and its identifier.
#[derive(Clone)]
struct Machine {
    name: Option<String>,
    system: &'static System,
    key: u128,
}

impl Machine {
    fn new(dice: &mut Dice, name: Option<String>, systems: &'static [System]) -> Self {
        Self { name, system: dice.any(systems), key: dice.bits() }
    }
}

/// The company's computer with two browsers, one of them in two versions, a telephone, and a computer at
/// home.
fn devices(dice: &mut Dice, vendor: &Vendor) -> Vec<DeviceHabit> {
    let name = format!("LAPTOP-{}", dice.text(NAME_ALPHABET, 7));
    let computer = Machine::new(dice, Some(name), COMPUTERS);
    let telephone = Machine::new(dice, None, MOBILES);
    let at_home = Machine::new(dice, None, COMPUTERS);
    let browsers = dice.some(&BROWSERS.iter().collect::<Vec<_>>(), 2);
    let mobile_browser = dice.any(MOBILE_BROWSERS);
    // Each device is for some of what the user has to do with.
    let applications = dice.some(vendor.applications, USUAL_APPLICATIONS);
    let mut habit = |machine: &Machine, browser: &'static Browser, newer| {
        let Machine { name, system, key } = machine.clone();
        let version = browser.oldest_version + newer;
        let count = dice.between(3, 5) as usize;
        DeviceHabit {
            device: Rc::new(Device { name, system, browser, version, key }),
            applications: dice.some(&applications, count),
        }
    };
    vec![
        habit(&computer, browsers[0], 2),
        habit(&telephone, mobile_browser, 1),
        habit(&computer, browsers[1], 1),
        habit(&computer, browsers[0], 3),
        habit(&at_home, browsers[1], 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::{azure, duo, okta};
    use super::*;

    #[test]
    fn every_vendor_has_applications_that_a_user_never_enters() {
        for vendor in [&azure::VENDOR, &duo::VENDOR, &okta::VENDOR] {
            assert!(vendor.applications.len() > USUAL_APPLICATIONS, "{}", vendor.prefix);
            assert!(vendor.privileged.iter().all(|task| !vendor.applications.contains(task)));
        }
    }
}
