//! Why logs cannot be generated.

use std::path::PathBuf;

use jiff::civil::Date;

use super::kind::Kind;
use super::source::LogSource;

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
        kind: Kind,
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

fn labels(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(", ")
}
