//! What people want to know of a version, beside its model: JSON that can be read by eye.

use crate::error::RegistryError;
use dfp_model::{ModelError, UserModel, Window, artifact};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// About a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Whose model it is.
    pub user: String,
    /// Name and version of the program that trained it.
    pub software: String,
    /// How its logs were read.
    pub source: String,
    /// Training rows.
    pub rows: usize,
    /// When they happened, if that is known.
    pub window: Option<Window>,
    /// The columns that are features.
    pub features: Vec<String>,
    /// The seed.
    pub seed: u64,
    /// All settings of the training.
    pub options: Value,
    /// Mean training loss of each epoch.
    pub losses: Vec<f64>,
    /// When it was put there: RFC 3339, in UTC.
    pub created: String,
    /// What training it took, seconds; `None` where that was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Tells its rows, features and settings from all others: what was trained once need not be again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    /// Tells the model from all others.
    pub fingerprint: String,
    /// The model that it leans on.
    pub leans_on: Option<Leaning>,
    /// How it compares with the model that was live when it was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Value>,
}

/// A version that a model leans on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaning {
    /// Whose version.
    pub user: String,
    /// Its number.
    pub version: u64,
    /// The model's fingerprint.
    pub fingerprint: String,
}

impl About {
    /// What the model itself tells.
    ///
    /// # Errors
    /// Its settings cannot be written as JSON.
    pub fn of(
        model: &UserModel,
        source: &str,
        leans_on: Option<Leaning>,
    ) -> Result<Self, ModelError> {
        let header = model.header();
        let json = |why: serde_json::Error| ModelError::Artifact(why.to_string());
        Ok(Self {
            user: header.user.clone(),
            software: crate::SOFTWARE.to_owned(),
            source: source.to_owned(),
            rows: header.training_rows,
            window: header.window,
            features: header.plan.names().map(str::to_owned).collect(),
            seed: header.config.seed,
            options: serde_json::to_value(&header.config).map_err(json)?,
            losses: header.epoch_losses.clone(),
            created: jiff::Timestamp::now()
                .round(jiff::Unit::Second)
                .unwrap_or_default()
                .to_string(),
            seconds: None,
            trained_on: None,
            fingerprint: artifact::fingerprint(model)?,
            leans_on,
            comparison: None,
        })
    }

    /// Refuses to take a version for another source's logs: users of the same name are others there. What
    /// `from-file` reads may be anything.
    ///
    /// # Errors
    /// It was trained on logs of another source.
    pub fn check_source(&self, source: &str, place: &str) -> Result<(), RegistryError> {
        let any_table = [source, &self.source].contains(&"from-file");
        if any_table || self.source == source {
            return Ok(());
        }
        Err(RegistryError::OtherSource {
            place: place.to_owned(),
            user: self.user.clone(),
            trained: self.source.clone(),
            source_of_logs: source.to_owned(),
        })
    }

    /// From JSON.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json)
            .map_err(|why| format!("what is said about it cannot be used: {why}"))
    }

    pub(super) fn json(&self) -> Vec<u8> {
        // Texts, finite numbers and lists of them: this cannot fail.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}
