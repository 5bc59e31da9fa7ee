//! Azure AD (Entra ID) sign-in and audit records: of the diagnostic settings (with `properties`), of
//! the Graph API, and of the portal's export.

use super::dialect::{Dialect, without_signs};

/// Azure AD records.
pub const DIALECT: Dialect = Dialect {
    clean: without_signs,
    time: None,
    lists: &["value", "records"],
    inner: Some("properties"),
    roles: &[],
    required: Some("data"),
    other_files: &[],
};
