//! Stores behind addresses.

use super::mlflow::{self, Mlflow};
use super::objects::Objects;
use super::tree::Tree;
use super::{Purpose, Store};
use crate::error::RegistryError;
use dfp_storage::StorageError;
use dfp_storage::remote::{Address, Scheme, refuse};
use rand::TryRng;
use rand::rngs::SysRng;
use std::sync::Arc;

const ACCEPTED: &str = "a folder, s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH, mlflow+http://HOST:PORT/NAME, mlflow+https://HOST/NAME";

/// Opens the store at an address.
pub(super) fn open(name: &str, purpose: Purpose) -> Result<Arc<dyn Store>, RegistryError> {
    if let Some(server) = mlflow::server(name) {
        return Ok(Arc::new(Mlflow::open(name, server, purpose)?));
    }
    match Address::parse(name) {
        Ok(address) if address.scheme != Scheme::Http => {
            Ok(Arc::new(Tree::open(Objects::new(&address)?, purpose)?))
        }
        Err(StorageError::Address { cause, .. }) => Err(refuse(name, cause, ACCEPTED).into()),
        _ => Err(refuse(name, "no store can be at such an address".to_owned(), ACCEPTED).into()),
    }
}

/// What tells one writing from all others, so that a writer knows its own when an answer was lost.
pub(super) fn token() -> Result<String, RegistryError> {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).map_err(|e| RegistryError::Random(e.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
