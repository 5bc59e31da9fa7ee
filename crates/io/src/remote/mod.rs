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
pub(crate) use absent::{Object, find};
#[cfg(feature = "remote")]
pub(crate) use {
    address::{Address, Scheme, refuse},
    client::{Store, runtime, store as client, wait},
    find::find,
    object::Object,
};

use std::path::Path;

/// Whether a name is an address (`s3://…`), of whatever scheme, and no path.
pub fn is_address(name: &Path) -> bool {
    let scheme = name.to_str().and_then(|name| name.split_once("://"));
    scheme.is_some_and(|(scheme, _)| {
        let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(sign)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_path() {
        for name in ["s3://b/k", "https://host/a.csv", "ftp://x", "S3://b"] {
            assert!(is_address(Path::new(name)), "{name}");
        }
        for name in ["a.csv", "/a://b", "dir/s3://b", "C:\\a.csv", "://b", "s3:/b"] {
            assert!(!is_address(Path::new(name)), "{name}");
        }
    }
}
