//! A model, which one it is, and the names that it may go by.

use dfp_model::artifact;
use dfp_model::{ModelError, UserModel};
use std::sync::{Arc, OnceLock};

/// The name of the model that is trained on the rows of all users, if nobody asks for another. No user may
/// be called so: a user's model must never stand in for others.
pub const GENERIC: &str = "*";

/// What an account was called by versions that took NVIDIA Morpheus's spelling of it for another user: models
/// and states may still have that name.
pub fn earlier_name(user: &str) -> Option<String> {
    let is_number = !user.is_empty() && user.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| format!("Account-{user}"))
}

/// A model, and which one it is.
#[derive(Debug)]
pub struct LoadedModel {
    /// The model.
    pub model: Arc<UserModel>,
    number: Option<u64>,
    name: OnceLock<Arc<str>>,
}

impl LoadedModel {
    /// A model that is no version of a store.
    pub fn new(model: Arc<UserModel>) -> Self {
        Self { model, number: None, name: OnceLock::new() }
    }

    /// A version of a store.
    pub fn of_version(model: Arc<UserModel>, number: u64) -> Self {
        let name = Arc::from(format!("{}:{number}", model.header().user));
        Self { model, number: Some(number), name: OnceLock::from(name) }
    }

    /// Its number in a store.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// The model's user, and its number or else its fingerprint, as the peer joins a model's name and
    /// version.
    ///
    /// # Errors
    /// The model cannot be written, so it has no fingerprint.
    pub fn version(&self) -> Result<Arc<str>, ModelError> {
        if let Some(name) = self.name.get() {
            return Ok(Arc::clone(name));
        }
        let fingerprint = artifact::fingerprint(&self.model)?;
        let name = format!("{}:{fingerprint}", self.model.header().user);
        Ok(Arc::clone(self.name.get_or_init(|| Arc::from(name))))
    }
}
