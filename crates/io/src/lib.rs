//! Everything that touches the outside: finding files, reading logs into Arrow batches, writing
//! result files. Nothing here knows models, users or pipelines.

pub mod error;
pub mod files;
pub mod logs;
mod remote;
pub mod sinks;
pub mod state;
pub mod text;
pub mod texts;
mod walk;
pub mod watch;

pub use error::IoError;
pub use logs::skipped::Skipped;
