//! The hot loops: matrix products and the element-wise work between them.
//!
//! This folder is the only one of the product with `unsafe` code, of three sorts: unchecked reads and
//! writes of the products' operands, behind one check of each one's last element; calls of what is
//! compiled for a CPU feature, behind a [`Level`] that exists only where the CPU has it; and loads and
//! stores of whole registers from slices of their length, in `transpose`.
//!
//! All loops work on lanes, the values of one column in 32 rows: whatever a layer's width is, the
//! registers are full, and what is done to a row is the same at every place. An element-wise loop is
//! written once, in safe Rust without fused multiply-add and with sums in a fixed order, and
//! compiled for each level. So every level gives the same bits, which the tests check against the
//! portable one.
#![expect(unsafe_code, reason = "matrix products and CPU features; every site is argued below")]

pub(crate) mod activation;
mod dispatch;
pub(crate) mod embedding;
pub(crate) mod head;
pub(crate) mod lanes;
pub(crate) mod math;
pub(crate) mod product;
mod register;
pub(crate) mod transpose;
pub(crate) mod update;

pub(crate) use dispatch::Level;
pub use dispatch::instruction_set;
