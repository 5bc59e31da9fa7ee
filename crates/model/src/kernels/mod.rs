//! The hot loops: matrix products and the element-wise work between them.
//!
//! This folder is the only one with `unsafe` code, of two sorts: calls into the `gemm` crate behind
//! wrappers that check every bound, and calls of a loop compiled for a CPU feature behind a
//! [`Level`] that exists only where the CPU has it.
//!
//! An element-wise loop is written once, in safe Rust without fused multiply-add and with sums in
//! a fixed order, and compiled for each level. So every level gives the same bits, which the tests
//! check against the portable one.
#![expect(unsafe_code, reason = "matrix products and CPU features; every site is argued below")]

pub(crate) mod activation;
mod dispatch;
pub(crate) mod gemm;
pub(crate) mod head;
pub(crate) mod math;
pub(crate) mod rows;
pub(crate) mod update;

pub(crate) use dispatch::Level;
