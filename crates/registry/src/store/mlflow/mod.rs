//! A store in an MLflow tracking server and its model registry:
//!
//! ```text
//! experiment NAME               one run a version: parameters, metrics, and the artifacts
//!                               model/model.dfp, about.json, summary.md
//! experiment NAME-standings     one run a user, its keeper: parameter standing-00000001 and so on
//! registered model NAME-USER    tag `dfp.user`: who it is; tag `dfp.keeper`: the user's keeper
//!   version 1, 2, …             the run that made it; tag `state`; alias `live`
//! ```
//!
//! MLflow has no compare-and-swap, but three things that are given once: the name of a registered
//! model, the number of a version, and the value of a run's parameter. The database's keys see to all
//! three, so the server needs one (`sqlite:`, `postgresql:`, `mysql:`); files will not do. A change of
//! standing is a parameter with the next number: whoever comes second is refused, and reads again. Its
//! value has a random token, so that a writer whose answer was lost knows its own.
//!
//! Alias and tags `state` only mirror the standing, for MLflow's own users. Whoever has set them looks
//! whether the standing is still the same, and sets them again if not, so that they are right once all
//! is quiet; where a writer dies between the two they are right after the next change.
//!
//! A version is put last, after all that belongs to it. A deleted one keeps its number in the database,
//! so numbers are given once.

mod address;
mod params;
mod rest;
mod standings;
mod users;
mod versions;

pub(super) use address::server;

use super::{Change, Purpose, Standing, Store, UserVersions, no_version};
use crate::error::RegistryError;
use address::{artifacts, parts};
use dfp_storage::remote::runtime;
use parking_lot::Mutex;
use rest::{Answer, Failure, Pages, Server, pause, tag, tags, text, unless_missing};
use serde_json::{Value, json};
use standings::Kept;
use std::collections::HashMap;
use std::time::SystemTime;
use tokio::sync::OnceCell;
use versions::{ABOUT, MODEL, Version};

const STANDINGS: &str = "-standings";
/// Tag of an experiment: the version of what is described above.
const MARK: &str = "dfp.store";
const VERSION: &str = "1";
/// Longest name of a run, in characters.
const LONGEST_RUN: usize = 200;
/// Entries of a page.
const PAGE: usize = 1000;
/// Times that a user is looked at until what is live is there.
const LOOKS: u32 = 3;
/// Times that a change is tried again while others are faster.
const TRIES: u32 = 200;

/// A store.
#[derive(Debug)]
pub(super) struct Mlflow {
    server: Server,
    /// The address as typed.
    place: String,
    /// The experiment, and what names of models begin with.
    name: String,
    experiment: String,
    /// The experiment of the keepers; only writers need it.
    standings: String,
    /// Users' keepers, as far as they have been asked for: they never change.
    keepers: Mutex<HashMap<String, String>>,
    /// Whether all users there were at some time have been listed: others will hardly be there.
    listed: OnceCell<()>,
}

impl Mlflow {
    /// The store at `address`, of which `server` is the part without our prefix.
    ///
    /// # Errors
    /// There is none to read, the server cannot be reached, or does not serve artifacts.
    pub(super) fn open(
        address: &str,
        server: &str,
        purpose: Purpose,
    ) -> Result<Self, RegistryError> {
        let (base, name) = parts(address, server)?;
        let fail = |cause| RegistryError::Store { place: address.to_owned(), cause };
        let mut store = Self {
            server: Server::new(base).map_err(fail)?,
            place: address.to_owned(),
            experiment: String::new(),
            standings: String::new(),
            keepers: Mutex::default(),
            listed: OnceCell::new(),
            name,
        };
        let (experiment, standings) = store.wait("look for the experiment", async {
            let standings = format!("{}{STANDINGS}", store.name);
            let experiment = store.experiment(&store.name, purpose).await?;
            match purpose {
                Purpose::Read | Purpose::Rehearse => Ok((experiment, String::new())),
                Purpose::Write => Ok((experiment, store.experiment(&standings, purpose).await?)),
            }
        })?;
        (store.experiment, store.standings) = (experiment, standings);
        Ok(store)
    }

    /// The number of an experiment; for writing it is made if need be.
    async fn experiment(&self, name: &str, purpose: Purpose) -> Answer<String> {
        let by_name = || async {
            let query = [("experiment_name", name)];
            unless_missing(self.server.get("experiments/get-by-name", &query).await)
        };
        let mut found = by_name().await?;
        if found.is_none() && purpose == Purpose::Write {
            let body = json!({"name": name, "tags": [tag(MARK, VERSION)]});
            match self.server.post("experiments/create", &body).await {
                Ok(_) | Err(Failure::Exists(_)) => found = by_name().await?,
                Err(failure) => return Err(failure),
            }
        }
        if found.is_none() && purpose == Purpose::Rehearse {
            return Ok(String::new());
        }
        let found = found.ok_or_else(|| {
            Failure::Other(format!(
                "there is no store here (no experiment {name:?}); expected what a run has written with --model_store, or `morpheus train --store`"
            ))
        })?;
        let experiment = &found["experiment"];
        let refused = |why: String| Err(Failure::Other(format!("experiment {name:?} {why}")));
        if experiment["lifecycle_stage"] == "deleted" {
            return refused("is deleted; expected one that is restored, or another name at the end of the address".to_owned());
        }
        match tags(experiment).find(|(key, _)| *key == MARK) {
            Some((_, VERSION)) => {}
            Some((_, other)) => {
                return refused(format!("says {MARK}={other:?}; expected {VERSION:?}"));
            }
            None => {
                return refused(format!(
                    "is not of a store (it has no tag {MARK:?}); expected another name at the end of the address, or a new one"
                ));
            }
        }
        artifacts(text(experiment, "artifact_location"))?;
        Ok(text(experiment, "experiment_id").to_owned())
    }

    fn wait<T>(
        &self,
        action: &str,
        answer: impl Future<Output = Answer<T>>,
    ) -> Result<T, RegistryError> {
        let runtime = runtime().map_err(|e| self.fail(e.to_string()))?;
        runtime
            .block_on(answer)
            .map_err(|failure| self.fail(format!("{}: cannot {action}", failure.words())))
    }

    fn fail(&self, cause: impl Into<String>) -> RegistryError {
        RegistryError::Store { place: self.place.clone(), cause: cause.into() }
    }

    /// All that a search finds.
    async fn pages(&self, what: &str, list: &str, filter: &str) -> Answer<Vec<Value>> {
        let (mut pages, most) = (Pages::default(), PAGE.to_string());
        loop {
            let mut query = vec![("filter", filter), ("max_results", &most)];
            if !pages.token.is_empty() {
                query.push(("page_token", &pages.token));
            }
            let answer = self.server.get(what, &query).await?;
            if !pages.add(answer, list)? {
                return Ok(pages.found);
            }
        }
    }

    /// What is live of a user, and the versions; `None` where nothing was put.
    async fn state(&self, user: &str) -> Answer<Option<(Kept, Vec<Version>)>> {
        let mut look = 1;
        loop {
            let Some(keeper) = self.keeper(user).await? else { return Ok(None) };
            // A version is there before a standing names it, and gone after one has let go of it: so the
            // standing is read first.
            let kept = self.kept(keeper).await?;
            let versions = self.versions(user).await?;
            let is_there = |live| versions.iter().any(|version| version.number == live);
            if look == LOOKS || kept.standing.live().is_none_or(is_there) {
                return Ok(Some((kept, versions)));
            }
            // It was replaced and removed between the two, or the registered model was deleted and is a
            // new one, with another keeper.
            self.forget(user);
            look += 1;
        }
    }

    async fn look(&self, user: &str) -> Answer<UserVersions> {
        let Some((kept, versions)) = self.state(user).await? else {
            return Ok(UserVersions::default());
        };
        let versions = versions.iter().map(|version| version.number).collect();
        Ok(UserVersions { versions, standing: kept.standing })
    }

    fn bytes(&self, user: &str, version: u64, name: &str) -> Result<Vec<u8>, RegistryError> {
        let action = format!("read {name} of version {version} of user {user:?}");
        match self.wait(&action, self.artifact(user, version, name))? {
            Some(bytes) => Ok(bytes.into()),
            None => Err(self.fail(no_version(user, version, &self.shelf(user)?.versions))),
        }
    }
}

impl Store for Mlflow {
    fn place(&self) -> &str {
        &self.place
    }

    fn users(&self) -> Result<Vec<String>, RegistryError> {
        self.wait("list the registered models", self.list())
    }

    fn shelf(&self, user: &str) -> Result<UserVersions, RegistryError> {
        self.wait(&format!("look for versions of user {user:?}"), self.look(user))
    }

    fn put(&self, user: &str, model: &[u8], about: &[u8]) -> Result<u64, RegistryError> {
        self.wait(&format!("put a version of user {user:?}"), self.write(user, model, about))
    }

    fn model(&self, user: &str, version: u64) -> Result<Vec<u8>, RegistryError> {
        self.bytes(user, version, MODEL)
    }

    fn about(&self, user: &str, version: u64) -> Result<Vec<u8>, RegistryError> {
        self.bytes(user, version, ABOUT)
    }

    fn change(&self, user: &str, change: Change<'_>) -> Result<Standing, RegistryError> {
        let action = format!("change what is live of user {user:?}");
        for retry in 0..TRIES {
            let Some((before, found)) = self.wait(&action, self.state(user))? else {
                let mut nothing = Standing::default();
                change(&mut nothing, &[]).map_err(|why| self.fail(why))?;
                return match nothing == Standing::default() {
                    true => Ok(nothing),
                    false => Err(self.fail(no_version(user, 1, &[]))),
                };
            };
            let versions: Vec<u64> = found.iter().map(|version| version.number).collect();
            let mut standing = before.standing.clone();
            change(&mut standing, &versions).map_err(|why| self.fail(why))?;
            if standing == before.standing {
                return Ok(standing);
            }
            standing.tidy(&versions);
            let done = self.wait(&action, async {
                if !self.follow(&before, &standing).await? {
                    pause(retry.min(4), None).await;
                    return Ok(false);
                }
                let number = before.number + 1;
                let kept = Kept { keeper: before.keeper, number, standing: standing.clone() };
                // The change is done, whatever becomes of its mirror; the next one sets that right.
                let _ = self.mirror(user, kept, found).await;
                Ok(true)
            })?;
            if done {
                return Ok(standing);
            }
        }
        Err(self.fail(format!("user {user:?}: others change it without a pause")))
    }

    fn remove(&self, user: &str, version: u64) -> Result<(), RegistryError> {
        self.wait(
            &format!("remove version {version} of user {user:?}"),
            self.take_away(user, version),
        )
    }

    fn sweep(&self) -> Result<usize, RegistryError> {
        self.wait("remove what is unfinished", self.clean())
    }
}

/// Milliseconds, as the server counts them.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}
