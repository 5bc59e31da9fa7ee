//! `--log_config_file`: where messages go, and how much is said there.
//!
//! ```toml
//! level = "INFO"          # standard error
//! [file]
//! path = "morpheus.log"   # appended to
//! level = "DEBUG"
//! ```

use dfp_engine::Weight;
use serde::Deserialize;
use std::fs::File;
use std::path::{Path, PathBuf};

const LEVELS: &str = "CRITICAL, FATAL, ERROR, WARN, WARNING, INFO, DEBUG";

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// Messages of this weight and above go to standard error; `None`: as `--log_level` says.
    pub level: Option<Weight>,
    /// A file that is appended to, and what goes there.
    pub file: Option<(PathBuf, Weight)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    level: Option<String>,
    file: Option<TypedFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedFile {
    path: PathBuf,
    level: Option<String>,
}

/// The weight that a word of `--log_level` means, in any case.
pub fn weight(word: &str) -> Option<Weight> {
    match word.to_uppercase().as_str() {
        "DEBUG" => Some(Weight::Debug),
        "INFO" => Some(Weight::Info),
        "WARN" | "WARNING" => Some(Weight::Warning),
        "ERROR" | "CRITICAL" | "FATAL" => Some(Weight::Error),
        _ => None,
    }
}

/// Reads a configuration.
///
/// # Errors
/// What is wrong, with the file's name.
pub fn read(path: &Path) -> Result<Logging, String> {
    let name = path.display().to_string();
    if path.extension().is_none_or(|ending| ending != "toml") {
        return Err(format!(
            "{name:?} is refused: logging configurations of Python (INI, JSON) name Python classes, which are not here; expected a .toml file with level and [file] (docs/command-line.md)"
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|why| format!("{name:?}: {why}"))?;
    let typed: Typed = toml::from_str(&text).map_err(|why| {
        let before = why.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("{name:?} line {}: {}", before.matches('\n').count() + 1, why.message())
    })?;
    let level = |word: Option<&String>, what: &str| {
        let read = |word: &String| {
            weight(word).ok_or_else(|| format!("{name:?}: {what}: {word:?} is not one of {LEVELS}"))
        };
        word.map(read).transpose()
    };
    let of_file = level(typed.file.as_ref().and_then(|file| file.level.as_ref()), "file.level")?;
    Ok(Logging {
        level: level(typed.level.as_ref(), "level")?,
        file: typed.file.map(|file| (file.path, of_file.unwrap_or(Weight::Info))),
    })
}

/// Opens the log to append to it.
///
/// # Errors
/// The system's, with the file's name.
pub fn open(path: &Path) -> Result<File, String> {
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|why| format!("{:?}: {why}", path.display().to_string()))
}
