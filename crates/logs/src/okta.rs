//! Okta's System Log.

use super::dialect::{Dialect, FOUND, SEARCH, SPLUNK, without_signs};

/// Okta events.
pub const DIALECT: Dialect = Dialect {
    clean: without_signs,
    time: None,
    // An event hook delivers them so.
    lists: &["data.events", SEARCH],
    // Log streaming to EventBridge delivers them so.
    inner: &["detail", FOUND, SPLUNK],
    marks: &["published", "actor", "uuid"],
    epochs: &[],
    roles: &[],
    other_files: &[],
};
