//! Objects that an address with wildcards names.

use super::address::{Address, Scheme, refuse};
use super::client::{store, wait};
use crate::error::StorageError;
use crate::patterns::{MATCHING, PARTIAL, has_known_ending, kinds};
use glob::Pattern;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::io;
use std::path::{Path, PathBuf};

/// The objects that an address names, by the rules of local files; in no order.
///
/// Without wildcards it is an object, or all objects with known endings below it. What stands before
/// the first wildcard is what the server is asked to list.
///
/// # Errors
/// [`StorageError::NoMatch`] if there are none, [`StorageError::Pattern`] and [`StorageError::Address`] if it makes
/// no sense, [`StorageError::Os`] if the server cannot be reached or refuses to list.
pub fn find(pattern: &str, recursive: bool) -> Result<Vec<PathBuf>, StorageError> {
    let address = Address::parse(pattern)?;
    if address.scheme == Scheme::Http {
        return one_page(&address);
    }
    let store = store(&address)?;
    // As with local files, a bracket may be part of a plain name.
    if !address.key.contains(['*', '?']) && is_object(&address, &*store.objects)? {
        return Ok(vec![pattern.into()]);
    }
    let wanted = Wanted::new(&address, recursive)?;
    let place = address.of(wanted.prefix);
    let prefix = address.key(wanted.prefix)?;
    let listed = store.list(prefix.as_ref(), !wanted.deep);
    let listed: Vec<ObjectMeta> = wait("list", Path::new(&place), listed)?.objects;
    let matching = listed.iter().filter(|object| wanted.has(object));
    let found: Vec<PathBuf> =
        matching.map(|object| address.of(object.location.as_ref()).into()).collect();
    if found.is_empty() {
        let names = listed.iter().map(|object| Path::new(object.location.as_ref()));
        let hint = format!("\"{place}\" holds {} object(s){}", listed.len(), kinds(names));
        return Err(StorageError::NoMatch { pattern: pattern.to_owned(), hint });
    }
    Ok(found)
}

/// A web server cannot be asked what it has.
fn one_page(address: &Address<'_>) -> Result<Vec<PathBuf>, StorageError> {
    // A question mark begins a query, and brackets in the host are an IPv6 address.
    match address.key.find(['*', '[']) {
        Some(_) => Err(refuse(
            address.text,
            "a web server cannot be listed, so there is nothing to match".to_owned(),
            "the whole address of one file, as often as needed; wildcards with s3://, gs://, az://",
        )),
        None => Ok(vec![address.text.into()]),
    }
}

/// Whether there is an object of exactly this key, as far as the server says.
fn is_object(address: &Address<'_>, store: &dyn ObjectStore) -> Result<bool, StorageError> {
    if address.key.is_empty() || address.key.ends_with('/') {
        return Ok(false);
    }
    let key = address.key(address.key)?;
    match wait("read", Path::new(address.text), store.head(&key)) {
        Ok(_) => Ok(true),
        Err(StorageError::Os { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        // Reading it will tell: it may be readable although nothing may be asked about it.
        Err(StorageError::Os { cause, .. }) if cause.kind() == io::ErrorKind::PermissionDenied => {
            Ok(true)
        }
        Err(other) => Err(other),
    }
}

/// Which keys are wanted.
struct Wanted<'a> {
    pattern: Pattern,
    /// What the server is asked to list: all whole names before the first wildcard.
    prefix: &'a str,
    /// Keys below the prefix may have further slashes.
    deep: bool,
    /// Only names with known endings.
    directory: bool,
}

impl<'a> Wanted<'a> {
    fn new(address: &Address<'a>, recursive: bool) -> Result<Self, StorageError> {
        let key = address.key;
        let directory = !key.contains(['*', '?', '[']);
        let (prefix, pattern) = if directory {
            let name = key.strip_suffix('/').unwrap_or(key);
            let inside = if name.is_empty() { String::new() } else { Pattern::escape(name) + "/" };
            (name, inside + if recursive { "**/*" } else { "*" })
        } else {
            let literal = key.split(['*', '?', '[']).next().unwrap_or_default();
            let prefix = literal.rsplit_once('/').map_or("", |(names, _)| names);
            (prefix, if recursive { key.to_owned() } else { key.replace("**", "*") })
        };
        let deep = pattern.matches('/').count()
            > prefix.matches('/').count() + usize::from(!prefix.is_empty());
        let refuse = |e: glob::PatternError| StorageError::Pattern {
            pattern: address.text.to_owned(),
            cause: e.msg.to_owned(),
        };
        Ok(Self { pattern: Pattern::new(&pattern).map_err(refuse)?, prefix, deep, directory })
    }

    fn has(&self, object: &ObjectMeta) -> bool {
        let key = object.location.as_ref();
        let known = has_known_ending(Path::new(key));
        self.pattern.matches_with(key, MATCHING)
            && !key.ends_with(PARTIAL)
            // Some tools mark a folder by an empty object.
            && (known || (object.size > 0 && !self.directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::path::Path as Key;

    const KEYS: [&str; 9] = [
        "logs/b.csv",
        "logs/a.csv",
        "logs/A.CSV",
        "logs/sub/c.csv.gz",
        "logs/sub/deep/d.csv",
        "logs/x.txt",
        "logs/.hidden.csv",
        "logs/a.csv.partial",
        "other/a.csv",
    ];

    fn matching(pattern: &str, recursive: bool) -> (String, bool, Vec<&'static str>) {
        let text = format!("s3://bucket/{pattern}");
        let address = Address::parse(&text).unwrap();
        let wanted = Wanted::new(&address, recursive).unwrap();
        let object = |key: &str| ObjectMeta {
            location: Key::parse(key).unwrap(),
            last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
            size: 1,
            e_tag: None,
            version: None,
        };
        let keys = KEYS.into_iter().filter(|key| wanted.has(&object(key))).collect();
        (wanted.prefix.to_owned(), wanted.deep, keys)
    }

    #[test]
    fn keys_are_matched_as_local_files_are() {
        let logs = |keys: &[&'static str]| keys.to_vec();
        for (pattern, recursive, prefix, deep, keys) in [
            ("logs/*.csv", true, "logs", false, logs(&["logs/b.csv", "logs/a.csv"])),
            (
                "logs/**/*.csv",
                true,
                "logs",
                true,
                logs(&["logs/b.csv", "logs/a.csv", "logs/sub/deep/d.csv"]),
            ),
            ("logs/**/*.gz", false, "logs", true, logs(&["logs/sub/c.csv.gz"])),
            ("log*/a.csv", true, "", true, logs(&["logs/a.csv"])),
            ("logs/[ab].csv", true, "logs", false, logs(&["logs/b.csv", "logs/a.csv"])),
            ("logs", false, "logs", false, logs(&["logs/b.csv", "logs/a.csv"])),
            (
                "logs/sub/",
                true,
                "logs/sub",
                true,
                logs(&["logs/sub/c.csv.gz", "logs/sub/deep/d.csv"]),
            ),
            ("*/?.txt", true, "", true, logs(&["logs/x.txt"])),
        ] {
            assert_eq!(matching(pattern, recursive), (prefix.to_owned(), deep, keys), "{pattern}");
        }
        assert_eq!(matching("", true).2.len(), 5);
    }

    #[test]
    fn wildcards_of_a_web_server_are_refused() {
        let message = find("http://host/*.csv", true).unwrap_err().to_string();
        assert!(message.contains("cannot be listed"), "{message}");
        assert_eq!(find("http://[::1]:80/a.csv?b=c", true).unwrap().len(), 1);
    }
}
