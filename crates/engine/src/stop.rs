//! Asking a run to end early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that asks a run to end early. Clones share the flag; setting it is safe in any thread.
///
/// Once set, the source is not asked again, and what is in flight goes through all stages.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A flag that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to end. Cannot be taken back.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the run has been asked to end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
