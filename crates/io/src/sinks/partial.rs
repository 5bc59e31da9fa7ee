//! The unfinished file: hidden name while writing, removed unless it is given a name.

use crate::error::IoError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file whose content can be made durable.
pub(super) trait Storage: Write + Send {
    /// Waits until the content is on the disk.
    fn sync(&self) -> io::Result<()>;
}

impl Storage for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Where an encoder's bytes go.
pub(super) trait Out: Write + Send {
    /// The name that the file has or will get.
    fn target(&self) -> &Path;
}

impl<S: Storage> Out for Partial<S> {
    fn target(&self) -> &Path {
        &self.target
    }
}

/// An unfinished file beside its target; dropping it removes it.
pub(super) struct Partial<S = File> {
    file: NamedTempFile<S>,
    target: PathBuf,
    overwrite: bool,
}

impl Partial {
    pub(super) fn create(target: &Path, overwrite: bool) -> Result<Self, IoError> {
        if !overwrite && target.symlink_metadata().is_ok() {
            return Err(IoError::Exists { path: target.to_owned() });
        }
        if target.is_dir() {
            let cause = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(IoError::os("write", target, cause));
        }
        let directory = create_directory_of(target)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.{}.", std::process::id());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".partial");
        #[cfg(unix)]
        {
            // Temporary files are private by default; a result file follows the user's umask.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder
            .tempfile_in(directory)
            .map_err(|e| IoError::os("write into directory", directory, e))?;
        Ok(Self { file, target: target.to_owned(), overwrite })
    }
}

impl<S: Storage> Partial<S> {
    /// Gives the synced file its name.
    pub(super) fn commit(self) -> Result<(), IoError> {
        let Self { file, target, overwrite } = self;
        file.as_file().sync().map_err(|e| IoError::os("write", &target, e))?;
        let renamed =
            if overwrite { file.persist(&target) } else { file.persist_noclobber(&target) };
        match renamed {
            Ok(_) => sync_directory(&target),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(IoError::Exists { path: target })
            }
            Err(e) => Err(IoError::os("rename the finished file to", &target, e.error)),
        }
    }

    /// Gives the synced file the name `<target>.partial`.
    pub(super) fn keep(self) -> Result<PathBuf, IoError> {
        let mut name = self.target.into_os_string();
        name.push(".partial");
        let kept = PathBuf::from(name);
        self.file.as_file().sync().map_err(|e| IoError::os("write", &kept, e))?;
        self.file
            .persist(&kept)
            .map_err(|e| IoError::os("rename the partial file to", &kept, e.error))?;
        Ok(kept)
    }

    #[cfg(test)]
    pub(super) fn map<T: Storage>(self, wrap: impl FnOnce(S) -> T) -> Partial<T> {
        let (file, path) = self.file.into_parts();
        let file = NamedTempFile::from_parts(wrap(file), path);
        Partial { file, target: self.target, overwrite: self.overwrite }
    }
}

impl<S: Storage> Write for Partial<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// The directory that the file is in, made if it is not there.
pub(super) fn create_directory_of(target: &Path) -> Result<&Path, IoError> {
    let directory = directory_of(target);
    fs::create_dir_all(directory).map_err(|e| IoError::os("create directory", directory, e))?;
    Ok(directory)
}

fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A rename is durable only after its directory is.
pub(super) fn sync_directory(target: &Path) -> Result<(), IoError> {
    #[cfg(unix)]
    {
        let directory = directory_of(target);
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(|e| IoError::os("sync directory", directory, e))?;
    }
    #[cfg(not(unix))]
    let _ = target;
    Ok(())
}
