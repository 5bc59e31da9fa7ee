//! Where models live: numbered versions of each user's model, at most one of them live.
//!
//! A store knows names, bytes and numbers; what the bytes mean is nothing to it. A version, once put,
//! never changes. Which version is live is said by the user's [`Standing`], and every change of that
//! is one step that happens whole or not at all, whoever else reads or writes.

mod directory;
#[cfg(feature = "remote")]
mod mlflow;
mod name;
#[cfg(feature = "remote")]
mod objects;
#[cfg(feature = "remote")]
mod remote;
mod standing;
mod tree;

/// What stands for the stores behind addresses in a build without their clients.
#[cfg(not(feature = "remote"))]
mod remote {
    use super::{Purpose, Store};
    use crate::error::RegistryError;
    use dfp_storage::StorageError;
    use std::sync::Arc;

    pub(super) fn open(name: &str, _purpose: Purpose) -> Result<Arc<dyn Store>, RegistryError> {
        Err(StorageError::Address {
            address: name.to_owned(),
            cause: "this build keeps models in folders only".to_owned(),
            accepted: "a folder, or a program built with `cargo build --release --features remote`"
                .to_owned(),
        }
        .into())
    }
}

pub use standing::{Standing, State};

use crate::error::RegistryError;
use dfp_storage::remote::is_address;
use directory::Directory;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use tree::Tree;

/// What a store's user has: the versions, and which of them is what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserVersions {
    /// Numbers of the versions that are there, ascending, from 1.
    pub versions: Vec<u64>,
    /// Which of them is live, which were.
    pub standing: Standing,
}

impl UserVersions {
    /// The newest version, whatever its state.
    pub fn latest(&self) -> Option<u64> {
        self.versions.last().copied()
    }

    /// The live version, if it is there.
    pub fn live(&self) -> Option<u64> {
        self.standing.live().filter(|live| self.versions.contains(live))
    }
}

/// A change of a user's standing, given the versions that are there; its error is told as it is.
pub type Change<'a> = &'a mut dyn FnMut(&mut Standing, &[u64]) -> Result<(), String>;

/// A place for models, shared by several processes.
pub trait Store: Debug + Send + Sync {
    /// The store as it was named, for messages.
    fn place(&self) -> &str;

    /// Every user that something was put for, in the order of their names.
    ///
    /// # Errors
    /// The store cannot be read.
    fn users(&self) -> Result<Vec<String>, RegistryError>;

    /// A user's versions; an empty shelf for one who has none.
    ///
    /// # Errors
    /// The store cannot be read.
    fn shelf(&self, user: &str) -> Result<UserVersions, RegistryError>;

    /// Puts a new version beside those that are there, and tells its number. `about` says in JSON what
    /// people want to know of it. The version can be seen when both are there whole, not before.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put(&self, user: &str, model: &[u8], about: &[u8]) -> Result<u64, RegistryError>;

    /// Removes a store that this run has made and put nothing into: a run that failed leaves no store that
    /// would be taken for one that somebody has trained.
    fn discard_unused(&self) {}

    /// The model of a version.
    ///
    /// # Errors
    /// There is no such version, or the store cannot be read.
    fn model(&self, user: &str, version: u64) -> Result<Vec<u8>, RegistryError>;

    /// What was said about a version.
    ///
    /// # Errors
    /// As [`Store::model`].
    fn about(&self, user: &str, version: u64) -> Result<Vec<u8>, RegistryError>;

    /// Changes a user's standing in one step. `change` is asked again when another process was faster.
    ///
    /// # Errors
    /// `change` refuses, or the store cannot be written.
    fn change(&self, user: &str, change: Change<'_>) -> Result<Standing, RegistryError>;

    /// Removes the bytes of a version that its user's standing has let go of.
    ///
    /// # Errors
    /// The store cannot be written.
    fn remove(&self, user: &str, version: u64) -> Result<(), RegistryError>;

    /// Removes what broken-off writers have left, if it is older than a day; the number of things removed.
    ///
    /// # Errors
    /// The store cannot be written.
    fn sweep(&self) -> Result<usize, RegistryError>;
}

impl dyn Store + '_ {
    /// Makes a version live; the one that was is retired and can be rolled back to.
    ///
    /// # Errors
    /// There is no such version, or the store cannot be written.
    pub fn promote(&self, user: &str, version: u64) -> Result<Standing, RegistryError> {
        self.change(user, &mut |standing, versions| {
            if !versions.contains(&version) || standing.lets_go(version) {
                return Err(no_version(user, version, versions));
            }
            standing.promote(version);
            Ok(())
        })
    }

    /// Makes the version live again that was before the present one, which is retired.
    ///
    /// # Errors
    /// No version was live before, or the store cannot be written.
    pub fn roll_back(&self, user: &str) -> Result<Standing, RegistryError> {
        self.change(user, &mut |standing, versions| {
            standing.roll_back(versions).ok_or_else(|| {
                format!("user {user:?}: no version was live before that is still there, so there is nothing to go back to")
            })?;
            Ok(())
        })
    }

    /// Retires versions and removes them; those that are live, or that would be rolled back to, stay.
    /// The versions that went.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn prune(&self, user: &str, versions: &[u64]) -> Result<Vec<u64>, RegistryError> {
        let mut going = Vec::new();
        self.change(user, &mut |standing, there| {
            going = versions.to_vec();
            going.retain(|version| there.contains(version) && !standing.holds(*version, there));
            going.iter().for_each(|version| standing.let_go(*version));
            Ok(())
        })?;
        for version in &going {
            self.remove(user, *version)?;
        }
        Ok(going)
    }
}

fn no_version(user: &str, version: u64, versions: &[u64]) -> String {
    let there: Vec<String> = versions.iter().map(u64::to_string).collect();
    match there.as_slice() {
        [] => format!("user {user:?} has no version"),
        there => format!("user {user:?} has no version {version}; there are {}", there.join(", ")),
    }
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look at what is there: a store that is not there is an error.
    Read,
    /// To see what would be put in: a store that is not there is an empty one.
    Rehearse,
    /// To put something in: a store that is not there is made.
    Write,
}

/// Opens the store with this name: a folder, `s3://bucket/prefix` (`gs://`, `az://`), or
/// `mlflow+http://host:port/name` (`mlflow+https://`).
///
/// # Errors
/// There is none to read, the place holds something else, or the name is of a kind that is not known.
pub fn open(name: &str, purpose: Purpose) -> Result<Arc<dyn Store>, RegistryError> {
    if is_address(Path::new(name)) {
        dfp_storage::files::refuse_masked(name)?;
        return remote::open(name, purpose);
    }
    Ok(Arc::new(Tree::open(Directory::new(name), purpose)?))
}
