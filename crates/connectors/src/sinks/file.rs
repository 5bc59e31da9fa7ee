//! What all result files share: fixed columns, error texts, the three ways to end.

use super::Sink;
use super::align_schema::Conform;
use crate::error::ConnectorError;
use arrow_array::RecordBatch;
use dfp_storage::atomic_write::{Out, Partial, Storage};
use std::io;
use std::path::{Path, PathBuf};

/// One format's way to turn batches into bytes of a file.
pub(super) trait Encode: Send {
    /// Where the bytes go.
    type Out: Out;

    /// The name that the file has or will get.
    fn target(&self) -> &Path;

    /// Appends the rows; the columns are those of the first batch.
    fn encode(&mut self, batch: &RecordBatch) -> io::Result<()>;

    /// Hands everything to the operating system.
    fn flush(&mut self) -> io::Result<()>;

    /// Completes the format and returns the file.
    fn finish(self) -> io::Result<Self::Out>;
}

/// A [`Sink`] in the format of `E`.
pub(super) struct FileSink<E> {
    encoder: E,
    columns: Conform,
    flush: bool,
    failed: bool,
}

impl<E: Encode> FileSink<E> {
    pub(super) fn new(encoder: E, flush: bool) -> Self {
        Self { encoder, columns: Conform::default(), flush, failed: false }
    }

    /// After a failed write the file has a hole and must not look complete.
    fn finish(self) -> Result<E::Out, ConnectorError> {
        let target = self.encoder.target().to_owned();
        if self.failed {
            let cause = io::Error::other("an earlier write failed");
            return Err(ConnectorError::os("complete", &target, cause));
        }
        self.encoder.finish().map_err(|e| ConnectorError::os("write", &target, e))
    }
}

impl<S: Storage, E: Encode<Out = Partial<S>>> Sink for FileSink<E> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ConnectorError> {
        let target = self.encoder.target();
        let batch = self.columns.conform(batch, target)?;
        let mut written = self.encoder.encode(&batch);
        if self.flush {
            written = written.and_then(|()| self.encoder.flush());
        }
        self.failed |= written.is_err();
        written.map_err(|e| ConnectorError::os("write", self.encoder.target(), e))
    }

    fn commit(self: Box<Self>) -> Result<(), ConnectorError> {
        Ok(self.finish()?.commit()?)
    }

    fn keep_partial(self: Box<Self>) -> Result<PathBuf, ConnectorError> {
        Ok(self.finish()?.keep()?)
    }

    fn discard(self: Box<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::super::csv::Csv;
    use super::super::jsonl::JsonLines;
    use super::super::parquet::Parquet;
    use super::*;
    use arrow_array::{ArrayRef, Int64Array};
    use dfp_storage::atomic_write::Readers;
    use std::fs::File;
    use std::io::Write;
    use std::sync::Arc;

    /// A disk with room for a few bytes.
    struct Full {
        file: File,
        room: usize,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            let written = self.file.write(&bytes[..bytes.len().min(self.room)])?;
            self.room -= written;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    impl Storage for Full {
        fn sync(&self) -> io::Result<()> {
            self.file.sync_all()
        }
    }

    fn batch() -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
        RecordBatch::try_from_iter([("n", numbers)]).unwrap()
    }

    fn fill<E: Encode<Out = Partial<Full>> + 'static>(make: impl Fn(Partial<Full>) -> E) {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        for flush in [false, true] {
            let partial = Partial::create(&target, false, Readers::Umask)
                .unwrap()
                .map(|file| Full { file, room: 100 });
            let mut sink = Box::new(FileSink::new(make(partial), flush));
            let failed = match sink.write(&batch()) {
                Err(e) => {
                    let again = sink.commit().unwrap_err().to_string();
                    assert!(again.contains("an earlier write failed"), "{again}");
                    e
                }
                Ok(()) => sink.commit().unwrap_err(),
            };
            let message = failed.to_string();
            assert!(message.contains("cannot write") && message.contains("out\""), "{message}");
            let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }

    #[test]
    fn a_flushed_batch_is_handed_over_at_once() {
        for flush in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let partial =
                Partial::create(&directory.path().join("out"), false, Readers::Umask).unwrap();
            let mut sink = Box::new(FileSink::new(Csv::new(partial), flush));
            sink.write(&batch().slice(0, 3)).unwrap();
            let files = std::fs::read_dir(directory.path()).unwrap();
            let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
            assert_eq!(bytes > 0, flush);
            sink.discard();
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_leaves_nothing() {
        fill(Csv::new);
        fill(JsonLines::new);
        fill(Parquet::new);
    }
    /// A disk that says whether the file had its name already when it was synced.
    struct Watched {
        file: File,
        target: PathBuf,
        synced: std::sync::Arc<parking_lot::Mutex<Vec<bool>>>,
        fails: bool,
    }

    impl Write for Watched {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.file.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.file.flush()
        }
    }

    impl Storage for Watched {
        fn sync(&self) -> io::Result<()> {
            self.synced.lock().push(self.target.exists());
            match self.fails {
                true => Err(io::Error::other("the disk is gone")),
                false => self.file.sync_all(),
            }
        }
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_synced_and_not_before() {
        for (keeps, fails) in [(false, false), (true, false), (false, true), (true, true)] {
            let directory = tempfile::tempdir().unwrap();
            let target = directory.path().join("out.csv");
            let named = match keeps {
                true => directory.path().join("out.csv.partial"),
                false => target.clone(),
            };
            let synced = std::sync::Arc::default();
            let partial =
                Partial::create(&target, false, Readers::Umask).unwrap().map(|file| Watched {
                    file,
                    target: named.clone(),
                    synced: std::sync::Arc::clone(&synced),
                    fails,
                });
            let mut sink = Box::new(FileSink::new(Csv::new(partial), false));
            sink.write(&batch().slice(0, 3)).unwrap();
            let ended = match keeps {
                true => sink.keep_partial().map(|path| assert_eq!(path, named)),
                false => sink.commit(),
            };
            assert_eq!(*synced.lock(), [false], "once, before it has its name");
            assert_eq!((ended.is_err(), named.exists()), (fails, !fails));
            let left = std::fs::read_dir(directory.path()).unwrap().count();
            assert_eq!(left, usize::from(!fails), "nothing else is left");
        }
    }
}
