//! Who may read what the program keeps. State, histories, model files and stores say what people do all day:
//! they are their owner's alone, unless that is asked to be otherwise. What is there already keeps its mode.

use crate::error::StorageError;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether others may read them, as far as the umask lets them: a matter of the whole process.
static SHARED: AtomicBool = AtomicBool::new(false);

/// From now on what is kept is made as other files are: the umask says who may read it.
pub fn share() {
    SHARED.store(true, Ordering::Relaxed);
}

/// The mode of a new file, before the umask.
#[cfg(unix)]
fn file_mode() -> u32 {
    if SHARED.load(Ordering::Relaxed) { 0o666 } else { 0o600 }
}

/// Gives the temporary file that becomes a new one its mode.
pub fn allow(builder: &mut tempfile::Builder<'_, '_>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(file_mode()));
    }
    #[cfg(not(unix))]
    let _ = builder;
}

/// Makes a directory and those above it that are not there.
pub fn create_directory(path: &Path) -> Result<(), StorageError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(if SHARED.load(Ordering::Relaxed) { 0o777 } else { 0o700 });
    }
    builder.create(path).map_err(|e| StorageError::os("create directory", path, e))
}
