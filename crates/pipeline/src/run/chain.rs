//! The plan's stages, put together.

use super::Run;
use crate::encoding::Encoder;
use crate::error::RunError;
use crate::message::Message;
use crate::plan::{self, Details, ScoreKind, StageSettings};
use crate::stages;
use dfp_connectors::state::StateDir;
use dfp_engine::Pipeline;
use dfp_features::own_columns::OwnColumns;
use dfp_model::config::Scorer;
use std::sync::Arc;

/// The reason of rows that no model of a store can score.
const NO_MODEL: &str =
    "no model: the store has a live version neither of this user nor of everyone";

impl Run<'_> {
    pub(super) fn chain(
        &self,
        mut chain: Pipeline<Message>,
        mut sinks: std::vec::IntoIter<stages::ToFile>,
        mut reports: std::vec::IntoIter<stages::ToReport>,
        mut validations: std::vec::IntoIter<stages::Validate>,
        state: Option<&Arc<StateDir>>,
    ) -> Result<Pipeline<Message>, RunError> {
        let details =
            self.plan.stages.iter().any(
                |stage| matches!(stage, StageSettings::AddScores(s) if s.details > Details::None),
            );
        let version = self
            .plan
            .stages
            .iter()
            .any(|stage| matches!(stage, StageSettings::AddScores(s) if s.model_version));
        let mut monitors = 0;
        let mut made: Vec<String> = Vec::new();
        let own = Arc::new(OwnColumns::default());
        let mut results = |stage, labels: &[(String, ScoreKind)], prefix: &str| {
            let made_before = made.clone();
            made.extend(labels.iter().map(|(label, _)| format!("{prefix}{label}")));
            stages::ResultColumns {
                stage,
                made_before,
                features: self.plan.columns.clone(),
                own: Arc::clone(&own),
                reporter: Arc::clone(&self.reporter),
                warned: Arc::default(),
            }
        };
        for stage in &self.plan.stages {
            chain = match stage {
                StageSettings::TrainAe(settings) => {
                    chain.stage("train-ae", Box::new(self.train_stage(settings, state)))
                }
                StageSettings::Preprocess => chain.stage(
                    "preprocess",
                    Box::new(stages::Preprocess {
                        models: Arc::clone(&self.models),
                        encoder: Encoder {
                            strict: self.plan.strict,
                            gaps: Arc::clone(&self.gaps),
                            reporter: Arc::clone(&self.reporter),
                        },
                    }),
                ),
                StageSettings::Inference(settings) => chain.stage(
                    "inf-pytorch",
                    Box::new(stages::Inference {
                        pool: Arc::clone(&self.pool),
                        with_features: details,
                        with_version: version,
                        recommended: self.recommended(*settings),
                        book: Arc::clone(&self.book),
                        strict: self.plan.strict,
                        reporter: Arc::clone(&self.reporter),
                        memory: None,
                    }),
                ),
                StageSettings::AddScores(settings) => chain.stage(
                    "add-scores",
                    Box::new(stages::AddScores {
                        settings: settings.clone(),
                        columns: self.plan.columns.clone(),
                        no_model: self.models.store().map(|_| NO_MODEL),
                        results: results("add-scores", &settings.labels, &settings.prefix),
                    }),
                ),
                StageSettings::AddClass(settings) => chain.stage(
                    "add-class",
                    Box::new(stages::AddClass {
                        columns: results("add-class", &settings.labels, &settings.prefix),
                        settings: settings.clone(),
                    }),
                ),
                StageSettings::Filter(settings) => {
                    chain.stage("filter", Box::new(stages::Filter { settings: settings.clone() }))
                }
                StageSettings::Validate(_) => match validations.next() {
                    Some(validation) => chain.stage("validate", Box::new(validation)),
                    None => chain,
                },
                StageSettings::DropNa { column } => {
                    let (column, book) = (column.clone(), Arc::clone(&self.book));
                    chain.stage("dropna", Box::new(stages::DropNa { column, book }))
                }
                StageSettings::Deserialize => {
                    let batch_size = self.plan.pipeline_batch_size;
                    chain.stage("deserialize", Box::new(stages::Deserialize { batch_size }))
                }
                StageSettings::Trigger => {
                    chain.stage("trigger", Box::new(stages::Trigger::default()))
                }
                StageSettings::TimeSeries(settings) => chain.stage(
                    "timeseries",
                    Box::new(stages::TimeSeries::new(
                        settings.clone(),
                        self.time_column(),
                        state.cloned(),
                        Arc::clone(&self.reporter),
                        Arc::clone(&self.time_series),
                        results("timeseries", &[], ""),
                    )),
                ),
                StageSettings::Alert(settings) => {
                    let around = stages::Surroundings {
                        time_column: self.time_column(),
                        goes_on: self.plan.source.is_live(),
                        state: state.cloned(),
                        columns: results("alert", &[], ""),
                        reporter: Arc::clone(&self.reporter),
                        count: Arc::clone(&self.alerts),
                        pool: Arc::clone(&self.pool),
                    };
                    chain.stage("alert", Box::new(stages::Alert::new(settings, around)?))
                }
                StageSettings::Monitor(settings) => {
                    let position = monitors;
                    monitors += 1;
                    let reporter = Arc::clone(&self.reporter);
                    let monitor =
                        stages::Monitor { settings: settings.clone(), position, reporter };
                    monitor.start();
                    chain.stage("monitor", Box::new(monitor))
                }
                StageSettings::Serialize(settings) => {
                    let (columns, reporter) = (self.resumed.clone(), Arc::clone(&self.reporter));
                    let stage = stages::Serialize::new(settings.clone(), columns, reporter);
                    chain.stage("serialize", Box::new(stage))
                }
                StageSettings::ToReport(_) => match reports.next() {
                    Some(report) => chain.stage("to-report", Box::new(report)),
                    None => chain,
                },
                StageSettings::ToFile(_) => match sinks.next() {
                    Some(sink) => chain.stage("to-file", Box::new(sink)),
                    None => chain,
                },
            };
            let name = match stage {
                StageSettings::TrainAe(_) => "train-ae",
                StageSettings::Preprocess => "preprocess",
                StageSettings::Inference(_) => "inf-pytorch",
                StageSettings::AddScores(_) => "add-scores",
                _ => continue,
            };
            if self.plan.debug {
                let stamp = stages::Stamp::new(name, results("--debug", &[], ""));
                chain = chain.stage("debug", Box::new(stamp));
            }
        }
        Ok(chain)
    }

    /// The derived column of event times, if it is one.
    fn time_column(&self) -> Option<String> {
        self.plan.source.features.derived_time().map(str::to_owned)
    }

    /// What is wanted of the recommended scorers: for the summary's rows at least three sentences in a
    /// hundred rows.
    fn recommended(&self, settings: plan::Inference) -> Option<stages::Recommended> {
        const SUMMARY: f64 = 0.03;
        let added = || {
            self.plan.stages.iter().filter_map(|stage| match stage {
                StageSettings::AddScores(settings) => Some(settings),
                _ => None,
            })
        };
        (settings.scorer == Scorer::Recommended).then(|| stages::Recommended {
            reasons: added().map(|s| s.reasons).fold(SUMMARY, f64::max),
            surprises: added().any(|s| s.surprises),
        })
    }

    fn train_stage(
        &self,
        settings: &plan::TrainAe,
        state: Option<&Arc<StateDir>>,
    ) -> stages::TrainAe {
        stages::TrainAe {
            models: Arc::clone(&self.models),
            batch_size: self.plan.pipeline_batch_size,
            on_messages: settings.on_messages.as_ref().map(|rules| {
                let around = stages::Around {
                    pool: Arc::clone(&self.pool),
                    reporter: Arc::clone(&self.reporter),
                    stop: self.stop.clone(),
                    failed: Arc::clone(&self.failed),
                    time: Arc::clone(&self.training_time),
                    count: Arc::clone(&self.learnt),
                    state: state.cloned(),
                };
                stages::OnMessages::new(self.plan, settings, rules, around)
            }),
        }
    }
}
