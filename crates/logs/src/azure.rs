//! Azure AD (Entra ID) sign-in and audit records: of the diagnostic settings (with `properties`), of
//! the Graph API, and of the portal's export.

use super::dialect::{Dialect, FOUND, SEARCH, SPLUNK, without_signs};

/// Azure AD records.
pub const DIALECT: Dialect = Dialect {
    clean: without_signs,
    time: None,
    lists: &["value", "records", SEARCH],
    inner: &["properties", FOUND, SPLUNK],
    marks: &["createdDateTime", "activityDateTime", "userPrincipalName", "appDisplayName"],
    epochs: &[],
    roles: &[],
    other_files: &[],
};
