//! How a run chooses alerts.

use crate::decide::Policy;
use crate::suppress::Rules;
use std::sync::Arc;

/// How alerts are chosen, and which of them are suppressed.
#[derive(Clone, Debug)]
pub struct AlertSettings {
    /// How alerts are chosen.
    pub policy: Policy,
    /// Suppression rules.
    pub suppress: Arc<Rules>,
    /// Alerts alone are handed on.
    pub only: bool,
}

impl AlertSettings {
    /// Whether nothing can be decided without the times of rows.
    pub fn needs_times(&self) -> bool {
        matches!(self.policy, Policy::Budget { .. })
    }

    /// Whether rows are decided by p-values, which only the recommended scorers give.
    pub fn needs_p_values(&self) -> bool {
        !matches!(self.policy, Policy::Budget { .. })
    }
}
