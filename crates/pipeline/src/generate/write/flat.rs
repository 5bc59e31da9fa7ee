//! One flat CSV file a user.

use std::path::Path;

use super::super::GenerateError;
use super::super::event::{Event, uuid};
use super::super::profile::Profile;
use super::{create, io_error, timestamp};

const HEADER: [&str; 17] = [
    "",
    "eventID",
    "eventTime",
    "userIdentityaccountId",
    "eventSource",
    "eventName",
    "sourceIPAddress",
    "userAgent",
    "userIdentitytype",
    "apiVersion",
    "userIdentityprincipalId",
    "userIdentityarn",
    "userIdentityaccessKeyId",
    "userIdentitysessionContextsessionIssueruserName",
    "errorCode",
    "errorMessage",
    "tlsDetailsclientProvidedHostHeader",
];

/// Writes all events, tells each with its row number, and gives the number of rows.
pub(super) fn write(
    path: &Path,
    profile: &Profile,
    events: impl Iterator<Item = Event>,
    mut on_row: impl FnMut(u64, &Event),
) -> Result<u64, GenerateError> {
    let mut out = csv::Writer::from_writer(create(path)?);
    let failed = |error: csv::Error| io_error("write", path)(error.into());
    out.write_record(HEADER).map_err(failed)?;
    let (principal_id, arn) = (profile.identity.principal_id(), profile.identity.arn());
    let mut row = 0;
    for event in events {
        let (error_code, error_message) =
            event.error.as_ref().map_or(("success", ""), |(code, message)| (code, message));
        out.write_record([
            row.to_string().as_str(),
            &uuid(event.id),
            &timestamp(event.time).to_string(),
            &profile.identity.account,
            event.action.service.source,
            event.action.name,
            &event.address,
            &event.agent,
            "AssumedRole",
            event.action.service.api_version.unwrap_or_default(),
            &principal_id,
            &arn,
            &event.access_key,
            &profile.identity.user,
            error_code,
            error_message,
            event.action.service.host,
        ])
        .map_err(failed)?;
        on_row(row, &event);
        row += 1;
    }
    out.flush().map_err(io_error("write", path))?;
    Ok(row)
}
