//! Which scored rows people are told of: those below a probability, as many a day as people can look at, or as
//! many as keep the share of false ones low; less those that somebody has said need not be told.
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
