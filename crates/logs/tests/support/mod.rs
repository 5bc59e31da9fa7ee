//! Where the recorded numbers are.

use serde_json::Value;
use std::path::PathBuf;

/// The folder of recorded numbers: `DFP_GOLDEN`, or the copy beside the code.
pub fn golden() -> PathBuf {
    std::env::var_os("DFP_GOLDEN").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden"),
        PathBuf::from,
    )
}

/// A recorded JSON document.
pub fn json(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden().join(file)).unwrap()).unwrap()
}
