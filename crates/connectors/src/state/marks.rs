//! What is kept of files and outputs.

use crate::error::ConnectorError;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// How far an output has been written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputMark {
    /// The file.
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub path: PathBuf,
    /// Its length in bytes; what stands behind belongs to no finished input.
    pub bytes: u64,
    /// Names of its columns, with their Arrow types as Arrow prints them.
    pub columns: Vec<(String, String)>,
}

impl OutputMark {
    /// The columns of the file.
    ///
    /// # Errors
    /// A type is none that Arrow knows.
    pub fn schema(&self) -> Result<SchemaRef, ConnectorError> {
        let field = |(name, kind): &(String, String)| {
            let kind = DataType::from_str(kind).map_err(|e| ConnectorError::State {
                path: self.path.clone(),
                cause: format!("column \"{name}\": \"{kind}\" is no type: {e}"),
            })?;
            Ok(Field::new(name, kind, true))
        };
        let fields: Result<Vec<Field>, ConnectorError> = self.columns.iter().map(field).collect();
        Ok(Arc::new(Schema::new(fields?)))
    }
}

/// A path as the system has it: a name need not be Unicode.
pub(super) fn key(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// The path of a key.
#[cfg(unix)]
pub(super) fn path(key: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(key))
}

/// The path of a key. Names that are no Unicode are read again by the next run.
#[cfg(not(unix))]
pub(super) fn path(key: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(key).into_owned())
}

/// JSON has no bytes: a path is a text if it can be, else a list of numbers.
fn write_path<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => to.serialize_str(text),
        None => key(path).serialize(to),
    }
}

fn read_path<'a, D: Deserializer<'a>>(from: D) -> Result<PathBuf, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(PathBuf),
        Bytes(Vec<u8>),
    }
    Ok(match Either::deserialize(from)? {
        Either::Text(path) => path,
        Either::Bytes(bytes) => path(&bytes),
    })
}
