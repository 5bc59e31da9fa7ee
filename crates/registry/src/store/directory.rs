//! Blobs that are files in a folder.

use super::tree::Blobs;
use crate::error::RegistryError;
use dfp_storage::names;
use dfp_storage::whole::write_new;
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
