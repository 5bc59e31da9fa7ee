//! Models in a store: what is put there, and what is made of it again.
//!
//! A user's model leans on everyone's, which is a model of the same store. It is not copied into each
//! user's version, but named by its fingerprint, and shared by all that lean on it.

pub mod admin;
mod cache;
mod metadata;
mod settings;

pub use crate::store::Purpose;
pub use cache::{Lookup, LookupOptions, look_again};
pub use metadata::{About, Leaning};
pub use settings::{Exports, Retention};

use crate::error::RegistryError;
use crate::store::{self, Store};
use dfp_model::artifact::{self, Limits, PeersName};
use dfp_model::{ModelError, UserModel};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

/// Models of everyone that stay in memory though nobody leans on them.
const SHARED: usize = 4;

/// The models of a store.
#[derive(Debug)]
pub struct Library {
    store: Arc<dyn Store>,
    limits: Limits,
    shared: Mutex<Shared>,
}

/// Models that others lean on: each once in memory, as long as anybody leans on it.
#[derive(Debug, Default)]
struct Shared {
    /// By fingerprint.
    all: HashMap<String, Weak<UserModel>>,
    /// The last ones that were asked for, which stay.
    recent: VecDeque<Arc<UserModel>>,
    /// Their versions by fingerprint, as far as they have been looked up.
    versions: HashMap<String, u64>,
}

impl Library {
    /// The library in the store with this name; model files beyond the limits are refused.
    ///
    /// # Errors
    /// See [`store::open`].
    pub fn open(name: &str, purpose: Purpose, limits: Limits) -> Result<Self, RegistryError> {
        Ok(Self { store: store::open(name, purpose)?, limits, shared: Mutex::default() })
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The library in a store that is there, with the usual limits.
    ///
    /// # Errors
    /// See [`store::open`].
    pub fn at(name: &str) -> Result<Self, RegistryError> {
        Self::open(name, Purpose::Read, Limits::default())
    }

    /// Refuses a store whose models were trained on logs of another source. One of them is asked: everyone's,
    /// else the first user's.
    ///
    /// # Errors
    /// They were, or the store cannot be read.
    pub fn check_source(&self, source: &str, generic_user: &str) -> Result<(), RegistryError> {
        let mut users = vec![generic_user.to_owned()];
        let mut latest = self.store.shelf(generic_user)?.latest();
        if latest.is_none() {
            users = self.store.users()?;
            latest = users
                .first()
                .map(|user| self.store.shelf(user))
                .transpose()?
                .and_then(|s| s.latest());
        }
        // One that cannot be read is told when its user comes.
        match users.first().zip(latest).and_then(|(user, latest)| self.about(user, latest).ok()) {
            Some(about) => about.check_source(source, self.store.place()),
            None => Ok(()),
        }
    }

    /// Puts a model there as a new version, and tells its number. It is a candidate.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn put(&self, model: &UserModel, about: &About) -> Result<u64, RegistryError> {
        let user = &model.header().user;
        let mut bytes = Vec::new();
        artifact::write_one(model, &mut bytes).map_err(|error| self.of(user, &error))?;
        self.store.put(user, &bytes, &about.json())
    }

    /// Puts models there as new versions, each of which becomes live.
    ///
    /// # Errors
    /// The store cannot be written, or a model leans on one that is neither among them nor there.
    pub fn publish(&self, models: &[Arc<UserModel>], source: &str) -> Result<(), RegistryError> {
        // Whoever leans on another finds it there.
        let (leaning, alone): (Vec<_>, Vec<_>) =
            models.iter().partition(|model| model.leans_on().is_some());
        for model in alone.into_iter().chain(leaning) {
            let user = &model.header().user;
            let leans_on = model.leans_on().map(|peers| self.version_of(peers)).transpose()?;
            let about =
                About::of(model, source, leans_on).map_err(|error| self.of(user, &error))?;
            let version = self.put(model, &about)?;
            self.store.promote(user, version)?;
        }
        Ok(())
    }

    fn version_of(&self, peers: &UserModel) -> Result<Leaning, RegistryError> {
        let user = peers.header().user.clone();
        let fingerprint = artifact::fingerprint(peers).map_err(|error| self.of(&user, &error))?;
        let name = PeersName { user, fingerprint };
        let version = self.leaning(&name)?;
        Ok(Leaning { user: name.user, version, fingerprint: name.fingerprint })
    }

    /// A version's model.
    ///
    /// # Errors
    /// There is no such version, it is damaged, or what it leans on is not there.
    pub fn model(&self, user: &str, version: u64) -> Result<Arc<UserModel>, RegistryError> {
        let bytes = self.store.model(user, version)?;
        let mut peers = |name: &PeersName| {
            self.shared(name).map_err(|error| ModelError::Artifact(error.to_string()))
        };
        let model = artifact::read_one(&bytes, &self.limits, &mut peers)
            .map_err(|error| self.of(user, &format!("version {version}: {error}")))?;
        if model.header().user != user {
            let found = &model.header().user;
            return Err(self.of(user, &format!("version {version} is a model of user {found:?}")));
        }
        Ok(Arc::new(model))
    }

    /// What was said about a version.
    ///
    /// # Errors
    /// There is no such version, or it was put by something else.
    pub fn about(&self, user: &str, version: u64) -> Result<About, RegistryError> {
        About::parse(&self.store.about(user, version)?)
            .map_err(|why| self.of(user, &format!("version {version}: {why}")))
    }

    /// The version of a model that others lean on, from the newest to the oldest.
    ///
    /// # Errors
    /// It is not there.
    pub fn leaning(&self, name: &PeersName) -> Result<u64, RegistryError> {
        for version in self.store.shelf(&name.user)?.versions.into_iter().rev() {
            // What is said about another version may be damaged.
            if self.about(&name.user, version).is_ok_and(|a| a.fingerprint == name.fingerprint) {
                return Ok(version);
            }
        }
        Err(self.of(
            &name.user,
            &format!("no version has the fingerprint {}, which a model leans on", name.fingerprint),
        ))
    }

    /// A model that others lean on, shared by all of them.
    ///
    /// # Errors
    /// It is not there, or damaged.
    pub fn shared(&self, name: &PeersName) -> Result<Arc<UserModel>, RegistryError> {
        // Whoever is second waits: everyone's model is the largest of all.
        let mut shared = self.shared.lock();
        if let Some(model) = shared.all.get(&name.fingerprint).and_then(Weak::upgrade) {
            return Ok(model);
        }
        let version = match shared.versions.get(&name.fingerprint) {
            Some(version) => *version,
            None => self.leaning(name)?,
        };
        let bytes = self.store.model(&name.user, version)?;
        let mut nobody = |further: &PeersName| {
            Err(ModelError::Artifact(format!("it leans on that of {:?} itself", further.user)))
        };
        let model = artifact::read_one(&bytes, &self.limits, &mut nobody);
        let model = Arc::new(model.map_err(|error| self.of(&name.user, &error))?);
        let fingerprint = artifact::fingerprint(&model);
        if fingerprint.map_err(|error| self.of(&name.user, &error))? != name.fingerprint {
            return Err(self.of(
                &name.user,
                &format!("version {version} is not the model that its metadata describes"),
            ));
        }
        shared.versions.insert(name.fingerprint.clone(), version);
        shared.all.retain(|_, model| model.strong_count() > 0);
        shared.all.insert(name.fingerprint.clone(), Arc::downgrade(&model));
        shared.recent.push_front(Arc::clone(&model));
        shared.recent.truncate(SHARED);
        Ok(model)
    }

    fn of(&self, user: &str, why: &dyn std::fmt::Display) -> RegistryError {
        let (place, user) = (self.store.place().to_owned(), user.to_owned());
        RegistryError::User { place, user, cause: why.to_string() }
    }
}
