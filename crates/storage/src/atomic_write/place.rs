//! Where an output goes, whatever its name leads to. Every file that the program writes is opened by what is
//! decided here: a link stays and what is behind it is written; a pipe, a device or a file that a process
//! holds open (`/dev/stdout`) is written in place; a directory and a disk are refused.

use crate::error::StorageError;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// More links that lead to one another are a loop.
const LINKS: usize = 40;

/// What an output's name leads to.
#[derive(Debug)]
pub enum Place {
    /// A file with this name, behind all links, or nothing yet.
    File {
        /// Its name.
        path: PathBuf,
        /// Of the file that is there.
        there: Option<Metadata>,
    },
    /// What can only be written as it is: its bytes go in at once and cannot be taken back.
    Stream(File),
}

/// Decides it.
///
/// # Errors
/// A directory, a disk, links without end, or a link into a folder that is not there; the system refuses.
pub fn of(target: &Path) -> Result<Place, StorageError> {
    let fail = |cause| StorageError::os("write", target, cause);
    let (path, end) = follow(target).map_err(fail)?;
    let there = match fs::metadata(&path) {
        Ok(there) => Some(there),
        Err(e) if is_absent(&e) => None,
        Err(e) => return Err(fail(e)),
    };
    if there.as_ref().is_some_and(Metadata::is_dir) {
        return Err(fail(io::ErrorKind::IsADirectory.into()));
    }
    #[cfg(unix)]
    if let Some(there) = &there
        && let Some(stream) = stream(&path, there, end).map_err(fail)?
    {
        return Ok(Place::Stream(stream));
    }
    if end == End::Link && there.is_none() && !directory_of(&path).is_dir() {
        let cause = format!(
            "the link leads to {:?}, whose folder is not there",
            crate::names::shown(&path)
        );
        return Err(fail(io::Error::other(cause)));
    }
    Ok(Place::File { path, there })
}

/// Whether a file is there that an output of this name would replace.
pub fn replaces(target: &Path) -> bool {
    let Ok((path, _)) = follow(target) else { return false };
    let Ok(there) = fs::metadata(&path) else { return false };
    !is_stream(&path, &there)
}

/// Whether an output of this name goes where the program's own lines go.
pub fn is_standard_output(target: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        use std::os::unix::fs::FileTypeExt;
        let Ok((path, end)) = follow(target) else { return false };
        let own = duplicate(io::stdout().as_fd()).and_then(|own| own.metadata());
        let (Ok(there), Ok(own)) = (fs::metadata(&path), own) else { return false };
        // A device such as /dev/null is the same for everybody: only its name says that it is meant.
        same(&there, &own) && (end == End::Descriptor || !there.file_type().is_char_device())
    }
    #[cfg(not(unix))]
    {
        let _ = target;
        false
    }
}

/// What tells whether two names lead to the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Where there is one: the volume, and the file's number on it.
    Node(u64, u64),
    /// Where there is none yet, or the system has no such numbers: the folder by its real name, and the name.
    Path(PathBuf),
}

/// The file that a name leads to, by any path, through links and as one of several hard links; `None` for a
/// device, which is the same for everybody.
pub fn identity(target: &Path) -> Option<Identity> {
    #[cfg(unix)]
    if let Ok(there) = fs::metadata(target) {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let kind = there.file_type();
        let is_device = kind.is_char_device() || kind.is_block_device();
        return (!is_device).then(|| Identity::Node(there.dev(), there.ino()));
    }
    Some(Identity::Path(real(target)))
}

/// A path from the root without links, as far as it is there.
pub fn real(target: &Path) -> PathBuf {
    let path = follow(target).map_or_else(|_| target.to_owned(), |(path, _)| path);
    let path = std::path::absolute(&path).unwrap_or(path);
    for folder in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (folder.canonicalize(), path.strip_prefix(folder)) {
            // Joining nothing would put a separator behind a file.
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path
}

/// What stands at the end of a chain of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The name itself: there was no link.
    Name,
    Link,
    /// What a process holds open, under the system's name for it.
    Descriptor,
}

/// The name behind all links; what is there need not exist.
fn follow(target: &Path) -> io::Result<(PathBuf, End)> {
    let (mut path, mut end) = (target.to_owned(), End::Name);
    for _ in 0..LINKS {
        if is_descriptor(&path) {
            return Ok((path, End::Descriptor));
        }
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let next = fs::read_link(&path)?;
                path = directory_of(&path).join(next);
                end = End::Link;
            }
            Ok(_) => return Ok((path, end)),
            Err(e) if is_absent(&e) => return Ok((path, end)),
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("links lead to one another without end"))
}

/// Whether nothing is there; making its folder says why that cannot be.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a name is that of an open file, such as `/proc/self/fd/1`: what its link says is no path to it.
fn is_descriptor(path: &Path) -> bool {
    let number = path.file_name().and_then(|name| name.to_str());
    if !number.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    path.parent().and_then(|folder| folder.canonicalize().ok()).is_some_and(|folder| {
        folder == Path::new("/dev/fd") || (folder.starts_with("/proc") && folder.ends_with("fd"))
    })
}

/// Whether what is there is written in place.
fn is_stream(path: &Path, there: &Metadata) -> bool {
    #[cfg(unix)]
    {
        !there.is_file() || is_descriptor(path) || own_output(there).is_some()
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        !there.is_file()
    }
}

/// Opens what is written in place; `None` for a file that can be replaced.
#[cfg(unix)]
fn stream(path: &Path, there: &Metadata, end: End) -> io::Result<Option<File>> {
    use std::os::unix::fs::FileTypeExt;
    // The program's own outputs are shared with its lines: both have one position.
    if let Some(own) = own_output(there) {
        return Ok(Some(own));
    }
    if there.file_type().is_block_device() {
        return Err(io::Error::other("it is a disk, which would be destroyed"));
    }
    match end {
        End::Descriptor => OpenOptions::new().append(true).open(path).map(Some),
        _ if there.is_file() => Ok(None),
        _ => OpenOptions::new().write(true).open(path).map(Some),
    }
}

/// Standard output or standard error, if that is what is there.
#[cfg(unix)]
fn own_output(there: &Metadata) -> Option<File> {
    use std::os::fd::AsFd;
    let own = [duplicate(io::stdout().as_fd()), duplicate(io::stderr().as_fd())];
    own.into_iter()
        .flatten()
        .find(|own| own.metadata().is_ok_and(|metadata| same(&metadata, there)))
}

#[cfg(unix)]
fn duplicate(own: std::os::fd::BorrowedFd<'_>) -> io::Result<File> {
    own.try_clone_to_owned().map(File::from)
}

pub fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::write_whole;
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_link_stays_and_what_is_behind_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("volume")).unwrap();
        for (link, to) in [("one", "two"), ("two", "volume/new.txt")] {
            symlink(to, at(link)).unwrap();
        }
        assert!(!replaces(&at("one")));
        write_whole(&at("one"), b"first").unwrap();
        assert!(replaces(&at("one")));
        write_whole(&at("one"), b"second").unwrap();
        assert!(at("one").is_symlink() && at("two").is_symlink());
        assert_eq!(fs::read_to_string(at("volume/new.txt")).unwrap(), "second");
        let left: Vec<_> = fs::read_dir(at("volume")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_file_is_the_same_by_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::write(at("file"), "x").unwrap();
        fs::hard_link(at("file"), at("hard")).unwrap();
        for (link, to) in [("soft", "file"), ("shallow", "deep"), ("none", "deep/new")] {
            symlink(to, at(link)).unwrap();
        }
        let all = ["file", "hard", "soft", "deep/../file", "shallow/../file", "./file"];
        for name in all {
            assert_eq!(identity(&at(name)), identity(&at("file")), "{name}");
        }
        for name in ["none", "deep/new", "shallow/new", "deep/./new"] {
            assert_eq!(identity(&at(name)), identity(&at("deep/new")), "{name}");
        }
        assert_ne!(identity(&at("deep/new")), identity(&at("new")));
        assert_eq!(identity(Path::new("/dev/null")), None);
    }

    #[test]
    fn what_cannot_be_an_output_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        for (link, to) in [("dir", "folder"), ("loop", "loop"), ("gone", "unmounted/out.csv")] {
            symlink(to, at(link)).unwrap();
        }
        for (name, why) in [
            ("folder", "directory"),
            ("dir", "directory"),
            ("loop", "without end"),
            ("gone", "folder is not there"),
        ] {
            let error = of(&at(name)).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(name), "{name}: {error}");
        }
        assert!(at("gone").is_symlink() && !at("unmounted").exists());
    }

    #[test]
    fn the_programs_own_output_is_known_by_every_name() {
        for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert!(is_standard_output(Path::new(name)), "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        assert!(!is_standard_output(&folder.path().join("file")));
        assert!(!is_standard_output(&folder.path().join("none")));
    }

    #[test]
    fn a_device_is_written_in_place() {
        let null = Path::new("/dev/null");
        assert!(!replaces(null));
        write_whole(null, b"nothing").unwrap();
        assert!(!null.metadata().unwrap().is_file());
    }

    #[test]
    fn what_a_process_holds_open_is_appended_to() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir().unwrap();
        let held = File::create_new(folder.path().join("held")).unwrap();
        let link = folder.path().join("link");
        symlink(format!("/proc/self/fd/{}", held.as_raw_fd()), &link).unwrap();
        write_whole(&link, b"one ").unwrap();
        write_whole(&link, b"two").unwrap();
        let mut text = String::new();
        File::open(folder.path().join("held")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
        assert!(link.is_symlink());
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o604);
    }
}
