//! A store in an MLflow tracking server and its model registry:
//!
//! ```text
//! experiment NAME               one run a version: parameters, metrics, and the artifacts
//!                               model.dfp, about.json, summary.md
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

mod rest;
mod told;

use super::name::{self, Owner};
use super::{Change, Purpose, Shelf, Standing, State, Store, no_version};
use crate::error::IoError;
use crate::remote::{refuse, runtime};
use crate::store::remote::token;
use bytes::Bytes;
use futures_util::future::{try_join, try_join3};
use reqwest::Url;
use rest::{Failure, RETRIES, Server, pause, unless_missing};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;
use told::{Told, cut};

const SCHEME: &str = "mlflow+";
/// The store's name where the address has none.
const NAME: &str = "dfp";
const LONGEST_NAME: usize = 40;
const STANDINGS: &str = "-standings";
const STANDING: &str = "standing-";
/// Tag of an experiment: the version of what is described above.
const MARK: &str = "dfp.store";
const VERSION: &str = "1";
const USER: &str = "dfp.user";
const KEEPER: &str = "dfp.keeper";
const STATE: &str = "state";
const LIVE: &str = "live";
const ARTIFACTS: &str = "mlflow-artifacts:/";
const MODEL: &str = "model.dfp";
const ABOUT: &str = "about.json";
const SUMMARY: &str = "summary.md";
/// Longest name of a run, in characters.
const LONGEST_RUN: usize = 200;
/// Entries of a page.
const PAGE: usize = 1000;
/// A writer that has not finished by then is gone.
const BROKEN_OFF: Duration = Duration::from_secs(24 * 3600);
/// Times that a change is tried again while others are faster.
const TRIES: u32 = 200;

/// The server's part of `mlflow+http(s)://…`.
pub(super) fn server(name: &str) -> Option<&str> {
    let (scheme, rest) = name.split_at_checked(SCHEME.len())?;
    let is_http = |scheme: &str| ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
    (scheme.eq_ignore_ascii_case(SCHEME) && is_http(rest.split_once("://")?.0)).then_some(rest)
}

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

/// Where a user's standing is written: the run, and the newest one's number.
struct Kept {
    keeper: String,
    number: u64,
    standing: Standing,
}

/// The value of a parameter.
#[derive(Serialize, Deserialize)]
struct Entry {
    standing: Standing,
    token: String,
}

/// A version, and the `state` that it is tagged with.
struct Version {
    number: u64,
    state: Option<String>,
}

type Answer<T> = Result<T, Failure>;

impl Mlflow {
    /// The store at `address`, of which `server` is the part without our prefix.
    ///
    /// # Errors
    /// There is none to read, the server cannot be reached, or does not serve artifacts.
    pub(super) fn open(address: &str, server: &str, purpose: Purpose) -> Result<Self, IoError> {
        let (base, name) = parts(address, server)?;
        let fail = |cause| IoError::Store { place: address.to_owned(), cause };
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
                Purpose::Read => Ok((experiment, String::new())),
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
        let found = found.ok_or_else(|| {
            Failure::Other(format!(
                "there is no store here (no experiment {name:?}); accepted: what a run has written with --model_store, or `morpheus train --store`"
            ))
        })?;
        let experiment = &found["experiment"];
        let refused = |why: String| Err(Failure::Other(format!("experiment {name:?} {why}")));
        if experiment["lifecycle_stage"] == "deleted" {
            return refused("is deleted; accepted: one that is restored, or another name at the end of the address".to_owned());
        }
        match tags(experiment).find(|(key, _)| *key == MARK) {
            Some((_, VERSION)) => {}
            Some((_, other)) => {
                return refused(format!("says {MARK}={other:?}; accepted: {VERSION:?}"));
            }
            None => {
                return refused(format!(
                    "is not of a store (it has no tag {MARK:?}); accepted: another name at the end of the address, or a new one"
                ));
            }
        }
        artifacts(text(experiment, "artifact_location"))?;
        Ok(text(experiment, "experiment_id").to_owned())
    }

    fn wait<T>(&self, action: &str, answer: impl Future<Output = Answer<T>>) -> Result<T, IoError> {
        let runtime = runtime().map_err(|e| self.fail(e.to_string()))?;
        runtime
            .block_on(answer)
            .map_err(|failure| self.fail(format!("{}: cannot {action}", failure.words())))
    }

    fn fail(&self, cause: impl Into<String>) -> IoError {
        IoError::Store { place: self.place.clone(), cause: cause.into() }
    }

    /// The registered model of a user.
    fn model_name(&self, user: &str) -> String {
        format!("{}-{}", self.name, name::folder(user))
    }

    fn known_keeper(&self, user: &str) -> Option<String> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner).get(user).cloned()
    }

    /// The run that keeps a user's standing, if something was put for the user.
    async fn keeper(&self, user: &str) -> Answer<Option<String>> {
        if let Some(keeper) = self.known_keeper(user) {
            return Ok(Some(keeper));
        }
        let name = self.model_name(user);
        let got = self.server.get("registered-models/get", &[("name", &name)]).await;
        let Some(model) = unless_missing(got)? else { return Ok(None) };
        let Some((_, keeper)) = tags(&model["registered_model"]).find(|(key, _)| *key == KEEPER)
        else {
            return Err(Failure::Other(format!(
                "registered model {name:?} is not of this store (it has no tag {KEEPER:?}); accepted: another name at the end of the address"
            )));
        };
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        keepers.insert(user.to_owned(), keeper.to_owned());
        Ok(Some(keeper.to_owned()))
    }

    /// The users, whose keepers are remembered.
    async fn list(&self) -> Answer<Vec<String>> {
        let begin = format!("{}-", self.name);
        // An underscore stands for any sign there, and a capital may do for its small letter.
        let filter = format!("name LIKE '{begin}%'");
        let models = self.pages("registered-models/search", "registered_models", &filter).await?;
        let user = |model: &Value| {
            let folder = text(model, "name").strip_prefix(&begin)?;
            // Models of others may begin with the same letters.
            let (_, keeper) = tags(model).find(|(key, _)| *key == KEEPER)?;
            let user = match name::owner(folder) {
                Owner::User(user) => user,
                Owner::Cut => {
                    let (_, user) = tags(model).find(|(key, _)| *key == USER)?;
                    (name::folder(user) == folder).then(|| user.to_owned())?
                }
                Owner::Nobody => return None,
            };
            Some((user, keeper.to_owned()))
        };
        let found: Vec<_> = models.iter().filter_map(user).collect();
        let mut users: Vec<String> = found.iter().map(|(user, _)| user.clone()).collect();
        users.sort_unstable();
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
        Ok(users)
    }

    /// Registers a user who is not yet: of several who try, one has its keeper named.
    async fn register(&self, user: &str) -> Answer<()> {
        // One request for the first thousand users, in place of one for each.
        self.listed.get_or_try_init(|| async { self.list().await.map(drop) }).await?;
        if self.known_keeper(user).is_some() {
            return Ok(());
        }
        let keeper = self.create_run(user, &self.standings).await?;
        let keeper = text(&keeper["info"], "run_id");
        let body = json!({
            "name": self.model_name(user),
            "description": format!("Model of {}", cut(user, LONGEST_RUN)),
            "tags": [tag(USER, user), tag(KEEPER, keeper)],
        });
        match self.server.post("registered-models/create", &body).await {
            Ok(_) => {
                let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
                keepers.insert(user.to_owned(), keeper.to_owned());
            }
            // By another, or by ourselves with the answer lost.
            Err(Failure::Exists(_)) => {
                if self.keeper(user).await?.as_deref() != Some(keeper) {
                    self.server.post("runs/delete", &json!({"run_id": keeper})).await?;
                }
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    async fn create_run(&self, user: &str, experiment: &str) -> Answer<Value> {
        let body = json!({
            "experiment_id": experiment,
            "run_name": cut(user, LONGEST_RUN),
            "start_time": now(),
            "tags": [
                tag(USER, user),
                tag("mlflow.source.name", "morpheus"),
                tag("mlflow.source.type", "JOB"),
            ],
        });
        // Where it was done and only the answer lost, an empty run stays behind; the sweep finds those
        // of versions.
        Ok(self.server.post("runs/create", &body).await?["run"].take())
    }

    /// A user's newest standing.
    async fn kept(&self, keeper: String) -> Answer<Kept> {
        let run = self.server.get("runs/get", &[("run_id", &keeper)]).await?;
        let parameters = each(&run["run"]["data"], "params");
        let numbered = |parameter| {
            let number = text(parameter, "key").strip_prefix(STANDING)?.parse::<u64>().ok()?;
            Some((number, text(parameter, "value")))
        };
        let Some((number, value)) = parameters.filter_map(numbered).max() else {
            return Ok(Kept { keeper, number: 0, standing: Standing::default() });
        };
        let entry: Entry = serde_json::from_str(value).map_err(|e| {
            let name = format!("{STANDING}{number:08}");
            Failure::Other(format!("parameter {name:?} of run {keeper:?} cannot be used: {e}"))
        })?;
        Ok(Kept { keeper, number, standing: entry.standing })
    }

    /// Writes the standing that follows; whether nobody else has.
    async fn follow(&self, before: &Kept, standing: &Standing) -> Answer<bool> {
        let token = token().map_err(|e| Failure::Other(e.to_string()))?;
        let entry = Entry { standing: standing.clone(), token };
        let value = serde_json::to_string(&entry).map_err(|e| Failure::Other(e.to_string()))?;
        let key = format!("{STANDING}{:08}", before.number + 1);
        let body = json!({"run_id": before.keeper, "key": key, "value": value});
        let put = self.server.post("runs/log-parameter", &body).await;
        let Err(Failure::Refused(words)) = put else { return put.map(|_| true) };
        let now = self.kept(before.keeper.clone()).await?;
        // A value may be refused for other reasons: it is too long.
        if now.number == before.number { Err(Failure::Refused(words)) } else { Ok(false) }
    }

    /// A user's versions, ascending.
    async fn versions(&self, user: &str) -> Answer<Vec<Version>> {
        let of_user = format!("name='{}'", self.model_name(user));
        let found = self.pages("model-versions/search", "model_versions", &of_user).await?;
        let version = |found: &Value| {
            let state = tags(found).find(|(key, _)| *key == STATE);
            Some(Version {
                number: text(found, "version").parse().ok()?,
                state: state.map(|(_, state)| state.to_owned()),
            })
        };
        let mut versions: Vec<Version> = found.iter().filter_map(version).collect();
        versions.sort_unstable_by_key(|version| version.number);
        Ok(versions)
    }

    /// All that a search finds.
    async fn pages(&self, what: &str, list: &str, filter: &str) -> Answer<Vec<Value>> {
        let (mut found, mut page) = (Vec::new(), String::new());
        loop {
            let most = PAGE.to_string();
            let mut query = vec![("filter", filter), ("max_results", &most)];
            if !page.is_empty() {
                query.push(("page_token", &page));
            }
            let mut answer = self.server.get(what, &query).await?;
            if let Value::Array(entries) = answer[list].take() {
                found.extend(entries);
            }
            match text(&answer, "next_page_token") {
                "" => return Ok(found),
                next => page = next.to_owned(),
            }
        }
    }

    async fn look(&self, user: &str) -> Answer<Shelf> {
        let Some(keeper) = self.keeper(user).await? else { return Ok(Shelf::default()) };
        let mut tries = 0;
        loop {
            // A version is there before a standing names it, so the versions are asked for second.
            let standing = self.kept(keeper.clone()).await?.standing;
            let versions: Vec<u64> =
                self.versions(user).await?.iter().map(|version| version.number).collect();
            // It may have been replaced and removed between the two.
            if tries == RETRIES || standing.live().is_none_or(|live| versions.contains(&live)) {
                return Ok(Shelf { versions, standing });
            }
            tries += 1;
        }
    }

    async fn write(&self, user: &str, model: &[u8], about: &[u8]) -> Answer<u64> {
        let run = self.create_run(user, &self.experiment).await?;
        let (id, place) = (text(&run["info"], "run_id"), text(&run["info"], "artifact_uri"));
        let path = artifacts(place)?;
        let told = Told::new(about);
        let upload = |name: &str, bytes: &[u8]| {
            let (path, bytes) = (format!("{path}/{name}"), Bytes::copy_from_slice(bytes));
            async move { self.server.upload(&path, bytes).await }
        };
        let summary = told.summary(user);
        let artifacts = try_join3(
            upload(MODEL, model),
            upload(ABOUT, about),
            upload(SUMMARY, summary.as_bytes()),
        );
        let log = async {
            for batch in told.batches(id, now()) {
                self.server.post("runs/log-batch", &batch).await?;
            }
            Ok(())
        };
        try_join(artifacts, log).await?;
        self.register(user).await?;
        let version = self.create_version(user, id, place).await?;
        // Whether the run is ended matters to those who look at it, and to the sweep.
        let ended = json!({"run_id": id, "status": "FINISHED", "end_time": now()});
        self.server.post("runs/update", &ended).await?;
        Ok(version)
    }

    /// Gives a run the next number.
    async fn create_version(&self, user: &str, run: &str, source: &str) -> Answer<u64> {
        let name = self.model_name(user);
        let body = json!({"name": name, "source": source, "run_id": run});
        let mut retry = 0;
        loop {
            match self.server.post_once("model-versions/create", &body).await {
                Ok(made) => return number(&made["model_version"]),
                // Others took each number that it tried.
                Err(Failure::Exists(_)) if retry < RETRIES => pause(retry, None).await,
                Err(Failure::Passing(_, wish)) if retry < RETRIES => {
                    pause(retry, wish).await;
                    // It may be done, and only the answer lost.
                    if let Some(made) = self.of_run(run).await?.first() {
                        return number(made);
                    }
                }
                Err(failure) => return Err(failure),
            }
            retry += 1;
        }
    }

    /// The versions that a run has made.
    async fn of_run(&self, run: &str) -> Answer<Vec<Value>> {
        self.pages("model-versions/search", "model_versions", &format!("run_id='{run}'")).await
    }

    /// An artifact of a version; `None` if there is no such version.
    async fn artifact(&self, user: &str, version: u64, name: &str) -> Answer<Option<Bytes>> {
        let Some(path) = self.path(user, version).await? else { return Ok(None) };
        match self.server.download(&format!("{path}/{name}")).await {
            // It is removed after its version.
            Err(Failure::Missing(words)) => match self.path(user, version).await? {
                Some(_) => Err(Failure::Missing(words)),
                None => Ok(None),
            },
            answer => answer.map(Some),
        }
    }

    /// Where a version's artifacts are.
    async fn path(&self, user: &str, version: u64) -> Answer<Option<String>> {
        let (name, version) = (self.model_name(user), version.to_string());
        let query = [("name", name.as_str()), ("version", version.as_str())];
        let got = unless_missing(self.server.get("model-versions/get", &query).await)?;
        let path = |got: Value| artifacts(text(&got["model_version"], "source"));
        got.map(path).transpose()
    }

    fn bytes(&self, user: &str, version: u64, name: &str) -> Result<Vec<u8>, IoError> {
        let action = format!("read {name} of version {version} of user {user:?}");
        match self.wait(&action, self.artifact(user, version, name))? {
            Some(bytes) => Ok(bytes.into()),
            None => Err(self.fail(no_version(user, version, &self.shelf(user)?.versions))),
        }
    }

    /// Tells MLflow's users what a change has made of which version.
    async fn mirror(&self, user: &str, mut kept: Kept, mut versions: Vec<Version>) -> Answer<()> {
        let name = self.model_name(user);
        for _ in 0..TRIES {
            for Version { number, state } in versions {
                let now = kept.standing.state(number);
                // A candidate needs no tag, unless it has one that is wrong.
                if state.unwrap_or_else(|| State::Candidate.to_string()) != now.to_string() {
                    let body = json!({
                        "name": name, "version": number.to_string(), "key": STATE, "value": now.to_string(),
                    });
                    unless_missing(self.server.post("model-versions/set-tag", &body).await)?;
                }
            }
            if let Some(live) = kept.standing.live() {
                let body = json!({"name": name, "alias": LIVE, "version": live.to_string()});
                unless_missing(self.server.post("registered-models/alias", &body).await)?;
            }
            let newest = self.kept(kept.keeper.clone()).await?;
            if newest.number == kept.number {
                break;
            }
            versions = self.versions(user).await?;
            kept = newest;
        }
        Ok(())
    }

    async fn take_away(&self, user: &str, version: u64) -> Answer<()> {
        let Some(path) = self.path(user, version).await? else { return Ok(()) };
        let body = json!({"name": self.model_name(user), "version": version.to_string()});
        unless_missing(self.server.delete("model-versions/delete", &body).await)?;
        // What is known of the run stays: how a model was trained is worth more than it takes.
        unless_missing(self.server.discard(&format!("{path}/{MODEL}")).await)?;
        Ok(())
    }

    /// Runs of writers that are gone.
    async fn lost(&self) -> Answer<Vec<Value>> {
        let before = now().saturating_sub(BROKEN_OFF.as_millis() as u64);
        let filter = format!("attributes.status = 'RUNNING' and attributes.start_time < {before}");
        let (mut runs, mut page) = (Vec::new(), String::new());
        loop {
            let mut body =
                json!({"experiment_ids": [self.experiment], "filter": filter, "max_results": PAGE});
            if !page.is_empty() {
                body["page_token"] = page.into();
            }
            let mut answer = self.server.post("runs/search", &body).await?;
            if let Value::Array(found) = answer["runs"].take() {
                runs.extend(found);
            }
            match text(&answer, "next_page_token") {
                "" => return Ok(runs),
                next => page = next.to_owned(),
            }
        }
    }

    async fn clean(&self) -> Answer<usize> {
        let mut swept = 0;
        for run in self.lost().await? {
            let id = text(&run["info"], "run_id");
            if self.of_run(id).await?.is_empty() {
                let path = artifacts(text(&run["info"], "artifact_uri"))?;
                unless_missing(self.server.discard(&path).await)?;
                self.server.post("runs/delete", &json!({"run_id": id})).await?;
                swept += 1;
            } else {
                let ended = json!({"run_id": id, "status": "FINISHED", "end_time": now()});
                self.server.post("runs/update", &ended).await?;
            }
        }
        Ok(swept)
    }
}

impl Store for Mlflow {
    fn place(&self) -> &str {
        &self.place
    }

    fn users(&self) -> Result<Vec<String>, IoError> {
        self.wait("list the registered models", self.list())
    }

    fn shelf(&self, user: &str) -> Result<Shelf, IoError> {
        self.wait(&format!("look for versions of user {user:?}"), self.look(user))
    }

    fn put(&self, user: &str, model: &[u8], about: &[u8]) -> Result<u64, IoError> {
        self.wait(&format!("put a version of user {user:?}"), self.write(user, model, about))
    }

    fn model(&self, user: &str, version: u64) -> Result<Vec<u8>, IoError> {
        self.bytes(user, version, MODEL)
    }

    fn about(&self, user: &str, version: u64) -> Result<Vec<u8>, IoError> {
        self.bytes(user, version, ABOUT)
    }

    fn change(&self, user: &str, change: Change<'_>) -> Result<Standing, IoError> {
        let action = format!("change what is live of user {user:?}");
        for retry in 0..TRIES {
            let before = self.wait(&action, async {
                match self.keeper(user).await? {
                    Some(keeper) => self.kept(keeper).await.map(Some),
                    None => Ok(None),
                }
            })?;
            // Looked at after the standing was read: a version that another process has let go of and
            // removed since is gone here.
            let found = self.wait(&action, self.versions(user))?;
            let versions: Vec<u64> = found.iter().map(|version| version.number).collect();
            let mut standing =
                before.as_ref().map(|before| before.standing.clone()).unwrap_or_default();
            change(&mut standing, &versions).map_err(|why| self.fail(why))?;
            let Some(before) = before else {
                // There is nothing to change; a change that does nothing is none.
                return match standing == Standing::default() {
                    true => Ok(standing),
                    false => Err(self.fail(no_version(user, 1, &[]))),
                };
            };
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

    fn remove(&self, user: &str, version: u64) -> Result<(), IoError> {
        self.wait(
            &format!("remove version {version} of user {user:?}"),
            self.take_away(user, version),
        )
    }

    fn sweep(&self) -> Result<usize, IoError> {
        self.wait("remove what is unfinished", self.clean())
    }
}

/// The server's base and the store's name of an address: the last part of the path is the name.
fn parts(address: &str, server: &str) -> Result<(Url, String), IoError> {
    let form = "mlflow+http://HOST:PORT/NAME or mlflow+https://HOST/PATH/NAME, the name of small letters, digits, \"_\" and \".\", as in mlflow+http://localhost:5000/dfp";
    let url = Url::parse(server).map_err(|e| refuse(address, e.to_string(), form))?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        let cause = "a server of models has no query, fragment or user in its address".to_owned();
        return Err(refuse(address, cause, form));
    }
    let path = url.path().trim_end_matches('/');
    // With a slash behind it is all the server's.
    let (base, name) = match url.path().ends_with('/') {
        true => (path, NAME),
        false => path.rsplit_once('/').unwrap_or(("", path)),
    };
    let sign = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.');
    // A hyphen ends it in the names of models.
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(sign) {
        return Err(refuse(address, format!("unusable name {name:?} of a store"), form));
    }
    let (base, name) = (base.to_owned(), name.to_owned());
    let mut url = url;
    url.set_path(&base);
    Ok((url, name))
}

/// The path of artifacts that the server itself hands out.
fn artifacts(place: &str) -> Answer<String> {
    match place.strip_prefix(ARTIFACTS) {
        // Two slashes are followed by a host.
        Some(path) if !path.starts_with('/') || path.starts_with("//") => {
            Ok(path.trim_matches('/').to_owned())
        }
        _ => Err(Failure::Other(format!(
            "its artifacts are at {place:?}, past the server; accepted: a server that serves artifacts itself (`mlflow server --serve-artifacts --artifacts-destination …`)"
        ))),
    }
}

fn tag(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

/// Keys and values of a thing's tags.
fn tags(of: &Value) -> impl Iterator<Item = (&str, &str)> {
    each(of, "tags").map(|tag| (text(tag, "key"), text(tag, "value")))
}

/// What a list of an answer has; an empty one is left out by the server.
fn each<'a>(of: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    of.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(version: &Value) -> Answer<u64> {
    let told = text(version, "version");
    told.parse().map_err(|_| Failure::Other(format!("version {told:?} of a model is no number")))
}

/// Milliseconds, as the server counts them.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_server_and_a_store() {
        for (address, base, name) in [
            ("mlflow+http://localhost:5000", "http://localhost:5000/", "dfp"),
            ("mlflow+http://localhost:5000/", "http://localhost:5000/", "dfp"),
            ("mlflow+https://host/team_a", "https://host/", "team_a"),
            ("MLflow+HTTP://host/ml/flow/team.b", "http://host/ml/flow", "team.b"),
            ("mlflow+https://host/ml/", "https://host/ml", "dfp"),
        ] {
            let (url, store) = parts(address, server(address).unwrap()).unwrap();
            assert_eq!((url.as_str(), store.as_str()), (base, name), "{address}");
        }
        for address in
            ["http://host", "mlflow+ftp://host", "mlflow://host", "mlflow+", "models", "s3://b"]
        {
            assert_eq!(server(address), None, "{address}");
        }
        for (address, why) in [
            ("mlflow+http://host/team-a", "unusable name \"team-a\""),
            ("mlflow+http://host/Team", "unusable name \"Team\""),
            ("mlflow+http://host/a?b=c", "no query"),
            ("mlflow+http://ann:secret@host/a", "no query, fragment or user"),
            ("mlflow+http://", "empty host"),
        ] {
            let error = parts(address, server(address).unwrap()).unwrap_err().to_string();
            assert!(
                error.contains(why) && error.contains("mlflow+http://HOST:PORT/NAME"),
                "{error}"
            );
        }
    }

    #[test]
    fn artifacts_have_to_be_the_servers() {
        assert_eq!(artifacts("mlflow-artifacts:/1/a/artifacts").unwrap(), "1/a/artifacts");
        assert_eq!(artifacts("mlflow-artifacts:///1/a").unwrap(), "1/a");
        for place in
            ["mlflow-artifacts://host:80/1", "s3://bucket/1", "file:///tmp/1", "/tmp/1", ""]
        {
            let words = artifacts(place).unwrap_err();
            assert!(words.words().contains("--serve-artifacts"), "{place}");
        }
    }
}
