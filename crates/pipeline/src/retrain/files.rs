//! Which log files have not been learnt, and how many of them are read together.

use dfp_io::files::{Stamp, head, is_packed};
use dfp_io::memory::MemoryLimit;
use dfp_io::state::FileMark;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Files are read together up to so many bytes, or what fits into memory.
const TOGETHER: u64 = 256 << 20;
/// Compressed logs are some ten to twenty times as large.
const PACKED: u64 = 20;

/// No header is longer than so many bytes.
const LONGEST_HEADER: u64 = 64 << 10;

/// Files that match, by what they were to earlier runs.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Not learnt yet, in the order of their names.
    pub(super) new: Vec<PathBuf>,
    /// Learnt under another name.
    pub(super) renamed: Vec<(PathBuf, FileMark)>,
    /// Learnt when they were shorter.
    pub(super) changed: Vec<PathBuf>,
}

impl Found {
    /// Sorts files by what earlier runs have learnt. A file is the one that was learnt if its length, time
    /// and beginning are the same, wherever that one is now gone from; and another one under a known name if
    /// it begins otherwise, as the log that a program begins when it has renamed the old one.
    pub(super) fn of(files: Vec<PathBuf>, known: &HashMap<PathBuf, FileMark>) -> Self {
        let mut by_stamp: HashMap<Stamp, Vec<(&PathBuf, &FileMark)>> = HashMap::new();
        for (path, mark) in known.iter().filter(|(_, mark)| mark.head.is_some()) {
            by_stamp.entry(mark.stamp).or_default().push((path, mark));
        }
        let mut found = Self::default();
        for path in files {
            let stamp = Stamp::of(&path);
            let own = known.get(&path);
            if own.is_some_and(|mark| mark.stamp == stamp) {
                continue;
            }
            let was = by_stamp.get(&stamp).into_iter().flatten().find(|(former, mark)| {
                Stamp::of(former) != stamp && mark.head == head(&path, stamp.bytes)
            });
            if let Some((_, mark)) = was {
                found.renamed.push((path, **mark));
                continue;
            }
            let begins_as_before = own.is_some_and(|mark| {
                mark.head.is_none() || mark.head == head(&path, mark.stamp.bytes)
            });
            match begins_as_before {
                true => found.changed.push(path),
                false => found.new.push(path),
            }
        }
        found
    }
}

/// Whether a log has its header at most: it will have rows.
pub(super) fn has_only_begun(path: &Path) -> bool {
    let Ok(Some(start)) = start(path) else { return false };
    let Ok(text) = std::str::from_utf8(&start) else { return false };
    let text = text.trim();
    // JSON may have everything in one line.
    !text.starts_with(['{', '[']) && !text.contains(['\n', '\0'])
}

/// All of a short file.
fn start(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match path.metadata()?.len() {
        0..=LONGEST_HEADER => std::fs::read(path).map(Some),
        _ => Ok(None),
    }
}

/// A file that is read now.
pub(super) fn mark(path: &Path) -> FileMark {
    let stamp = Stamp::of(path);
    FileMark { stamp, until: None, head: head(path, stamp.bytes) }
}

/// Files in their order, as many in one as are read together.
pub(super) fn together(files: Vec<PathBuf>, memory: MemoryLimit) -> Vec<Vec<PathBuf>> {
    let most = TOGETHER.min(memory.table());
    let mut all: Vec<Vec<PathBuf>> = Vec::new();
    let mut bytes = 0_u64;
    for file in files {
        let size = Stamp::of(&file).bytes;
        let size = if is_packed(&file) { size.saturating_mul(PACKED) } else { size };
        match all.last_mut().filter(|_| bytes.saturating_add(size) <= most) {
            Some(last) => last.push(file),
            None => {
                all.push(vec![file]);
                bytes = 0;
            }
        }
        bytes = bytes.saturating_add(size);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What a rotation of logs leaves: the old ones move on, a new one takes the first name.
    #[test]
    fn a_log_is_known_wherever_it_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let all = || {
            let mut files: Vec<PathBuf> =
                fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            files
        };
        let mut known = HashMap::new();
        let mut look = |expected: [&[&str]; 3]| {
            let found = Found::of(all(), &known);
            let names = |paths: Vec<&PathBuf>| -> Vec<String> {
                paths.iter().map(|p| p.file_name().unwrap().to_str().unwrap().to_owned()).collect()
            };
            let renamed = found.renamed.iter().map(|(path, _)| path).collect();
            let seen = [found.new.iter().collect(), renamed, found.changed.iter().collect()];
            assert_eq!(seen.map(names), expected.map(|names| names.to_vec()));
            known.extend(found.new.iter().map(|path| (path.clone(), mark(path))));
            known.extend(found.renamed);
        };
        fs::write(path("log"), "first").unwrap();
        look([&["log"], &[], &[]]);
        look([&[], &[], &[]]);
        fs::rename(path("log"), path("log.1")).unwrap();
        fs::write(path("log"), "second").unwrap();
        look([&["log"], &["log.1"], &[]]);
        fs::rename(path("log.1"), path("log.2")).unwrap();
        fs::rename(path("log"), path("log.1")).unwrap();
        fs::write(path("log"), "third, and longer").unwrap();
        look([&["log"], &["log.1", "log.2"], &[]]);
        // A copy is there twice, and so are its rows.
        fs::copy(path("log.2"), path("copy")).unwrap();
        let of_the_first = fs::metadata(path("log.2")).unwrap().modified().unwrap();
        let copy = fs::File::options().append(true).open(path("copy")).unwrap();
        copy.set_modified(of_the_first).unwrap();
        look([&["copy"], &[], &[]]);
        fs::write(path("log"), "third, and longer, and grown").unwrap();
        look([&[], &[], &["log"]]);
        fs::write(path("log"), "cut").unwrap();
        look([&["log"], &[], &[]]);
    }
}
