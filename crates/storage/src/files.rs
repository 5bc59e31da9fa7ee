//! Finding input files.

use crate::error::StorageError;
pub use crate::names::is_address;
use crate::patterns::{has_known_ending, kinds};
pub use crate::patterns::{has_wildcards, is_packed, unpacked_name};
use crate::{expand_pattern, names, remote};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The files that `pattern` names, sorted by path.
///
/// A pattern is text that stands for a name ([`names`]): a file name, a directory (its files with known endings: csv, json, jsonl,
/// jsonlines, parquet, each also compressed) or a shell pattern with `*`, `?`, `[…]` and `**`. Matching is
/// case-sensitive on every system; names that begin with a dot need a dot in the pattern. If
/// `recursive`, `**` matches any depth of directories; otherwise it is the same as `*`. Links to directories
/// are followed; a file that they give several names is found once.
///
/// The same holds for an address in an object store (`s3://`, `gs://`, `az://`), if the feature `remote`
/// is there; an address of a web server (`http://`, `https://`) is one file.
///
/// # Errors
/// [`StorageError::NoMatch`] if no file matches, [`StorageError::Pattern`] if the pattern is malformed,
/// [`StorageError::Address`] if it is an address that cannot be searched.
pub fn find(pattern: &str, recursive: bool) -> Result<Vec<PathBuf>, StorageError> {
    let path = &names::path(pattern);
    let mut found = if remote::is_address(path) {
        refuse_masked(pattern)?;
        remote::find(pattern, recursive)?
    } else {
        let matching = match has_wildcards(pattern) {
            true if recursive => expand_pattern::matching(pattern),
            true => expand_pattern::matching(&pattern.replace("**", "*")),
            false => Ok(Vec::new()),
        };
        // A file that is called like the pattern hides none of the others, and may be what is meant.
        match matching {
            Ok(mut found) if !found.is_empty() => {
                found.extend(path.is_file().then(|| path.to_owned()));
                found
            }
            matching => match plain(path, recursive)? {
                Some(found) => found,
                None => matching?,
            },
        }
    };
    if found.is_empty() {
        return Err(StorageError::NoMatch { pattern: pattern.to_owned(), hint: hint(path) });
    }
    // The order of directory entries differs between file systems.
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// An address from a plan has no secrets left.
pub fn refuse_masked(address: &str) -> Result<(), StorageError> {
    match names::is_masked(address) {
        false => Ok(()),
        true => Err(StorageError::Address {
            address: address.to_owned(),
            cause: "its secret is masked, as plans and messages have it".to_owned(),
            accepted: "the whole address".to_owned(),
        }),
    }
}

/// The files that a name gives which is no pattern: itself, or what is in the directory.
fn plain(path: &Path, recursive: bool) -> Result<Option<Vec<PathBuf>>, StorageError> {
    if path.is_dir() {
        let mut files = expand_pattern::inside(path, recursive)?;
        files.retain(|file| has_known_ending(file));
        return Ok(Some(files));
    }
    // A link to nothing is found: reading it tells, where nobody would miss it.
    let is_there = path.is_file() || path.is_symlink();
    Ok(is_there.then(|| vec![path.to_owned()]))
}

/// What tells one content of a file from a later one without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Length in bytes.
    pub bytes: u64,
    /// Time of the last change, nanoseconds since 1970; 0 where the system does not tell.
    pub modified_ns: u64,
}

impl Stamp {
    /// The stamp of a file as it is now; that of a remote object, which never changes, and of a file
    /// that cannot be asked, is zero.
    pub fn of(path: &Path) -> Self {
        let Ok(metadata) = path.metadata() else { return Self::default() };
        let since_1970 = metadata.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let nanoseconds = since_1970.map_or(0, |since| since.as_nanos());
        Self { bytes: metadata.len(), modified_ns: u64::try_from(nanoseconds).unwrap_or(u64::MAX) }
    }
}

/// Bytes at a file's beginning that tell it from others.
const HEAD: u64 = 64 << 10;

/// A number that tells the beginning of a file of so many `bytes` from others; `None` for an object that is
/// elsewhere, or a file that cannot be read.
pub fn head(path: &Path, bytes: u64) -> Option<u64> {
    if is_address(path) {
        return None;
    }
    let mut start = Vec::new();
    File::open(path).ok()?.take(bytes.min(HEAD)).read_to_end(&mut start).ok()?;
    Some(xxhash_rust::xxh3::xxh3_64(&start))
}

/// Names the nearest existing directory and what it holds.
fn hint(path: &Path) -> String {
    let mut directory = path.parent();
    while let Some(candidate) = directory {
        let candidate = if candidate.as_os_str().is_empty() { Path::new(".") } else { candidate };
        if candidate.is_dir() {
            return describe(candidate);
        }
        directory = candidate.parent();
    }
    describe(Path::new("."))
}

fn describe(directory: &Path) -> String {
    let shown = names::shown(directory);
    let Ok(entries) = std::fs::read_dir(directory) else {
        return format!("directory \"{shown}\" exists but cannot be listed");
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| path.is_dir());
    format!(
        "the nearest existing directory \"{shown}\" holds {} file(s){} and {} folder(s)",
        files.len(),
        kinds(files.iter().map(PathBuf::as_path)),
        folders.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        root
    }

    fn names(root: &Path, pattern: &str, recursive: bool) -> Vec<String> {
        let full = root.join(pattern);
        let found = find(full.to_str().unwrap(), recursive).unwrap();
        found
            .iter()
            .map(|p| p.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"))
            .collect()
    }

    #[test]
    fn patterns_follow_the_shell_and_sort() {
        let root = tree(&[
            "b.csv",
            "a.csv",
            "A.CSV",
            "sub/c.csv",
            "sub/deep/d.csv",
            "x.json",
            ".a.csv.7.partial",
            "a.csv.partial",
        ]);
        assert_eq!(names(root.path(), "*.csv", true), ["a.csv", "b.csv"]);
        assert_eq!(names(root.path(), "*/*.csv", true), ["sub/c.csv"]);
        assert_eq!(
            names(root.path(), "**/*.csv", true),
            ["a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]
        );
        assert_eq!(names(root.path(), "**/*.csv", false), ["sub/c.csv"]);
        assert_eq!(names(root.path(), "a*", true), ["a.csv"]);
        assert_eq!(names(root.path(), "b.csv", true), ["b.csv"]);
        assert_eq!(names(root.path(), "sub", false), ["sub/c.csv"]);
        assert_eq!(names(root.path(), "", false), ["a.csv", "b.csv", "x.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_found_and_a_directory_is_not() {
        let root = tree(&["a.json", "b.json/c.json"]);
        std::os::unix::fs::symlink("gone", root.path().join("d.json")).unwrap();
        assert_eq!(names(root.path(), "*.json", true), ["a.json", "d.json"]);
        assert_eq!(names(root.path(), "", false), ["a.json", "d.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_loop_give_each_file_once() {
        let link = std::os::unix::fs::symlink;
        let root = tree(&["a/x.csv", "b/y.csv", "other/z.csv"]);
        for (target, name) in
            [("..", "a/up"), ("..", "a/again"), ("../b", "a/b"), ("../a", "b/a"), ("a", "link")]
        {
            link(target, root.path().join(name)).unwrap();
        }
        let all = ["a/x.csv", "b/y.csv", "other/z.csv"];
        assert_eq!(names(root.path(), "**/*.csv", true), all);
        assert_eq!(names(root.path(), "", true), all);
        assert_eq!(names(root.path(), "*/*.csv", true), all);
        // Whoever asks for the link's name gets it.
        assert_eq!(names(root.path(), "l*/*.csv", true), ["link/x.csv"]);
        assert_eq!(names(root.path(), "link", true).first().unwrap(), "link/again/b/y.csv");
        assert_eq!(names(root.path(), "a/up/oth*/*.csv", true), ["a/up/other/z.csv"]);
        assert_eq!(names(root.path(), "*/up/a/**/x.csv", true), ["a/up/a/x.csv"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_no_unicode_is_found() {
        use std::os::unix::ffi::OsStrExt;
        let root = tree(&["a.csv"]);
        let name = Path::new(std::ffi::OsStr::from_bytes(b"b\xff.csv"));
        fs::write(root.path().join(name), "x").unwrap();
        for pattern in ["*.csv", "**/*.csv", "b?.csv", ""] {
            let full = root.path().join(pattern);
            let found = find(full.to_str().unwrap(), true).unwrap();
            assert!(found.contains(&root.path().join(name)), "{pattern}: {found:?}");
        }
    }

    #[test]
    fn special_characters_in_a_plain_name_are_literal() {
        let root = tree(&["[1]/a.csv"]);
        assert_eq!(names(root.path(), "[1]/a.csv", true), ["[1]/a.csv"]);
        assert_eq!(names(root.path(), "[1]", true), ["[1]/a.csv"]);
    }

    #[test]
    fn a_file_called_like_the_pattern_hides_nothing() {
        let root = tree(&["1.jsonl", "2.jsonl"]);
        fs::write(root.path().join("*.jsonl"), "x").unwrap();
        assert_eq!(names(root.path(), "*.jsonl", true), ["*.jsonl", "1.jsonl", "2.jsonl"]);
        fs::write(root.path().join("[12].jsonl"), "x").unwrap();
        assert_eq!(names(root.path(), "[12].jsonl", true), ["1.jsonl", "2.jsonl", "[12].jsonl"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pattern_that_is_no_unicode_matches_its_own_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let root = tree(&[]);
        let at = |name: &[u8]| root.path().join(std::ffi::OsStr::from_bytes(name));
        for name in [&b"a\xfe.csv"[..], b"a\xff.csv", b"b\xff.csv"] {
            fs::write(at(name), "x").unwrap();
        }
        let found = |pattern: &[u8]| find(&names::to_text(at(pattern).as_os_str()), true).unwrap();
        assert_eq!(found(b"*\xff.csv"), [at(b"a\xff.csv"), at(b"b\xff.csv")]);
        assert_eq!(found(b"a\xfe.csv"), [at(b"a\xfe.csv")]);
        assert_eq!(found(b"a?.csv"), [at(b"a\xfe.csv"), at(b"a\xff.csv")]);
    }

    #[test]
    fn no_match_names_the_pattern_and_what_is_there() {
        let root = tree(&["logs/a.json", "logs/b.json", "logs/old/c.json"]);
        let pattern = root.path().join("logs/missing/*.csv");
        let message = find(pattern.to_str().unwrap(), true).unwrap_err().to_string();
        assert!(message.starts_with("no file matches \""), "{message}");
        assert!(message.contains("missing/*.csv\""), "{message}");
        assert!(message.contains("holds 2 file(s) (.json) and 1 folder(s)"), "{message}");
    }

    #[test]
    fn a_malformed_pattern_is_named() {
        let message = find("data/[a.csv", true).unwrap_err().to_string();
        assert!(message.contains("\"data/[a.csv\""), "{message}");
    }
}
