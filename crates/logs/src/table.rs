//! Any table.

use super::dialect::{Dialect, FOUND, SEARCH, unchanged};

/// Rows as they are, under the names that they have.
pub const DIALECT: Dialect = Dialect {
    clean: unchanged,
    time: None,
    lists: &["Records", "records", "rows", SEARCH],
    inner: &[FOUND],
    marks: &[],
    epochs: &[],
    roles: &[],
    other_files: &[],
};
