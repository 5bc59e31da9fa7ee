//! Which columns are features: the built-in lists, and files with one name a line.

use std::path::Path;

/// The peer's 33 feature columns for CloudTrail, after dots are removed from the names.
pub const CLOUDTRAIL: &[&str] = &[
    "eventSource",
    "eventName",
    "sourceIPAddress",
    "userAgent",
    "userIdentitytype",
    "requestParametersroleArn",
    "requestParametersroleSessionName",
    "requestParametersdurationSeconds",
    "responseElementsassumedRoleUserassumedRoleId",
    "responseElementsassumedRoleUserarn",
    "apiVersion",
    "userIdentityprincipalId",
    "userIdentityarn",
    "userIdentityaccountId",
    "userIdentityaccessKeyId",
    "userIdentitysessionContextsessionIssuerprincipalId",
    "userIdentitysessionContextsessionIssueruserName",
    "tlsDetailsclientProvidedHostHeader",
    "requestParametersownersSetitems",
    "requestParametersmaxResults",
    "requestParametersinstancesSetitems",
    "errorCode",
    "errorMessage",
    "requestParametersmaxItems",
    "responseElementsrequestId",
    "responseElementsinstancesSetitems",
    "requestParametersgroupSetitems",
    "requestParametersinstanceType",
    "requestParametersmonitoringenabled",
    "requestParametersdisableApiTermination",
    "requestParametersebsOptimized",
    "responseElementsreservationId",
    "requestParametersgroupName",
];

/// The peer's features of Azure sign-ins.
pub const AZURE: &[&str] = &[
    "appDisplayName",
    "clientAppUsed",
    "deviceDetailbrowser",
    "deviceDetaildisplayName",
    "deviceDetailoperatingSystem",
    "statusfailureReason",
    "appincrement",
    "locincrement",
    "logcount",
];

/// The peer's features of Duo authentications.
pub const DUO: &[&str] = &[
    "accessdevicebrowser",
    "accessdeviceos",
    "authdevicename",
    "reason",
    "result",
    "locincrement",
    "logcount",
];

/// Features of Okta events, chosen as those of the other sign-in sources.
pub const OKTA: &[&str] = &[
    "eventType",
    "outcomeresult",
    "outcomereason",
    "clientuserAgentbrowser",
    "clientuserAgentos",
    "clientdevice",
    "clientgeographicalContextcountry",
    "securityContextisp",
    "securityContextisProxy",
    "authenticationContextcredentialType",
    "locincrement",
    "logcount",
];

/// The built-in lists by name.
const LISTS: [(&str, &[&str]); 4] =
    [("cloudtrail", CLOUDTRAIL), ("azure", AZURE), ("duo", DUO), ("okta", OKTA)];

/// Reads `--columns_file`: a file if there is one of this name, else a built-in list, which also
/// goes by the name of the peer's packaged file (`data/columns_ae_cloudtrail.txt`).
///
/// # Errors
/// The name in quotes and what would be accepted.
pub fn columns(name: &str) -> Result<Vec<String>, String> {
    let path = Path::new(name);
    if path.is_file() {
        let text =
            std::fs::read_to_string(path).map_err(|e| format!("cannot read {name:?}: {e}"))?;
        let names: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            return Err(format!("{name:?} names no column; write one column name a line"));
        }
        return Ok(names);
    }
    let plain = match name.strip_prefix("data/").unwrap_or(name) {
        "columns_ae.txt" => "cloudtrail",
        name => name
            .strip_prefix("columns_ae_")
            .and_then(|name| name.strip_suffix(".txt"))
            .unwrap_or(name),
    };
    match LISTS.iter().find(|(list, _)| *list == plain) {
        Some((_, columns)) => Ok(owned(columns)),
        None => {
            let lists = LISTS.map(|(list, _)| list).join(", ");
            Err(format!("there is no file {name:?}; built-in lists are {lists}"))
        }
    }
}

/// A built-in list as one that was read.
pub fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|&column| column.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_list_goes_by_its_name_and_by_the_peers_file_name() {
        for (name, features) in [
            ("cloudtrail", 33),
            ("data/columns_ae.txt", 33),
            ("data/columns_ae_cloudtrail.txt", 33),
            ("data/columns_ae_azure.txt", 9),
            ("duo", 7),
            ("okta", 12),
        ] {
            assert_eq!(columns(name).map(|list| list.len()), Ok(features), "{name}");
        }
        assert_eq!(
            columns("clodtrail"),
            Err("there is no file \"clodtrail\"; built-in lists are cloudtrail, azure, duo, okta"
                .to_owned())
        );
    }

    #[test]
    fn a_file_has_one_name_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("columns.txt");
        std::fs::write(&path, "eventName \n\n userAgent\r\n").unwrap();
        assert_eq!(
            columns(path.to_str().unwrap()),
            Ok(vec!["eventName".into(), "userAgent".into()])
        );
        std::fs::write(&path, "\n").unwrap();
        assert!(columns(path.to_str().unwrap()).unwrap_err().contains("names no column"));
    }
}
