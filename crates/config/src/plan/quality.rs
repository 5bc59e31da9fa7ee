//! The options of `evaluate` and `backtest`.

use super::OptionTexts;
use super::check::{Checker, check};
use super::store::{as_of, run_of};
use super::values::Values;
use crate::options::{BACKTEST, EVALUATE, Value};
use dfp_analysis::backtest::{BacktestOptions, Kind};
use dfp_analysis::evaluate::{BudgetOf, Budgets, EvaluateOptions};
use std::path::PathBuf;

/// Alerts a day, where nobody asks for others.
const ALERTS_A_DAY: [f64; 4] = [1.0, 3.0, 10.0, 30.0];

/// A checked command and the file of its `--json`.
pub type WithJson<T> = (T, Option<PathBuf>);

/// Checks the options and words of `evaluate`.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_evaluate(
    texts: &OptionTexts,
    outputs: &[String],
) -> Result<WithJson<EvaluateOptions>, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(EVALUATE.name, EVALUATE.options, texts);
    if outputs.is_empty() {
        checker.mistakes.push(
            "evaluate: expected outputs to read: files that to-file has written, or patterns"
                .to_owned(),
        );
    }
    checker.files.add_words(EVALUATE.name, outputs);
    let owned = |name: &str| values.text(name).map(str::to_owned);
    let options = EvaluateOptions {
        outputs: outputs.to_vec(),
        labels: values.path("labels").unwrap_or_default(),
        event_column: owned("event_column"),
        label_column: values.owned("label_column"),
        label_column_is_typed: texts.contains_key("label_column"),
        score_column: owned("score_column"),
        user_column: owned("userid_column_name"),
        time_column: owned("timestamp_column_name"),
        budgets: budgets(&values),
        seed: values.seed("seed").unwrap_or_default(),
    };
    finish(checker, options, &values)
}

/// Checks the options of `backtest`.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_backtest(
    texts: &OptionTexts,
    words: &[String],
) -> Result<WithJson<BacktestOptions>, Vec<String>> {
    let mut checker = Checker::default();
    if let Some(word) = words.first() {
        checker.mistakes.push(format!("backtest: unexpected word {word:?}; it takes options only"));
    }
    let values = checker.values(BACKTEST.name, BACKTEST.options, texts);
    let source = format!("from-{}", values.text("source").unwrap_or("cloudtrail"));
    // What models are made of is checked as the run is that would make them.
    let plan = match check(&run_of(&values, &source, vec![])) {
        Ok(plan) => plan,
        Err(mistakes) => {
            let of_run = mistakes.iter().map(|mistake| as_of(BACKTEST.name, mistake, &source));
            // The table has told what it could.
            let new: Vec<String> =
                of_run.filter(|mistake| !checker.mistakes.contains(mistake)).collect();
            let told = !checker.mistakes.is_empty();
            let is_told = |mistake: &String| told && mistake.contains("--input is required");
            checker.mistakes.extend(new.into_iter().filter(|mistake| !is_told(mistake)));
            return Err(checker.mistakes);
        }
    };
    let mut kinds: Vec<Kind> = Vec::new();
    for kind in values.texts("kinds").into_iter().filter_map(Kind::of_label) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let options = BacktestOptions {
        plan,
        folds: values.count("folds").unwrap_or(1),
        kinds: if kinds.is_empty() { Kind::takeovers() } else { kinds },
        takeovers_per_user: values.count("takeovers_per_user"),
        takeover_rows: values.count("takeover_rows").unwrap_or(1),
        seed: values.seed("seed").unwrap_or_default(),
        budgets: budgets(&values),
    };
    finish(checker, options, &values)
}

fn finish<T>(
    mut checker: Checker,
    options: T,
    values: &Values,
) -> Result<WithJson<T>, Vec<String>> {
    checker.refuse_clashes();
    match checker.mistakes.is_empty() {
        true => Ok((options, values.path("json"))),
        false => Err(checker.mistakes),
    }
}

fn budgets(values: &Values) -> Budgets {
    let typed = values.given.get("alerts_per_day").into_iter().flatten();
    let mut a_day: Vec<f64> = typed
        .filter_map(|value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        })
        .collect();
    if a_day.is_empty() {
        a_day.extend(ALERTS_A_DAY);
    }
    a_day.sort_by(f64::total_cmp);
    a_day.dedup();
    let of = match values.text("budget_of") {
        Some("each") => BudgetOf::Each,
        _ => BudgetOf::All,
    };
    Budgets { a_day, of }
}
