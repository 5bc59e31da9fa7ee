//! `PlanSpec` -> `Plan`: all mistakes are found in one pass and reported together.

use super::same_files::NamedFiles;
use super::values::Values;
use super::{OptionTexts, PlanSpec, StageSpec, order};
use crate::options::{self, BENCH, Effect, OptionSpec, PipelineKind, RUN, Role};
use dfp_connectors::sinks::Format;
use dfp_engine::RowCounter;
use dfp_features::{SOURCES, Source};
use dfp_model::config::Scorer;
use dfp_pipeline::measure::MeasureOptions;
use dfp_pipeline::plan::{Inference, Plan, StageSettings, ToFile};
use dfp_report::diagram::{self, Drawing, DrawingFormat};
use dfp_storage::nearest;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Checks names, values, required options and the order of stages.
///
/// # Errors
/// Every mistake, in the order of the line; each names its stage, the option and the value.
pub fn check(spec: &PlanSpec) -> Result<Plan, Vec<String>> {
    check_beside(spec, &OptionTexts::new(), &[])
}

/// [`check()`], and that no output is one of the files that the process reads or writes besides the run's: those
/// of these options of `run` about plans, and its log.
///
/// # Errors
/// As [`check()`].
pub fn check_beside(
    spec: &PlanSpec,
    about_plans: &OptionTexts,
    logs: &[PathBuf],
) -> Result<Plan, Vec<String>> {
    let mut checker = Checker::default();
    let plan = checker.plan(spec);
    if checker.mistakes.is_empty() {
        checker.values(RUN.name, RUN.options, about_plans);
        checker.files.add_logs(logs);
        checker.refuse_clashes();
    }
    match plan {
        Some(mut plan) if checker.mistakes.is_empty() => {
            plan.notes = checker.notes;
            Ok(plan)
        }
        _ => Err(checker.mistakes),
    }
}

/// Checks the options of `tools bench`.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_bench(texts: &OptionTexts) -> Result<MeasureOptions, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(BENCH.name, BENCH.options, texts);
    let options = MeasureOptions {
        rounds: values.count("rounds").unwrap_or(1),
        compute_threads: values.count("compute_threads").unwrap_or_else(cpus),
    };
    if checker.mistakes.is_empty() { Ok(options) } else { Err(checker.mistakes) }
}

/// Number of CPUs, hardware threads counted, that this process may use.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What is wrong and what is to be said, gathered while values are read.
#[derive(Default)]
pub(super) struct Checker {
    pub(super) mistakes: Vec<String>,
    pub(super) notes: Vec<String>,
    /// What the values name.
    pub(super) files: NamedFiles,
}

impl Checker {
    /// Refuses outputs that are anything else too, if nothing else is wrong with the line.
    pub(super) fn refuse_clashes(&mut self) {
        if self.mistakes.is_empty() {
            self.mistakes = self.files.clashes();
        }
    }

    fn plan(&mut self, spec: &PlanSpec) -> Option<Plan> {
        let run = self.values(RUN.name, RUN.options, &spec.run);
        let command = spec.kind.command();
        let pipeline = self.values(command.name, command.options, &spec.pipeline);
        let kind = spec.stages.iter().find_map(|stage| Source::of(&stage.name));
        // A line without a source is refused, whatever its other options are checked against.
        let kind = kind.unwrap_or(&SOURCES[0]);
        let (features, labels) = match spec.kind {
            PipelineKind::Autoencoder => {
                (self.features(&pipeline, kind), self.labels(pipeline.path("labels_file")))
            }
            PipelineKind::Other => (self.times_alone(&pipeline, kind), Vec::new()),
        };
        let (mut source, mut stages) = (None, Vec::new());
        for stage in &spec.stages {
            let Some(entry) = options::stage(&stage.name) else {
                self.unknown_stage(stage);
                continue;
            };
            if let Role::Absent(why) = entry.role {
                self.mistakes.push(format!("{}: {why}", stage.name));
                continue;
            }
            if let Some(why) = spec.kind.refuses(entry) {
                self.mistakes.push(format!("{}: {why}", stage.name));
                continue;
            }
            if let Role::Idle(why) = entry.role {
                self.idle(entry, why, &stage.options);
                continue;
            }
            let values = self.values(entry.name, entry.options, &stage.options);
            if let Some(kind) = Source::of(entry.name) {
                source = Some(self.source(&values, &run, kind, Arc::clone(&features)));
                continue;
            }
            match entry.name {
                "train-ae" => {
                    let of_run = (&run, &pipeline, kind, &*features);
                    let settings = self.train_ae(&values, of_run, &stage.options);
                    stages.push(StageSettings::TrainAe(Box::new(settings)));
                }
                "preprocess" => stages.push(StageSettings::Preprocess),
                "inf-pytorch" => stages.push(StageSettings::Inference(Inference {
                    scorer: match values.text("scorer") {
                        Some("recommended") => Scorer::Recommended,
                        _ => Scorer::Network,
                    },
                })),
                "add-scores" => {
                    stages.push(StageSettings::AddScores(self.add_scores(&values, &labels)))
                }
                "add-class" => {
                    stages.push(StageSettings::AddClass(self.add_class(&values, &labels)))
                }
                "filter" => {
                    let filter = self.filter(&values, spec.kind, labels.len());
                    stages.push(StageSettings::Filter(filter));
                }
                "validate" => stages.push(StageSettings::Validate(self.validate(&values))),
                "dropna" => stages.push(StageSettings::DropNa { column: values.owned("column") }),
                "deserialize" => stages.push(StageSettings::Deserialize),
                "trigger" => stages.push(StageSettings::Trigger),
                "timeseries" => {
                    let settings = self.time_series(&values, &stage.options);
                    stages.extend(settings.map(StageSettings::TimeSeries));
                }
                "alert" => {
                    let alert = self.alert(&values, &stage.options);
                    stages.push(StageSettings::Alert(alert));
                }
                "monitor" => stages.push(StageSettings::Monitor(self.monitor(&values))),
                "serialize" => stages.push(StageSettings::Serialize(self.serialize(&values))),
                "to-file" => stages.extend(self.sink(&values).map(StageSettings::ToFile)),
                "to-report" => {
                    let report = self.page_of_run(&values, spec, &features);
                    stages.extend(report.map(|report| StageSettings::ToReport(Box::new(report))));
                }
                name => {
                    self.mistakes.push(format!("{name}: the table names it, but nothing runs it"))
                }
            }
        }
        let names: Vec<&str> = spec.stages.iter().map(|stage| stage.name.as_str()).collect();
        self.mistakes.extend(order::mistakes(spec.kind, &names));
        if names.is_empty() {
            self.mistakes.push(format!(
                "{}: there is no stage; a pipeline starts with a source, such as from-cloudtrail",
                command.name
            ));
        }
        self.recommended(spec, &mut stages);
        self.scores_of_reports(&mut stages);
        self.alerts(&spec.stages, &stages);
        self.columns_written_twice(&stages);
        if let Some(source) = &source {
            self.outputs_of_live(source, &stages);
            self.reports_of_live(source, &stages);
            self.holding_of_endless(source, &stages);
        }
        self.unused_loss_scaler(&stages);
        self.rhythm(&stages, source.as_ref());
        let trains_on_messages = |stage: &StageSettings| matches!(stage, StageSettings::TrainAe(s) if s.trains_on_messages());
        if pipeline.bool("use_generic_model") && stages.iter().any(trains_on_messages) {
            self.notes.push(
                "--use_generic_model of pipeline-ae has no effect: without --train_data_glob every user's model is trained on the rows it scores".to_owned(),
            );
        }
        let plan = Plan {
            num_threads: run.count("num_threads").unwrap_or_else(cpus),
            compute_threads: run.count("compute_threads").unwrap_or_else(cpus),
            pipeline_batch_size: run.count("pipeline_batch_size").unwrap_or(1),
            edge_buffer_size: run.count("edge_buffer_size").unwrap_or(2),
            strict: run.bool("strict"),
            columns: features.names(),
            columns_are_listed: features.is_own
                || pipeline.path("columns_file").is_some_and(|name| name.is_file()),
            user_column: features.user.clone(),
            user_filter: pipeline.text("userid_filter").map(str::to_owned),
            generic_model: pipeline.bool("use_generic_model"),
            debug: false,
            drawing: self.drawing(&pipeline),
            source: source?,
            stages,
            notes: Vec::new(),
        };
        Some(plan.with_times_expected())
    }

    /// Reads the texts given for `place` by the table, and fills in defaults.
    pub(super) fn values(
        &mut self,
        place: &'static str,
        table: &'static [OptionSpec],
        texts: &OptionTexts,
    ) -> Values {
        let mut given = BTreeMap::new();
        for name in texts.keys() {
            if options::option(table, name).is_none() {
                let known = table.iter().flat_map(|o| o.aliases.iter().copied().chain([o.name]));
                self.mistakes.push(match nearest(name, known) {
                    Some(near) => {
                        format!("{place}: there is no option --{name}; did you mean --{near}")
                    }
                    None => format!("{place}: there is no option --{name}"),
                });
            }
        }
        for option in table {
            let typed: Vec<&String> = std::iter::once(&option.name)
                .chain(option.aliases)
                .filter_map(|&name| texts.get(name))
                .flatten()
                .collect();
            if typed.is_empty() && option.required {
                self.mistakes
                    .push(format!("{place}: --{} is required: {}", option.name, option.help));
            }
            if !typed.is_empty() {
                self.effect(place, option, &typed);
            }
            let default = option.default.map(str::to_owned);
            let texts = if typed.is_empty() { default.iter().collect() } else { typed };
            let mut values = Vec::new();
            for text in texts {
                match option.kind.parse(text) {
                    Ok(value) => {
                        self.files.add(place, option, text);
                        values.push(value);
                    }
                    Err(why) => self.mistakes.push(format!("{place}: --{}: {why}", option.name)),
                }
            }
            given.insert(option.name, values);
        }
        Values { place, given }
    }

    fn effect(&mut self, place: &str, option: &OptionSpec, typed: &[&String]) {
        match option.effect {
            Effect::Used => {}
            Effect::Noted(why) => {
                self.notes.push(format!("--{} of {place} has no effect: {why}", option.name));
            }
            Effect::Refused { why } => {
                let text = typed.first().map_or("", |text| text.as_str());
                self.mistakes
                    .push(format!("{place}: --{} {text:?} is refused: {why}", option.name));
            }
        }
    }

    fn unknown_stage(&mut self, stage: &StageSpec) {
        let known =
            options::stages().flat_map(|entry| entry.aliases.iter().copied().chain([entry.name]));
        self.mistakes.push(match nearest(&stage.name, known) {
            Some(near) => format!("there is no stage {:?}; did you mean {near}", stage.name),
            None => {
                let here: Vec<&str> = options::stages()
                    .filter(|entry| !matches!(entry.role, Role::Absent(_)))
                    .map(|entry| entry.name)
                    .collect();
                format!("there is no stage {:?}; stages are {}", stage.name, here.join(", "))
            }
        });
    }

    fn labels(&mut self, path: Option<PathBuf>) -> Vec<String> {
        let Some(path) = path else { return vec!["ae_anomaly_score".to_owned()] };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(why) => {
                self.mistakes
                    .push(format!("pipeline-ae: --labels_file: cannot read {path:?}: {why}"));
                return Vec::new();
            }
        };
        let labels: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        if labels.is_empty() || labels.len() > 2 {
            self.mistakes.push(format!(
                "pipeline-ae: --labels_file: {path:?} names {} labels; expected one for the score, and one for its z-score",
                labels.len()
            ));
        }
        labels
    }

    /// What one stage is asked to score with, the others have to provide for.
    fn recommended(&mut self, spec: &PlanSpec, stages: &mut [StageSettings]) {
        let asked = Inference { scorer: Scorer::Recommended };
        if stages.iter().any(|s| matches!(s, StageSettings::Inference(i) if *i == asked)) {
            for stage in stages {
                match stage {
                    StageSettings::TrainAe(settings) => {
                        settings.model.scorer = Scorer::Recommended;
                    }
                    StageSettings::AddScores(settings) => settings.recommended = true,
                    _ => {}
                }
            }
            return;
        }
        for stage in spec.stages.iter().filter(|stage| stage.name == "add-scores") {
            let typed = ["surprises", "reasons"].into_iter();
            self.mistakes.extend(typed.filter(|name| stage.options.contains_key(*name)).map(|name| {
                format!("add-scores: --{name} is about the recommended scorer; add --scorer recommended to inf-ae, or leave it out")
            }));
        }
    }

    fn monitor(&mut self, values: &Values) -> RowCounter {
        RowCounter {
            description: values.owned("description"),
            smoothing: values.number("smoothing").unwrap_or_default(),
            unit: values.owned("unit"),
            delayed_start: values.bool("delayed_start"),
        }
    }

    fn sink(&mut self, values: &Values) -> Option<ToFile> {
        let filename = values.path("filename")?;
        if dfp_storage::files::is_address(&filename) {
            self.mistakes.push(format!(
                "to-file: --filename: {filename:?} is an address; expected a local path"
            ));
        }
        let format = match values.text("file_type") {
            Some("csv") => Some(Format::Csv),
            Some("json") => Some(Format::JsonLines),
            Some("parquet") => Some(Format::Parquet),
            _ => Format::of(&filename),
        };
        if format.is_none() {
            self.mistakes.push(format!(
                "to-file: --filename: {filename:?} does not show its format; expected .csv, .json, .jsonlines, .jsonl, .parquet, or --file_type"
            ));
        }
        if format == Some(Format::JsonLines) && !values.bool("include-index-col") {
            self.notes.push(
                "--include-index-col of to-file has no effect: JSON lines have no row number"
                    .to_owned(),
            );
        }
        Some(ToFile {
            filename,
            overwrite: values.bool("overwrite"),
            format: format?,
            include_index: values.bool("include-index-col"),
            flush: values.bool("flush"),
        })
    }

    fn drawing(&mut self, values: &Values) -> Option<Drawing> {
        let direction = diagram::direction(values.text("viz_direction"));
        let file = values.path("viz_file")?;
        match DrawingFormat::of(&file) {
            Ok(format) => Some(Drawing { file, format, direction }),
            Err(why) => {
                self.mistakes.push(format!("{}: --viz_file: {why}", values.place));
                None
            }
        }
    }
}
