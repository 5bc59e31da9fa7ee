//! What runs have written, read again: which rows are alerts ([`alerts`]), why a row scores as it does
//! ([`results::explain`]), how well scores tell labelled rows from others ([`evaluate`]), what would have been found of
//! takeovers in the past ([`backtest`]), and the page about it ([`page_of_files`]).
//!
//! It takes part in no run.

pub mod alerts;
pub mod backtest;
pub mod evaluate;
pub mod page_of_files;
pub mod results;
