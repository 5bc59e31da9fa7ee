//! What stands for the clients in a build without them: every address is refused.

use crate::error::IoError;
use bytes::Bytes;
use std::convert::Infallible;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

fn refuse(address: &str) -> IoError {
    IoError::Address {
        address: address.to_owned(),
        cause: "this build reads local files only".to_owned(),
        accepted: "a local path, or a program built with `cargo build --release --features remote`"
            .to_owned(),
    }
}

pub(crate) fn find(pattern: &str, _recursive: bool) -> Result<Vec<PathBuf>, IoError> {
    Err(refuse(pattern))
}

/// There is none.
pub(crate) struct Object(Infallible);

impl Object {
    pub(crate) fn open(address: &Path) -> Result<Self, IoError> {
        Err(refuse(&crate::names::to_text(address.as_os_str())))
    }

    pub(crate) fn has_ranges(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn size(&self) -> Result<u64, IoError> {
        match self.0 {}
    }

    pub(crate) fn read_at_most(&self, _most: u64) -> Result<Option<Vec<u8>>, IoError> {
        match self.0 {}
    }

    pub(crate) fn stream(&self) -> Result<Box<dyn Read + Send>, IoError> {
        match self.0 {}
    }

    pub(crate) fn ranges(&self, _ranges: &[Range<u64>]) -> Result<Vec<Bytes>, IoError> {
        match self.0 {}
    }
}
