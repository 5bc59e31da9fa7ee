//! Everything that touches the outside: finding files, reading logs into Arrow batches, writing
//! result files, keeping models as bytes. Nothing here knows what a model is, or a pipeline.

pub mod columns;
pub mod content;
pub mod error;
mod file_mark;
pub mod files;
pub mod known;
pub mod logs;
pub mod memory;
pub mod names;
mod patterns;
pub mod private;
mod remote;
pub mod sinks;
pub mod skipped;
pub mod state;
pub mod store;
pub mod text;
pub mod texts;
mod walk;
pub mod watch;

pub use error::IoError;
pub use skipped::Skipped;
