//! Why nothing can be made of a log.

use arrow_schema::ArrowError;
use dfp_logs::LogError;

/// Why nothing can be made of a log.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// A column that is needed is not there: what needs it, and what it could be.
    #[error("{0}")]
    NoColumn(String),
    /// Nobody has the name that was asked for: who there is.
    #[error("{0}")]
    Nobody(String),
    /// What derived columns remember of a user cannot be read.
    #[error("no memory of user {user:?}: {cause}")]
    Memory {
        /// The user.
        user: String,
        /// What the reader of the memory says.
        cause: serde_json::Error,
    },
    /// A column cannot be cast, taken or joined.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A column of texts cannot be held.
    #[error(transparent)]
    Io(#[from] LogError),
}
