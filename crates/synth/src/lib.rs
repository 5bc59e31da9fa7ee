//! Synthetic logs: users with habits, and account takeovers whose truth is known.
//!
//! A user of CloudTrail has routines (services, actions, tools, addresses, access keys that go
//! together); one of Azure, Duo or Okta has places, devices, applications and second factors. All
//! have a working day and a weekly rhythm. The truth of a takeover goes into `labels.csv`, never into
//! the logs.
//!
//! - **Same options, same bytes**, on every platform: integers only, ChaCha streams keyed by seed
//!   and user. A user's habits do not depend on how many users or rows are asked for.
//! - **Bounded memory**: a user is generated day by day; at most one day of each user is held.
//! - **Nobody's address**: all addresses are private, shared or reserved for documentation and
//!   benchmarks (RFC 1918, 6598, 5737, 2544), as are telephone numbers, domains and autonomous
//!   systems; accounts and keys are made up.
//!
//! A further log of sign-ins is one file beside `signin/azure.rs`; any other source is a
//! `activity::User` and a `write::Form` of its own, as `cloudtrail/` has them.

mod activity;
mod addresses;
mod calendar;
mod cloudtrail;
mod dice;
mod signin;
mod takeover;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use jiff::civil::Date;

pub use takeover::Kind as TakeoverKind;

/// What to generate, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Gets `training/`, `validation/` and `labels.csv`; made if it is not there.
    pub output_dir: PathBuf,
    /// Number of users, called `user123`, `user124` and so on, at example.com
    /// where the log has addresses.
    pub users: u32,
    /// Days of history and new activity together, divided as the rows are; at least 2.
    pub days: u32,
    /// Rows of history of each user; at least 1.
    pub training_rows: u32,
    /// Rows of habitual new activity of each user; at least 1. Rows of takeovers come on top.
    pub new_rows: u32,
    /// How many users are taken over, once each, in the new activity.
    pub takeovers: u32,
    /// Rows of each takeover; at least 1.
    pub takeover_rows: u32,
    /// What kinds of takeovers there are; each is one of them, at random. Empty: the source's usual
    /// ones.
    pub takeover_kinds: Vec<TakeoverKind>,
    /// Seed of everything random.
    pub seed: u64,
    /// First day of the history.
    pub start: Date,
    /// Whose logs.
    pub source: LogSource,
    /// Write into a directory that has files in it. Files of the same name are replaced, all others
    /// stay as they are.
    pub overwrite: bool,
}

impl GenerateOptions {
    /// CloudTrail of one user over 90 days, of which 19 are new activity with one takeover of six rows.
    #[must_use]
    pub fn new(output_dir: impl Into<PathBuf>) -> Self {
        Self {
            output_dir: output_dir.into(),
            users: 1,
            days: 90,
            training_rows: 3200,
            new_rows: 850,
            takeovers: 1,
            takeover_rows: 6,
            takeover_kinds: Vec::new(),
            seed: 42,
            start: jiff::civil::date(2024, 1, 1),
            source: LogSource::CloudTrail(LogFormat::Csv),
            overwrite: false,
        }
    }

    /// Days of history, and of new activity: as the rows, but at least one each.
    fn split_days(&self) -> (u32, u32) {
        let rows = u64::from(self.training_rows) + u64::from(self.new_rows);
        let new = (u64::from(self.days) * u64::from(self.new_rows) + rows / 2) / rows.max(1);
        let new = u32::try_from(new).unwrap_or(u32::MAX).clamp(1, self.days - 1);
        (self.days - new, new)
    }

    /// The kinds that takeovers are of.
    fn kinds(&self) -> &[TakeoverKind] {
        match self.takeover_kinds.as_slice() {
            [] => self.source.usual_kinds(),
            kinds => kinds,
        }
    }

    /// Whether logs can be made so.
    ///
    /// # Errors
    /// The first value that is out of range.
    pub fn check(&self) -> Result<(), GenerateError> {
        let least = [
            ("users", self.users, 1),
            ("days", self.days, 2),
            ("training_rows", self.training_rows, 1),
            ("new_rows", self.new_rows, 1),
            ("takeover_rows", self.takeover_rows, 1),
        ];
        for (option, value, least) in least {
            if value < least {
                return Err(GenerateError::TooSmall { option, value, least });
            }
        }
        if self.takeovers > self.users {
            return Err(GenerateError::TooManyTakeovers {
                takeovers: self.takeovers,
                users: self.users,
            });
        }
        let accepted = self.source.kinds();
        if let Some(&kind) = self.takeover_kinds.iter().find(|kind| !accepted.contains(kind)) {
            return Err(GenerateError::Kind { kind, source_name: self.source });
        }
        // Far below what a calendar holds; beyond it, dates would have five digits.
        if self.days > 36_525 || !(1970..=9800).contains(&self.start.year()) {
            return Err(GenerateError::Dates { start: self.start, days: self.days });
        }
        Ok(())
    }
}

/// Whose logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// AWS CloudTrail.
    CloudTrail(LogFormat),
    /// Azure AD (Entra ID) sign-ins, as diagnostic settings export them.
    Azure,
    /// Duo authentications, as version 2 of the Admin API lists them.
    Duo,
    /// Okta's System Log.
    Okta,
}

impl LogSource {
    /// The word of the option.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CloudTrail(_) => "cloudtrail",
            Self::Azure => "azure",
            Self::Duo => "duo",
            Self::Okta => "okta",
        }
    }

    /// The kinds of takeovers that its logs can show.
    #[must_use]
    pub fn kinds(self) -> &'static [TakeoverKind] {
        match self {
            Self::CloudTrail(_) => &TakeoverKind::CLOUDTRAIL,
            Self::Azure | Self::Duo | Self::Okta => &TakeoverKind::SIGN_IN,
        }
    }

    fn usual_kinds(self) -> &'static [TakeoverKind] {
        match self {
            Self::CloudTrail(_) => &TakeoverKind::CLOUDTRAIL_DEFAULT,
            _ => self.kinds(),
        }
    }
}

/// Form of CloudTrail's files; the other sources have one form, JSON arrays, one file a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One flat CSV file a user, sorted by time, the first column (without a name) the row number.
    /// A call that succeeded has the `errorCode` "success".
    Csv,
    /// CloudTrail's own files, `{"Records": [...]}`, all users together, split by time and named as
    /// CloudTrail names them.
    Json,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateSummary {
    /// Log files of the history.
    pub training_files: usize,
    /// Rows in them.
    pub training_rows: u64,
    /// Log files of the new activity.
    pub new_files: usize,
    /// Rows in them, those of takeovers included.
    pub new_rows: u64,
    /// The takeovers, by user.
    pub takeovers: Vec<TakeoverSummary>,
}

/// One takeover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeoverSummary {
    /// Whose account.
    pub user: String,
    /// Of what kind it is.
    pub kind: TakeoverKind,
    /// Time of its first row.
    pub start: jiff::Timestamp,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// An option is below its least value.
    #[error("{option} is \"{value}\", but must be at least {least}")]
    TooSmall {
        /// Name of the option.
        option: &'static str,
        /// Its value.
        value: u32,
        /// The least that is accepted.
        least: u32,
    },
    /// More accounts to take over than there are.
    #[error("takeovers is \"{takeovers}\", but there are only {users} users")]
    TooManyTakeovers {
        /// Asked for.
        takeovers: u32,
        /// Number of users.
        users: u32,
    },
    /// A takeover that this source's logs do not show.
    #[error(
        "takeover_kinds is \"{}\", which {} does not have; accepted are {}",
        .kind.label(), .source_name.name(), labels(.source_name.kinds())
    )]
    Kind {
        /// Asked for.
        kind: TakeoverKind,
        /// Of what.
        source_name: LogSource,
    },
    /// Beyond the calendar.
    #[error(
        "{days} days from \"{start}\" are out of range; a start from 1970 to 9800 and up to 36525 \
         days are accepted"
    )]
    Dates {
        /// First day.
        start: Date,
        /// Number of days.
        days: u32,
    },
    /// The directory has files in it.
    #[error("{path:?} is not empty; choose another directory, or pass --overwrite")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {action} {path:?}: {cause}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}

fn labels(kinds: &[TakeoverKind]) -> String {
    kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(", ")
}

/// Number of the first user: user123.
const FIRST_USER: u32 = 123;

/// `user123`, `user124` and so on; `number` is 0 for the first.
fn user_name(number: u32) -> String {
    format!("user{}", u64::from(FIRST_USER) + u64::from(number))
}

/// Generates logs and labels.
///
/// # Errors
/// [`GenerateError`]; what was written before an error of the file system stays.
pub fn generate(options: &GenerateOptions) -> Result<GenerateSummary, GenerateError> {
    options.check()?;
    write::all(options)
}
