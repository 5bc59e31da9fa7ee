//! What is done with the versions of a store by hand: looking, comparing, promoting, clearing up.

use super::{About, Library};
use super::{Exports, Retention};
use crate::error::RegistryError;
use crate::store::{State, UserVersions};
use dfp_model::{UserModel, export};
use dfp_storage::StorageError;
use dfp_storage::atomic_write::{replaces, write_private};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// A version in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The user.
    pub user: String,
    /// The version.
    pub version: u64,
    /// candidate, live, retired
    pub state: String,
    /// What is said about it; `None` if that cannot be read.
    pub about: Option<About>,
}

/// The versions of a store: of these users, or of all if none is named; the live ones, else the newest,
/// or `all`. Also what cannot be read, in words: it does not stop the rest.
///
/// # Errors
/// The store cannot be read, or a user who is named has no version.
pub fn list(
    library: &Library,
    users: &[String],
    all: bool,
) -> Result<(Vec<Listed>, Vec<String>), RegistryError> {
    let mut listed = Vec::new();
    let (shelves, mut damaged) = shelves(library, users)?;
    for (user, shelf) in shelves {
        let one = shelf.live().or(shelf.latest());
        let wanted = |version: &&u64| all || Some(**version) == one;
        for version in shelf.versions.iter().filter(wanted) {
            let about = library.about(&user, *version);
            damaged.extend(about.as_ref().err().map(ToString::to_string));
            listed.push(Listed {
                user: user.clone(),
                version: *version,
                state: shelf.standing.state(*version).to_string(),
                about: about.ok(),
            });
        }
    }
    Ok((listed, damaged))
}

/// A version and its model.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its number.
    pub version: u64,
    /// Its state.
    pub state: State,
    /// What is said about it.
    pub about: About,
    /// The model.
    pub model: Arc<UserModel>,
}

/// A version of a user: the one that is named, else the live one, else the newest.
///
/// # Errors
/// There is none, or it is damaged.
pub fn show(library: &Library, user: &str, version: Option<u64>) -> Result<Shown, RegistryError> {
    let shelf = shelf_of(library, user)?;
    let version = version.or(shelf.live()).or(shelf.latest()).unwrap_or_default();
    Ok(Shown {
        version,
        state: shelf.standing.state(version),
        about: library.about(user, version)?,
        model: library.model(user, version)?,
    })
}

/// Makes a version live, the newest if none is named; the one that was live before, and the one that is.
///
/// # Errors
/// There is no such version, it is damaged, or the store cannot be written.
pub fn promote(
    library: &Library,
    user: &str,
    version: Option<u64>,
) -> Result<(Option<u64>, u64), RegistryError> {
    let shelf = shelf_of(library, user)?;
    let version = version.or(shelf.latest()).unwrap_or_default();
    // What cannot be read must not become what rows are scored with.
    library.model(user, version)?;
    library.store().promote(user, version)?;
    Ok((shelf.live(), version))
}

/// Goes back to the version that was live before; the one that was, and the one that is.
///
/// # Errors
/// There is none, it is damaged, or the store cannot be written.
pub fn roll_back(
    library: &Library,
    user: &str,
) -> Result<(Option<u64>, Option<u64>), RegistryError> {
    let shelf = shelf_of(library, user)?;
    if let Some(previous) = shelf.standing.previous(&shelf.versions) {
        library.model(user, previous)?;
    }
    let standing = library.store().roll_back(user)?;
    Ok((shelf.live(), standing.live()))
}

/// Writes a version for other tools; the files.
///
/// # Errors
/// There is no such version, a file is there and may not be replaced, or it cannot be written.
pub fn export(shown: &Shown, exports: &Exports) -> Result<Vec<PathBuf>, RegistryError> {
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let model = shown.model.as_ref();
    if let Some(path) = &exports.model {
        // With what it leans on: the file is to be used without the store.
        let peers = model.leans_on().map(AsRef::as_ref);
        let models: Vec<&UserModel> = peers.into_iter().chain([model]).collect();
        let mut bytes = Vec::new();
        dfp_model::artifact::write(&models, &mut bytes)?;
        files.push((path.clone(), bytes));
    }
    if let Some(path) = &exports.onnx {
        let tables = serde_json::to_vec_pretty(&export::tables(model))?;
        files.push((path.clone(), export::onnx(model)?));
        files.push((path.with_extension("json"), tables));
    }
    if let Some(path) = &exports.npz {
        files.push((path.clone(), export::npz(model)?));
    }
    if let Some(path) = &exports.safetensors {
        files.push((path.clone(), export::safetensors(model)?));
    }
    for (path, _) in &files {
        if !exports.overwrite && replaces(path) {
            return Err(StorageError::Exists { path: path.clone() }.into());
        }
    }
    for (path, bytes) in &files {
        write_private(path, bytes)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// What reading every version has come to.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Users.
    pub users: usize,
    /// Versions that are sound.
    pub sound: usize,
    /// What is not, in words.
    pub damaged: Vec<String>,
}

/// Reads every version of these users, or of all.
///
/// # Errors
/// The store cannot be read.
pub fn verify(library: &Library, users: &[String]) -> Result<Verified, RegistryError> {
    let (shelves, damaged) = shelves(library, users)?;
    let mut verified = Verified { damaged, ..Verified::default() };
    for (user, shelf) in shelves {
        verified.users += 1;
        for version in &shelf.versions {
            let checked = library.about(&user, *version).and_then(|about| {
                let model = library.model(&user, *version)?;
                let fingerprint = dfp_model::artifact::fingerprint(&model)?;
                match fingerprint == about.fingerprint {
                    true => Ok(()),
                    false => Err(RegistryError::Version {
                        user: user.clone(),
                        version: *version,
                        cause: "is not the model that its metadata describes".to_owned(),
                    }),
                }
            });
            match checked {
                Ok(()) => verified.sound += 1,
                Err(error) => verified.damaged.push(error.to_string()),
            }
        }
        if let Some(live) = shelf.standing.live().filter(|live| !shelf.versions.contains(live)) {
            verified
                .damaged
                .push(format!("user {user:?}: version {live} is live and is not there"));
        }
    }
    Ok(verified)
}

/// Versions that went, or would go.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Users with their versions.
    pub gone: Vec<(String, Vec<u64>)>,
    /// Rests of writers that were broken off.
    pub swept: usize,
    /// What could not be read, in words, and so stayed.
    pub damaged: Vec<String>,
}

/// Removes old versions of these users, or of all. What is live, what a rollback would go to, and what
/// other versions lean on stays; so does what cannot be read.
///
/// # Errors
/// The store cannot be read or written.
pub fn prune(
    library: &Library,
    users: &[String],
    retention: Retention,
) -> Result<Pruned, RegistryError> {
    for user in users {
        shelf_of(library, user)?;
    }
    // Whoever is named: what others lean on is seen from these others.
    let (shelves, mut damaged) = shelves(library, &[])?;
    let mut kept = Vec::new();
    for (user, shelf) in &shelves {
        for version in &shelf.versions {
            match library.about(user, *version) {
                Ok(about) => kept.push((user, *version, about)),
                Err(error) => damaged.push(error.to_string()),
            }
        }
    }
    let leant_on: HashSet<String> = kept
        .iter()
        .filter_map(|(_, _, about)| about.leans_on.as_ref())
        .map(|leaning| leaning.user.clone())
        .collect();
    let wanted = |user: &String| users.is_empty() || users.contains(user);
    let asked = shelves.iter().filter(|(user, _)| wanted(user));
    // Those that are leant on come last: by then it is known who still does.
    let (bases, others): (Vec<_>, Vec<_>) = asked.partition(|(user, _)| leant_on.contains(user));
    let mut pruned = Pruned::default();
    for (user, shelf) in others.into_iter().chain(bases) {
        let held = |version: &u64| {
            kept.iter()
                .filter_map(|(_, _, about)| about.leans_on.as_ref())
                .any(|leaning| leaning.user == *user && leaning.version == *version)
        };
        // One whose leaning is not known may lean on any of them.
        let is_unsure = leant_on.contains(user) && !damaged.is_empty();
        let mut old = match is_unsure {
            true => Vec::new(),
            false => old_versions(user, shelf, retention, &kept)?,
        };
        old.retain(|version| !held(version));
        let gone = match retention.dry_run {
            true => {
                old.retain(|version| !shelf.standing.holds(*version, &shelf.versions));
                old
            }
            false => library.store().prune(user, &old)?,
        };
        kept.retain(|(of, version, _)| *of != user || !gone.contains(version));
        if !gone.is_empty() {
            pruned.gone.push((user.clone(), gone));
        }
    }
    pruned.damaged = damaged;
    if !retention.dry_run {
        pruned.swept = library.store().sweep()?;
    }
    Ok(pruned)
}

/// Versions that nothing in `retention` keeps, of those that something is known of.
fn old_versions(
    user: &String,
    shelf: &UserVersions,
    retention: Retention,
    kept: &[(&String, u64, About)],
) -> Result<Vec<u64>, RegistryError> {
    let newest = retention.keep.map_or(0, |keep| keep.min(shelf.versions.len()));
    let (older, _) = shelf.versions.split_at(shelf.versions.len() - newest);
    let mut old = Vec::new();
    for (_, version, about) in
        kept.iter().filter(|(of, version, _)| *of == user && older.contains(version))
    {
        let is_old = match retention.older_than {
            None => true,
            Some(age) => {
                let created: Timestamp =
                    about.created.parse().map_err(|error| RegistryError::Version {
                        user: user.clone(),
                        version: *version,
                        cause: format!("does not say when it was put there: {error}"),
                    })?;
                Timestamp::now().duration_since(created).unsigned_abs() > age
            }
        };
        if is_old {
            old.push(*version);
        }
    }
    Ok(old)
}

/// Users' shelves, and what of them cannot be read, in words.
type Shelves = (Vec<(String, UserVersions)>, Vec<String>);

/// The shelves of these users, or of all who have a version.
fn shelves(library: &Library, users: &[String]) -> Result<Shelves, RegistryError> {
    let (mut shelves, mut damaged) = (Vec::new(), Vec::new());
    if !users.is_empty() {
        for user in users {
            shelves.push((user.clone(), shelf_of(library, user)?));
        }
        return Ok((shelves, damaged));
    }
    for user in library.store().users()? {
        match library.store().shelf(&user) {
            // One whose first writer was broken off is nobody.
            Ok(shelf) if shelf.versions.is_empty() => {}
            Ok(shelf) => shelves.push((user, shelf)),
            Err(error) => damaged.push(error.to_string()),
        }
    }
    Ok((shelves, damaged))
}

/// The shelf of a user who has a version.
fn shelf_of(library: &Library, user: &str) -> Result<UserVersions, RegistryError> {
    let shelf = library.store().shelf(user)?;
    if !shelf.versions.is_empty() {
        return Ok(shelf);
    }
    let users = library.store().users()?;
    let near = dfp_storage::nearest(user, users.iter().map(String::as_str));
    let near = near.map(|near| format!("; did you mean {near:?}")).unwrap_or_default();
    let (place, user) = (library.store().place().to_owned(), user.to_owned());
    Err(RegistryError::NoVersion { place, user, hint: near })
}

/// What two versions of a user do not have in common.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The user.
    pub user: String,
    /// The two versions.
    pub versions: [u64; 2],
    /// What is said about each that differs: name, one, other.
    pub facts: Vec<(String, String, String)>,
    /// Features that only one has.
    pub features: [Vec<String>; 2],
    /// Categories that only one knows, by feature.
    pub categories: BTreeMap<String, [Vec<String>; 2]>,
}

/// Holds two versions of a user against each other; the second is the live one if only one is named.
///
/// # Errors
/// There is no such version, or it is damaged.
pub fn differ(
    library: &Library,
    user: &str,
    versions: &[u64],
) -> Result<Difference, RegistryError> {
    let first = show(library, user, versions.first().copied())?;
    let second = show(library, user, versions.get(1).copied())?;
    let mut facts = Vec::new();
    let (a, b) = (facts_of(&first), facts_of(&second));
    for ((name, a), (_, b)) in a.into_iter().zip(b) {
        if a != b {
            facts.push((name, a, b));
        }
    }
    let (one, other) = (&first.model.header().plan, &second.model.header().plan);
    let names = |plan: &dfp_model::encode::FeaturePlan| -> BTreeSet<String> {
        plan.names().map(str::to_owned).collect()
    };
    let (a, b) = (names(one), names(other));
    let only = |x: &BTreeSet<String>, y: &BTreeSet<String>| x.difference(y).cloned().collect();
    let mut categories = BTreeMap::new();
    for feature in a.intersection(&b) {
        let known = |plan: &dfp_model::encode::FeaturePlan| -> Option<BTreeSet<String>> {
            Some(plan.categories(feature)?.map(|(text, _)| text.to_owned()).collect())
        };
        if let (Some(a), Some(b)) = (known(one), known(other))
            && a != b
        {
            categories.insert(feature.clone(), [only(&a, &b), only(&b, &a)]);
        }
    }
    Ok(Difference {
        user: user.to_owned(),
        versions: [first.version, second.version],
        facts,
        features: [only(&a, &b), only(&b, &a)],
        categories,
    })
}

/// What is said about a version, name by name, the same names for every version.
fn facts_of(of: &Shown) -> Vec<(String, String)> {
    let About { software, source, rows, window, seed, options, losses, leans_on, .. } = &of.about;
    let mut facts = vec![
        ("state".to_owned(), of.state.to_string()),
        ("rows".to_owned(), rows.to_string()),
        ("first row".to_owned(), window.map(|w| moment(w.first)).unwrap_or_default()),
        ("last row".to_owned(), window.map(|w| moment(w.last)).unwrap_or_default()),
        ("last loss".to_owned(), losses.last().map(|l| format!("{l:.4}")).unwrap_or_default()),
        ("seed".to_owned(), seed.to_string()),
        ("source".to_owned(), source.clone()),
        ("software".to_owned(), software.clone()),
        (
            "leans on".to_owned(),
            leans_on.as_ref().map(|l| format!("{}:{}", l.user, l.version)).unwrap_or_default(),
        ),
    ];
    let options = options.as_object().into_iter().flatten().filter(|(name, _)| *name != "seed");
    facts.extend(options.map(|(name, value)| (name.clone(), value.to_string())));
    facts
}

/// A time as people read it, in UTC.
pub fn moment(microseconds: i64) -> String {
    Timestamp::from_microsecond(microseconds)
        .map_or_else(|_| String::new(), |at| at.round(jiff::Unit::Second).unwrap_or(at).to_string())
}
