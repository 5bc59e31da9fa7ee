//! What a run gives away and remembers: result files ([`sinks`]), the state folder ([`state`]), and by what files are
//! recognised that were read before ([`known`]).

mod error;
pub mod file_identity;
mod file_mark;
pub mod known;
pub mod sinks;
pub mod state;

pub use error::ConnectorError;
