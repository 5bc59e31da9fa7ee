//! Which scored rows become alerts: by a p-value, by a daily budget, or by a false discovery rate; without those that
//! a suppression rule covers.
//!
//! A [`Decider`] takes [`Row`]s batch by batch, so that all users compete for a day's budget, and gives a
//! [`Verdict`] on each; [`Rules`] are what somebody has said. It makes no scores, and writes nothing.

mod budget;
mod columns;
mod count;
mod decide;
mod row;
mod settings;
mod suppress;

pub use budget::{Ledger, day};
pub use columns::AlertColumns;
pub use count::AlertCount;
pub use decide::{Decider, Policy, most_unusual_first};
pub use row::{Row, Verdict};
pub use settings::AlertSettings;
pub use suppress::{AlertError, Held, Rule, Rules};
