//! The columns of a result file are fixed by its first batch.

use crate::error::ConnectorError;
use arrow_array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{Schema, SchemaRef};
use dfp_storage::names::shown;
use std::path::Path;
use std::sync::Arc;

/// Brings every batch to the columns of the first.
#[derive(Default)]
pub(super) struct Conform {
    columns: Option<SchemaRef>,
}

impl Conform {
    /// The columns of a file that is gone on with.
    pub(super) fn resume(columns: SchemaRef) -> Self {
        Self { columns: Some(columns) }
    }

    /// The columns, once there are any.
    pub(super) fn columns(&self) -> Option<&SchemaRef> {
        self.columns.as_ref()
    }

    pub(super) fn conform(
        &mut self,
        batch: &RecordBatch,
        target: &Path,
    ) -> Result<RecordBatch, ConnectorError> {
        let fixed = self.columns.get_or_insert_with(|| batch.schema());
        if names(fixed).eq(names(&batch.schema())) {
            return Ok(batch.clone());
        }
        let schema = batch.schema();
        let extra: Vec<_> = names(&schema)
            .filter(|name| fixed.index_of(name).is_err())
            .map(|name| format!("\"{name}\""))
            .collect();
        if !extra.is_empty() {
            return Err(ConnectorError::Columns {
                path: target.to_owned(),
                cause: format!("unexpected column(s) {}", extra.join(", ")),
                columns: names(fixed).collect::<Vec<_>>().join(", "),
            });
        }
        let mut fields = Vec::with_capacity(fixed.fields().len());
        let mut arrays = Vec::with_capacity(fixed.fields().len());
        for field in fixed.fields() {
            match schema.column_with_name(field.name()) {
                Some((index, given)) => {
                    fields.push(Arc::new(given.clone()));
                    arrays.push(Arc::clone(batch.column(index)));
                }
                None => {
                    fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
                    arrays.push(new_null_array(field.data_type(), batch.num_rows()));
                }
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|e| ConnectorError::table(format!("write to \"{}\"", shown(target)), &e))
    }
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name().as_str())
}
