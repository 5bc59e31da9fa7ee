//! Names of servers, of stores on them, and of what they keep.

use super::rest::Failure;
use crate::error::RegistryError;
use dfp_storage::remote::refuse;
use reqwest::Url;

const SCHEME: &str = "mlflow+";
/// The store's name where the address has none.
const NAME: &str = "dfp";
const LONGEST_NAME: usize = 40;
const ARTIFACTS: &str = "mlflow-artifacts:/";

/// The server's part of `mlflow+http(s)://…`.
pub(in crate::store) fn server(name: &str) -> Option<&str> {
    let (scheme, rest) = name.split_at_checked(SCHEME.len())?;
    let is_http = |scheme: &str| ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
    (scheme.eq_ignore_ascii_case(SCHEME) && is_http(rest.split_once("://")?.0)).then_some(rest)
}

/// The server's base and the store's name of an address: the last part of the path is the name.
pub(super) fn parts(address: &str, server: &str) -> Result<(Url, String), RegistryError> {
    let form = "mlflow+http://HOST:PORT/NAME or mlflow+https://HOST/PATH/NAME, the name of small letters, digits, \"_\" and \".\", as in mlflow+http://localhost:5000/dfp";
    let url = Url::parse(server).map_err(|e| refuse(address, e.to_string(), form))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        let cause = "a server of models has no query, fragment or user in its address".to_owned();
        return Err(refuse(address, cause, form).into());
    }
    let path = url.path().trim_end_matches('/');
    // With a slash behind it is all the server's.
    let (base, name) = match url.path().ends_with('/') {
        true => (path, NAME),
        false => path.rsplit_once('/').unwrap_or(("", path)),
    };
    let sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.');
    // A hyphen ends it in the names of models.
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(sign) {
        return Err(refuse(address, format!("unusable name {name:?} of a store"), form).into());
    }
    let (base, name) = (base.to_owned(), name.to_owned());
    let mut url = url;
    url.set_path(&base);
    Ok((url, name))
}

/// The path of artifacts that the server itself hands out.
pub(super) fn artifacts(place: &str) -> Result<String, Failure> {
    match place.strip_prefix(ARTIFACTS) {
        // Two slashes are followed by a host.
        Some(path) if !path.starts_with('/') || path.starts_with("//") => {
            Ok(path.trim_matches('/').to_owned())
        }
        _ => Err(Failure::Other(format!(
            "its artifacts are at {place:?}, past the server; expected a server that serves artifacts itself (`mlflow server --serve-artifacts --artifacts-destination …`)"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_server_and_a_store() {
        for (address, base, name) in [
            ("mlflow+http://localhost:5000", "http://localhost:5000/", "dfp"),
            ("mlflow+http://localhost:5000/", "http://localhost:5000/", "dfp"),
            ("mlflow+https://host/team_a", "https://host/", "team_a"),
            ("MLflow+HTTP://host/ml/flow/team.b", "http://host/ml/flow", "team.b"),
            ("mlflow+https://host/ml/", "https://host/ml", "dfp"),
        ] {
            let (url, store) = parts(address, server(address).unwrap()).unwrap();
            assert_eq!((url.as_str(), store.as_str()), (base, name), "{address}");
        }
        for address in
            ["http://host", "mlflow+ftp://host", "mlflow://host", "mlflow+", "models", "s3://b"]
        {
            assert_eq!(server(address), None, "{address}");
        }
        for (address, why) in [
            ("mlflow+http://host/team-a", "unusable name \"team-a\""),
            ("mlflow+http://host/Team", "unusable name \"Team\""),
            ("mlflow+http://host/a?b=c", "no query"),
            ("mlflow+http://ann:secret@host/a", "no query, fragment or user"),
            ("mlflow+http://", "empty host"),
        ] {
            let error = parts(address, server(address).unwrap()).unwrap_err().to_string();
            assert!(
                error.contains(why) && error.contains("mlflow+http://HOST:PORT/NAME"),
                "{error}"
            );
        }
    }

    #[test]
    fn artifacts_have_to_be_the_servers() {
        assert_eq!(artifacts("mlflow-artifacts:/1/a/artifacts").unwrap(), "1/a/artifacts");
        assert_eq!(artifacts("mlflow-artifacts:///1/a").unwrap(), "1/a");
        for place in
            ["mlflow-artifacts://host:80/1", "s3://bucket/1", "file:///tmp/1", "/tmp/1", ""]
        {
            let words = artifacts(place).unwrap_err();
            assert!(words.words().contains("--serve-artifacts"), "{place}");
        }
    }
}
