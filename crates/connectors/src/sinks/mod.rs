//! Result files. A file appears under its name only when it is complete: everything is written to
//! a hidden partial file beside it, which `commit` syncs and renames. Where the input has no end,
//! rows are appended to the file under its own name instead ([`append`]). Links stay, and pipes and devices
//! are written as they are: see `place.rs`.

mod align_schema;
mod append;
mod csv;
mod file;
mod jsonl;
mod parquet;

use crate::error::ConnectorError;
use crate::state::OutputMark;
use arrow_array::RecordBatch;
use dfp_storage::atomic_write::{Partial, Readers};
use file::FileSink;
use std::path::{Path, PathBuf};

/// Formats of result files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text as the peer writes it, readable by pandas: header once, the column with the empty name
    /// is the row index.
    Csv,
    /// One JSON object a line, numbers in full precision, times as milliseconds since 1970.
    JsonLines,
    /// Parquet with Snappy compression.
    Parquet,
}

impl Format {
    /// The format that a file's ending stands for: csv; json, jsonl, jsonlines; parquet. Any case.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "jsonlines" => Some(Self::JsonLines),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A result file being written. Dropping it without [`commit`](Sink::commit) or
/// [`keep_partial`](Sink::keep_partial) removes what was written.
pub trait Sink: Send {
    /// Appends rows. The first batch fixes the columns and their order; a later batch may lack
    /// some (missing values) or have them in another order, but may not have more.
    ///
    /// # Errors
    /// The disk is full or another system error, or a column that the file does not have.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ConnectorError>;

    /// Syncs everything written so far to the disk and says how far the file goes; `None` for a file
    /// that nobody sees before it is complete.
    ///
    /// # Errors
    /// A system error.
    fn checkpoint(&mut self) -> Result<Option<OutputMark>, ConnectorError> {
        Ok(None)
    }

    /// Completes the file, syncs it to disk and gives it its name. Without any batch the file is
    /// empty (Parquet: a file without columns).
    ///
    /// # Errors
    /// A system error, or the name has been taken in the meantime and may not be replaced.
    fn commit(self: Box<Self>) -> Result<(), ConnectorError>;

    /// Completes what there is and leaves it as `<name>.partial`, whose path is returned. An older
    /// file of that name is replaced.
    ///
    /// # Errors
    /// A system error.
    fn keep_partial(self: Box<Self>) -> Result<PathBuf, ConnectorError>;

    /// Removes what was written.
    fn discard(self: Box<Self>);
}

/// Opens a result file; nothing appears under `path` before [`Sink::commit`].
///
/// The directory is created if it does not exist. A pipe or device needs no `overwrite`: bytes go into it as they are
/// encoded. Without `format` the ending decides. With
/// `flush`, every batch is handed to the operating system at once (Parquet: as a row group of its
/// own).
///
/// # Errors
/// [`StorageError::Exists`](dfp_storage::StorageError::Exists) if there is a file and not `overwrite`; [`ConnectorError::Format`] if the ending is
/// unknown; [`StorageError::Os`](dfp_storage::StorageError::Os) if the directory cannot be written.
pub fn create(
    path: &Path,
    format: Option<Format>,
    overwrite: bool,
    flush: bool,
) -> Result<Box<dyn Sink>, ConnectorError> {
    let format = format
        .or_else(|| Format::of(path))
        .ok_or_else(|| ConnectorError::Format { path: path.to_owned() })?;
    let partial = Partial::create(path, overwrite, Readers::Umask)?;
    Ok(match format {
        Format::Csv => Box::new(FileSink::new(csv::Csv::new(partial), flush)),
        Format::JsonLines => Box::new(FileSink::new(jsonl::JsonLines::new(partial), flush)),
        Format::Parquet => Box::new(FileSink::new(parquet::Parquet::new(partial), flush)),
    })
}

/// Opens a result file to which rows are appended under its own name, for input without an end.
///
/// Where `mark` says how far the file had been written, what stands behind it is cut off, and
/// writing goes on there. Otherwise the file is new; an older one is replaced if `overwrite`.
///
/// # Errors
/// As [`create`]; [`ConnectorError::State`] if the file is shorter than `mark` says; Parquet, which cannot
/// be appended to.
pub fn append(
    path: &Path,
    format: Format,
    overwrite: bool,
    flush: bool,
    mark: Option<&OutputMark>,
) -> Result<Box<dyn Sink>, ConnectorError> {
    append::open(path, format, overwrite, flush, mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array};
    use dfp_storage::StorageError;
    use std::fs;
    use std::sync::Arc;

    fn batch(name: &str) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        RecordBatch::try_from_iter([(name, numbers)]).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_only_when_committed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/out.csv");
        let mut sink = create(&path, None, false, true).unwrap();
        sink.write(&batch("a")).unwrap();
        assert!(!path.exists());
        sink.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\n1\n");

        let refused = create(&path, None, false, false).err().unwrap().to_string();
        assert!(
            refused.contains("out.csv\" exists already") && refused.contains("--overwrite"),
            "{refused}"
        );

        let mut sink = create(&path, None, true, false).unwrap();
        sink.write(&batch("b")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\n1\n");
        sink.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b\n1\n");
        assert_eq!(names(path.parent().unwrap()), ["out.csv"]);
    }

    #[test]
    fn a_device_is_written_in_place() {
        let null = Path::new("/dev/null");
        let mut sink = create(null, Some(Format::Parquet), false, false).unwrap();
        sink.write(&batch("a")).unwrap();
        sink.commit().unwrap();
        assert!(!null.metadata().unwrap().is_file());
    }

    #[test]
    fn a_name_taken_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.csv");
        let sink = create(&path, None, false, false).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert!(matches!(sink.commit(), Err(ConnectorError::Storage(StorageError::Exists { .. }))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(names(directory.path()), ["out.csv"]);
    }

    #[test]
    fn discarded_files_vanish_and_kept_ones_look_partial() {
        let directory = tempfile::tempdir().unwrap();
        for format in [Format::Csv, Format::JsonLines, Format::Parquet] {
            let path = directory.path().join("out");
            let mut sink = create(&path, Some(format), false, false).unwrap();
            sink.write(&batch("a")).unwrap();
            sink.discard();
            assert!(names(directory.path()).is_empty());
            let mut sink = create(&path, Some(format), false, false).unwrap();
            sink.write(&batch("a")).unwrap();
            let kept = sink.keep_partial().unwrap();
            assert_eq!(names(directory.path()), ["out.partial"]);
            fs::remove_file(kept).unwrap();
        }
    }

    #[test]
    fn unknown_endings_and_extra_columns_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let unknown = create(&directory.path().join("out.txt"), None, false, false)
            .err()
            .unwrap()
            .to_string();
        assert!(unknown.contains("out.txt\"; accepted endings: .csv"), "{unknown}");
        let mut sink = create(&directory.path().join("out.csv"), None, false, false).unwrap();
        sink.write(&batch("a")).unwrap();
        let extra = sink.write(&batch("b")).unwrap_err().to_string();
        assert!(extra.starts_with("unexpected column(s) \"b\" in \""), "{extra}");
        assert!(extra.ends_with("the first batch fixed the columns: a"), "{extra}");
        sink.commit().unwrap();
    }
}
