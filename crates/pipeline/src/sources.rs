//! The log sources: what each reads, and what it takes for granted about its logs. A new source is
//! one entry here and one in the table of stages.

use crate::features::{self, Features};
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
    /// The built-in feature file; `None`: users and features have to be named.
    pub features: Option<&'static str>,
}

/// AWS CloudTrail.
pub static CLOUDTRAIL: Source = Source {
    stage: "from-cloudtrail",
    class: Some("CloudTrailSourceStage"),
    dialect: &logs::cloudtrail::DIALECT,
    features: Some("cloudtrail"),
};

/// Azure AD (Entra ID) sign-in and audit records.
pub static AZURE: Source = Source {
    stage: "from-azure",
    class: Some("AzureSourceStage"),
    dialect: &logs::azure::DIALECT,
    features: Some("azure"),
};

/// Duo authentication logs.
pub static DUO: Source = Source {
    stage: "from-duo",
    class: Some("DuoSourceStage"),
    dialect: &logs::duo::DIALECT,
    features: Some("duo"),
};

/// Okta System Log.
pub static OKTA: Source = Source {
    stage: "from-okta",
    class: None,
    dialect: &logs::okta::DIALECT,
    features: Some("okta"),
};

/// Any table.
pub static FILE: Source =
    Source { stage: "from-file", class: None, dialect: &logs::table::DIALECT, features: None };

/// All sources.
pub static SOURCES: [&Source; 5] = [&CLOUDTRAIL, &AZURE, &DUO, &OKTA, &FILE];

impl Source {
    /// The source that this stage reads.
    pub fn of(stage: &str) -> Option<&'static Self> {
        SOURCES.into_iter().find(|source| source.stage == stage)
    }

    /// What is made of its logs, unless a feature file says otherwise.
    pub fn features(&self) -> Features {
        let built_in = self.features.and_then(|name| features::find_built_in(name).ok());
        built_in.unwrap_or_else(Features::of_any_table)
    }

    /// A column's name as the reader has it: users may write it as their logs do.
    pub fn clean(&self, column: &str) -> String {
        (self.dialect.clean)(column)
    }
}
