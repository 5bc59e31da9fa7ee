//! The models of a run: one look-up for every stage.

use crate::error::RegistryError;
use crate::library::Lookup;
use crate::loaded_model::{LoadedModel, earlier_name};
use dfp_model::artifact::{self, Limits};
use dfp_model::user_model::UserModel;
use parking_lot::RwLock;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Reads a model file.
///
/// # Errors
/// The file cannot be read, or is none.
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<UserModel>, RegistryError> {
    let refuse = |cause: String| RegistryError::File { path: path.to_owned(), cause };
    let size = path.metadata().map_err(|error| refuse(error.to_string()))?.len();
    limits.check_size(size).map_err(|error| refuse(error.to_string()))?;
    let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    artifact::read(&bytes, limits).map_err(|error| refuse(error.to_string()))
}

/// Models by user. Shared by the stages; `train-ae` puts models in while others look them up.
#[derive(Debug, Default)]
pub struct Models {
    by_user: RwLock<HashMap<Arc<str>, Arc<LoadedModel>>>,
    /// Stands in for users without a model of their own.
    generic: RwLock<Option<Arc<LoadedModel>>>,
    /// Where the models are that nobody has put in.
    store: OnceLock<Lookup>,
}

impl Models {
    /// Puts in the model of a user, in place of an earlier one.
    pub fn insert(&self, user: Arc<str>, model: Arc<UserModel>) {
        let known = Arc::new(LoadedModel::new(model));
        self.by_user.write().insert(user, known);
    }

    /// Puts in the model for users without one.
    pub fn insert_generic(&self, model: Arc<UserModel>) {
        let known = Arc::new(LoadedModel::new(model));
        *self.generic.write() = Some(known);
    }

    /// Looks up the models of all other users in a store. Once only.
    pub fn look_up_in(&self, store: Lookup) {
        let _ = self.store.set(store);
    }

    /// The store, if there is one.
    pub fn store(&self) -> Option<&Lookup> {
        self.store.get()
    }

    /// The model to score this user's rows with: the user's own, else the generic one.
    pub fn of(&self, user: &str) -> Option<Arc<LoadedModel>> {
        let by_user = self.by_user.read();
        let of = |user: &str| by_user.get(user).cloned();
        if let Some(own) = of(user).or_else(|| of(&earlier_name(user)?)) {
            return Some(own);
        }
        drop(by_user);
        match self.store.get() {
            Some(store) => store.of(user),
            None => self.generic.read().clone(),
        }
    }

    /// Columns that models have learnt as categories; of a store, which may have thousands, those of one model.
    pub fn categories(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        let mut add = |model: &UserModel| {
            for name in model.header().plan.categorical() {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        };
        let of_users = self.by_user.read();
        of_users.values().for_each(|known| add(&known.model));
        let generic = self.generic.read();
        generic.iter().for_each(|known| add(&known.model));
        if let Some(known) = self.store.get().and_then(Lookup::any) {
            add(&known.model);
        }
        names.into_iter().collect()
    }

    /// All models of users that were put in, by name.
    pub fn all(&self) -> Vec<Arc<UserModel>> {
        let models = self.by_user.read();
        let mut models: Vec<_> = models.values().map(|known| Arc::clone(&known.model)).collect();
        models.sort_by(|a, b| a.header().user.cmp(&b.header().user));
        models
    }

    /// Number of users with a model of their own, of a store those that were looked up.
    pub fn len(&self) -> usize {
        let put_in = self.by_user.read().len();
        put_in + self.store.get().map_or(0, Lookup::users)
    }

    /// Whether no row can be scored.
    pub fn is_empty(&self) -> bool {
        let generic = self.generic.read();
        self.len() == 0 && generic.is_none() && self.store.get().is_none()
    }
}
