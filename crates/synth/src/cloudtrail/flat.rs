//! One flat CSV file a user.

use std::path::Path;

use super::call::Call;
use super::profile::Profile;
use crate::activity::{Event, uuid};
use crate::error::GenerateError;
use crate::write::{create, io_error, timestamp};

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
pub(crate) fn write(
    path: &Path,
    profile: &Profile,
    events: impl Iterator<Item = Event<Call>>,
    mut on_row: impl FnMut(u64, &Event<Call>),
) -> Result<u64, GenerateError> {
    let mut out = csv::Writer::from_writer(create(path)?);
    let failed = |error: csv::Error| io_error("write", path)(error.into());
    out.write_record(HEADER).map_err(failed)?;
    let (principal_id, arn) = (profile.identity.principal_id(), profile.identity.arn());
    let mut row = 0;
    for event in events {
        let call = &event.what;
        let (error_code, error_message) =
            call.error.as_ref().map_or(("success", ""), |(code, message)| (code, message));
        out.write_record([
            row.to_string().as_str(),
            &uuid(event.id),
            &timestamp(event.time).to_string(),
            &profile.identity.account,
            call.action.service.source,
            call.action.name,
            &call.address,
            &call.agent,
            "AssumedRole",
            call.action.service.api_version.unwrap_or_default(),
            &principal_id,
            &arn,
            &call.access_key,
            &profile.identity.user,
            error_code,
            error_message,
            call.action.service.host,
        ])
        .map_err(failed)?;
        on_row(row, &event);
        row += 1;
    }
    out.flush().map_err(io_error("write", path))?;
    Ok(row)
}
