//! Standings: parameters of the keeper, one after the other, and their mirror in alias and tags.

use super::rest::{Answer, Failure, each, text, unless_missing};
use super::versions::{STATE, Version};
use super::{Mlflow, TRIES};
use crate::store::remote::token;
use crate::store::{Standing, State};
use serde::{Deserialize, Serialize};
use serde_json::json;

const STANDING: &str = "standing-";
const LIVE: &str = "live";

/// Where a user's standing is written: the run, and the newest one's number.
pub(super) struct Kept {
    pub(super) keeper: String,
    pub(super) number: u64,
    pub(super) standing: Standing,
}

/// The value of a parameter.
#[derive(Serialize, Deserialize)]
struct Entry {
    standing: Standing,
    token: String,
}

impl Mlflow {
    /// A user's newest standing.
    pub(super) async fn kept(&self, keeper: String) -> Answer<Kept> {
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
    pub(super) async fn follow(&self, before: &Kept, standing: &Standing) -> Answer<bool> {
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

    /// Tells MLflow's users what a change has made of which version.
    pub(super) async fn mirror(
        &self,
        user: &str,
        mut kept: Kept,
        mut versions: Vec<Version>,
    ) -> Answer<()> {
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
}
