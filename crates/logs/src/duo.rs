//! Duo authentication logs: of the Admin API, versions 1 and 2, and lists of their records.

use super::dialect::{Dialect, FOUND, SEARCH, SPLUNK, without_signs};

/// Duo authentications.
pub const DIALECT: Dialect = Dialect {
    clean: without_signs,
    time: None,
    // The last one is what Duo's own clients give.
    lists: &["response", "response.authlogs", "authlogs", SEARCH],
    inner: &[FOUND, SPLUNK],
    marks: &["timestamp", "isotimestamp", "username", "user", "txid"],
    // Older answers of version 1 have the first one only.
    epochs: &[("timestamp", "isotimestamp")],
    roles: &[],
    other_files: &[],
};
