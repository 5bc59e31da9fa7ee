//! What is made of a log before anything is learnt of it: whose logs there are ([`sources`]), what a feature file
//! says about one ([`feature_file`]), the columns that are derived ([`mod@derive`], [`apply`]), whose rows are whose
//! ([`users`]), and the calendar ([`period`]).
//!
//! It knows tables and their columns, and neither models nor stages: those are made of what this gives.

pub mod apply;
pub mod derive;
pub mod document;
mod error;
pub mod event_times;
pub mod feature_file;
pub mod first_values;
pub mod own_columns;
pub mod period;
pub mod sources;
pub mod users;

pub use error::FeatureError;
pub use feature_file::{Feature, Features, Kind};
pub use sources::{SOURCES, Source};
pub use users::Users;
