//! Where people are, and what they sign in with.

/// A town.
#[derive(Debug)]
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) state: &'static str,
    pub(super) utc_offset_hours: i32,
    /// Hundredths of a degree, north and east.
    pub(super) latitude: i32,
    pub(super) longitude: i32,
}

#[derive(Debug)]
pub(super) struct Country {
    /// ISO 3166.
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) cities: &'static [City],
}

/// A town with its country.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) country: &'static Country,
    pub(super) city: &'static City,
}

macro_rules! country {
    ($code:literal, $name:literal, [$($city:literal, $state:literal, $offset:expr, $lat:expr, $lon:expr;)*]) => {
        Country {
            code: $code,
            name: $name,
            cities: &[$(City {
                name: $city,
                state: $state,
                utc_offset_hours: $offset,
                latitude: $lat,
                longitude: $lon,
            }),*],
        }
    };
}

/// Countries that users live in and travel to.
#[rustfmt::skip]
pub(super) static COUNTRIES: &[Country] = &[
    country!("US", "United States", [
        "Austin", "Texas", -6, 3027, -9774;
        "Seattle", "Washington", -8, 4761, -12233;
        "Boston", "Massachusetts", -5, 4236, -7106;
        "Denver", "Colorado", -7, 3974, -10499;
        "Chicago", "Illinois", -6, 4188, -8763;
    ]),
    country!("CA", "Canada", [
        "Toronto", "Ontario", -5, 4365, -7938;
        "Ottawa", "Ontario", -5, 4542, -7570;
        "Montreal", "Quebec", -5, 4550, -7357;
        "Calgary", "Alberta", -7, 5105, -11407;
    ]),
    country!("DE", "Germany", [
        "Hamburg", "Hamburg", 1, 5355, 1000;
        "Leipzig", "Sachsen", 1, 5134, 1237;
        "Nuremberg", "Bayern", 1, 4945, 1108;
        "Cologne", "Nordrhein-Westfalen", 1, 5094, 696;
    ]),
    country!("GB", "United Kingdom", [
        "Leeds", "Leeds", 0, 5380, -155;
        "Bristol", "Bristol", 0, 5145, -259;
        "Glasgow", "Glasgow City", 0, 5586, -425;
        "Cardiff", "Cardiff", 0, 5148, -318;
    ]),
    country!("NL", "Netherlands", [
        "Utrecht", "Utrecht", 1, 5209, 512;
        "Groningen", "Groningen", 1, 5322, 657;
        "Eindhoven", "Noord-Brabant", 1, 5144, 547;
        "Rotterdam", "Zuid-Holland", 1, 5192, 448;
    ]),
];

/// Countries that only intruders come from.
#[rustfmt::skip]
pub(super) static HOSTILE_COUNTRIES: &[Country] = &[
    country!("IS", "Iceland", ["Akureyri", "Nordurland Eystra", 0, 6568, -1809;]),
    country!("UY", "Uruguay", ["Salto", "Salto", -3, -3138, -5796;]),
    country!("FJ", "Fiji", ["Suva", "Central", 12, -1812, 17845;]),
    country!("LV", "Latvia", ["Daugavpils", "Daugavpils", 2, 5587, 2653;]),
];

/// A provider; the numbers are reserved for documentation (RFC 5398).
#[derive(Debug)]
pub(super) struct Network {
    pub(super) number: u32,
    pub(super) provider: &'static str,
    /// Somebody else's traffic passes through it.
    pub(super) proxy: bool,
}

pub(super) static OFFICE: Network =
    Network { number: 64_496, provider: "example corp", proxy: false };
pub(super) static ACCESS: &[Network] = &[
    Network { number: 64_497, provider: "example broadband", proxy: false },
    Network { number: 64_498, provider: "example cable", proxy: false },
    Network { number: 64_499, provider: "example mobile", proxy: false },
];
/// No user comes through it.
pub(super) static HOSTING: Network =
    Network { number: 64_511, provider: "example hosting", proxy: true };

/// An operating system, as the vendors call it.
#[derive(Debug)]
pub(super) struct System {
    pub(super) azure: &'static str,
    pub(super) duo: &'static str,
    pub(super) okta: &'static str,
    pub(super) version: &'static str,
    /// Its part of a user agent.
    pub(super) agent: &'static str,
    pub(super) mobile: bool,
}

macro_rules! system {
    ($azure:literal, $duo:literal, $okta:literal, $version:literal, $agent:literal, $mobile:literal) => {
        System {
            azure: $azure,
            duo: $duo,
            okta: $okta,
            version: $version,
            agent: $agent,
            mobile: $mobile,
        }
    };
}

#[rustfmt::skip]
pub(super) static COMPUTERS: &[System] = &[
    system!("Windows 10", "Windows", "Windows 10", "10.0", "Windows NT 10.0; Win64; x64", false),
    system!("MacOs", "Mac OS X", "Mac OS X", "10.15.7", "Macintosh; Intel Mac OS X 10_15_7", false),
];
#[rustfmt::skip]
pub(super) static MOBILES: &[System] = &[
    system!("Ios 17.1", "iOS", "iOS (iPhone)", "17.1", "iPhone; CPU iPhone OS 17_1 like Mac OS X", true),
    system!("Android 13", "Android", "Android", "13", "Linux; Android 13; K", true),
];
/// No user has it.
pub(super) static HOSTILE_SYSTEM: System =
    system!("Linux", "Linux", "Linux", "5.18", "X11; Linux x86_64", false);

/// A program to sign in with, as the vendors call it.
#[derive(Debug)]
pub(super) struct Browser {
    pub(super) azure: &'static str,
    pub(super) duo: &'static str,
    pub(super) okta: &'static str,
    /// Azure's `clientAppUsed`.
    pub(super) client: &'static str,
    pub(super) oldest_version: u32,
}

macro_rules! browser {
    ($azure:literal, $duo:literal, $okta:literal, $client:literal, $version:literal) => {
        Browser { azure: $azure, duo: $duo, okta: $okta, client: $client, oldest_version: $version }
    };
}

#[rustfmt::skip]
pub(super) static BROWSERS: &[Browser] = &[
    browser!("Edge", "Edge Chromium", "EDGE", "Browser", 117),
    browser!("Chrome", "Chrome", "CHROME", "Browser", 117),
    browser!("Firefox", "Firefox", "FIREFOX", "Browser", 115),
    browser!("Rich Client", "Chrome", "CHROME", "Mobile Apps and Desktop clients", 110),
];
#[rustfmt::skip]
pub(super) static MOBILE_BROWSERS: &[Browser] = &[
    browser!("Mobile Safari", "Mobile Safari", "SAFARI", "Browser", 16),
    browser!("Chrome Mobile", "Chrome Mobile", "CHROME", "Mobile Apps and Desktop clients", 117),
];
/// What administrators' tasks are done with; no user has it.
pub(super) static ADMINISTRATORS_TOOL: Browser =
    browser!("IE", "IE", "UNKNOWN", "Mobile Apps and Desktop clients", 7);
/// No user has them.
#[rustfmt::skip]
pub(super) static HOSTILE_BROWSERS: &[Browser] = &[
    browser!("Opera", "Opera", "OPERA", "Browser", 76),
    browser!("Python Requests", "Unknown", "UNKNOWN", "Other clients", 2),
];
