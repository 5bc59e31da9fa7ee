//! Columns of results, put beside those of a log.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;
use dfp_engine::{Reporter, Weight};
use dfp_features::own_columns::OwnColumns;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Adds the columns of a stage, and says once if a log has such columns of its own.
#[derive(Clone)]
pub struct ResultColumns {
    /// The stage.
    pub stage: &'static str,
    /// Columns of stages before it: the plan has said that they are replaced.
    pub made_before: Vec<String>,
    /// Columns that the log is known to have.
    pub features: Vec<String>,
    /// What the run's columns are called.
    pub own: Arc<OwnColumns>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Whether it has been said, of ours and of the log's.
    pub warned: Arc<[AtomicBool; 2]>,
}

impl ResultColumns {
    /// Of a stage by itself.
    #[cfg(test)]
    pub fn alone(stage: &'static str, reporter: &Arc<dyn Reporter>) -> Self {
        Self {
            stage,
            made_before: Vec::new(),
            features: Vec::new(),
            own: Arc::default(),
            reporter: Arc::clone(reporter),
            warned: Arc::default(),
        }
    }

    /// `rows` with these columns behind the others, or in place of those of stages before.
    ///
    /// # Errors
    /// The columns differ in length.
    pub fn put(
        &self,
        rows: &RecordBatch,
        columns: Vec<(String, ArrayRef)>,
    ) -> Result<RecordBatch, ArrowError> {
        let (rows, gave_way) = self.own.put(rows, columns, &self.made_before, &self.features)?;
        if !gave_way.ours.is_empty() && !self.warned[0].swap(true, Ordering::Relaxed) {
            let text = format!(
                "the log has columns of its own named {}; the columns of {} are named {}",
                listed(gave_way.ours.iter().map(|(name, _)| name)),
                self.stage,
                listed(gave_way.ours.iter().map(|(_, called)| called))
            );
            self.reporter.say(Weight::Warning, &text);
        }
        if !gave_way.of_log.is_empty() && !self.warned[1].swap(true, Ordering::Relaxed) {
            let text = format!(
                "later rows of the log have columns of their own named {}, as {} has named its columns; the log's are named {}",
                listed(gave_way.of_log.iter().map(|(name, _)| name)),
                self.stage,
                listed(gave_way.of_log.iter().map(|(_, called)| called))
            );
            self.reporter.say(Weight::Warning, &text);
        }
        Ok(rows)
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n String>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<&str> = names.map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}
