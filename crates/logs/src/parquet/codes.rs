//! Texts that a file writes once and refers to.

use crate::texts;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::errors::ParquetError;
use arrow_schema::{DataType, Field, Fields, Schema};
use std::collections::HashSet;
use std::sync::Arc;

/// Texts that are written as codes are read as codes: a text that all rows have is not copied for each of them.
pub(super) fn coded(metadata: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let parquet = metadata.metadata();
    let leaves = metadata.parquet_schema();
    let is_coded = |leaf: &usize| {
        parquet.row_groups().iter().all(|g| g.column(*leaf).dictionary_page_offset().is_some())
    };
    let coded: HashSet<String> = (0..leaves.num_columns())
        .filter(is_coded)
        .map(|leaf| leaves.column(leaf).path().string())
        .collect();
    let fields =
        metadata.schema().fields().iter().map(|field| as_codes(field, field.name(), &coded));
    let fields: Fields = fields.collect();
    if fields == *metadata.schema().fields() {
        return Ok(metadata.clone());
    }
    let schema = Schema::new(fields).with_metadata(metadata.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(parquet), options)
}

/// The field with codes for texts and bytes that are written so, in structs too.
fn as_codes(field: &Arc<Field>, path: &str, coded: &HashSet<String>) -> Arc<Field> {
    let codes = |values: &DataType| {
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(values.clone()))
    };
    let kind = match field.data_type() {
        DataType::Struct(members) => {
            let inside =
                |member: &Arc<Field>| as_codes(member, &format!("{path}.{}", member.name()), coded);
            DataType::Struct(members.iter().map(inside).collect())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if coded.contains(path) => {
            texts::dictionary()
        }
        kind @ (DataType::Binary | DataType::LargeBinary) if coded.contains(path) => codes(kind),
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
}
