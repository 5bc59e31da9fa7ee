//! What can be asked for: the one table of commands, stages and options ([`options`]), and the checks that make a plan of
//! what was typed, all mistakes at once ([`plan`]).
//!
//! It stands above every other room: nothing below reads an option's name. It runs nothing.

pub mod options;
pub mod plan;
