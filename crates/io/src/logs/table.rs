//! Any table.

use super::dialect::{Dialect, unchanged};

/// Rows as they are, under the names that they have.
pub const DIALECT: Dialect = Dialect {
    clean: unchanged,
    time: None,
    lists: &["Records", "records", "rows"],
    inner: None,
    roles: &[],
    required: None,
    other_files: &[],
};
