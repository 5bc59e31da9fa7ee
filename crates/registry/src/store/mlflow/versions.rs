//! Versions: a run each, and a number in the registry.

use super::address::artifacts;
use super::params::Told;
use super::rest::{Answer, Failure, Pages, RETRIES, pause, tags, text, unless_missing};
use super::{Mlflow, PAGE, now};
use bytes::Bytes;
use futures_util::future::{try_join, try_join3};
use serde_json::{Value, json};
use std::time::Duration;

/// In a folder of its own: older servers remove folders only.
pub(super) const MODEL: &str = "model/model.dfp";
const FOLDER: &str = "model";
pub(super) const ABOUT: &str = "about.json";
const SUMMARY: &str = "summary.md";
pub(super) const STATE: &str = "state";
/// A writer that has not finished by then is gone.
const BROKEN_OFF: Duration = Duration::from_secs(24 * 3600);

/// A version, and the `state` that it is tagged with.
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) state: Option<String>,
}

impl Mlflow {
    /// A user's versions, ascending.
    pub(super) async fn versions(&self, user: &str) -> Answer<Vec<Version>> {
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
        // Pages shift where something changes between two of them.
        versions.dedup_by_key(|version| version.number);
        Ok(versions)
    }

    /// Puts a version; tells its number.
    pub(super) async fn write(&self, user: &str, model: &[u8], about: &[u8]) -> Answer<u64> {
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
        let version = match self.create_version(user, id, place).await {
            // Somebody has deleted the registered model.
            Err(Failure::Missing(_)) => {
                self.forget(user);
                self.register(user).await?;
                self.create_version(user, id, place).await?
            }
            version => version?,
        };
        // The version is there: where the run cannot be ended, the sweep does it later.
        let _ = self.end(id).await;
        Ok(version)
    }

    async fn end(&self, run: &str) -> Answer<()> {
        let ended = json!({"run_id": run, "status": "FINISHED", "end_time": now()});
        self.server.post("runs/update", &ended).await.map(drop)
    }

    /// Gives a run the next number.
    async fn create_version(&self, user: &str, run: &str, source: &str) -> Answer<u64> {
        let name = self.model_name(user);
        let body = json!({"name": name, "source": source, "run_id": run});
        let mut retry = 0;
        loop {
            match self.server.post_once("model-versions/create", &body).await {
                Ok(made) => return number(&made["model_version"]),
                Err(Failure::Passing(_, wish)) if retry < RETRIES => {
                    pause(retry, wish).await;
                    // It may be done, and only the answer lost; or others were faster with each number
                    // that the server tried.
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
    pub(super) async fn artifact(
        &self,
        user: &str,
        version: u64,
        name: &str,
    ) -> Answer<Option<Bytes>> {
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

    /// Removes a version and its model.
    pub(super) async fn take_away(&self, user: &str, version: u64) -> Answer<()> {
        let Some(path) = self.path(user, version).await? else { return Ok(()) };
        let body = json!({"name": self.model_name(user), "version": version.to_string()});
        unless_missing(self.server.delete("model-versions/delete", &body).await)?;
        // What is known of the run stays: how a model was trained is worth more than it takes.
        unless_missing(self.server.discard(&format!("{path}/{FOLDER}")).await)?;
        Ok(())
    }

    /// Runs of writers that are gone.
    async fn lost(&self) -> Answer<Vec<Value>> {
        let before = now().saturating_sub(BROKEN_OFF.as_millis() as u64);
        let filter = format!("attributes.status = 'RUNNING' and attributes.start_time < {before}");
        let mut pages = Pages::default();
        loop {
            let mut body =
                json!({"experiment_ids": [self.experiment], "filter": filter, "max_results": PAGE});
            if !pages.token.is_empty() {
                body["page_token"] = pages.token.as_str().into();
            }
            let answer = self.server.post("runs/search", &body).await?;
            if !pages.add(answer, "runs")? {
                return Ok(pages.found);
            }
        }
    }

    /// Removes what such writers have left, and ends the runs of those who got as far as a version.
    pub(super) async fn clean(&self) -> Answer<usize> {
        let mut swept = 0;
        for run in self.lost().await? {
            let id = text(&run["info"], "run_id");
            if self.of_run(id).await?.is_empty() {
                let path = artifacts(text(&run["info"], "artifact_uri"))?;
                unless_missing(self.server.discard(&path).await)?;
                self.server.post("runs/delete", &json!({"run_id": id})).await?;
                swept += 1;
            } else {
                self.end(id).await?;
            }
        }
        Ok(swept)
    }
}

fn number(version: &Value) -> Answer<u64> {
    let told = text(version, "version");
    told.parse().map_err(|_| Failure::Other(format!("version {told:?} of a model is no number")))
}
