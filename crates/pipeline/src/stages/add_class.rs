//! `add-class`: says whether scores are above a threshold.

use super::ResultColumns;
use crate::message::Message;
use crate::plan;
use arrow_array::{ArrayRef, BooleanArray, new_null_array};
use arrow_schema::DataType;
use dfp_engine::{BoxError, Outlet, Stage};
use std::sync::Arc;

/// The stage.
#[derive(Clone)]
pub struct AddClass {
    /// Its options.
    pub settings: plan::AddClass,
    /// Where its columns go.
    pub columns: ResultColumns,
}

impl Stage<Message> for AddClass {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let plan::AddClass { labels, prefix, threshold } = &self.settings;
        let mut columns = Vec::with_capacity(labels.len());
        for (label, kind) in labels {
            let classes: ArrayRef = match &message.scores {
                Some(scores) => {
                    let values = scores.of(*kind).iter();
                    Arc::new(BooleanArray::from_iter(
                        values.map(|&score| Some(f64::from(score) > *threshold)),
                    ))
                }
                // Without a model nothing is known, which is not the same as "not above".
                None => new_null_array(&DataType::Boolean, message.rows.num_rows()),
            };
            columns.push((format!("{prefix}{label}"), classes));
        }
        message.rows = self.columns.put(&message.rows, columns)?;
        out.emit(message);
        Ok(())
    }
}
