//! The local files that a shell pattern names.
//!
//! Links to directories are followed, so a tree may lead into itself. The pattern is therefore read as a
//! small machine whose states are the places in it: each directory, told by what it is and not by what it
//! is called, is listed once a state. That ends in every tree, and finds what any of its names matches.

use crate::error::StorageError;
use crate::names::{path, to_text};
use crate::patterns::{MATCHING, PARTIAL, has_wildcards};
use glob::{Pattern, PatternError};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::fs::DirEntry;
use std::path::{Component, Path, PathBuf};

/// The names between the separators of a pattern, from the first with a wildcard on.
enum Part {
    /// `**`: any number of directories.
    AnyDepth,
    Name(Pattern),
}

/// A directory to be listed, and the places in the pattern that its name has led to.
struct Todo {
    directory: PathBuf,
    /// Indices of the parts that its entries are held against, ascending.
    at: Vec<usize>,
}

/// All files that `pattern` names, in no order; a file that links give several names has one of them, the
/// real one if that matches.
///
/// # Errors
/// [`StorageError::Pattern`] if the pattern is malformed, [`StorageError::Os`] if a directory cannot be listed.
pub fn matching(pattern: &str) -> Result<Vec<PathBuf>, StorageError> {
    let (base, names) = split(pattern);
    let refuse = |e: PatternError| StorageError::Pattern {
        pattern: pattern.to_owned(),
        cause: e.msg.to_owned(),
    };
    let parts = names.iter().map(|name| part(name)).collect::<Result<Vec<_>, _>>();
    let parts = parts.map_err(refuse)?;
    walk(base, &parts)
}

/// All files below a directory, or only those in it.
///
/// # Errors
/// [`StorageError::Os`] if a directory cannot be listed.
pub fn inside(directory: &Path, recursive: bool) -> Result<Vec<PathBuf>, StorageError> {
    let any = part("*").map(|name| match recursive {
        true => vec![Part::AnyDepth, name],
        false => vec![name],
    });
    walk(without_dots(directory), &any.unwrap_or_default())
}

fn part(name: &str) -> Result<Part, PatternError> {
    if name == "**" { Ok(Part::AnyDepth) } else { Pattern::new(name).map(Part::Name) }
}

/// What stands before the first wildcard, and the names from it on.
fn split(pattern: &str) -> (PathBuf, Vec<String>) {
    let (mut base, mut names) = (PathBuf::new(), Vec::new());
    for component in path(pattern).components() {
        let text = to_text(component.as_os_str());
        if names.is_empty() && !has_wildcards(&text) {
            base.push(component);
        } else if component != Component::CurDir {
            names.push(text);
        }
    }
    (without_dots(&base), names)
}

/// The path without the `./` that it may begin with, so that a file is called the same either way.
fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

fn walk(base: PathBuf, parts: &[Part]) -> Result<Vec<PathBuf>, StorageError> {
    let listed = |path: &Path| {
        if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
    };
    if !listed(&base).is_dir() {
        return Ok(Vec::new());
    }
    let mut found: HashMap<(PathBuf, OsString), PathBuf> = HashMap::new();
    let mut seen: HashSet<(PathBuf, Vec<usize>)> = HashSet::new();
    // Links stand behind all real directories, whose names are the better ones.
    let mut todo = VecDeque::from([Todo { directory: base, at: skipping(parts, vec![0]) }]);
    while let Some(Todo { directory, at }) = todo.pop_front() {
        let place = listed(&directory);
        let refuse = |cause| StorageError::Os { action: "list", path: place.clone(), cause };
        let Some(real) = if_there(place.canonicalize()).map_err(refuse)? else { continue };
        if !seen.insert((real.clone(), at.clone())) {
            continue;
        }
        let Some(entries) = if_there(place.read_dir()).map_err(refuse)? else { continue };
        let mut entries = entries.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
        // The order of directory entries differs between file systems; which link is first decides a name.
        entries.sort_unstable_by_key(DirEntry::file_name);
        for entry in entries {
            let (name, path) = (entry.file_name(), directory.join(entry.file_name()));
            let text = to_text(&name);
            let kind = kind(&entry).map_err(refuse)?;
            match kind {
                Kind::File if is_last(parts, &at, &text) && !text.ends_with(PARTIAL) => {
                    found.entry((real.clone(), name)).or_insert(path);
                }
                Kind::Directory | Kind::Link => {
                    let at = after(parts, &at, &text);
                    if at.is_empty() {
                        continue;
                    }
                    let next = Todo { directory: path, at };
                    if kind == Kind::Directory {
                        todo.push_front(next)
                    } else {
                        todo.push_back(next)
                    }
                }
                Kind::File | Kind::Other => {}
            }
        }
    }
    Ok(found.into_values().collect())
}

/// A directory that was removed after it had been found has no files: a run that watches goes on.
fn if_there<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    /// Also a link to a file or to nothing.
    File,
    Directory,
    /// To a directory.
    Link,
    Other,
}

fn kind(entry: &DirEntry) -> std::io::Result<Kind> {
    let own = entry.file_type()?;
    Ok(if own.is_dir() {
        Kind::Directory
    } else if own.is_file() {
        Kind::File
    } else if own.is_symlink() {
        match entry.path().metadata() {
            Ok(target) if target.is_dir() => Kind::Link,
            Ok(target) if !target.is_file() => Kind::Other,
            Ok(_) | Err(_) => Kind::File,
        }
    } else {
        Kind::Other
    })
}

/// These places, and those behind a `**` that stands for no directory at all.
fn skipping(parts: &[Part], at: Vec<usize>) -> Vec<usize> {
    let mut all = at;
    let mut next = 0;
    while let Some(&place) = all.get(next) {
        if matches!(parts.get(place), Some(Part::AnyDepth)) {
            all.push(place + 1);
        }
        next += 1;
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The places behind a directory of this name; none if nothing below it can match.
fn after(parts: &[Part], at: &[usize], name: &str) -> Vec<usize> {
    let steps = at.iter().filter_map(|&place| match parts.get(place)? {
        Part::AnyDepth => (!name.starts_with('.')).then_some(place),
        Part::Name(pattern) => pattern.matches_with(name, MATCHING).then_some(place + 1),
    });
    let next = steps.filter(|&place| place < parts.len()).collect();
    skipping(parts, next)
}

/// Whether a file of this name is what the pattern ends with.
fn is_last(parts: &[Part], at: &[usize], name: &str) -> bool {
    at.iter().any(|&place| {
        place + 1 == parts.len()
            && match &parts[place] {
                Part::AnyDepth => !name.starts_with('.'),
                Part::Name(pattern) => pattern.matches_with(name, MATCHING),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_was_removed_meanwhile_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(if_there(folder.path().read_dir()).unwrap().is_some());
        assert!(if_there(folder.path().join("gone").read_dir()).unwrap().is_none());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(if_there(file.read_dir()).is_err());
    }
}
