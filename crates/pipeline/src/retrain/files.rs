//! Which log files have not been learnt, and how many of them are read together.

use crate::batches::Notes;
use dfp_connectors::known::{Arrival, KnownFiles, Seen};
use dfp_connectors::state::FileMark;
use dfp_storage::files::{head, is_packed};
use dfp_storage::memory_limit::MemoryLimit;
use std::collections::HashSet;
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
    pub(super) new: Vec<(PathBuf, FileMark)>,
    /// Learnt when they were shorter.
    pub(super) changed: Vec<PathBuf>,
    /// Those that were recognised.
    pub(super) notes: Notes,
}

impl Found {
    /// Sorts files by what earlier runs have learnt.
    pub(super) fn of(files: Vec<PathBuf>, known: &mut KnownFiles) -> Self {
        // Earlier versions have kept the beginning of a file alone.
        let begins_as_before = |path: &Path| {
            let mark = known.get(path).filter(|mark| mark.content.is_none());
            mark.is_some_and(|mark| {
                mark.head.is_none() || mark.head == head(path, mark.stamp.bytes)
            })
        };
        let grown: HashSet<PathBuf> =
            files.iter().filter(|path| begins_as_before(path)).cloned().collect();
        let mut found = Self::default();
        let arrivals = known.recognise(files);
        for Arrival { path, mark, seen } in &arrivals {
            match seen {
                Seen::Grown(_) => found.changed.push(path.clone()),
                Seen::Changed if grown.contains(path) => found.changed.push(path.clone()),
                Seen::New | Seen::Changed => found.new.push((path.clone(), *mark)),
                _ => {}
            }
        }
        let recognised: Vec<Arrival> = arrivals.into_iter().filter(Arrival::is_finished).collect();
        found.notes.add(&recognised);
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

/// Files in their order, as many in one as are read together.
pub(super) fn together(
    files: Vec<(PathBuf, FileMark)>,
    memory: MemoryLimit,
) -> Vec<Vec<(PathBuf, FileMark)>> {
    let most = TOGETHER.min(memory.table());
    let mut all: Vec<Vec<(PathBuf, FileMark)>> = Vec::new();
    let mut bytes = 0_u64;
    for (path, mark) in files {
        let size = mark.stamp.bytes;
        let size = if is_packed(&path) { size.saturating_mul(PACKED) } else { size };
        match all.last_mut().filter(|_| bytes.saturating_add(size) <= most) {
            Some(last) => last.push((path, mark)),
            None => {
                all.push(vec![(path, mark)]);
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
        let mut known = KnownFiles::default();
        let mut look = |new: &[&str], changed: &[&str]| {
            let found = Found::of(all(), &mut known);
            let names = |paths: Vec<&PathBuf>| -> Vec<String> {
                paths.iter().map(|p| p.file_name().unwrap().to_str().unwrap().to_owned()).collect()
            };
            let seen =
                [found.new.iter().map(|(path, _)| path).collect(), found.changed.iter().collect()];
            assert_eq!(seen.map(names), [new, changed].map(|names| names.to_vec()));
            for (path, mark) in found.new {
                known.insert(path, mark);
            }
        };
        fs::write(path("log"), "first").unwrap();
        look(&["log"], &[]);
        look(&[], &[]);
        fs::rename(path("log"), path("log.1")).unwrap();
        fs::write(path("log"), "second").unwrap();
        look(&["log"], &[]);
        fs::rename(path("log.1"), path("log.2")).unwrap();
        fs::rename(path("log"), path("log.1")).unwrap();
        fs::write(path("log"), "third, and longer").unwrap();
        look(&["log"], &[]);
        // Of a copy nothing is learnt, and what is packed is what was packed.
        fs::copy(path("log.2"), path("copy")).unwrap();
        look(&[], &[]);
        pack(&path("log.2"), &path("log.2.gz"));
        look(&[], &[]);
        fs::write(path("log"), "third, and longer, and grown").unwrap();
        look(&[], &["log"]);
        fs::write(path("log"), "cut").unwrap();
        look(&["log"], &[]);
    }

    fn pack(from: &Path, to: &Path) {
        let mut gzip = flate2::write::GzEncoder::new(
            fs::File::create(to).unwrap(),
            flate2::Compression::fast(),
        );
        std::io::Write::write_all(&mut gzip, &fs::read(from).unwrap()).unwrap();
        gzip.finish().unwrap();
        fs::remove_file(from).unwrap();
    }
}
