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
    match name.strip_prefix("data/").unwrap_or(name) {
        "cloudtrail" | "columns_ae.txt" | "columns_ae_cloudtrail.txt" => {
            Ok(CLOUDTRAIL.iter().map(|&column| column.to_owned()).collect())
        }
        _ => {
            Err(format!("there is no file {name:?}, and the only built-in list is \"cloudtrail\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_list_goes_by_its_name_and_by_the_peers_file_name() {
        for name in ["cloudtrail", "data/columns_ae.txt", "data/columns_ae_cloudtrail.txt"] {
            assert_eq!(columns(name).map(|list| list.len()), Ok(33), "{name}");
        }
        assert_eq!(
            columns("clodtrail"),
            Err("there is no file \"clodtrail\", and the only built-in list is \"cloudtrail\""
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
