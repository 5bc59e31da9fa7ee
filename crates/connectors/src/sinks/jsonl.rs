//! JSON lines: one object a row. Numbers in full precision, times as whole milliseconds since
//! 1970, missing and not-finite numbers `null`. The index column (empty name) is left out. `/` and
//! non-ASCII characters are written as they are: both forms are the same JSON value.

use super::file::Encode;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int64Type, TimestampMillisecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use dfp_storage::atomic_write::{Out, Partial};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

pub(super) struct JsonLines<O = Partial> {
    out: O,
    buffer: Vec<u8>,
}

impl<O> JsonLines<O> {
    pub(super) fn new(out: O) -> Self {
        Self { out, buffer: Vec::with_capacity(2 * BUFFER) }
    }
}

impl<O: Out> JsonLines<O> {
    fn drain(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<O: Out> Encode for JsonLines<O> {
    type Out = O;

    fn target(&self) -> &Path {
        self.out.target()
    }

    fn encode(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let schema = batch.schema();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            if !field.name().is_empty() {
                columns.push((serde_json::to_string(field.name())?, jsonable(array)?));
            }
        }
        for row in 0..batch.num_rows() {
            self.buffer.push(b'{');
            for (i, (name, array)) in columns.iter().enumerate() {
                if i > 0 {
                    self.buffer.push(b',');
                }
                self.buffer.extend_from_slice(name.as_bytes());
                self.buffer.push(b':');
                push_value(&mut self.buffer, array, row)?;
            }
            self.buffer.extend_from_slice(b"}\n");
            if self.buffer.len() >= BUFFER {
                self.drain()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()?;
        self.out.flush()
    }

    fn finish(mut self) -> io::Result<O> {
        self.drain()?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The array in one of the types that [`push_value`] knows.
fn jsonable(array: &ArrayRef) -> io::Result<ArrayRef> {
    let into = match array.data_type() {
        DataType::Utf8
        | DataType::Boolean
        | DataType::Int64
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64 => {
            return Ok(Arc::clone(array));
        }
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => DataType::UInt64,
        DataType::Float16 => DataType::Float64,
        _ => DataType::Utf8,
    };
    cast(array, &into).map_err(io::Error::other)
}

fn push_value(out: &mut Vec<u8>, array: &ArrayRef, row: usize) -> io::Result<()> {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => serde_json::to_writer(out, &array.as_boolean().value(row))?,
        DataType::Int64 => {
            serde_json::to_writer(out, &array.as_primitive::<Int64Type>().value(row))?
        }
        DataType::UInt64 => {
            serde_json::to_writer(out, &array.as_primitive::<UInt64Type>().value(row))?
        }
        // Not-finite numbers become `null` in serde_json, too.
        DataType::Float64 => {
            serde_json::to_writer(out, &array.as_primitive::<Float64Type>().value(row))?
        }
        DataType::Float32 => {
            serde_json::to_writer(out, &f64::from(array.as_primitive::<Float32Type>().value(row)))?;
        }
        DataType::Timestamp(..) => {
            serde_json::to_writer(
                out,
                &array.as_primitive::<TimestampMillisecondType>().value(row),
            )?;
        }
        _ => serde_json::to_writer(out, array.as_string::<i32>().value(row))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Format, create};
    use super::*;
    use arrow_array::{Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};

    #[test]
    fn one_object_a_row() {
        let columns: [(&str, ArrayRef); 4] = [
            ("", Arc::new(Int64Array::from(vec![0, 1]))),
            ("te\"xt", Arc::new(StringArray::from(vec![Some("é/\n"), None]))),
            ("x", Arc::new(Float64Array::from(vec![0.1, f64::INFINITY]))),
            (
                "event_dt",
                Arc::new(
                    TimestampMicrosecondArray::from(vec![1_633_075_260_123_999, 0])
                        .with_timezone("UTC"),
                ),
            ),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(n, a)| (n, a, true))).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.jsonl");
        let mut sink = create(&path, None, false, true).unwrap();
        sink.write(&batch).unwrap();
        sink.commit().unwrap();
        assert_eq!(Format::of(&path), Some(Format::JsonLines));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"te\\\"xt\":\"é/\\n\",\"x\":0.1,\"event_dt\":1633075260123}\n{\"te\\\"xt\":null,\"x\":null,\"event_dt\":0}\n"
        );
    }
}
