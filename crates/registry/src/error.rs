//! Why models cannot be found, read or kept.

use dfp_model::ModelError;
use dfp_storage::StorageError;
use dfp_storage::names::shown;
use std::path::PathBuf;

/// Why models cannot be found, read or kept.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file or object cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A store cannot be used.
    #[error("model store \"{place}\": {cause}")]
    Store {
        /// The store as it was named.
        place: String,
        /// The reason, and what to do.
        cause: String,
    },
    /// What a store has of a user cannot be used.
    #[error("model store {place:?}: user {user:?}: {cause}")]
    User {
        /// The store as it was named.
        place: String,
        /// The user.
        user: String,
        /// The reason.
        cause: String,
    },
    /// A user is not in a store.
    #[error("model store {place:?}: user {user:?} has no version{hint}")]
    NoVersion {
        /// The store as it was named.
        place: String,
        /// The user.
        user: String,
        /// Who may be meant.
        hint: String,
    },
    /// The models of a store were trained on logs of another source.
    #[error(
        "model store {place:?}: the model of user {user:?} was trained on logs of {trained}, and these are of {source_of_logs}; expected a store of its own for each source"
    )]
    OtherSource {
        /// The store as it was named.
        place: String,
        /// The user of the model that was asked.
        user: String,
        /// The source of its training logs.
        trained: String,
        /// The source of the logs at hand.
        source_of_logs: String,
    },
    /// A version is not what is wanted of it.
    #[error("user {user:?}: version {version} {cause}")]
    Version {
        /// The user.
        user: String,
        /// The version.
        version: u64,
        /// What is wrong with it.
        cause: String,
    },
    /// A model file cannot be read.
    #[error("{}: {cause}", shown(path))]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: String,
    },
    /// The system gives no random numbers.
    #[error("{0}: cannot draw a random number")]
    Random(String),
    /// A model cannot be written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What is said about a model cannot be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl RegistryError {
    pub(crate) fn os(action: &'static str, path: &std::path::Path, cause: std::io::Error) -> Self {
        StorageError::os(action, path, cause).into()
    }
}
