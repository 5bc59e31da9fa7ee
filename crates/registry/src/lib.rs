//! Where models live: numbered versions of each user's model, of which at most one is live ([`store`]); what people
//! know of a version, and what they do with it by hand ([`library`]); and the one look-up of models for whoever scores
//! rows ([`model_set`]).
//!
//! It reads and writes model files and trains nothing.

mod error;
pub mod library;
mod loaded_model;
pub mod model_set;
pub mod store;

pub use error::RegistryError;
pub use loaded_model::{GENERIC, LoadedModel, earlier_name};

/// Name and version of this program, as it signs what it writes.
pub const SOFTWARE: &str = concat!("morpheus ", env!("CARGO_PKG_VERSION"));
