//! Which model a user's rows are scored with, of those in a store: the live versions, as many in
//! memory as there is room for, and looked after from time to time.

use super::Library;
use crate::error::RegistryError;
use crate::loaded_model::LoadedModel;
use crate::loaded_model::earlier_name;
use crate::store::{self, Purpose};
use dfp_engine::{Reporter, Weight};
use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

/// How models are kept in memory.
#[derive(Clone, Debug)]
pub struct LookupOptions {
    /// Bytes of models that stay.
    pub memory: u64,
    /// What is known of a user is looked up again after this time.
    pub refresh: Duration,
    /// Only models with counts can be used.
    pub with_counts: bool,
    /// Whose model stands in for users without one.
    pub generic_user: String,
}

/// What was found of a user.
#[derive(Clone, Debug)]
struct Found {
    /// The live version, if there is one.
    model: Option<Arc<LoadedModel>>,
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
    /// Users whose live version cannot be used, with the reason.
    unusable: Mutex<BTreeMap<String, String>>,
    /// Some users of the store.
    example: OnceLock<Vec<String>>,
    reporter: Arc<dyn Reporter>,
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
    pub fn new(library: Library, options: LookupOptions, reporter: Arc<dyn Reporter>) -> Self {
        let items =
            usize::try_from(options.memory / USUAL).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Self {
            library,
            cache: Cache::with_weighter(items, options.memory, Bytes),
            options,
            round: AtomicU64::new(0),
            own: Mutex::default(),
            unusable: Mutex::default(),
            example: OnceLock::new(),
            reporter,
        }
    }

    /// The library.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The live model of this user, else that of everyone. Of a version that cannot be read or used it is
    /// told, and the one that was live before is used as long as it is known.
    pub fn of(&self, user: &str) -> Option<Arc<LoadedModel>> {
        let earlier = || self.own(&earlier_name(user)?);
        if let Some(model) = self.own(user).or_else(earlier) {
            let mut own = self.own.lock();
            if !own.contains(user) {
                own.insert(Arc::from(user));
            }
            return Some(model);
        }
        let generic = &self.options.generic_user;
        if user == generic { None } else { self.own(generic) }
    }

    /// A model of the store: everyone's, else that of the first user who has one.
    pub fn any(&self) -> Option<Arc<LoadedModel>> {
        const TRIED: usize = 16;
        self.own(&self.options.generic_user).or_else(|| {
            let users = self.example.get_or_init(|| {
                let users = self.library.store().users().unwrap_or_default();
                users.into_iter().take(TRIED).collect()
            });
            users.iter().find_map(|user| self.own(user))
        })
    }

    /// Users whose live version cannot be used, with the reason.
    pub fn unusable(&self) -> Vec<(String, String)> {
        let unusable = self.unusable.lock();
        unusable.clone().into_iter().collect()
    }

    /// Looks this user's live version up again when it is next asked for.
    pub fn forget(&self, user: &str) {
        self.cache.remove(user);
    }

    /// Users who were found to have a model of their own.
    pub fn users(&self) -> usize {
        self.own.lock().len()
    }

    fn own(&self, user: &str) -> Option<Arc<LoadedModel>> {
        let asked = LOOK_AGAIN.swap(false, Ordering::Relaxed);
        let round = self.round.fetch_add(u64::from(asked), Ordering::Relaxed) + u64::from(asked);
        let known = self.cache.get(user);
        if let Some(found) = &known
            && found.round == round
            && found.at.elapsed() < self.options.refresh
        {
            return found.model.clone();
        }
        let known = known.and_then(|found| found.model);
        let model = match self.look_up(user, known.as_ref()) {
            Ok(model) => model,
            Err(error) => {
                self.tell(user, &error, known.as_deref());
                known
            }
        };
        let bytes = NOTHING + model.as_ref().map_or(0, |known| known.model.bytes() as u64);
        let found = Found { model: model.clone(), bytes, at: Instant::now(), round };
        self.cache.insert(Arc::from(user), found);
        model
    }

    fn tell(&self, user: &str, error: &RegistryError, known: Option<&LoadedModel>) {
        let why = error.to_string();
        let mut unusable = self.unusable.lock();
        if unusable.get(user) != Some(&why) {
            let instead = match known.and_then(LoadedModel::number) {
                Some(number) => format!("version {number} is used as before"),
                None if user == self.options.generic_user => {
                    "no fallback model is available".to_owned()
                }
                None => "the base model of all users is used instead".to_owned(),
            };
            self.reporter.say(Weight::Error, &format!("{why}; {instead}"));
            unusable.insert(user.to_owned(), why);
        }
    }

    /// What is live now; the model that is `known` is not read again.
    fn look_up(
        &self,
        user: &str,
        known: Option<&Arc<LoadedModel>>,
    ) -> Result<Option<Arc<LoadedModel>>, RegistryError> {
        // A version can be pruned between the look and the reading only after two others were promoted.
        let mut tries = 0;
        loop {
            let shelf = self.library.store().shelf(user)?;
            if shelf.versions.is_empty() && (known.is_some() || user == self.options.generic_user) {
                // A disk that is gone has no users either.
                store::open(self.library.store().place(), Purpose::Read)?;
            }
            let Some(live) = shelf.live() else { return Ok(None) };
            if let Some(known) = known.filter(|known| known.number() == Some(live)) {
                return Ok(Some(Arc::clone(known)));
            }
            match self.library.model(user, live) {
                Ok(model) if self.options.with_counts && !model.is_recommended() => {
                    return Err(RegistryError::Version {
                        user: user.to_owned(),
                        version: live,
                        cause: "was trained without counts, which the recommended scorer needs; train it with that scorer, or score with --scorer=peer".to_owned(),
                    });
                }
                Ok(model) => return Ok(Some(Arc::new(LoadedModel::of_version(model, live)))),
                Err(error) if tries == 2 => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loaded_model::GENERIC;
    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use dfp_model::artifact::Limits;
    use dfp_model::{ModelConfig, UserModel};
    use std::ops::ControlFlow;

    /// A library with a live model of everyone and of some users.
    fn library(folder: &std::path::Path, users: &[&str]) -> Library {
        let name = folder.join("store").display().to_string();
        let library = Library::open(&name, Purpose::Write, Limits::default()).unwrap();
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..40).map(|n| ["a", "b", "c"][n % 3])));
        let rows = RecordBatch::try_from_iter([("action", texts)]).unwrap();
        let model = |user: &&str| {
            let go_on = &mut |_: dfp_model::EpochReport| ControlFlow::Continue(());
            Arc::new(UserModel::fit(user, &rows, None, &ModelConfig::compact(40), go_on).unwrap())
        };
        let models: Vec<_> = users.iter().map(model).collect();
        library.publish(&models, "test").unwrap();
        library
    }

    struct Silent;

    impl Reporter for Silent {
        fn say(&self, _: Weight, _: &str) {}
        fn progress(&self, _: dfp_engine::Progress<'_>) {}
        fn phase_over(&self) {}
    }

    fn lookup(library: Library, memory: u64, refresh: Duration) -> Lookup {
        let options =
            LookupOptions { memory, refresh, with_counts: false, generic_user: GENERIC.to_owned() };
        Lookup::new(library, options, Arc::new(Silent))
    }

    #[test]
    fn models_that_do_not_fit_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let hour = Duration::from_secs(3600);
        let users: Vec<String> = (0..40).map(|n| format!("user{n}")).collect();
        let names: Vec<&str> = users.iter().map(String::as_str).collect();
        let large = lookup(library(folder.path(), &names), 1 << 30, hour);
        let first = large.of("user0").unwrap();
        let bytes = first.model.bytes() as u64;
        let round = |lookup: &Lookup| {
            let of = |user: &&str| lookup.of(user).unwrap();
            names.iter().map(of).collect::<Vec<_>>()
        };
        let same = |a: &[Arc<LoadedModel>], b: &[Arc<LoadedModel>]| {
            a.iter().zip(b).filter(|(a, b)| Arc::ptr_eq(a, b)).count()
        };
        assert_eq!(same(&round(&large), &round(&large)), names.len());
        assert_eq!(large.users(), names.len());
        // There is memory for a quarter of them: the others come again, and are the same.
        let library = Library::at(&folder.path().join("store").display().to_string()).unwrap();
        let small = lookup(library, 10 * bytes, hour);
        let (one, other) = (round(&small), round(&small));
        assert!(same(&one, &other) < 20, "{}", same(&one, &other));
        assert!(one.iter().zip(&other).all(|(a, b)| a.model == b.model && a.number() == Some(1)));
    }

    #[test]
    fn who_has_no_model_gets_that_of_everyone_until_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let lookup = lookup(library(folder.path(), &["*", "ann"]), 1 << 30, Duration::ZERO);
        let of = |user: &str| lookup.of(user).map(|known| known.version().unwrap().to_string());
        assert_eq!(of("ann").as_deref(), Some("ann:1"));
        assert_eq!(of("bo").as_deref(), Some("*:1"));
        library(folder.path(), &["bo"]);
        assert_eq!(of("bo").as_deref(), Some("bo:1"));
        // What has not changed is not read again, however often it is looked after.
        let (one, other) = (lookup.of("ann").unwrap(), lookup.of("ann").unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        lookup.library().store().roll_back("bo").unwrap_err();
    }
}
