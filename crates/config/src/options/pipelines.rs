//! The pipelines that `run` can run: the same stages, with and without an autoencoder.

use super::commands::{VIZ_DIRECTION, VIZ_FILE};
use super::kind::MOST_ROWS;
use super::{AUTOENCODER, CommandSpec, Emits, Form, Kind, OptionSpec, Role, StageEntry};
use serde::{Deserialize, Serialize};

const NO_MODEL: &str = "no stage of this pipeline has a model";

/// `morpheus run pipeline-other`
pub const OTHER: CommandSpec = CommandSpec {
    name: "pipeline-other",
    about: "stages that need no model: read, choose, compare and write rows",
    options: &[
        OptionSpec::new(
            "timestamp_column_name",
            Kind::Text,
            "the column by which from-file puts rows in order (default: rows stay in the order of the files); the other sources know theirs",
        ),
        OptionSpec::new(
            "model_fea_length",
            Kind::Integer { min: 1, max: MOST_ROWS },
            "features of the model",
        )
        .default("1")
        .noted(NO_MODEL),
        OptionSpec::new("label", Kind::Text, "names of the model's results")
            .multiple()
            .noted(NO_MODEL),
        OptionSpec::new(
            "labels_file",
            Kind::ExistingFile,
            "names of the model's results, one a line",
        )
        .noted(NO_MODEL),
        VIZ_FILE,
        VIZ_DIRECTION,
    ],
};

/// A pipeline that `run` can run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PipelineKind {
    /// Rows of users, with an autoencoder for each.
    #[default]
    #[serde(rename = "pipeline-ae")]
    Autoencoder,
    /// Rows as they are.
    #[serde(rename = "pipeline-other")]
    Other,
}

/// All pipelines.
pub const PIPELINES: [PipelineKind; 2] = [PipelineKind::Autoencoder, PipelineKind::Other];

impl PipelineKind {
    /// The command that runs it.
    pub const fn command(self) -> &'static CommandSpec {
        match self {
            Self::Autoencoder => &AUTOENCODER,
            Self::Other => &OTHER,
        }
    }

    /// The pipeline of this name.
    pub fn of(name: &str) -> Option<Self> {
        PIPELINES.into_iter().find(|pipeline| pipeline.command().name == name)
    }

    /// Whether rows of this form are met in it.
    pub fn has(self, form: Form) -> bool {
        match form {
            Form::UserRows | Form::Plain => true,
            Form::Messages => self == Self::Other,
            Form::Assigned | Form::Encoded | Form::Scored => self == Self::Autoencoder,
        }
    }

    /// Why a stage that is here has no place in this pipeline.
    pub fn refuses(self, entry: &StageEntry) -> Option<&'static str> {
        let Role::Stage(accepts, emits) = entry.role else { return None };
        let is_met = match emits {
            Emits::Form(form) => self.has(form),
            Emits::Same => true,
        };
        match self {
            Self::Other if entry.name == "to-report" => Some(
                "a page is about scores, which pipeline-other does not make; use pipeline-ae, or morpheus report for files that have scores",
            ),
            _ if is_met && accepts.iter().any(|form| self.has(*form)) => None,
            Self::Autoencoder => Some(
                "it has no place in pipeline-ae, where train-ae cuts rows into messages; leave it out",
            ),
            Self::Other => {
                Some("it needs an autoencoder, which pipeline-other does not have; use pipeline-ae")
            }
        }
    }
}
