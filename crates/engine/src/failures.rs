//! What the threads of a run share: its failures.

use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::BoxError;
use crate::fault::{Fault, StageError};

/// The failures of a run. The flag is always set before the failing thread lets go of its edges, so
/// that no other thread can mistake the closed edge for the end of the stream.
#[derive(Debug, Default)]
pub(crate) struct Run {
    failed: AtomicBool,
    failures: Mutex<Vec<StageError>>,
}

impl Run {
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(crate) fn fail(&self, stage: &str, cause: BoxError) {
        let failure = StageError { stage: stage.to_owned(), cause };
        self.failures.lock().push(failure);
        self.failed.store(true, Ordering::Release);
    }

    /// Runs code of a stage; its error or panic becomes a failure of the run.
    pub(crate) fn guard(&self, stage: &str, body: impl FnOnce() -> Result<(), BoxError>) {
        let outcome = catch_unwind(AssertUnwindSafe(body))
            .unwrap_or_else(|payload| Err(Fault::from_panic(payload.as_ref()).into()));
        if let Err(cause) = outcome {
            self.fail(stage, cause);
        }
    }

    /// All failures so far, the first one first.
    pub(crate) fn take_failures(&self) -> Vec<StageError> {
        std::mem::take(&mut self.failures.lock())
    }
}
