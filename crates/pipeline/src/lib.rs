//! The product: one table of stages and options, a serialisable plan that is checked and run,
//! rows split by user, one look-up of models, and the stages.

pub mod batches;
pub mod dry_run;
pub mod error;
pub mod measure;
pub mod plan;
pub mod retrain;

mod duplicates;
pub mod encoding;
mod file_source;
pub mod inspect;
mod message;
mod run;
mod similar_users;
pub mod source;
pub mod stages;
pub mod train;

pub use error::RunError;
pub use run::run;
