//! Patterns of file names, and the endings that logs have.

use glob::MatchOptions;
use std::collections::BTreeSet;
use std::path::Path;

/// Endings that a directory is searched for.
const ENDINGS: [&str; 5] = [".csv", ".json", ".jsonl", ".jsonlines", ".parquet"];
/// Endings of compressed files, behind the others.
const PACKED: [&str; 4] = [".gz", ".zst", ".bz2", ".xz"];
/// Ending of our unfinished output files, which are never input.
pub(crate) const PARTIAL: &str = ".partial";
pub(crate) const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Whether a text is a pattern, and not only a name.
pub fn has_wildcards(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Whether a file's name says that it is compressed.
pub fn is_packed(file: &Path) -> bool {
    let name = file.to_string_lossy();
    PACKED.iter().any(|ending| name.ends_with(ending))
}

/// A file's name without the ending of a compressed one.
pub fn unpacked_name(file: &Path) -> String {
    let name = file.to_string_lossy();
    PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_owned()
}

pub(crate) fn has_known_ending(file: &Path) -> bool {
    let name = unpacked_name(file);
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The first endings of some names in brackets; nothing if there are none.
pub(crate) fn kinds<'p>(names: impl Iterator<Item = &'p Path>) -> String {
    let endings: BTreeSet<String> = names
        .filter_map(|name| Some(format!(".{}", name.extension()?.to_string_lossy())))
        .collect();
    if endings.is_empty() {
        return String::new();
    }
    format!(" ({})", endings.into_iter().take(5).collect::<Vec<_>>().join(", "))
}
