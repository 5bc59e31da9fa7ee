//! Okta's System Log.

use super::dialect::{Dialect, without_signs};

/// Okta events.
pub const DIALECT: Dialect = Dialect {
    clean: without_signs,
    time: None,
    // An event hook delivers them so.
    lists: &["data.events"],
    inner: None,
    roles: &[],
    required: None,
    other_files: &[],
};
