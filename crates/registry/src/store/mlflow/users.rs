//! Users: a registered model each, and the run that keeps the standing.

use super::params::cut;
use super::rest::{Answer, Failure, tag, tags, text, unless_missing};
use super::{LONGEST_RUN, Mlflow, now};
use crate::store::name::{self, Owner};
use serde_json::{Value, json};

const USER: &str = "dfp.user";
const KEEPER: &str = "dfp.keeper";

impl Mlflow {
    /// The registered model of a user.
    pub(super) fn model_name(&self, user: &str) -> String {
        format!("{}-{}", self.name, name::folder(user))
    }

    fn known_keeper(&self, user: &str) -> Option<String> {
        self.keepers.lock().get(user).cloned()
    }

    /// Asks for the keeper again next time.
    pub(super) fn forget(&self, user: &str) {
        self.keepers.lock().remove(user);
    }

    /// The run that keeps a user's standing, if something was put for the user.
    pub(super) async fn keeper(&self, user: &str) -> Answer<Option<String>> {
        if let Some(keeper) = self.known_keeper(user) {
            return Ok(Some(keeper));
        }
        let name = self.model_name(user);
        let got = self.server.get("registered-models/get", &[("name", &name)]).await;
        let Some(model) = unless_missing(got)? else { return Ok(None) };
        let Some((_, keeper)) = tags(&model["registered_model"]).find(|(key, _)| *key == KEEPER)
        else {
            return Err(Failure::Other(format!(
                "registered model {name:?} is not of this store (it has no tag {KEEPER:?}); expected another name at the end of the address"
            )));
        };
        let mut keepers = self.keepers.lock();
        keepers.insert(user.to_owned(), keeper.to_owned());
        Ok(Some(keeper.to_owned()))
    }

    /// The users, whose keepers are remembered.
    pub(super) async fn list(&self) -> Answer<Vec<String>> {
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
        self.keepers.lock().extend(found);
        Ok(users)
    }

    /// Registers a user who is not yet: of several who try, one has its keeper named.
    pub(super) async fn register(&self, user: &str) -> Answer<()> {
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
                let mut keepers = self.keepers.lock();
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

    /// A new run, named after its user.
    pub(super) async fn create_run(&self, user: &str, experiment: &str) -> Answer<Value> {
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
        let mut answer = self.server.post("runs/create", &body).await?;
        Ok(answer.get_mut("run").map(Value::take).unwrap_or_default())
    }
}
