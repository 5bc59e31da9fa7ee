//! The check of commands that read what runs have written.

use super::OptionTexts;
use super::check::Checker;
use super::values::Values;
use crate::options::{ALERTS, EXPLAIN};
use dfp_analysis::alerts;
use dfp_analysis::results::Names;
use dfp_analysis::results::explain::{self, Which};
use dfp_connectors::sinks::Format;

/// Checks what was typed of `morpheus alerts`.
///
/// # Errors
/// Every mistake.
pub fn check_alerts(
    texts: &OptionTexts,
    outputs: &[String],
) -> Result<alerts::Options, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(ALERTS.name, ALERTS.options, texts);
    checker.outputs(&values, outputs);
    let alert = checker.alert(&values, texts);
    let output = values.path("output");
    match &output {
        Some(path) if Format::of(path).is_none() => checker.mistakes.push(format!(
            "alerts: --output: {path:?} does not show its format; expected .csv, .json, .jsonlines, .jsonl, .parquet"
        )),
        None => {
            let typed = ["only", "overwrite"].into_iter().filter(|name| values.bool(name));
            checker.mistakes.extend(
                typed.map(|name| format!("alerts: --{name} is about --output; give a file, or leave it out")),
            );
        }
        Some(_) => {}
    }
    checker.files.add_words(ALERTS.name, outputs);
    checker.refuse_clashes();
    let options = alerts::Options {
        outputs: outputs.to_vec(),
        names: names(&values),
        alert,
        output: output.map(|path| (path, values.bool("overwrite"))),
    };
    if checker.mistakes.is_empty() { Ok(options) } else { Err(checker.mistakes) }
}

/// Checks what was typed of `morpheus explain`.
///
/// # Errors
/// Every mistake.
pub fn check_explain(
    texts: &OptionTexts,
    outputs: &[String],
) -> Result<explain::Options, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(EXPLAIN.name, EXPLAIN.options, texts);
    checker.outputs(&values, outputs);
    let column = values.text("event_column").map(str::to_owned);
    let which = match (values.integer("row"), values.text("event")) {
        (Some(row), None) => {
            if column.is_some() {
                checker.mistakes.push(
                    "explain: --event_column is about --event; leave one of the two out".to_owned(),
                );
            }
            Which::Row(row)
        }
        (None, Some(event)) => Which::Event(event.to_owned(), column),
        (row, _) => {
            checker.mistakes.push(match row {
                Some(_) => "explain: --row and --event exclude one another".to_owned(),
                None if texts.contains_key("row") => String::new(),
                None => "explain: which row? give --row or --event".to_owned(),
            });
            // An unreadable --row has been told already.
            checker.mistakes.retain(|mistake| !mistake.is_empty());
            Which::Row(0)
        }
    };
    let options = explain::Options {
        outputs: outputs.to_vec(),
        names: names(&values),
        which,
        user: values.text("userid_filter").map(str::to_owned),
        models: values.path("pretrained_filename"),
        limits: values.model_limits(),
        generic_user: values.owned("generic_user"),
    };
    if checker.mistakes.is_empty() { Ok(options) } else { Err(checker.mistakes) }
}

/// Which columns of outputs mean what.
pub(super) fn names(values: &Values) -> Names {
    let name = |option| values.text(option).map(str::to_owned);
    Names {
        user: name("userid_column_name"),
        time: name("timestamp_column_name"),
        score: name("score_column"),
        ids: Vec::new(),
        exact: Vec::new(),
    }
}

impl Checker {
    /// There is something to read.
    pub(super) fn outputs(&mut self, values: &Values, outputs: &[String]) {
        if outputs.is_empty() {
            self.mistakes.push(format!(
                "{}: expected outputs of runs: files, directories or patterns",
                values.place
            ));
        }
    }
}
