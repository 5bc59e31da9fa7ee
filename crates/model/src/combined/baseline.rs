//! What a model lends to those that lean on it.

use crate::counts::Counts;
use crate::encode::values::ValueCoding;
use crate::encode::{BesideRows, EncodedRows, FeaturePlan};
use crate::error::ModelError;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, Schema};
use std::sync::Arc;

/// Its features, how it tells their values apart, and how often it has seen them.
#[derive(Clone, Copy)]
pub(crate) struct Baseline<'a> {
    pub(super) plan: &'a FeaturePlan,
    pub(super) coding: &'a ValueCoding,
    pub(super) counts: &'a Counts,
}

impl Baseline<'_> {
    /// Rows as the peers' counts read them, whatever columns they have.
    pub(crate) fn encode(
        self,
        rows: &RecordBatch,
        into: &mut BesideRows,
    ) -> Result<(), ModelError> {
        let plan = self.plan;
        let numeric = plan.shape().numeric;
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (at, name) in plan.names().enumerate() {
            let column: ArrayRef = match rows.column_by_name(name) {
                None => new_null_array(&DataType::Null, rows.num_rows()),
                // What is no number counts as missing.
                Some(column) if at < numeric && !column.data_type().is_numeric() => {
                    arrow_cast::cast(column, &DataType::Float64)?
                }
                Some(column) => Arc::clone(column),
            };
            fields.push(Field::new(name, column.data_type().clone(), true));
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::new(Schema::new(fields));
        let rows = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let mut encoded = EncodedRows::default();
        plan.encode(&rows, &mut encoded)?;
        plan.encode_values(self.coding, &rows, false, &mut encoded)?;
        (into.of_peers, into.beyond_peers) = (encoded.beside.values, encoded.beyond);
        Ok(())
    }
}
