//! Rows as they are kept in the state folder: how many there are, then Parquet.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// Some rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part(pub(super) Vec<u8>);

/// Bytes of the number of rows.
const COUNT: usize = 8;

impl Part {
    /// Rows as they are kept. Texts are kept as such, not as codes of the log that they came from.
    ///
    /// # Errors
    /// A column is of a type that Parquet does not know.
    pub fn encode(rows: &RecordBatch) -> Result<Self, String> {
        let fail = |why: &dyn std::fmt::Display| format!("rows cannot be kept: {why}");
        let (mut fields, mut columns) = (Vec::new(), Vec::<ArrayRef>::new());
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            let column = match column.data_type() {
                DataType::Dictionary(_, values) => {
                    arrow_cast::cast(column, values).map_err(|e| fail(&e))?
                }
                // Parquet has no column of nothing.
                DataType::Null => {
                    arrow_cast::cast(column, &DataType::Utf8).map_err(|e| fail(&e))?
                }
                _ => Arc::clone(column),
            };
            fields.push(Field::new(field.name(), column.data_type().clone(), true));
            columns.push(column);
        }
        let schema = Arc::new(Schema::new(fields));
        let rows = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|e| fail(&e))?;
        let mut bytes = (rows.num_rows() as u64).to_le_bytes().to_vec();
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, schema, Some(properties)).map_err(|e| fail(&e))?;
        writer.write(&rows).map_err(|e| fail(&e))?;
        writer.close().map_err(|e| fail(&e))?;
        Ok(Self(bytes))
    }

    /// How many rows there are.
    pub(super) fn rows(bytes: &[u8]) -> Result<usize, String> {
        let count = bytes.first_chunk::<COUNT>().map(|count| u64::from_le_bytes(*count));
        let count = count.and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| "rows that were kept are cut short".to_owned())
    }

    /// The rows.
    pub(super) fn decode(bytes: &[u8]) -> Result<Vec<RecordBatch>, String> {
        let fail =
            |why: &dyn std::fmt::Display| format!("rows that were kept cannot be read: {why}");
        let count = Self::rows(bytes)?;
        let bytes = Bytes::copy_from_slice(&bytes[COUNT..]);
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| fail(&e))?;
        let reader = reader.with_batch_size(count.max(1)).build().map_err(|e| fail(&e))?;
        reader.collect::<Result<_, _>>().map_err(|e| fail(&e))
    }
}
