//! The table of log sources: the stage of each, how its files are read, and what is made of them. A
//! new source is a file with a [`Dialect`] and a row here (docs/adding-a-source.md).

use arrow_schema::Schema;
use dfp_logs::Dialect;

/// A source of logs.
#[derive(Debug)]
pub struct Source {
    /// The stage that reads it.
    pub stage: &'static str,
    /// What that stage does, in one line.
    pub about: &'static str,
    /// Whose logs, in a message.
    pub title: &'static str,
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
        stage: "from-cloudtrail",
        about: "read AWS CloudTrail logs: CSV, {\"Records\": [...]}, JSON lines, Parquet",
        title: "AWS CloudTrail",
        class: Some("CloudTrailSourceStage"),
        dialect: &dfp_logs::cloudtrail::DIALECT,
        features: Some(("cloudtrail", include_str!("builtin/cloudtrail.toml"))),
    },
    Source {
        stage: "from-azure",
        about: "read Azure AD (Entra ID) sign-in and audit logs: JSON arrays and lines, \"properties\" or not, CSV",
        title: "Azure AD",
        class: Some("AzureSourceStage"),
        dialect: &dfp_logs::azure::DIALECT,
        features: Some(("azure", include_str!("builtin/azure.toml"))),
    },
    Source {
        stage: "from-duo",
        about: "read Duo authentication logs: JSON arrays and lines, the Admin API's answers, CSV",
        title: "Duo",
        class: Some("DuoSourceStage"),
        dialect: &dfp_logs::duo::DIALECT,
        features: Some(("duo", include_str!("builtin/duo.toml"))),
    },
    Source {
        stage: "from-okta",
        about: "read Okta's System Log: JSON arrays and lines, CSV",
        title: "Okta",
        class: None,
        dialect: &dfp_logs::okta::DIALECT,
        features: Some(("okta", include_str!("builtin/okta.toml"))),
    },
    Source {
        stage: "from-file",
        about: "read any table: CSV, JSON arrays and lines, Parquet",
        title: "other",
        class: None,
        dialect: &dfp_logs::table::DIALECT,
        features: None,
    },
];

/// Members of answers whose rows are no objects, and what they are.
const ANSWERS: [(&str, &str); 2] = [
    (
        "QueryResultRows",
        "the result of a query of CloudTrail Lake, a list of single values for each event",
    ),
    (
        "tables",
        "the result of a query of Log Analytics, with the names of columns apart from the rows",
    ),
];

/// Their stages.
pub const SOURCE_STAGES: [&str; SOURCES.len()] = {
    let mut names = [""; SOURCES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = SOURCES[at].stage;
        at += 1;
    }
    names
};

impl Source {
    /// The source that this stage reads.
    pub fn of(stage: &str) -> Option<&'static Self> {
        SOURCES.iter().find(|source| source.stage == stage)
    }

    /// Whose logs these are, in a message, if a table with these columns is of another source: it has none of the
    /// columns that events of this one are known by, and several of the other's, or nothing but the other's list of
    /// events.
    pub fn mistaken_for_another(&self, schema: &Schema) -> Option<String> {
        let has = |name: &str| schema.column_with_name(&self.clean(name)).is_some();
        let marks = self.dialect.marks;
        if marks.is_empty() || marks.iter().any(|mark| has(mark)) {
            return None;
        }
        // Other sources have members around an event, which this one reads as the beginnings of names.
        let has_of = |other: &Source, mark: &str| {
            let mut inner = other.dialect.inner.iter();
            has(mark) || inner.any(|around| has(&format!("{around}.{mark}")))
        };
        // A document whose list is another source's is one row of one column.
        let only = (schema.fields().len() == 1).then(|| schema.field(0).name());
        let is_of = |other: &&Source| {
            let mut lists = other.dialect.lists.iter();
            let is_only = |list: &str| only.is_some_and(|only| *only == self.clean(list));
            other.dialect.marks.iter().filter(|mark| has_of(other, mark)).count() > 1
                || (!other.dialect.marks.is_empty() && lists.any(|list| is_only(list)))
        };
        let other = SOURCES.iter().find(is_of)?;
        let (title, stage) = (other.title, other.stage);
        let short = stage.trim_start_matches("from-");
        Some(format!(
            "these look like {title} logs ({stage}, --source={short}): no event has any of {}, as {} logs have",
            marks.join(", "),
            self.title
        ))
    }

    /// Where the events of a table are that has none of the columns that they are known by, in a message.
    pub fn not_at_the_top(&self, schema: &Schema) -> Option<String> {
        let columns = || schema.fields().iter().map(|field| field.name().as_str());
        let has = |name: &str| columns().any(|column| column == self.clean(name));
        if let Some((member, what)) = ANSWERS.iter().find(|(member, _)| has(member)) {
            return Some(format!(
                "the member {member:?} is {what}; expected an object for each event"
            ));
        }
        let marks: Vec<String> = self.dialect.marks.iter().map(|mark| self.clean(mark)).collect();
        let before = |column: &'_ str| {
            let mark = marks.iter().find(|mark| column.ends_with(mark.as_str()))?;
            Some(column[..column.len() - mark.len()].to_owned()).filter(|above| !above.is_empty())
        };
        let above: Vec<String> = columns().filter_map(before).collect();
        let found =
            above.iter().find(|one| above.iter().filter(|other| other == one).count() > 1)?;
        let inner = self.dialect.inner.join(", ");
        Some(format!(
            "the events are below {found:?}, as in the columns {found}{} and {found}{}; expected them at the top, or below {inner}",
            marks[0], marks[1]
        ))
    }

    /// A column's name as the reader has it: users may write it as their logs do.
    pub fn clean(&self, column: &str) -> String {
        (self.dialect.clean)(column)
    }
}
