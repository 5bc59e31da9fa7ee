//! What people see of a run: its [`Summary`](summary::Summary), one page ([`html`]), and pictures.
//!
//! - [`html`]: everything about a run in one file; its `aggregate` gathers what it says row by row, and keeps no rows.
//! - [`plots`]: scores, histograms, heat maps, spark lines and curves, from plain numbers.
//! - [`diagram`]: the stages of a pipeline and how many rows went through each.
//!
//! It runs nothing, and reads no files. No fonts of the system are needed, so the same rows are the same bytes on every
//! machine.

mod canvas;
pub mod diagram;
mod differences;
mod error;
pub mod html;
pub mod plots;
pub mod summary;

pub use differences::Differences;
pub use error::ReportError;
