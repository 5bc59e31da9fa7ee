//! How a run fails.

use std::error::Error;
use std::fmt;

use crate::BoxError;
use crate::fault::StageError;
use crate::meter::Report;

/// A run that failed: which stage, why, and what had been done until then.
#[derive(Debug)]
pub struct Failure {
    /// Name of the stage (or source) that failed first.
    pub stage: String,
    /// Its error, or a [`Fault`](crate::Fault) that the engine found.
    pub cause: BoxError,
    /// Failures that came after it: of other threads before they had ended, or while closing.
    pub further: Vec<StageError>,
    /// Counts at the end of the run.
    pub report: Report,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (in stage \"{}\")", self.cause, self.stage)
    }
}

impl Error for Failure {
    /// What is behind the cause; the cause itself is part of the message.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
