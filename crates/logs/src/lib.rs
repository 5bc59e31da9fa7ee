//! Log files to Arrow tables: one file a source, one folder a format.
//!
//! [`read()`] makes one table of many files, in the order of time; [`read_in_parts`] reads a large file piece by piece;
//! [`hours()`] finds out when events happened. What has to be left out is counted and named ([`skipped`]). Memory is
//! bounded by what files unpack to. It knows columns and their types, and nothing of users or models.
//!
//! Modules know each other one way: tables and texts, then formats, then what is wanted, then one file, one file in
//! parts, and many files.

pub mod azure;
pub mod bytes;
pub mod cloudtrail;
pub mod columns;
mod concat;
pub mod csv;
pub mod dialect;
pub mod duo;
mod error;
mod file;
mod file_table;
mod gathered;
mod hours;
mod identifiers;
pub mod json;
mod later_rows;
mod log_table;
mod look;
mod merge;
mod names;
mod numbers;
pub mod okta;
mod opened;
mod options;
mod parquet;
mod part;
mod parts;
mod pieces;
mod projection;
mod read;
pub mod skipped;
mod slice;
mod sliced;
mod source;
pub mod table;
#[cfg(test)]
mod tests;
pub mod text;
pub mod texts;
pub mod time;
mod when;

pub use concat::print;
pub use dialect::Dialect;
pub use error::{LogError, Place};
pub use file::format;
pub use file_table::{Column, FileTable};
pub use hours::hours;
pub use json::Nested;
pub use log_table::LogTable;
pub use opened::{Sliced, SlicedFiles};
pub use options::{FileType, LABELLED, OnRows, ReadOptions};
pub use part::EVENT_DT;
pub use parts::{Parts, read_in_parts};
pub use read::read;
pub use skipped::Skipped;
pub use slice::{ALWAYS, Earlier, Slice};
pub use when::{Hours, TIMELESS_HOUR, Times};
