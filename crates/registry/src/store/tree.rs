//! A store in a tree of blobs, be they files or objects:
//!
//! ```text
//! store.json                          what this is
//! users/NAME/00000001.json            about version 1; whoever has written it has the number
//! users/NAME/00000001.dfp             the model of version 1; with it the version is there
//! users/NAME/standing-00000001.json   which version is live; the one with the highest number counts
//! users/NAME/user.json                whose folder it is, where the name was too long
//! ```
//!
//! One thing is asked of the place: to put a blob of a name that does not exist yet, whole, and to
//! say no to all but one of those who try. There is no lock that a process could die with: a change of
//! standing is a new blob with the next number, and whoever comes second reads again.

use super::name::{self, Owner};
use super::{Change, Purpose, Standing, Store, UserVersions};
use crate::error::RegistryError;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a tree is made of.
pub(super) trait Blobs: Debug + Send + Sync {
    /// The place as it was named.
    fn place(&self) -> &str;
    /// Puts a blob unless there is one of this name; whether it did. It appears whole or not at all,
    /// and only one of several who try is told that it did.
    fn put_new(&self, key: &str, bytes: &[u8]) -> Result<bool, RegistryError>;
    /// A blob, if it is there.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, RegistryError>;
    /// The names right below a folder, of blobs and folders, in no order; none where there is no folder.
    fn list(&self, folder: &str) -> Result<Vec<String>, RegistryError>;
    /// Removes a blob, if it is there.
    fn remove(&self, key: &str) -> Result<(), RegistryError>;
    /// Whether a blob is there and was put longer ago than this.
    fn is_older(&self, key: &str, age: Duration) -> Result<bool, RegistryError>;
    /// Removes a place that was made for these blobs, if nothing is in it.
    fn remove_place(&self) {}
}

const MARK: &str = "store.json";
/// What the mark is called while it is written, in a folder, and how such names end.
const UNFINISHED: &str = ".store.json.";
const PARTIAL: &str = ".partial";
const FORMAT: &str = "dfp-store";
const VERSION: u32 = 1;
const USERS: &str = "users";
const USER: &str = "user.json";
const STANDING: &str = "standing-";
const MODEL: &str = ".dfp";
const ABOUT: &str = ".json";
/// Former standings that stay to be looked at.
const KEPT_STANDINGS: usize = 8;
/// A writer that has not finished by then is gone.
const BROKEN_OFF: Duration = Duration::from_secs(24 * 3600);
/// Times that a change is tried again while others are faster.
const TRIES: usize = 200;

/// A store.
#[derive(Debug)]
pub(super) struct Tree<B> {
    blobs: B,
    /// This run has made the store, and put nothing into it.
    is_unused: AtomicBool,
    has_put: AtomicBool,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    user: String,
}

/// What stands in a user's folder.
#[derive(Default)]
struct Folder {
    models: Vec<u64>,
    abouts: Vec<u64>,
    standings: Vec<u64>,
    /// Neither of these, nor the user's name.
    others: Vec<String>,
}

impl Folder {
    /// The versions that are there whole.
    fn versions(&self) -> Vec<u64> {
        let whole = |version: &&u64| self.abouts.binary_search(version).is_ok();
        self.models.iter().filter(whole).copied().collect()
    }
}

impl<B: Blobs> Tree<B> {
    /// The store at this place.
    ///
    /// # Errors
    /// There is none to read, or the place has other things in it.
    pub(super) fn open(blobs: B, purpose: Purpose) -> Result<Self, RegistryError> {
        let tree =
            Self { blobs, is_unused: AtomicBool::new(false), has_put: AtomicBool::new(false) };
        match (tree.blobs.get(MARK)?, purpose) {
            (Some(mark), Purpose::Read | Purpose::Rehearse) => tree.check(&mark)?,
            (Some(mark), Purpose::Write) => {
                tree.check(&mark)?;
                tree.is_refused_twice(&mark)?;
            }
            (None, Purpose::Read) => {
                return Err(tree.fail(
                    "there is no store here (no store.json); expected what a run has written with --model_store, or `morpheus train --store`",
                ));
            }
            (None, Purpose::Rehearse) => tree.check_is_free()?,
            (None, Purpose::Write) => tree.make()?,
        }
        Ok(tree)
    }

    /// A store can be made here.
    fn check_is_free(&self) -> Result<(), RegistryError> {
        // Another program may be making it, or was killed while it did.
        let begun = |name: &String| name.starts_with(UNFINISHED) && name.ends_with(PARTIAL);
        let is_other = self.blobs.list("")?.iter().any(|name| !begun(name));
        if is_other && self.blobs.get(MARK)?.is_none() {
            return Err(self.fail(
                "it has other things in it and no store.json; expected a store, or a place that is empty or new",
            ));
        }
        Ok(())
    }

    fn make(&self) -> Result<(), RegistryError> {
        self.check_is_free()?;
        let (mark, is_new) = self.put_mark()?;
        if is_new {
            self.is_unused.store(true, Ordering::Relaxed);
        } else {
            self.check(&self.blobs.get(MARK)?.unwrap_or_default())?;
        }
        self.is_refused_twice(&mark)
    }

    /// The mark of a store, and whether it was not there.
    fn put_mark(&self) -> Result<(Vec<u8>, bool), RegistryError> {
        let mark = self.json(&Mark { format: FORMAT.to_owned(), version: VERSION })?;
        let is_new = self.blobs.put_new(MARK, &mark)?;
        Ok((mark, is_new))
    }

    /// Makes sure that the place refuses a blob that is there: all that writers rely on.
    fn is_refused_twice(&self, mark: &[u8]) -> Result<(), RegistryError> {
        // Where it does not, the same bytes have been put. Once may be right: a run that has failed may just have
        // taken its mark away.
        match self.blobs.put_new(MARK, mark)? && self.blobs.put_new(MARK, mark)? {
            false => Ok(()),
            true => Err(self.fail(
                "it lets one writer overwrite what another has written (a conditional write was not refused); expected a folder, or a server with conditional writes (If-None-Match)",
            )),
        }
    }

    fn check(&self, mark: &[u8]) -> Result<(), RegistryError> {
        let mark: Mark = self.parse(MARK, mark)?;
        if mark.format != FORMAT || mark.version != VERSION {
            return Err(self.fail(format!(
                "its store.json says format {:?}, version {}; expected {FORMAT:?}, version {VERSION}",
                mark.format, mark.version
            )));
        }
        Ok(())
    }

    fn fail(&self, cause: impl Into<String>) -> RegistryError {
        RegistryError::Store { place: self.blobs.place().to_owned(), cause: cause.into() }
    }

    fn parse<T: for<'a> Deserialize<'a>>(
        &self,
        key: &str,
        bytes: &[u8],
    ) -> Result<T, RegistryError> {
        serde_json::from_slice(bytes)
            .map_err(|e| self.fail(format!("\"{key}\" cannot be used: {e}")))
    }

    fn json(&self, value: &impl Serialize) -> Result<Vec<u8>, RegistryError> {
        let mut json = serde_json::to_vec_pretty(value).map_err(|e| self.fail(e.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    fn folder(&self, user: &str) -> Result<Folder, RegistryError> {
        self.look(&format!("{USERS}/{}", name::folder(user)))
    }

    fn look(&self, folder: &str) -> Result<Folder, RegistryError> {
        let mut found = Folder::default();
        for name in self.blobs.list(folder)? {
            let number = |text: &str| text.parse().ok().filter(|_| text.len() >= 8);
            let place = if let Some(rest) = name.strip_prefix(STANDING) {
                rest.strip_suffix(ABOUT).and_then(number).map(|n| (n, &mut found.standings))
            } else if let Some(rest) = name.strip_suffix(MODEL) {
                number(rest).map(|n| (n, &mut found.models))
            } else {
                name.strip_suffix(ABOUT).and_then(number).map(|n| (n, &mut found.abouts))
            };
            match place {
                Some((number, numbers)) => numbers.push(number),
                None if name == USER => {}
                None => found.others.push(name),
            }
        }
        for numbers in [&mut found.models, &mut found.abouts, &mut found.standings] {
            numbers.sort_unstable();
        }
        Ok(found)
    }

    /// The newest standing. One that is removed while it is read has newer ones after it.
    fn standing(&self, user: &str, folder: &mut Folder) -> Result<Standing, RegistryError> {
        for _ in 0..TRIES {
            let Some(newest) = folder.standings.last() else { return Ok(Standing::default()) };
            let key = standing_key(user, *newest);
            if let Some(bytes) = self.blobs.get(&key)? {
                return self.parse(&key, &bytes);
            }
            *folder = self.folder(user)?;
        }
        Err(self.fail(format!("user {user:?}: others change it without a pause")))
    }

    fn version_blob(
        &self,
        user: &str,
        version: u64,
        ending: &str,
    ) -> Result<Vec<u8>, RegistryError> {
        let bytes = self.blobs.get(&version_key(user, version, ending))?;
        match bytes {
            Some(bytes) => Ok(bytes),
            None => {
                Err(self.fail(super::no_version(user, version, &self.folder(user)?.versions())))
            }
        }
    }
}

fn version_key(user: &str, version: u64, ending: &str) -> String {
    format!("{USERS}/{}/{version:08}{ending}", name::folder(user))
}

fn standing_key(user: &str, number: u64) -> String {
    format!("{USERS}/{}/{STANDING}{number:08}{ABOUT}", name::folder(user))
}

impl<B: Blobs> Store for Tree<B> {
    fn place(&self) -> &str {
        self.blobs.place()
    }

    fn users(&self) -> Result<Vec<String>, RegistryError> {
        let mut users = Vec::new();
        for folder in self.blobs.list(USERS)? {
            match name::owner(&folder) {
                Owner::User(user) => users.push(user),
                Owner::Cut => {
                    let key = format!("{USERS}/{folder}/{USER}");
                    // Without its name nothing else has been put there.
                    let Some(bytes) = self.blobs.get(&key)? else { continue };
                    let User { user } = self.parse(&key, &bytes)?;
                    if name::folder(&user) != folder {
                        return Err(self.fail(format!("\"{key}\" names a user of another folder")));
                    }
                    users.push(user);
                }
                Owner::Nobody => {}
            }
        }
        users.sort_unstable();
        Ok(users)
    }

    fn shelf(&self, user: &str) -> Result<UserVersions, RegistryError> {
        let mut folder = self.folder(user)?;
        let standing = self.standing(user, &mut folder)?;
        let mut versions = folder.versions();
        // A version is there before a standing names it, but a listing takes a while: it may have seen
        // the one and not yet the other.
        if standing.live().is_some_and(|live| !versions.contains(&live)) {
            versions = self.folder(user)?.versions();
        }
        Ok(UserVersions { versions, standing })
    }

    fn put(&self, user: &str, model: &[u8], about: &[u8]) -> Result<u64, RegistryError> {
        let folder = self.folder(user)?;
        let place = name::folder(user);
        if name::owner(&place) == Owner::Cut {
            let whose = self.json(&User { user: user.to_owned() })?;
            self.blobs.put_new(&format!("{USERS}/{place}/{USER}"), &whose)?;
        }
        let taken = folder.abouts.last().max(folder.models.last());
        let mut version = taken.map_or(1, |taken| taken + 1);
        while !self.blobs.put_new(&version_key(user, version, ABOUT), about)? {
            version += 1;
        }
        self.is_unused.store(false, Ordering::Relaxed);
        if !self.blobs.put_new(&version_key(user, version, MODEL), model)? {
            return Err(self.fail(format!(
                "user {user:?}: version {version} is there already, though its number was free"
            )));
        }
        if !self.has_put.swap(true, Ordering::Relaxed) {
            // The run that has made the store may have failed, and taken its mark away.
            self.put_mark()?;
        }
        Ok(version)
    }

    fn model(&self, user: &str, version: u64) -> Result<Vec<u8>, RegistryError> {
        self.version_blob(user, version, MODEL)
    }

    fn about(&self, user: &str, version: u64) -> Result<Vec<u8>, RegistryError> {
        self.version_blob(user, version, ABOUT)
    }

    fn change(&self, user: &str, change: Change<'_>) -> Result<Standing, RegistryError> {
        for _ in 0..TRIES {
            let mut folder = self.folder(user)?;
            let before = self.standing(user, &mut folder)?;
            let number = folder.standings.last().map_or(1, |newest| newest + 1);
            // Looked at after the standing was read: a version that another process has let go of and
            // removed since is gone here.
            let versions = self.folder(user)?.versions();
            let mut standing = before.clone();
            change(&mut standing, &versions).map_err(|why| self.fail(why))?;
            if standing == before {
                return Ok(standing);
            }
            standing.tidy(&versions);
            if self.blobs.put_new(&standing_key(user, number), &self.json(&standing)?)? {
                let old = folder.standings.len().saturating_sub(KEPT_STANDINGS);
                for number in &folder.standings[..old] {
                    self.blobs.remove(&standing_key(user, *number))?;
                }
                return Ok(standing);
            }
        }
        Err(self.fail(format!("user {user:?}: others change it without a pause")))
    }

    fn discard_unused(&self) {
        let is_empty = || self.blobs.list(USERS).is_ok_and(|users| users.is_empty());
        if !self.is_unused.load(Ordering::Relaxed) || !is_empty() {
            return;
        }
        // What cannot be removed stays: the run has said how it ended.
        let _ = self.blobs.remove(MARK);
        if is_empty() {
            self.blobs.remove_place();
        } else {
            // Another run has put a model there meanwhile.
            let _ = self.put_mark();
        }
    }

    fn remove(&self, user: &str, version: u64) -> Result<(), RegistryError> {
        // With the model the version is gone. A number is never given twice, so the highest one stays taken.
        self.blobs.remove(&version_key(user, version, MODEL))?;
        match self.folder(user)?.abouts.last() {
            Some(highest) if *highest > version => {
                self.blobs.remove(&version_key(user, version, ABOUT))
            }
            _ => Ok(()),
        }
    }

    fn sweep(&self) -> Result<usize, RegistryError> {
        let mut swept = 0;
        for name in self.blobs.list("")?.iter().filter(|name| name.starts_with(UNFINISHED)) {
            if self.blobs.is_older(name, BROKEN_OFF)? {
                self.blobs.remove(name)?;
                swept += 1;
            }
        }
        for name in self.blobs.list(USERS)? {
            let place = format!("{USERS}/{name}");
            let folder = self.look(&place)?;
            let highest = folder.abouts.last().copied();
            let lost = |version: &&u64| {
                folder.models.binary_search(version).is_err() && Some(**version) != highest
            };
            let claims = folder.abouts.iter().filter(lost).map(|n| format!("{n:08}{ABOUT}"));
            let unfinished = folder.others.iter().filter(|name| name.ends_with(PARTIAL)).cloned();
            for name in claims.chain(unfinished) {
                let key = format!("{place}/{name}");
                if self.blobs.is_older(&key, BROKEN_OFF)? {
                    self.blobs.remove(&key)?;
                    swept += 1;
                }
            }
        }
        Ok(swept)
    }
}
