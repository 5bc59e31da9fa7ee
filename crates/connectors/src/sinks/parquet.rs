//! Parquet with Snappy compression. The column with the empty name is called `index`.

use super::file::Encode;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use dfp_logs::texts::is_text;
use dfp_storage::atomic_write::{Out, Partial, Storage};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) struct Parquet<S: Storage = std::fs::File> {
    state: State<S>,
    target: PathBuf,
}

/// The writer needs the columns, which only the first batch tells.
enum State<S: Storage> {
    Waiting(Partial<S>),
    Writing(Box<ArrowWriter<Partial<S>>>, SchemaRef),
    Broken,
}

impl<S: Storage> Parquet<S> {
    pub(super) fn new(out: Partial<S>) -> Self {
        Self { target: out.target().to_owned(), state: State::Waiting(out) }
    }

    fn start(&mut self, schema: SchemaRef) -> io::Result<()> {
        if !matches!(self.state, State::Waiting(_)) {
            return Ok(());
        }
        if let State::Waiting(out) = std::mem::replace(&mut self.state, State::Broken) {
            let properties =
                WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let writer =
                ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties)).map_err(plain)?;
            self.state = State::Writing(Box::new(writer), schema);
        }
        Ok(())
    }
}

impl<S: Storage> Encode for Parquet<S> {
    type Out = Partial<S>;

    fn target(&self) -> &Path {
        &self.target
    }

    fn encode(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.start(schema_of(batch))?;
        let State::Writing(writer, schema) = &mut self.state else { return Err(broken()) };
        let batch = cast_to(batch, schema)?;
        writer.write(&batch).map_err(plain)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Writing(writer, _) => writer.flush().map_err(plain),
            State::Waiting(_) => Ok(()),
            State::Broken => Err(broken()),
        }
    }

    fn finish(mut self) -> io::Result<Partial<S>> {
        self.start(Arc::new(Schema::empty()))?;
        match self.state {
            State::Writing(writer, _) => writer.into_inner().map_err(plain),
            State::Waiting(_) | State::Broken => Err(broken()),
        }
    }
}

fn broken() -> io::Error {
    io::Error::other("the file could not be started")
}

/// A system error wrapped by the Parquet writer, or the writer's own.
fn plain(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(system) => *system,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// Columns of the file: all may be missing in a later batch, the index has a name, and text is plain
/// whatever form it has in memory.
fn schema_of(batch: &RecordBatch) -> SchemaRef {
    let schema = batch.schema();
    let mut index = "index".to_owned();
    while schema.index_of(&index).is_ok() {
        index.push('_');
    }
    let fields = schema.fields().iter().map(|field| {
        let name = if field.name().is_empty() { &index } else { field.name() };
        let kind = if is_text(field.data_type()) { &DataType::Utf8 } else { field.data_type() };
        Field::new(name, kind.clone(), true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Gives every column the type it has in the file; a value that does not fit is an error.
fn cast_to(batch: &RecordBatch, schema: &SchemaRef) -> io::Result<RecordBatch> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut arrays = Vec::with_capacity(batch.num_columns());
    for (array, field) in batch.columns().iter().zip(schema.fields()) {
        let array = cast_with_options(array, field.data_type(), &strict).map_err(|e| {
            io::Error::other(format!("column \"{}\" changed its type: {e}", field.name()))
        })?;
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::super::create;
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};
    use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    #[test]
    fn columns_come_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/out.parquet");
        let mut sink = create(&path, None, false, false).unwrap();
        let first: [(&str, ArrayRef); 2] = [
            ("", Arc::new(Int64Array::from(vec![0]))),
            ("x", Arc::new(Float64Array::from(vec![1.5]))),
        ];
        let second: [(&str, ArrayRef); 2] =
            [("", Arc::new(Int64Array::from(vec![1]))), ("x", Arc::new(Int64Array::from(vec![7])))];
        sink.write(&RecordBatch::try_from_iter(first).unwrap()).unwrap();
        sink.write(&RecordBatch::try_from_iter(second).unwrap()).unwrap();
        let text: [(&str, ArrayRef); 1] = [("x", Arc::new(StringArray::from(vec!["word"])))];
        let refused =
            sink.write(&RecordBatch::try_from_iter(text).unwrap()).unwrap_err().to_string();
        assert!(refused.contains("column \"x\" changed its type"), "{refused}");
        assert!(sink.commit().is_err());

        let mut sink = create(&path, None, false, false).unwrap();
        sink.write(
            &RecordBatch::try_from_iter([
                ("", Arc::new(Int64Array::from(vec![3])) as ArrayRef),
                ("x", Arc::new(Float64Array::from(vec![1.5]))),
            ])
            .unwrap(),
        )
        .unwrap();
        sink.commit().unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batch = reader.next().unwrap().unwrap();
        assert_eq!(batch.schema().field(0).name(), "index");
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 3);
        assert_eq!(batch.column(1).as_primitive::<Float64Type>().value(0), 1.5);
    }
}
