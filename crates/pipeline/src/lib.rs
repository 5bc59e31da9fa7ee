//! The product: one table of stages and options, a serialisable plan that is checked and run,
//! rows split by user, one look-up of models, and the stages.

pub mod afterwards;
pub mod backtest;
pub mod batches;
pub mod error;
pub mod evaluate;
pub mod measure;
pub mod page_of_files;
pub mod plan;
pub mod preflight;
pub mod results;
pub mod retrain;

mod alike;
mod duplicates;
pub mod inspect;
mod intake;
mod message;
mod run;
mod source;
mod stages;
mod train;

pub use error::RunError;
pub use run::run;
