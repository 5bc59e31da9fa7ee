//! The commands: what each does with its checked options, and what it prints. A command is a file.

pub mod alerts;
pub mod bench;
pub mod doctor;
pub mod explain;
pub mod features;
pub mod generate;
pub mod models;
pub mod quality;
pub mod report;
pub mod run;
pub mod train;

use crate::arguments::Usage;
use crate::exit::refuse;
use dfp_config::plan::OptionTexts;
use dfp_engine::Weight;

/// Runs a command that takes words, by the words that lead to it; the exit code.
pub fn with_words(line: &str, texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    match line.trim_start_matches("morpheus ") {
        "train" => train::run(texts, words, level),
        "score" => run::score(texts, words, level),
        "alerts" => alerts::run(texts, words, level),
        "explain" => explain::run(texts, words, level),
        "report" => report::report(texts, words, level),
        "plot" => report::plot(texts, words, level),
        "evaluate" => quality::evaluate(texts, words, level),
        "backtest" => quality::test_on_the_past(texts, words, level),
        line => match line.strip_prefix("models ") {
            Some(command) => models::run(command, texts, words, level),
            None => refuse(&Usage {
                mistakes: vec![format!("the table names {line:?}, but nothing runs it")],
                command: "morpheus".into(),
            }),
        },
    }
}
