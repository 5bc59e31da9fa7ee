//! What is done with versions by hand, as it was asked for.

use std::path::PathBuf;
use std::time::Duration;

/// Files for other tools.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are the command's options, described in the table")]
pub struct Exports {
    pub model: Option<PathBuf>,
    pub onnx: Option<PathBuf>,
    pub npz: Option<PathBuf>,
    pub safetensors: Option<PathBuf>,
    pub overwrite: bool,
}

/// What stays of old versions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retention {
    /// So many of the newest.
    pub keep: Option<usize>,
    /// Those that were put there less than so long ago.
    pub older_than: Option<Duration>,
    /// Nothing is removed, only told.
    pub dry_run: bool,
}
