//! Pictures: plots of scores over time, and diagrams of pipelines, as SVG or PNG.
//!
//! - [`plots`]: scores, histograms, heat maps, spark lines and curves, from plain numbers.
//! - [`drawing`]: the stages of a pipeline and how many rows went through each.
//!
//! It reads no tables and knows no users, models or options: what is drawn comes as numbers and texts. No fonts
//! of the system are needed, so the same numbers are the same bytes on every machine.

mod canvas;
pub mod drawing;
pub mod plots;
