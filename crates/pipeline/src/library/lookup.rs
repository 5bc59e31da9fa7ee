//! Which model a user's rows are scored with, of those in a store: the live versions, as many in
//! memory as there is room for, and looked after from time to time.

use super::Library;
use crate::error::RunError;
use crate::models::{GENERIC, Known};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How models are kept in memory.
#[derive(Clone, Copy, Debug)]
pub struct LookupOptions {
    /// Bytes of models that stay.
    pub memory: u64,
    /// What is known of a user is looked up again after this time.
    pub refresh: Duration,
}

/// What was found of a user.
#[derive(Clone, Debug)]
struct Found {
    /// The live version, if there is one.
    model: Option<Arc<Known>>,
    bytes: u64,
    at: Instant,
    /// The number of times that everything was asked to be looked up again, when this was.
    round: u64,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Arc<str>, Found> for Bytes {
    fn weight(&self, _: &Arc<str>, found: &Found) -> u64 {
        found.bytes
    }
}

/// The look-up.
pub struct Lookup {
    library: Library,
    options: LookupOptions,
    cache: Cache<Arc<str>, Found, Bytes>,
    round: AtomicU64,
    /// Users who have a model of their own.
    own: Mutex<HashSet<Arc<str>>>,
}

/// Set when which versions are live is to be looked up again at once.
static LOOK_AGAIN: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// What is to be set to have every look-up of this process look again which versions are live.
pub fn look_again() -> Arc<AtomicBool> {
    Arc::clone(&LOOK_AGAIN)
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").field("library", &self.library).finish_non_exhaustive()
    }
}

/// Bytes of what is known of a user without a model.
const NOTHING: u64 = 200;
/// Bytes of a model, more or less: how many the cache makes room for at first.
const USUAL: u64 = 64 << 10;

impl Lookup {
    /// A look-up in a library.
    pub fn new(library: Library, options: LookupOptions) -> Self {
        let items =
            usize::try_from(options.memory / USUAL).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Self {
            library,
            options,
            cache: Cache::with_weighter(items, options.memory, Bytes),
            round: AtomicU64::new(0),
            own: Mutex::default(),
        }
    }

    /// The library.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The live model of this user, else that of everyone.
    ///
    /// # Errors
    /// The store cannot be read, or the model is damaged.
    pub fn of(&self, user: &str) -> Result<Option<Arc<Known>>, RunError> {
        match self.own(user)? {
            Some(model) => {
                let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
                if !own.contains(user) {
                    own.insert(Arc::from(user));
                }
                Ok(Some(model))
            }
            None if user == GENERIC => Ok(None),
            None => self.own(GENERIC),
        }
    }

    /// Users who were found to have a model of their own.
    pub fn users(&self) -> usize {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn own(&self, user: &str) -> Result<Option<Arc<Known>>, RunError> {
        let asked = LOOK_AGAIN.swap(false, Ordering::Relaxed);
        let round = self.round.fetch_add(u64::from(asked), Ordering::Relaxed) + u64::from(asked);
        let known = self.cache.get(user);
        if let Some(found) = &known
            && found.round == round
            && found.at.elapsed() < self.options.refresh
        {
            return Ok(found.model.clone());
        }
        let model = self.look_up(user, known.and_then(|found| found.model))?;
        let bytes = NOTHING + model.as_ref().map_or(0, |known| known.model.bytes() as u64);
        let found = Found { model: model.clone(), bytes, at: Instant::now(), round };
        self.cache.insert(Arc::from(user), found);
        Ok(model)
    }

    /// What is live now; the model that is `known` is not read again.
    fn look_up(
        &self,
        user: &str,
        known: Option<Arc<Known>>,
    ) -> Result<Option<Arc<Known>>, RunError> {
        // A version can be pruned between the look and the reading only after two others were promoted.
        let mut tries = 0;
        loop {
            let Some(live) = self.library.store().shelf(user)?.live() else { return Ok(None) };
            if let Some(known) = known.as_ref().filter(|known| known.number() == Some(live)) {
                return Ok(Some(Arc::clone(known)));
            }
            match self.library.model(user, live) {
                Ok(model) => return Ok(Some(Arc::new(Known::of_version(model, live)))),
                Err(error) if tries == 2 => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }
}
