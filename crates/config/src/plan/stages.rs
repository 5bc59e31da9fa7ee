//! The check of stages that mark, choose, compare and hold rows.

use super::OptionTexts;
use super::check::Checker;
use super::values::Values;
use crate::options::{PipelineKind, StageEntry};
use dfp_pipeline::plan::{
    AddClass, AddScores, Details, Filter, FilterBy, ScoreKind, SerializeSettings, SourceSettings,
    StageSettings, Validate,
};
use regex::Regex;

/// The column that the peer's `filter` looks at.
const FIELD: &str = "probs";

impl Checker {
    /// A stage that does nothing: what is typed is read all the same, and it is said once.
    pub(super) fn idle(&mut self, entry: &StageEntry, why: &str, texts: &OptionTexts) {
        let said = self.notes.len();
        self.values(entry.name, entry.options, texts);
        self.notes.truncate(said);
        self.notes.push(format!("{} has no effect and can be left out: {why}", entry.name));
    }

    /// Name and result of each column that `--label` asks for.
    fn results(&mut self, values: &Values, labels: &[String]) -> Vec<(String, ScoreKind)> {
        let mut chosen = Vec::new();
        for label in values.texts("label") {
            let kind = match (labels.iter().position(|known| known == label), label) {
                (Some(0), _) | (None, "ae_anomaly_score" | "reconstruct_loss") => {
                    Some(ScoreKind::Score)
                }
                (Some(_), _) | (None, "zscore") => Some(ScoreKind::ZScore),
                (None, _) => None,
            };
            match kind {
                Some(kind) => chosen.push((label.to_owned(), kind)),
                None => self.mistakes.push(format!(
                    "{}: --label: there is no label {label:?}; expected {}, ae_anomaly_score, reconstruct_loss, zscore (--labels_file of pipeline-ae names others)",
                    values.place,
                    labels.join(", ")
                )),
            }
        }
        if values.texts("label").is_empty() {
            let kinds = [ScoreKind::Score, ScoreKind::ZScore];
            chosen = labels.iter().cloned().zip(kinds).collect();
        }
        chosen
    }

    pub(super) fn add_scores(&mut self, values: &Values, labels: &[String]) -> AddScores {
        AddScores {
            labels: self.results(values, labels),
            prefix: values.owned("prefix"),
            details: match values.text("details") {
                Some("all") => Details::All,
                Some("z_loss") => Details::ZLoss,
                _ => Details::None,
            },
            recommended: false,
            surprises: values.bool("surprises"),
            reasons: values.number("reasons").unwrap_or_default(),
            model_version: values.bool("model_version"),
        }
    }

    pub(super) fn add_class(&mut self, values: &Values, labels: &[String]) -> AddClass {
        AddClass {
            labels: self.results(values, labels),
            prefix: values.owned("prefix"),
            threshold: values.number("threshold").unwrap_or_default(),
        }
    }

    /// Checks `filter` in a pipeline with this many results a row.
    pub(super) fn filter(
        &mut self,
        values: &Values,
        pipeline: PipelineKind,
        results: usize,
    ) -> Filter {
        let source = values.text("filter_source").unwrap_or_default();
        let field = values.text("field_name");
        if source == "tensor" {
            if field.is_some() {
                self.mistakes.push(
                    "filter: --field_name names a column, and --filter_source tensor looks at the results; leave one of the two out".to_owned(),
                );
            }
            if pipeline == PipelineKind::Other {
                self.mistakes.push(
                    "filter: --filter_source \"tensor\" looks at the results of a model, which pipeline-other does not have; expected dataframe, with --field_name".to_owned(),
                );
            }
        }
        let by_column = match source {
            "auto" => field.is_some() || pipeline == PipelineKind::Other,
            source => source == "dataframe",
        };
        let by = match by_column {
            true => FilterBy::Column(field.unwrap_or(FIELD).to_owned()),
            false => {
                let kinds = [ScoreKind::Score, ScoreKind::ZScore];
                FilterBy::Results(kinds.into_iter().take(results).collect())
            }
        };
        Filter {
            by,
            threshold: values.number("threshold").unwrap_or_default(),
            copy: values.bool("copy"),
        }
    }

    pub(super) fn validate(&mut self, values: &Values) -> Box<Validate> {
        let (include, exclude) = self.columns_asked_for(values);
        let results_file_name = values.path("results_file_name");
        let overwrite = values.bool("overwrite");
        if overwrite && results_file_name.is_none() {
            self.notes.push(
                "--overwrite of validate has no effect: there is no --results_file_name".to_owned(),
            );
        }
        Box::new(Validate {
            val_file_name: values.path("val_file_name").unwrap_or_default(),
            results_file_name,
            overwrite,
            include,
            exclude,
            index_col: values.text("index_col").map(str::to_owned),
            abs_tol: values.number("abs_tol").unwrap_or_default(),
            rel_tol: values.number("rel_tol").unwrap_or_default(),
            fail_on_mismatch: values.bool("fail_on_mismatch"),
        })
    }

    pub(super) fn serialize(&mut self, values: &Values) -> SerializeSettings {
        let (include, exclude) = self.columns_asked_for(values);
        SerializeSettings { include, exclude, fixed_columns: values.bool("fixed_columns") }
    }

    /// `--include` and `--exclude`.
    fn columns_asked_for(&mut self, values: &Values) -> (Vec<Regex>, Vec<Regex>) {
        let exclude = values.texts("exclude");
        let exclude = if exclude.is_empty() { vec!["^ID$", "^_ts_"] } else { exclude };
        let include = self.patterns(values.place, "include", &values.texts("include"));
        (include, self.patterns(values.place, "exclude", &exclude))
    }

    /// Patterns match at the start of a name, as Python's `re.match` does.
    fn patterns(&mut self, place: &str, option: &str, texts: &[&str]) -> Vec<Regex> {
        let mut patterns = Vec::new();
        for text in texts {
            match Regex::new(&format!("^(?:{text})")) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => self.mistakes.push(format!(
                    "{place}: --{option}: {text:?} is not a regular expression here: {why}"
                )),
            }
        }
        patterns
    }

    /// Says where a stage takes the place of what another has written.
    pub(super) fn columns_written_twice(&mut self, stages: &[StageSettings]) {
        let mut written: Vec<(&str, String)> = Vec::new();
        for stage in stages {
            let (name, prefix, labels) = match stage {
                StageSettings::AddScores(of) => ("add-scores", &of.prefix, &of.labels),
                StageSettings::AddClass(of) => ("add-class", &of.prefix, &of.labels),
                _ => continue,
            };
            for column in labels.iter().map(|(label, _)| format!("{prefix}{label}")) {
                if let Some((first, _)) = written.iter().find(|(_, known)| *known == column) {
                    self.notes.push(format!(
                        "{name} writes column {column:?} in place of what {first} has written; --prefix gives it a name of its own"
                    ));
                }
                written.push((name, column));
            }
        }
    }

    /// Refuses to hold back what never ends.
    pub(super) fn holding_of_endless(&mut self, source: &SourceSettings, stages: &[StageSettings]) {
        let holds = |stage: &StageSettings| matches!(stage, StageSettings::Trigger);
        if source.watch.is_some() && stages.iter().any(holds) {
            self.mistakes.push(format!(
                "trigger: it waits for the end of the input, and {} with --watch_directory has none; leave one of the two out",
                source.kind.stage
            ));
        }
    }
}
