//! Logs behind addresses: `s3://bucket/key`, `gs://bucket/key`, `az://container/key` and
//! `http(s)://host/path`. The address is the file's name, from the pattern to the messages.

#[cfg(feature = "remote")]
mod address;
#[cfg(feature = "remote")]
mod client;
#[cfg(feature = "remote")]
mod find;
#[cfg(feature = "remote")]
mod object;

#[cfg(not(feature = "remote"))]
mod absent;

#[cfg(not(feature = "remote"))]
pub use absent::{Object, find};
#[cfg(feature = "remote")]
pub use {
    address::{Address, Scheme, refuse},
    client::{Store, runtime, store as client, wait},
    find::find,
    object::Object,
};

pub use crate::names::is_address;
