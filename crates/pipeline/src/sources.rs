//! The table of log sources: the stage of each, how its files are read, and what is made of them. A
//! new source is a file with a [`Dialect`] and a row here (docs/adding-a-source.md).

use crate::features::{self, Features};
use crate::options::{StageEntry, any_table, source};
use dfp_io::logs::{self, Dialect};

/// A source of logs.
#[derive(Debug)]
pub struct Source {
    /// The stage that reads it.
    pub stage: StageEntry,
    /// The peer's class of the same logs.
    pub class: Option<&'static str>,
    /// How its files are read.
    pub dialect: &'static Dialect,
    /// Name and text of the built-in feature file; `None`: users and features have to be named.
    pub features: Option<(&'static str, &'static str)>,
}

/// All sources.
pub const SOURCES: &[Source] = &[
    Source {
        stage: source(
            "from-cloudtrail",
            "read AWS CloudTrail logs: CSV, {\"Records\": [...]}, JSON lines, Parquet",
        ),
        class: Some("CloudTrailSourceStage"),
        dialect: &logs::cloudtrail::DIALECT,
        features: Some(("cloudtrail", include_str!("features/builtin/cloudtrail.toml"))),
    },
    Source {
        stage: source(
            "from-azure",
            "read Azure AD (Entra ID) sign-in and audit logs: JSON arrays and lines, \"properties\" or not, CSV",
        ),
        class: Some("AzureSourceStage"),
        dialect: &logs::azure::DIALECT,
        features: Some(("azure", include_str!("features/builtin/azure.toml"))),
    },
    Source {
        stage: source(
            "from-duo",
            "read Duo authentication logs: JSON arrays and lines, the Admin API's answers, CSV",
        ),
        class: Some("DuoSourceStage"),
        dialect: &logs::duo::DIALECT,
        features: Some(("duo", include_str!("features/builtin/duo.toml"))),
    },
    Source {
        stage: source("from-okta", "read Okta's System Log: JSON arrays and lines, CSV"),
        class: None,
        dialect: &logs::okta::DIALECT,
        features: Some(("okta", include_str!("features/builtin/okta.toml"))),
    },
    Source {
        stage: any_table("read any table: CSV, JSON arrays and lines, Parquet"),
        class: None,
        dialect: &logs::table::DIALECT,
        features: None,
    },
];

/// Their stages.
pub const SOURCE_STAGES: [&str; SOURCES.len()] = {
    let mut names = [""; SOURCES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = SOURCES[at].stage.name;
        at += 1;
    }
    names
};

impl Source {
    /// The source that this stage reads.
    pub fn of(stage: &str) -> Option<&'static Self> {
        SOURCES.iter().find(|source| source.stage.name == stage)
    }

    /// What is made of its logs, unless a feature file says otherwise.
    pub fn features(&self) -> Features {
        let built_in = self.features.and_then(|(name, _)| features::find_built_in(name).ok());
        built_in.unwrap_or_else(Features::of_any_table)
    }

    /// A column's name as the reader has it: users may write it as their logs do.
    pub fn clean(&self, column: &str) -> String {
        (self.dialect.clean)(column)
    }
}
