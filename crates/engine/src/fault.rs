//! What goes wrong in a stage.

use std::any::Any;
use std::collections::BTreeMap;

use crate::BoxError;

/// The error of one stage.
#[derive(Debug, thiserror::Error)]
#[error("{cause} (in stage \"{stage}\")")]
pub struct StageError {
    /// Name of the stage.
    pub stage: String,
    /// Its error, or a [`Fault`] that the engine found.
    pub cause: BoxError,
}

/// A failure that no stage reported, but the engine found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A stage panicked.
    #[error("panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// Rows were lost or came from nowhere.
    #[error(
        "rows do not add up: {rows_in} in + {made} made, but {rows_out} out + {} dropped{}",
        dropped.values().sum::<u64>(),
        reasons(dropped)
    )]
    RowsNotConserved {
        /// Rows taken.
        rows_in: u64,
        /// Rows made.
        made: u64,
        /// Rows emitted.
        rows_out: u64,
        /// Rows dropped, by reason.
        dropped: BTreeMap<String, u64>,
    },
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    NoThread(#[source] std::io::Error),
}

impl Fault {
    /// From what [`std::panic::catch_unwind`] caught.
    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&'static str>().copied())
            .unwrap_or("with a value that is not text");
        Self::Panicked { message: message.to_owned() }
    }
}

fn reasons(dropped: &BTreeMap<String, u64>) -> String {
    if dropped.is_empty() {
        return String::new();
    }
    let parts: Vec<String> =
        dropped.iter().map(|(reason, rows)| format!("\"{reason}\" {rows}")).collect();
    format!(" ({})", parts.join(", "))
}
