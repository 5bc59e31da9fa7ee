//! What the benchmarks share: the yardstick. Clock and made-up rows are [`dfp_pipeline::measure`]'s.

pub mod yardstick;
