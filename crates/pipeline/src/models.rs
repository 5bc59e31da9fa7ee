//! The models of a run: one look-up for every stage.

use crate::error::RunError;
use dfp_model::artifact;
use dfp_model::user_model::UserModel;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// The name of the model that is trained on the rows of all users. No user may be called so: a
/// user's model must never stand in for others.
pub const GENERIC: &str = "*";

/// Reads a model file.
///
/// # Errors
/// The file cannot be read, or is none.
pub fn read(path: &Path) -> Result<Vec<UserModel>, RunError> {
    let refuse = |why: String| RunError::Failed(format!("{}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    artifact::read(&bytes, &artifact::Limits::default()).map_err(|error| refuse(error.to_string()))
}

/// Models by user. Shared by the stages; `train-ae` puts models in while others look them up.
#[derive(Debug, Default)]
pub struct Models {
    by_user: RwLock<HashMap<Arc<str>, Arc<UserModel>>>,
    /// Stands in for users without a model of their own.
    generic: RwLock<Option<Arc<UserModel>>>,
}

impl Models {
    /// Puts in the model of a user, in place of an earlier one.
    pub fn insert(&self, user: Arc<str>, model: Arc<UserModel>) {
        self.by_user.write().unwrap_or_else(PoisonError::into_inner).insert(user, model);
    }

    /// Puts in the model for users without one.
    pub fn insert_generic(&self, model: Arc<UserModel>) {
        *self.generic.write().unwrap_or_else(PoisonError::into_inner) = Some(model);
    }

    /// The model to score this user's rows with: the user's own, else the generic one.
    pub fn of(&self, user: &str) -> Option<Arc<UserModel>> {
        let own = self.by_user.read().unwrap_or_else(PoisonError::into_inner).get(user).cloned();
        own.or_else(|| self.generic.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// All models of users, by name.
    pub fn all(&self) -> Vec<Arc<UserModel>> {
        let models = self.by_user.read().unwrap_or_else(PoisonError::into_inner);
        let mut models: Vec<_> = models.values().cloned().collect();
        models.sort_by(|a, b| a.header().user.cmp(&b.header().user));
        models
    }

    /// Number of users with a model of their own.
    pub fn len(&self) -> usize {
        self.by_user.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no row can be scored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.generic.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}
