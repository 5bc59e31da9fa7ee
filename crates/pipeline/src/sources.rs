//! The log sources: what each reads, and what it takes for granted about its logs. A new source is
//! one entry here and one in the table of stages.

use crate::derive::actor;
use crate::derive::counters::Counters;
use crate::features;
use dfp_io::logs::{self, Dialect};

/// A source of logs.
#[derive(Debug)]
pub struct Source {
    /// The stage that reads it.
    pub stage: &'static str,
    /// The peer's class of the same logs.
    pub class: Option<&'static str>,
    /// How its files are read.
    pub dialect: &'static Dialect,
    /// The features, unless others are named; none: they have to be named.
    pub features: &'static [&'static str],
    /// The column that tells users apart, unless another is named; `None`: it has to be named.
    pub user_column: Option<&'static str>,
    /// Whether its rows can have the columns of [`actor`].
    pub actors: bool,
    /// What is counted a user a day.
    pub counters: Option<Counters>,
}

/// AWS CloudTrail.
pub static CLOUDTRAIL: Source = Source {
    stage: "from-cloudtrail",
    class: Some("CloudTrailSourceStage"),
    dialect: &logs::cloudtrail::DIALECT,
    features: features::CLOUDTRAIL,
    user_column: Some("userIdentityaccountId"),
    actors: true,
    counters: None,
};

/// Azure AD (Entra ID) sign-in and audit records.
pub static AZURE: Source = Source {
    stage: "from-azure",
    class: Some("AzureSourceStage"),
    dialect: &logs::azure::DIALECT,
    features: features::AZURE,
    user_column: Some("userPrincipalName"),
    actors: false,
    counters: Some(Counters {
        time: "createdDateTime",
        place: ["locationcity", "locationstate", "locationcountryOrRegion"],
        application: Some("appDisplayName"),
    }),
};

/// Duo authentication logs.
pub static DUO: Source = Source {
    stage: "from-duo",
    class: Some("DuoSourceStage"),
    dialect: &logs::duo::DIALECT,
    features: features::DUO,
    user_column: Some("username"),
    actors: false,
    counters: Some(Counters {
        time: "isotimestamp",
        place: [
            "accessdevicelocationcity",
            "accessdevicelocationstate",
            "accessdevicelocationcountry",
        ],
        application: None,
    }),
};

/// Okta System Log.
pub static OKTA: Source = Source {
    stage: "from-okta",
    class: None,
    dialect: &logs::okta::DIALECT,
    features: features::OKTA,
    user_column: Some("actoralternateId"),
    actors: false,
    counters: Some(Counters {
        time: "published",
        place: [
            "clientgeographicalContextcity",
            "clientgeographicalContextstate",
            "clientgeographicalContextcountry",
        ],
        application: None,
    }),
};

/// Any table.
pub static FILE: Source = Source {
    stage: "from-file",
    class: None,
    dialect: &logs::table::DIALECT,
    features: &[],
    user_column: None,
    actors: false,
    counters: None,
};

/// All sources.
pub static SOURCES: [&Source; 5] = [&CLOUDTRAIL, &AZURE, &DUO, &OKTA, &FILE];

impl Source {
    /// The source that this stage reads.
    pub fn of(stage: &str) -> Option<&'static Self> {
        SOURCES.into_iter().find(|source| source.stage == stage)
    }

    /// Whether any of these columns is made by [`actor`].
    pub fn makes_actors<'a>(&self, columns: impl IntoIterator<Item = &'a String>) -> bool {
        self.actors && columns.into_iter().any(|column| actor::COLUMNS.contains(&column.as_str()))
    }

    /// `columns` with those that derived ones among them are made of.
    pub fn with_inputs(&self, mut columns: Vec<String>) -> Vec<String> {
        if self.makes_actors(&columns) {
            columns.extend(actor::INPUTS.map(str::to_owned));
        }
        if let Some(spec) = &self.counters {
            columns.extend(spec.inputs().map(str::to_owned));
        }
        columns
    }

    /// Whether a column of this name is one of the source's counters.
    pub fn counts(&self, column: &str) -> bool {
        self.counters.as_ref().is_some_and(|spec| spec.makes(column))
    }

    /// A column's name as the reader has it: users may write it as their logs do.
    pub fn clean(&self, column: &str) -> String {
        (self.dialect.clean)(column)
    }
}
