//! What stands for the clients in a build without them: every address is refused.

use crate::error::StorageError;
use bytes::Bytes;
use std::convert::Infallible;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

fn refuse(address: &str) -> StorageError {
    StorageError::Address {
        address: address.to_owned(),
        cause: "this build reads local files only".to_owned(),
        accepted: "a local path, or a program built with `cargo build --release --features remote`"
            .to_owned(),
    }
}

/// What a pattern finds.
///
/// # Errors
/// Always: there is no client.
pub fn find(pattern: &str, _recursive: bool) -> Result<Vec<PathBuf>, StorageError> {
    Err(refuse(pattern))
}

/// There is none.
pub struct Object(Infallible);

impl Object {
    /// The object of an address.
    ///
    /// # Errors
    /// Always: there is no client.
    pub fn open(address: &Path) -> Result<Self, StorageError> {
        Err(refuse(&crate::names::to_text(address.as_os_str())))
    }

    /// Whether parts of it can be read.
    pub fn has_ranges(&self) -> bool {
        match self.0 {}
    }

    /// Bytes.
    ///
    /// # Errors
    /// None: there is no object.
    pub fn size(&self) -> Result<u64, StorageError> {
        match self.0 {}
    }

    /// All of it, if it is no longer than this.
    ///
    /// # Errors
    /// None: there is no object.
    pub fn read_at_most(&self, _most: u64) -> Result<Option<Vec<u8>>, StorageError> {
        match self.0 {}
    }

    /// Its bytes one after the other.
    ///
    /// # Errors
    /// None: there is no object.
    pub fn stream(&self) -> Result<Box<dyn Read + Send>, StorageError> {
        match self.0 {}
    }

    /// Parts of it.
    ///
    /// # Errors
    /// None: there is no object.
    pub fn ranges(&self, _ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StorageError> {
        match self.0 {}
    }
}
