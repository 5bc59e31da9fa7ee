//! What the benchmarks share: the yardstick, the clock, and made-up rows of the seed job's shape.

pub mod clock;
pub mod rows;
pub mod yardstick;
