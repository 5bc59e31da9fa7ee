//! Duo authentication logs: of the Admin API, versions 1 and 2, and lists of their records.

use super::dialect::{Dialect, without_signs};

/// Duo authentications.
pub const DIALECT: Dialect = Dialect {
    clean: without_signs,
    time: None,
    lists: &["response", "response.authlogs"],
    inner: None,
    roles: &[],
    required: Some("data"),
    other_files: &[],
};
