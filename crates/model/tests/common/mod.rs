//! Reading the recorded numbers. A test binary that needs only a part of this declares
//! `#[expect(dead_code, reason = "…")] mod common;`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a recording that cannot be read fails the test"
)]

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Parts of the full recording that are too large to be kept with the sources.
const NOT_KEPT: [&str; 6] = [
    "validate/",
    "distribution/",
    "derived/azure",
    "derived/duo",
    "forward/cloudtrail",
    "training/adam_standard",
];

/// Where the recorded numbers are: `$DFP_GOLDEN`, else the copy kept with the sources.
pub fn golden_dir() -> PathBuf {
    env::var_os("DFP_GOLDEN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden"),
        PathBuf::from,
    )
}

/// The path of a recorded file; `None` if this file is not kept with the sources and no full
/// recording was named, in which case the test passes without having looked.
pub fn golden_file(relative: &str) -> Option<PathBuf> {
    let path = golden_dir().join(relative);
    if path.exists() {
        return Some(path);
    }
    let kept = !NOT_KEPT.iter().any(|prefix| relative.starts_with(prefix));
    assert!(!kept && env::var_os("DFP_GOLDEN").is_none(), "{} is missing", path.display());
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let why = "not kept with the sources, and DFP_GOLDEN names no folder";
    // Not `eprintln`, which the test harness shows only of tests that fail.
    let _ = writeln!(std::io::stderr(), "{test} goes without {relative}: {why}");
    None
}

/// A recorded JSON file that is kept with the sources.
pub fn golden_json(relative: &str) -> Value {
    let text = fs::read_to_string(golden_file(relative).expect(relative)).expect(relative);
    serde_json::from_str(&text).expect(relative)
}

/// The texts of a JSON list.
pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect()
}

/// A file of named tensors.
pub struct Tensors {
    bytes: Vec<u8>,
    path: PathBuf,
}

impl Tensors {
    pub fn read(path: &Path) -> Self {
        Self { bytes: fs::read(path).expect("a readable file"), path: path.to_owned() }
    }

    pub fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        file.names().into_iter().map(ToString::to_string).collect()
    }

    /// Shape and row-major values of a float32 tensor.
    pub fn f32(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, bytes) = self.tensor(name, Dtype::F32);
        (shape, bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
    }

    /// Shape and row-major values of an int64 tensor.
    pub fn i64(&self, name: &str) -> (Vec<usize>, Vec<i64>) {
        let (shape, bytes) = self.tensor(name, Dtype::I64);
        (shape, bytes.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect())
    }

    fn tensor(&self, name: &str, dtype: Dtype) -> (Vec<usize>, Vec<u8>) {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file
            .tensor(name)
            .unwrap_or_else(|e| panic!("{name:?} in {}: {e}", self.path.display()));
        assert_eq!(tensor.dtype(), dtype, "{name:?} in {}", self.path.display());
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }
}

/// Tensors of a recorded file that is kept with the sources.
pub fn golden_tensors(relative: &str) -> Tensors {
    Tensors::read(&golden_file(relative).expect(relative))
}

/// A recorded table, its columns typed as `features/schema.json` says.
pub fn golden_table(relative: &str) -> RecordBatch {
    let schema = golden_json("features/schema.json");
    let kinds: Vec<(String, String)> = schema["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["column"].as_str().unwrap().into(), c["csv_kind"].as_str().unwrap().into()))
        .collect();
    read_table(&golden_file(relative).expect(relative), &kinds)
}

/// Columns of a CSV file by kind: `float`, `int`, `bool` or `string`; empty is missing.
/// As in our CSV reader an integer column with gaps is a float column, and a boolean column with
/// gaps is a text column of `True` and `False`.
pub fn read_table(path: &Path, kinds: &[(String, String)]) -> RecordBatch {
    let mut reader = csv::Reader::from_path(path).expect("a readable table");
    let header = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let columns = kinds.iter().map(|(name, kind)| {
        let position = header.iter().position(|h| h == name).unwrap_or_else(|| panic!("{name}"));
        let cells: Vec<Option<&str>> =
            records.iter().map(|r| Some(&r[position]).filter(|cell| !cell.is_empty())).collect();
        (name.as_str(), column(kind, &cells))
    });
    table(columns)
}

/// A table of named columns.
pub fn table<'a>(columns: impl IntoIterator<Item = (&'a str, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
        .into_iter()
        .map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array))
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn column(kind: &str, cells: &[Option<&str>]) -> ArrayRef {
    let gaps = cells.iter().any(Option::is_none);
    match kind {
        "float" => floats(cells),
        "int" if gaps => floats(cells),
        "int" => {
            Arc::new(cells.iter().map(|c| c.map(|c| c.parse().unwrap())).collect::<Int64Array>())
        }
        "bool" if !gaps => {
            let bools = cells.iter().map(|c| c.map(|c| c.eq_ignore_ascii_case("true")));
            Arc::new(bools.collect::<BooleanArray>())
        }
        "bool" | "string" => Arc::new(cells.iter().copied().collect::<StringArray>()),
        other => panic!("unknown kind {other:?}"),
    }
}

fn floats(cells: &[Option<&str>]) -> ArrayRef {
    let values = cells.iter().map(|c| c.map(|c| c.parse().unwrap()));
    Arc::new(values.collect::<Float64Array>())
}

/// |a - b| / max(1, |b|), the recording's "relative error".
pub fn relative_error(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() / b.abs().max(1.0) }
}
