//! The product: one table of stages and options, a serialisable plan that is checked and run,
//! rows split by user, one look-up of models, and the stages.

pub mod batches;
pub mod error;
pub mod measure;
pub mod plan;
pub mod preflight;
pub mod retrain;

mod alike;
mod duplicates;
pub mod encoding;
pub mod inspect;
mod intake;
mod message;
mod run;
pub mod source;
pub mod stages;
pub mod train;

pub use error::RunError;
pub use run::run;
