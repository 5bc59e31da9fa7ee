//! Files that appear under their names when they are complete, or not at all: they are written to a hidden partial
//! file beside them, which is synced and renamed. Links stay, and pipes and devices are written as they are: see
//! `place.rs`.

mod partial;
mod place;

pub use partial::{Out, Partial, Readers, Storage, create_directory_of, sync_directory, synced};
pub use place::{Identity, Place, identity, is_standard_output, of, real, replaces};

use crate::error::StorageError;
use std::io::Write;
use std::path::Path;

/// Writes a whole file at once, in place of an older one: it appears under its name complete or
/// not at all.
///
/// # Errors
/// A system error.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    write(Partial::create(path, true, Readers::Umask)?, path, bytes)
}

/// [`write_whole`] for a file that only its owner may read ([`private`](crate::private)), if it is new.
///
/// # Errors
/// A system error.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    write(Partial::create(path, true, Readers::Private)?, path, bytes)
}

fn write(mut partial: Partial, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    partial.write_all(bytes).map_err(|e| StorageError::os("write", path, e))?;
    partial.commit()
}

/// Writes a whole private file at once, unless there is one of this name; whether it did. The file appears
/// complete or not at all, and of several writers one is told that it did.
///
/// # Errors
/// A system error.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, StorageError> {
    let written = Partial::create(path, false, Readers::Private);
    match written.and_then(|partial| write(partial, path, bytes)) {
        Ok(()) => Ok(true),
        Err(StorageError::Exists { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
