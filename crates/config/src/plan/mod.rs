//! What the user typed ([`PlanSpec`]) and what was checked ([`Plan`](dfp_pipeline::plan::Plan)) are two types: nothing
//! after the check checks again.

mod alert;
mod check;
mod features;
mod file;
mod generate;
mod order;
mod quality;
mod report;
mod results;
mod same_files;
mod source;
mod stages;
mod store;
mod time_series;
mod train_ae;
mod values;

pub use check::{check, check_bench, check_beside, cpus};
pub use features::check_inspection;
pub use file::{ABOUT_PLANS, PlanFormat, parse_plan, plan_text, read_plan};
pub use generate::check_generate;
pub use quality::{check_backtest, check_evaluate};
pub use report::{check_plot, check_report};
pub use results::{check_alerts, check_explain};
pub use store::{ModelsCommand, check_models, check_score, check_train};

use crate::options::PipelineKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Option name -> the texts given, in order. Names are the table's, aliases resolved.
pub type OptionTexts = BTreeMap<String, Vec<String>>;

/// A pipeline as it was typed: names and texts, nothing checked against the table yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// Which pipeline.
    #[serde(default)]
    pub kind: PipelineKind,
    /// Options of `run`.
    #[serde(default)]
    pub run: OptionTexts,
    /// Options of the pipeline.
    #[serde(default)]
    pub pipeline: OptionTexts,
    /// The stages in order.
    pub stages: Vec<StageSpec>,
}

/// One stage as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    /// The stage's name as typed.
    pub name: String,
    /// Its options.
    #[serde(default)]
    pub options: OptionTexts,
}
