//! Blobs that are files in a folder.

use super::tree::Blobs;
use crate::error::RegistryError;
use dfp_storage::atomic_write::write_new;
use dfp_storage::names;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// A folder.
#[derive(Debug)]
pub(super) struct Directory {
    name: String,
    folder: PathBuf,
    /// There was no such folder when the store was opened.
    is_new: bool,
}

impl Directory {
    pub(super) fn new(name: &str) -> Self {
        let folder = names::path(name);
        Self { name: name.to_owned(), is_new: !folder.exists(), folder }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }
}

impl Blobs for Directory {
    fn place(&self) -> &str {
        &self.name
    }

    fn put_new(&self, key: &str, bytes: &[u8]) -> Result<bool, RegistryError> {
        Ok(write_new(&self.path(key), bytes)?)
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(RegistryError::os("read", &path, e)),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, RegistryError> {
        let path = self.path(folder);
        let fail = |e| RegistryError::os("list", &path, e);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(fail(e)),
        };
        // A name that is no text is none of ours.
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect::<Result<_, _>>().map_err(fail)
    }

    fn remove(&self, key: &str) -> Result<(), RegistryError> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(RegistryError::os("remove", &path, e)),
            _ => Ok(()),
        }
    }

    fn is_older(&self, key: &str, age: Duration) -> Result<bool, RegistryError> {
        let path = self.path(key);
        match fs::metadata(&path).and_then(|about| about.modified()) {
            Ok(at) => Ok(SystemTime::now().duration_since(at).is_ok_and(|is| is > age)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(RegistryError::os("look at", &path, e)),
        }
    }

    fn remove_place(&self) {
        if self.is_new {
            // Only an empty one goes.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::super::{Purpose, Store};
    use super::*;

    #[test]
    fn versions_in_a_folder_come_back_and_absent_ones_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("store").display().to_string();
        let blobs = Directory::new(&name);
        assert_eq!(blobs.list("none").unwrap(), [""; 0]);
        assert_eq!(blobs.get("none").unwrap(), None);
        assert!(!blobs.is_older("none", Duration::ZERO).unwrap());
        blobs.remove("none").unwrap();
        let store = Tree::open(blobs, Purpose::Write).unwrap();
        assert_eq!(store.put("ana", b"model", b"{}").unwrap(), 1);
        assert_eq!(store.put("ana", b"another", b"{}").unwrap(), 2);
        assert_eq!(store.model("ana", 1).unwrap(), b"model");
        assert_eq!(store.about("ana", 2).unwrap(), b"{}");
        assert_eq!(store.shelf("ana").unwrap().versions, [1, 2]);
        let error = store.model("ana", 3).unwrap_err().to_string();
        assert!(error.contains("\"ana\"") && error.contains('3'), "{error}");
    }
}
