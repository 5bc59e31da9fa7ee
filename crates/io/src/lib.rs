//! Everything that touches the outside: finding files, reading logs into Arrow batches, writing
//! result files, keeping models as bytes. Nothing here knows what a model is, or a pipeline.

pub mod columns;
pub mod content;
pub mod error;
mod file_mark;
pub mod known;
pub mod logs;
pub mod sinks;
pub mod skipped;
pub mod state;
pub mod text;
pub mod texts;

pub use error::IoError;
pub use skipped::Skipped;
