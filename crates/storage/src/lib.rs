//! Bytes from anywhere: files and objects that a pattern finds ([`files`]), or that become complete while somebody
//! watches ([`watch`]); files that are written whole ([`atomic_write`]); their names as people see them ([`names`]), and how
//! much memory reading may take ([`memory_limit`]).
//!
//! It knows no tables: what the bytes say is for others to read.

pub mod atomic_write;
mod error;
mod expand_pattern;
pub mod files;
pub mod memory_limit;
pub mod names;
mod nearest;
mod patterns;
pub mod private;
pub mod remote;
pub mod watch;

pub use error::StorageError;
pub use nearest::nearest;
