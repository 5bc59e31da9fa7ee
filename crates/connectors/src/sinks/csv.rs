//! CSV in the form that pandas writes: header once, minimal quoting, line feeds, missing empty,
//! `True`/`False`, shortest floats, times like `2021-10-01 00:00:00+00:00`.

use super::file::Encode;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
    UInt64Type,
};
use arrow_array::{
    Array, BooleanArray, Float32Array, Float64Array, Int64Array, RecordBatch,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use dfp_logs::text;
use dfp_logs::texts::TextCells;
use dfp_storage::atomic_write::{Out, Partial};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

pub(super) struct Csv<O = Partial> {
    out: O,
    buffer: String,
    header_written: bool,
}

impl<O> Csv<O> {
    pub(super) fn new(out: O) -> Self {
        Self { out, buffer: String::with_capacity(2 * BUFFER), header_written: false }
    }

    /// Goes on with a file that has its header.
    pub(super) fn resume(out: O) -> Self {
        Self { header_written: true, ..Self::new(out) }
    }
}

impl<O: Out> Csv<O> {
    fn drain(&mut self) -> io::Result<()> {
        self.out.write_all(self.buffer.as_bytes())?;
        self.buffer.clear();
        Ok(())
    }
}

impl<O: Out> Encode for Csv<O> {
    type Out = O;

    fn target(&self) -> &Path {
        self.out.target()
    }

    fn encode(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let schema = batch.schema();
        // A lone empty field would be an empty line, which readers skip.
        let alone = schema.fields().len() == 1;
        if !self.header_written {
            self.header_written = true;
            for (i, field) in schema.fields().iter().enumerate() {
                if i > 0 {
                    self.buffer.push(',');
                }
                push_field(&mut self.buffer, field.name(), alone);
            }
            self.buffer.push('\n');
        }
        let cells = batch.columns().iter().map(Cells::new).collect::<io::Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            for (i, column) in cells.iter().enumerate() {
                if i > 0 {
                    self.buffer.push(',');
                }
                column.push(&mut self.buffer, row, alone)?;
            }
            self.buffer.push('\n');
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

/// A column with its type resolved once a batch.
enum Cells<'a> {
    Text(&'a dyn Array, TextCells<'a>),
    Boolean(&'a BooleanArray),
    Int(&'a Int64Array),
    UInt(&'a UInt64Array),
    Float64(&'a Float64Array),
    /// Written as the shortest decimal of the value widened to a double, as the peer does.
    Float32(&'a Float32Array),
    Time(&'a TimestampMicrosecondArray, bool),
    Nanoseconds(&'a TimestampNanosecondArray, bool),
    Other(&'a dyn Array, ArrayFormatter<'a>),
}

const OTHER: FormatOptions<'static> = FormatOptions::new();

impl<'a> Cells<'a> {
    fn new(array: &'a std::sync::Arc<dyn Array>) -> io::Result<Self> {
        if let Some(cells) = TextCells::of(array) {
            return Ok(Self::Text(array, cells));
        }
        Ok(match array.data_type() {
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int64 => Self::Int(array.as_primitive::<Int64Type>()),
            DataType::UInt64 => Self::UInt(array.as_primitive::<UInt64Type>()),
            DataType::Float64 => Self::Float64(array.as_primitive::<Float64Type>()),
            DataType::Float32 => Self::Float32(array.as_primitive::<Float32Type>()),
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                Self::Nanoseconds(array.as_primitive::<TimestampNanosecondType>(), zone.is_some())
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Self::Time(array.as_primitive::<TimestampMicrosecondType>(), zone.is_some())
            }
            _ => Self::Other(
                array,
                ArrayFormatter::try_new(array, &OTHER).map_err(io::Error::other)?,
            ),
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Text(a, _) => *a,
            Self::Boolean(a) => *a,
            Self::Int(a) => *a,
            Self::UInt(a) => *a,
            Self::Float64(a) => *a,
            Self::Float32(a) => *a,
            Self::Time(a, _) => *a,
            Self::Nanoseconds(a, _) => *a,
            Self::Other(a, _) => *a,
        }
    }

    fn push(&self, out: &mut String, row: usize, alone: bool) -> io::Result<()> {
        if self.array().is_null(row) {
            push_field(out, "", alone);
            return Ok(());
        }
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Text(_, cells) => {
                push_field(out, cells.get(row).unwrap_or_default(), alone);
                Ok(())
            }
            Self::Boolean(a) => out.write_str(text::boolean(a.value(row))),
            Self::Int(a) => write!(out, "{}", a.value(row)),
            Self::UInt(a) => write!(out, "{}", a.value(row)),
            Self::Float64(a) => push_number(out, a.value(row), alone),
            Self::Float32(a) => push_number(out, f64::from(a.value(row)), alone),
            Self::Time(a, zoned) => {
                return text::push_time(out, i128::from(a.value(row)) * 1_000, *zoned);
            }
            Self::Nanoseconds(a, zoned) => {
                return text::push_time(out, a.value(row).into(), *zoned);
            }
            Self::Other(_, format) => {
                push_field(
                    out,
                    &format.value(row).try_to_string().map_err(io::Error::other)?,
                    alone,
                );
                Ok(())
            }
        };
        Ok(())
    }
}

/// Not-a-number is a missing value in the peer's tables.
fn push_number(out: &mut String, value: f64, alone: bool) -> std::fmt::Result {
    if value.is_nan() {
        push_field(out, "", alone);
    } else {
        text::push_float(out, value);
    }
    Ok(())
}

fn push_field(out: &mut String, field: &str, alone: bool) {
    let quoted = memchr::memchr3(b',', b'"', b'\n', field.as_bytes()).is_some()
        || memchr::memchr(b'\r', field.as_bytes()).is_some()
        || (alone && field.is_empty());
    if !quoted {
        out.push_str(field);
        return;
    }
    out.push('"');
    for (i, part) in field.split('"').enumerate() {
        if i > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::{Format, create};
    use super::*;
    use arrow_array::{ArrayRef, StringArray};
    use std::sync::Arc;

    fn written(batches: &[RecordBatch]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.csv");
        let mut sink = create(&path, Some(Format::Csv), false, false).unwrap();
        for batch in batches {
            sink.write(batch).unwrap();
        }
        sink.commit().unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
            .unwrap()
    }

    #[test]
    fn every_type_has_its_text() {
        let times =
            TimestampMicrosecondArray::from(vec![Some(1_633_075_260_000_000), Some(-1), None])
                .with_timezone("UTC");
        let table = batch(vec![
            ("", Arc::new(Int64Array::from(vec![0, 1, 2])) as ArrayRef),
            ("text", Arc::new(StringArray::from(vec![Some("a,b"), Some("say \"hi\"\r"), None]))),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("wide", Arc::new(Float64Array::from(vec![Some(1.0), Some(1e-5), Some(f64::NAN)]))),
            ("narrow", Arc::new(Float32Array::from(vec![Some(0.1), Some(1e16), None]))),
            ("day", Arc::new(arrow_array::Date32Array::from(vec![Some(0), Some(1), None]))),
            ("time", Arc::new(times)),
            ("fine", Arc::new(TimestampNanosecondArray::from(vec![Some(1), Some(1_000), None]))),
        ]);
        assert_eq!(
            written(&[table]),
            ",text,flag,wide,narrow,day,time,fine\n\
             0,\"a,b\",True,1.0,0.10000000149011612,1970-01-01,2021-10-01 08:01:00+00:00,1970-01-01 00:00:00.000000001\n\
             1,\"say \"\"hi\"\"\r\",False,1e-05,1.0000000272564224e+16,1970-01-02,1969-12-31 23:59:59.999999+00:00,1970-01-01 00:00:00.000001\n\
             2,,,,,,,\n"
        );
    }

    #[test]
    fn a_single_empty_cell_is_not_an_empty_line() {
        let table =
            batch(vec![("a", Arc::new(StringArray::from(vec![None, Some("x")])) as ArrayRef)]);
        assert_eq!(written(&[table]), "a\n\"\"\nx\n");
    }

    #[test]
    fn later_batches_are_brought_to_the_first_columns() {
        let first = batch(vec![
            ("a", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            ("b", Arc::new(Int64Array::from(vec![2]))),
        ]);
        let swapped = batch(vec![
            ("b", Arc::new(Int64Array::from(vec![4])) as ArrayRef),
            ("a", Arc::new(Int64Array::from(vec![3]))),
        ]);
        let lacking = batch(vec![("b", Arc::new(Int64Array::from(vec![6])) as ArrayRef)]);
        assert_eq!(written(&[first, swapped, lacking]), "a,b\n1,2\n3,4\n,6\n");
    }
}
