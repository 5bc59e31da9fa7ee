//! `--columns_file`: which columns are features, one name a line.

use super::{built_in, built_in_text, read};
use std::path::Path;

/// Reads `--columns_file`: a file if there is one of this name, else the features of a
/// built-in feature file, which also
/// goes by the name of the peer's packaged file (`data/columns_ae_cloudtrail.txt`).
///
/// # Errors
/// The name in quotes and what would be accepted.
pub fn columns(name: &str) -> Result<Vec<String>, String> {
    let path = &dfp_storage::names::path(name);
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
    match built_in_text(plain) {
        Ok(text) => read(plain, text, Path::new(""))
            .map(|features| features.names())
            .map_err(|mistakes| mistakes.join("\n")),
        Err(_) => {
            let lists: Vec<&str> = built_in().map(|(list, _)| list).collect();
            let lists = lists.join(", ");
            Err(format!("there is no file {name:?}; built-in lists are {lists}"))
        }
    }
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
