//! The unfinished file: hidden name while writing, removed unless it is given a name. What can only be
//! written in place ([`Place::Stream`]) has no such state.

use super::place::{self, Place, directory_of};
use crate::error::StorageError;
use crate::private;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file whose content can be made durable.
pub trait Storage: Write + Send {
    /// Waits until the content is on the disk.
    fn sync(&self) -> io::Result<()>;
}

impl Storage for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Where an encoder's bytes go.
pub trait Out: Write + Send {
    /// The name that the file has or will get.
    fn target(&self) -> &Path;
}

impl<S: Storage> Out for Partial<S> {
    fn target(&self) -> &Path {
        &self.target
    }
}

/// An unfinished file beside its target; dropping it removes it.
pub struct Partial<S = File> {
    form: Form<S>,
    target: PathBuf,
}

enum Form<S> {
    /// Beside the file that the target leads to.
    Beside { file: NamedTempFile<S>, real: PathBuf, overwrite: bool },
    /// What has been written has been written.
    InPlace(S),
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// As the umask says.
    Umask,
    /// See [`private`].
    Private,
}

impl Partial {
    /// Begins a file, below its final name or, for what is no file, in place.
    ///
    /// # Errors
    /// [`StorageError::Exists`] if there is a file and not `overwrite`; the system refuses.
    pub fn create(target: &Path, overwrite: bool, readers: Readers) -> Result<Self, StorageError> {
        let (path, there) = match place::of(target)? {
            Place::File { path, there } => (path, there),
            Place::Stream(file) => {
                return Ok(Self { form: Form::InPlace(file), target: target.to_owned() });
            }
        };
        if !overwrite && there.is_some() {
            return Err(StorageError::Exists { path: target.to_owned() });
        }
        let directory = create_directory_of(&path, readers)?;
        let fail = |e| StorageError::os("write into directory", directory, e);
        let mut prefix = OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        prefix.push(format!(".{}.", std::process::id()));
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".partial");
        match readers {
            Readers::Private => private::allow(&mut builder),
            #[cfg(unix)]
            Readers::Umask => {
                // Temporary files are private by default; a result file follows the user's umask.
                use std::os::unix::fs::PermissionsExt;
                builder.permissions(fs::Permissions::from_mode(0o666));
            }
            #[cfg(not(unix))]
            Readers::Umask => {}
        }
        let file = builder.tempfile_in(directory).map_err(fail)?;
        if let Some(there) = there {
            // Who was kept from reading the old one is kept from reading the new one.
            file.as_file().set_permissions(there.permissions()).map_err(fail)?;
        }
        let form = Form::Beside { file, real: path, overwrite };
        Ok(Self { form, target: target.to_owned() })
    }
}

impl<S: Storage> Partial<S> {
    fn storage(&mut self) -> &mut S {
        match &mut self.form {
            Form::Beside { file, .. } => file.as_file_mut(),
            Form::InPlace(file) => file,
        }
    }

    /// Gives the synced file its name.
    pub fn commit(self) -> Result<(), StorageError> {
        let Self { form, target } = self;
        let fail = |e| StorageError::os("write", &target, e);
        let (file, real, overwrite) = match form {
            Form::Beside { file, real, overwrite } => (file, real, overwrite),
            Form::InPlace(file) => return synced(&file).map_err(fail),
        };
        file.as_file().sync().map_err(fail)?;
        let renamed = if overwrite { file.persist(&real) } else { file.persist_noclobber(&real) };
        match renamed {
            Ok(_) => sync_directory(&real),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StorageError::Exists { path: target })
            }
            // A file that is a mount of its own, as containers have them, cannot get another's place.
            Err(e) if e.error.kind() == io::ErrorKind::ResourceBusy => {
                copy(e.file.path(), &real).map_err(fail)
            }
            Err(e) => Err(StorageError::os("rename the finished file to", &real, e.error)),
        }
    }

    /// Gives the synced file the name of its target with `.partial`; what was written in place stays there.
    pub fn keep(self) -> Result<PathBuf, StorageError> {
        let (file, real) = match self.form {
            Form::Beside { file, real, .. } => (file, real),
            Form::InPlace(file) => {
                synced(&file).map_err(|e| StorageError::os("write", &self.target, e))?;
                return Ok(self.target);
            }
        };
        let mut name = real.into_os_string();
        name.push(".partial");
        let kept = PathBuf::from(name);
        file.as_file().sync().map_err(|e| StorageError::os("write", &kept, e))?;
        file.persist(&kept)
            .map_err(|e| StorageError::os("rename the partial file to", &kept, e.error))?;
        Ok(kept)
    }

    /// The same file behind another writer, such as one that fails in a test.
    #[must_use]
    pub fn map<T: Storage>(self, wrap: impl FnOnce(S) -> T) -> Partial<T> {
        let form = match self.form {
            Form::Beside { file, real, overwrite } => {
                let (file, path) = file.into_parts();
                let file = NamedTempFile::from_parts(wrap(file), path);
                Form::Beside { file, real, overwrite }
            }
            Form::InPlace(file) => Form::InPlace(wrap(file)),
        };
        Partial { form, target: self.target }
    }
}

/// Writes a finished file over another one, byte by byte.
fn copy(finished: &Path, real: &Path) -> io::Result<()> {
    let mut from = File::open(finished)?;
    let mut to = File::options().write(true).truncate(true).open(real)?;
    io::copy(&mut from, &mut to)?;
    to.sync_all()
}

/// A pipe and most devices have nothing that could be synced.
pub fn synced(file: &impl Storage) -> io::Result<()> {
    match file.sync() {
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

impl<S: Storage> Write for Partial<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.storage().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.storage().flush()
    }
}

/// The directory that the file is in, made if it is not there.
pub fn create_directory_of(target: &Path, readers: Readers) -> Result<&Path, StorageError> {
    let directory = directory_of(target);
    match readers {
        Readers::Private => private::create_directory(directory)?,
        Readers::Umask => fs::create_dir_all(directory)
            .map_err(|e| StorageError::os("create directory", directory, e))?,
    }
    Ok(directory)
}

/// A rename is durable only after its directory is.
pub fn sync_directory(target: &Path) -> Result<(), StorageError> {
    #[cfg(unix)]
    {
        let directory = directory_of(target);
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(|e| StorageError::os("sync directory", directory, e))?;
    }
    #[cfg(not(unix))]
    let _ = target;
    Ok(())
}
