//! The check of the commands over a store of models.

use super::check::{Checker, check};
use super::values::Values;
use super::{OptionTexts, PlanSpec, StageSpec};
use crate::options::{
    CommandSpec, MODELS_DIFF, MODELS_EXPORT, MODELS_LIST, MODELS_PROMOTE, MODELS_PRUNE,
    MODELS_ROLLBACK, MODELS_SHOW, MODELS_VERIFY, PipelineKind, SCORE, TRAIN, Value,
};
use dfp_features::period;
use dfp_model::artifact::Limits;
use dfp_pipeline::plan::Plan;
use dfp_pipeline::plan::{HistoryLength, Promote, RetrainRules};
use dfp_pipeline::retrain::{TrainOptions, TrainUsers};
use dfp_registry::library::{Exports, Retention};
use std::path::PathBuf;

/// Checks the options of `train`; also the file of its `--json`.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_train(
    texts: &OptionTexts,
    words: &[String],
) -> Result<(TrainOptions, Option<PathBuf>), Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(TRAIN.name, TRAIN.options, texts);
    let plan = checker.plan_of(&TRAIN, &values, words, Vec::new());
    let names = |option| values.texts(option).into_iter().map(str::to_owned).collect();
    if texts.contains_key("only_user") && texts.contains_key("skip_user") {
        checker.mistakes.push(
            "train: --only_user and --skip_user exclude one another; leave one of the two out"
                .to_owned(),
        );
    }
    if texts.contains_key("only_user")
        && matches!(values.text("train_users"), Some("all" | "generic"))
    {
        checker.mistakes.push(
            "train: --only_user chooses who gets a model of their own, and everyone's would be of these alone; give --train_users=individual, or --skip_user"
                .to_owned(),
        );
    }
    let max_history = values.text("max_history").and_then(|text| {
        let length = length(text);
        if length.is_none() {
            checker.mistakes.push(format!(
                "train: --max_history: {text:?} is neither a number of rows nor a length of time; expected 5000, 60d, 12h"
            ));
        }
        length
    });
    let min_history = values.count("min_history").unwrap_or(1);
    if let Some(HistoryLength::Rows(most)) = max_history
        && most < min_history
    {
        checker.mistakes.push(format!(
            "train: --max_history {most} is below --min_history {min_history}: no user could be trained"
        ));
    }
    let held_out = values.number("held_out").unwrap_or_default();
    if held_out <= 0.0 || held_out >= 1.0 {
        checker.mistakes.push(format!(
            "train: --held_out: \"{held_out}\" leaves nothing on one side; expected a number between 0 and 1"
        ));
    }
    if values.bool("rebuild_state") && values.path("history_dir").is_none() {
        checker
            .mistakes
            .push("train: --rebuild_state: there is no --history_dir to rebuild".to_owned());
    }
    checker.refuse_clashes();
    let options = |plan| TrainOptions {
        plan,
        store: values.owned("store"),
        users: match values.text("train_users") {
            Some("generic") => TrainUsers::Generic,
            Some("individual") => TrainUsers::Individual,
            Some("none") => TrainUsers::None,
            // Everyone's model would be one of these users alone.
            None if texts.contains_key("only_user") => TrainUsers::Individual,
            _ => TrainUsers::All,
        },
        only: names("only_user"),
        skip: names("skip_user"),
        rules: RetrainRules {
            min_history,
            min_increment: values.count("min_increment"),
            retrain_every: values
                .duration("retrain_every")
                .map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX)),
            max_history,
            promote: match values.text("promote") {
                Some("always") => Promote::Always,
                Some("never") => Promote::Never,
                _ => Promote::Better,
            },
            held_out,
            prefix: "",
            schedule: "retrain_every",
        },
        generic_rows: values.count("generic_rows").unwrap_or(usize::MAX),
        history_dir: values.path("history_dir"),
        rebuild_state: values.bool("rebuild_state"),
    };
    match plan {
        Some(plan) if checker.mistakes.is_empty() => Ok((options(plan), values.path("json"))),
        _ => Err(checker.mistakes),
    }
}

fn length(text: &str) -> Option<HistoryLength> {
    if let Ok(rows) = text.trim().parse::<usize>() {
        return (rows > 0).then_some(HistoryLength::Rows(rows));
    }
    let time = period::duration(text)?;
    i64::try_from(time.as_micros()).ok().filter(|time| *time > 0).map(HistoryLength::Time)
}

/// Checks the options of `score`: the run that scores.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_score(texts: &OptionTexts, words: &[String]) -> Result<Plan, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(SCORE.name, SCORE.options, texts);
    let stage = |name: &str, options| StageSpec { name: name.to_owned(), options };
    let written = given(&values, &[("output", "filename"), ("overwrite", "overwrite")]);
    let versions = OptionTexts::from([("model_version".to_owned(), vec!["true".to_owned()])]);
    let rest = vec![
        stage("add-scores", versions),
        stage("serialize", OptionTexts::new()),
        stage("to-file", written),
    ];
    match checker.plan_of(&SCORE, &values, words, rest) {
        Some(plan) if checker.mistakes.is_empty() => Ok(plan),
        _ => Err(checker.mistakes),
    }
}

impl Checker {
    /// The run that a command stands for.
    fn plan_of(
        &mut self,
        command: &CommandSpec,
        values: &Values,
        words: &[String],
        rest: Vec<StageSpec>,
    ) -> Option<Plan> {
        let name = command.name;
        if let Some(word) = words.first() {
            self.mistakes.push(format!("{name}: unexpected word {word:?}; it takes options only"));
        }
        let source = format!("from-{}", values.text("source").unwrap_or("cloudtrail"));
        match check(&run_of(values, &source, rest)) {
            Ok(plan) => Some(plan),
            Err(mistakes) => {
                // The table has told what it could.
                let told = !self.mistakes.is_empty();
                let of_run = mistakes.iter().map(|mistake| as_of(name, mistake, &source));
                let new: Vec<String> = of_run
                    .filter(|mistake| !self.mistakes.contains(mistake))
                    .filter(|mistake| !(told && mistake.contains(" is required")))
                    .collect();
                self.mistakes.extend(new);
                None
            }
        }
    }
}

/// A command over a store, checked.
#[derive(Clone, Debug)]
pub struct ModelsCommand {
    /// The store, as it is named.
    pub store: String,
    /// The users that the words name.
    pub users: Vec<String>,
    /// The versions that options and words name.
    pub versions: Vec<u64>,
    /// All versions are asked for.
    pub all: bool,
    /// The file of `--json`.
    pub json: Option<PathBuf>,
    /// What is written for other tools.
    pub exports: Exports,
    /// What stays when old versions are removed.
    pub retention: Retention,
    /// What a model file may ask of the machine.
    pub limits: Limits,
}

/// Checks the options and words of `models NAME`.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_models(
    name: &str,
    texts: &OptionTexts,
    words: &[String],
) -> Result<ModelsCommand, Vec<String>> {
    let all = [
        &MODELS_LIST,
        &MODELS_SHOW,
        &MODELS_DIFF,
        &MODELS_PROMOTE,
        &MODELS_ROLLBACK,
        &MODELS_EXPORT,
        &MODELS_VERIFY,
        &MODELS_PRUNE,
    ];
    let Some(command) = all.into_iter().find(|command| command.name == name) else {
        return Err(vec![format!("the table names {name:?}, but nothing checks it")]);
    };
    let mut checker = Checker::default();
    let values = checker.values(command.name, command.options, texts);
    let mut versions: Vec<u64> =
        values.integer("version").and_then(|v| u64::try_from(v).ok()).into_iter().collect();
    let mut users = words.to_vec();
    let of_one = ["show", "promote", "rollback", "export"].contains(&name);
    if name == "diff" {
        for word in users.split_off(users.len().min(1)) {
            match word.parse() {
                Ok(version) if version > 0 => versions.push(version),
                _ => checker.mistakes.push(format!(
                    "diff: {word:?} is no version; expected the user, then one or two numbers such as 3"
                )),
            }
        }
        if users.is_empty() || (checker.mistakes.is_empty() && !matches!(versions.len(), 1 | 2)) {
            checker.mistakes.push(
                "diff: expected the user and one or two versions; one is held against the live one"
                    .to_owned(),
            );
        }
    } else if of_one && users.len() != 1 {
        checker.mistakes.push(format!(
            "{name}: expected one user, found {}; \"*\" is the model of all users",
            users.len()
        ));
    }
    let path = |option| values.path(option);
    let exports = Exports {
        model: path("model"),
        onnx: path("onnx"),
        npz: path("npz"),
        safetensors: path("safetensors"),
        overwrite: values.bool("overwrite"),
    };
    let files = [&exports.model, &exports.onnx, &exports.npz, &exports.safetensors];
    let tables = exports.onnx.as_ref().map(|path| path.with_extension("json"));
    let mut all: Vec<&PathBuf> = files.into_iter().flatten().chain(&tables).collect();
    all.sort_unstable();
    if let Some(two) = all.windows(2).find(|two| two[0] == two[1]) {
        checker.mistakes.push(format!(
            "export: two things would be written to {:?} (the tables of --onnx are written next to it as .json); name another file",
            two[0]
        ));
    }
    if name == "export" && files.iter().all(|file| file.is_none()) {
        checker.mistakes.push(
            "export: nothing to write; name a file with --model, --onnx, --npz or --safetensors"
                .to_owned(),
        );
    }
    let retention = Retention {
        keep: values.count("keep"),
        older_than: values.duration("older_than"),
        dry_run: values.bool("dry_run"),
    };
    if name == "prune" && retention.keep.is_none() && retention.older_than.is_none() {
        checker
            .mistakes
            .push("prune: which versions? give --keep, --older_than or both".to_owned());
    }
    checker.refuse_clashes();
    let checked = ModelsCommand {
        store: values.owned("store"),
        users,
        versions,
        all: values.bool("all"),
        json: path("json"),
        exports,
        retention,
        limits: values.model_limits(),
    };
    if checker.mistakes.is_empty() { Ok(checked) } else { Err(checker.mistakes) }
}

/// Values of a command's options as texts of a run's.
fn given(values: &Values, names: &[(&str, &str)]) -> OptionTexts {
    let mut texts = OptionTexts::new();
    for (here, there) in names {
        let typed: Vec<String> = values.given.get(here).into_iter().flatten().map(text).collect();
        if !typed.is_empty() {
            texts.insert((*there).to_owned(), typed);
        }
    }
    texts
}

/// The run that trains, or scores, as a command's options say; `rest` stands behind `inf-ae`.
pub(super) fn run_of(values: &Values, source: &str, rest: Vec<StageSpec>) -> PlanSpec {
    let given = |names: &[(&str, &str)]| given(values, names);
    let stage = |name: &str, options| StageSpec { name: name.to_owned(), options };
    let same = |name: &'static str| (name, name);
    let mut of_source = vec![
        ("input", "input_glob"),
        same("delimiter"),
        same("state_dir"),
        same("drop_duplicates"),
        same("watch_directory"),
    ];
    // A command that trains keeps histories, and no state of its input.
    if !rest.is_empty() {
        of_source.push(same("rebuild_state"));
    }
    PlanSpec {
        kind: PipelineKind::Autoencoder,
        run: given(&[same("compute_threads"), same("memory_limit"), same("strict")]),
        pipeline: given(&[
            same("features"),
            same("columns_file"),
            same("userid_column_name"),
            same("userid_filter"),
            same("timestamp_column_name"),
        ]),
        stages: [
            stage(source, given(&of_source)),
            // A command that trains has a seed, one that scores has a look-up.
            stage(
                "train-ae",
                match rest.is_empty() {
                    true => given(&[same("seed"), same("generic_user"), same("model_file_limit")]),
                    false => given(&[
                        ("store", "model_store"),
                        same("model_cache"),
                        same("model_refresh"),
                        same("generic_user"),
                        same("model_file_limit"),
                    ]),
                },
            ),
            stage("preprocess", OptionTexts::new()),
            stage("inf-ae", given(&[same("scorer")])),
        ]
        .into_iter()
        .chain(rest)
        .collect(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Bytes(bytes) => bytes.to_string(),
        Value::Duration(time) => format!("{}ms", time.as_millis()),
        // None of the options above has such a value.
        other => format!("{other:?}"),
    }
}

/// A mistake of the run as one of the command that was typed.
pub(super) fn as_of(command: &str, mistake: &str, source: &str) -> String {
    let places = ["run", "pipeline-ae", source, "train-ae", "inf-ae", "to-file"];
    let rest = places.iter().find_map(|place| mistake.strip_prefix(&format!("{place}: ")));
    let source_typed = format!("--source {}", source.trim_start_matches("from-"));
    let text = rest.unwrap_or(mistake);
    let spellings = [
        ("--input_glob", "--input"),
        ("--model_store", "--store"),
        ("--filename", "--output"),
        (source, &source_typed),
    ];
    let text = spellings.iter().fold(text.to_owned(), |text, (run, here)| text.replace(run, here));
    format!("{command}: {text}")
}
