//! Result files that are read while they are written: rows are appended under the file's own name. A pipe or
//! device cannot be cut off and gone on with: it gets what is new, and no mark is kept of it.

use super::align_schema::Conform;
use super::file::Encode;
use super::{Format, Sink, csv, jsonl};
use crate::error::ConnectorError;
use crate::state::OutputMark;
use arrow_array::RecordBatch;
use dfp_storage::StorageError;
use dfp_storage::atomic_write::{
    self, Out, Place, Readers, create_directory_of, sync_directory, synced,
};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

pub(super) fn open(
    path: &Path,
    format: Format,
    overwrite: bool,
    flush: bool,
    mark: Option<&OutputMark>,
) -> Result<Box<dyn Sink>, ConnectorError> {
    let (real, there) = match atomic_write::of(path)? {
        Place::File { path: real, there } => (real, there.is_some()),
        Place::Stream(file) => {
            let out = Live { file, target: path.to_owned(), is_stream: true };
            return sink(out, format, Conform::default(), flush);
        }
    };
    // A file that was moved away, as log rotation does, is begun anew.
    let mark = mark.filter(|_| there);
    let out = match mark {
        Some(mark) => Live::resume(path, mark)?,
        None => Live::create(path, &real, overwrite)?,
    };
    let columns = match mark {
        Some(mark) if mark.bytes > 0 => Conform::resume(mark.schema()?),
        _ => Conform::default(),
    };
    sink(out, format, columns, flush)
}

fn sink(
    out: Live,
    format: Format,
    columns: Conform,
    flush: bool,
) -> Result<Box<dyn Sink>, ConnectorError> {
    let path = &out.target;
    let file = out.file.try_clone().map_err(|e| ConnectorError::os("append to", path, e))?;
    let is_stream = out.is_stream;
    Ok(match format {
        Format::Csv if columns.columns().is_some() => {
            Box::new(LiveSink { encoder: csv::Csv::resume(out), file, is_stream, columns, flush })
        }
        Format::Csv => {
            Box::new(LiveSink { encoder: csv::Csv::new(out), file, is_stream, columns, flush })
        }
        Format::JsonLines => {
            let encoder = jsonl::JsonLines::new(out);
            Box::new(LiveSink { encoder, file, is_stream, columns, flush })
        }
        Format::Parquet => {
            let cause = "Parquet cannot be appended to; expected .csv, .json, .jsonl, .jsonlines";
            return Err(ConnectorError::os("append to", path, io::Error::other(cause)));
        }
    })
}

/// A file under its own name.
struct Live {
    file: File,
    target: PathBuf,
    /// It is no file.
    is_stream: bool,
}

impl Live {
    /// `real` is where the target's links lead to.
    fn create(target: &Path, real: &Path, overwrite: bool) -> Result<Self, ConnectorError> {
        create_directory_of(real, Readers::Umask)?;
        let mut options = OpenOptions::new();
        options.write(true);
        if overwrite {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let file = options.open(real).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => StorageError::Exists { path: target.to_owned() }.into(),
            _ => ConnectorError::os("write", target, e),
        })?;
        sync_directory(real)?;
        Ok(Self { file, target: target.to_owned(), is_stream: false })
    }

    fn resume(target: &Path, mark: &OutputMark) -> Result<Self, ConnectorError> {
        let fail = |e| ConnectorError::os("append to", target, e);
        let mut file = OpenOptions::new().write(true).open(target).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        if length < mark.bytes {
            return Err(ConnectorError::State {
                path: target.to_owned(),
                cause: format!(
                    "the file has {length} bytes, and {} had been written; it was changed from outside: move it away to begin a new one",
                    mark.bytes
                ),
            });
        }
        file.set_len(mark.bytes).map_err(fail)?;
        file.seek(io::SeekFrom::Start(mark.bytes)).map_err(fail)?;
        Ok(Self { file, target: target.to_owned(), is_stream: false })
    }
}

impl Write for Live {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Out for Live {
    fn target(&self) -> &Path {
        &self.target
    }
}

/// What makes written bytes durable, and knows how many there are.
trait Durable: Send {
    /// Waits until all bytes of a file are on the disk; how many these are.
    fn sync_file(&mut self) -> io::Result<u64>;

    /// Waits until a pipe or device has taken all bytes, as far as it can tell.
    fn sync_stream(&mut self) -> io::Result<()>;
}

impl Durable for File {
    fn sync_file(&mut self) -> io::Result<u64> {
        self.sync_data()?;
        self.stream_position()
    }

    fn sync_stream(&mut self) -> io::Result<()> {
        synced(self)
    }
}

/// A [`Sink`] that never takes back what it has written.
struct LiveSink<E, D = File> {
    encoder: E,
    /// The encoder's file: both handles share one position.
    file: D,
    is_stream: bool,
    columns: Conform,
    flush: bool,
}

impl<E: Encode<Out = Live>, D: Durable> LiveSink<E, D> {
    /// Syncs everything to the disk; how long the file is.
    fn sync(&mut self) -> Result<u64, ConnectorError> {
        let flushed = self.encoder.flush();
        let length = flushed.and_then(|()| match self.is_stream {
            true => self.file.sync_stream().map(|()| 0),
            false => self.file.sync_file(),
        });
        length.map_err(|e| ConnectorError::os("write", self.encoder.target(), e))
    }
}

impl<E: Encode<Out = Live>, D: Durable> Sink for LiveSink<E, D> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ConnectorError> {
        let batch = self.columns.conform(batch, self.encoder.target())?;
        let mut written = self.encoder.encode(&batch);
        if self.flush {
            written = written.and_then(|()| self.encoder.flush());
        }
        written.map_err(|e| ConnectorError::os("write", self.encoder.target(), e))
    }

    fn checkpoint(&mut self) -> Result<Option<OutputMark>, ConnectorError> {
        let bytes = self.sync()?;
        if self.is_stream {
            return Ok(None);
        }
        let fields = self.columns.columns().map(|schema| schema.fields().iter());
        let columns = fields.into_iter().flatten();
        let columns =
            columns.map(|field| (field.name().clone(), field.data_type().to_string())).collect();
        Ok(Some(OutputMark { path: self.encoder.target().to_owned(), bytes, columns }))
    }

    fn commit(mut self: Box<Self>) -> Result<(), ConnectorError> {
        self.sync().map(|_| ())
    }

    fn keep_partial(mut self: Box<Self>) -> Result<PathBuf, ConnectorError> {
        self.sync()?;
        Ok(self.encoder.target().to_owned())
    }

    /// What has been written may have been read: it stays.
    fn discard(mut self: Box<Self>) {
        let _ = self.sync();
    }
}

#[cfg(test)]
mod tests {
    use super::super::append;
    use super::*;
    use arrow_array::{ArrayRef, Float64Array, StringArray};
    use std::fs;
    use std::sync::Arc;

    fn batch(name: &str, number: f64) -> RecordBatch {
        let columns: [(&str, ArrayRef); 2] = [
            ("name", Arc::new(StringArray::from(vec![name]))),
            ("number", Arc::new(Float64Array::from(vec![number]))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn writing_goes_on_where_the_mark_is() {
        let directory = tempfile::tempdir().unwrap();
        for (ending, whole) in [
            (".csv", "name,number\na,1.0\nc,3.0\n"),
            (".jsonl", "{\"name\":\"a\",\"number\":1.0}\n{\"name\":\"c\",\"number\":3.0}\n"),
        ] {
            let path = directory.path().join(format!("new/out{ending}"));
            let format = Format::of(&path).unwrap();
            let mut sink = append(&path, format, false, false, None).unwrap();
            sink.write(&batch("a", 1.0)).unwrap();
            let mark = sink.checkpoint().unwrap().unwrap();
            sink.write(&batch("b", 2.0)).unwrap();
            sink.discard();
            assert!(fs::read_to_string(&path).unwrap().contains('b'));

            assert!(append(&path, format, false, false, None).is_err(), "it exists");
            let mut sink = append(&path, format, false, false, Some(&mark)).unwrap();
            sink.write(&batch("c", 3.0)).unwrap();
            sink.commit().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), whole);

            fs::write(&path, "x").unwrap();
            let error = append(&path, format, false, false, Some(&mark)).err().unwrap().to_string();
            assert!(error.contains("has 1 bytes, and"), "{error}");
            fs::remove_file(&path).unwrap();
            let mut sink = append(&path, format, false, false, Some(&mark)).unwrap();
            sink.write(&batch("d", 4.0)).unwrap();
            sink.commit().unwrap();
            let anew = fs::read_to_string(&path).unwrap();
            assert_eq!(anew.lines().count(), whole.lines().count() - 1, "{anew}");
        }
    }
    #[test]
    fn what_is_behind_the_mark_is_cut_off_whatever_its_length() {
        let directory = tempfile::tempdir().unwrap();
        for (name, number) in [("x", 1.0), ("a name that is much longer", 12_345.678), ("", 0.0)] {
            let path = directory.path().join("out.csv");
            let mut sink = append(&path, Format::Csv, true, false, None).unwrap();
            sink.write(&batch("first", 1.0)).unwrap();
            let mark = sink.checkpoint().unwrap().unwrap();
            assert_eq!(mark.bytes, fs::metadata(&path).unwrap().len());
            // A batch that was being written when the program was killed, the last row only in part.
            sink.write(&batch(name, number)).unwrap();
            sink.discard();
            let begun = [fs::read(&path).unwrap(), b"half a ro".to_vec()].concat();
            fs::write(&path, begun).unwrap();
            for (row, expected) in [("b", "b,2.0\n"), ("a longer one", "a longer one,2.0\n")] {
                let mut sink = append(&path, Format::Csv, false, false, Some(&mark)).unwrap();
                sink.write(&batch(row, 2.0)).unwrap();
                sink.commit().unwrap();
                let whole = format!("name,number\nfirst,1.0\n{expected}");
                assert_eq!(fs::read_to_string(&path).unwrap(), whole, "{name:?}");
            }
        }
    }

    /// Notes what is done, and fails where it is told to.
    #[derive(Clone, Default)]
    struct Faulty {
        done: Arc<parking_lot::Mutex<Vec<&'static str>>>,
        fails_at: &'static str,
    }

    impl Faulty {
        fn does(&self, what: &'static str) -> io::Result<()> {
            self.done.lock().push(what);
            match what == self.fails_at {
                true => Err(io::Error::other("the disk is gone")),
                false => Ok(()),
            }
        }
    }

    impl Durable for Faulty {
        fn sync_file(&mut self) -> io::Result<u64> {
            self.does("sync").map(|()| 7)
        }

        fn sync_stream(&mut self) -> io::Result<()> {
            self.does("sync the stream")
        }
    }

    struct Noting(Faulty);

    impl Encode for Noting {
        type Out = Live;

        fn target(&self) -> &Path {
            Path::new("out.csv")
        }

        fn encode(&mut self, _: &RecordBatch) -> io::Result<()> {
            self.0.does("encode")
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.does("flush")
        }

        fn finish(self) -> io::Result<Live> {
            Err(io::Error::other("a file that is gone on with has no end"))
        }
    }

    fn faulty(fails_at: &'static str, is_stream: bool) -> (Faulty, Box<LiveSink<Noting, Faulty>>) {
        let layer = Faulty { fails_at, ..Faulty::default() };
        let (encoder, file) = (Noting(layer.clone()), layer.clone());
        let columns = Conform::default();
        (layer, Box::new(LiveSink { encoder, file, is_stream, columns, flush: false }))
    }

    #[test]
    fn a_mark_is_given_when_all_bytes_are_on_the_disk_and_not_before() {
        let (layer, mut sink) = faulty("", false);
        sink.write(&batch("a", 1.0)).unwrap();
        let mark = sink.checkpoint().unwrap().unwrap();
        assert_eq!(*layer.done.lock(), ["encode", "flush", "sync"]);
        assert_eq!((mark.bytes, mark.columns.len()), (7, 2));
        let (layer, mut sink) = faulty("", true);
        sink.write(&batch("a", 1.0)).unwrap();
        assert_eq!(sink.checkpoint().unwrap(), None, "a pipe is not gone on with");
        assert_eq!(*layer.done.lock(), ["encode", "flush", "sync the stream"]);
    }

    #[test]
    fn what_cannot_be_synced_is_not_committed() {
        for (fails_at, is_stream) in
            [("flush", false), ("sync", false), ("flush", true), ("sync the stream", true)]
        {
            let failed = |result: Result<(), ConnectorError>| {
                let message = result.unwrap_err().to_string();
                assert!(message.contains("the disk is gone"), "{fails_at}: {message}");
            };
            failed(faulty(fails_at, is_stream).1.checkpoint().map(|_| ()));
            failed(faulty(fails_at, is_stream).1.commit());
            failed(faulty(fails_at, is_stream).1.keep_partial().map(|_| ()));
            let (layer, sink) = faulty(fails_at, is_stream);
            // Nobody is left to be told, but it is tried.
            sink.discard();
            assert_eq!(layer.done.lock().last(), Some(&fails_at));
        }
        failed_write();
    }

    fn failed_write() {
        let (_, mut sink) = faulty("encode", false);
        let message = sink.write(&batch("a", 1.0)).unwrap_err().to_string();
        assert!(message.contains("out.csv") && message.contains("the disk is gone"), "{message}");
    }
}
