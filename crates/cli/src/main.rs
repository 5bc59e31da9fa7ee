//! `morpheus`: digital fingerprinting from one binary. Arguments come in, lines and exit codes go
//! out; everything between is `dfp-pipeline`.

mod arguments;
mod commands;
mod completion;
mod console;
mod examples;
mod exit;
mod help;
mod kinds;
mod logging;
mod print;
mod reference;
mod signals;
mod summary;
mod table;

use arguments::Command;
use commands::{bench, doctor, features, generate, run, with_words};
use dfp_storage::names::to_text;
use exit::{DONE, refuse};
use print::{out, out_styled};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| to_text(&word)).collect();
    let environment = |name: &str| std::env::var_os(name).map(|value| to_text(&value));
    let code = match arguments::parse(&words, &environment) {
        Ok(Command::Help(text)) => {
            out_styled(&help::for_terminal(&text));
            DONE
        }
        Ok(Command::Version) => {
            out(&format!("morpheus, version {}", doctor::version()));
            out(&format!("cpu: {}", dfp_pipeline::measure::instruction_set()));
            DONE
        }
        Ok(Command::Run { spec, process, about_plans }) => run::run(&spec, &process, &about_plans),
        Ok(Command::CheckPlan(spec)) => doctor::check(&spec, "morpheus plan check"),
        Ok(Command::Doctor(spec)) => doctor::doctor(spec.as_ref()),
        Ok(Command::ShowCompletion(texts)) => completion::show(&texts),
        Ok(Command::InstallCompletion(texts)) => completion::install(&texts),
        Ok(Command::CompletionWords(words)) => completion::words(&words),
        Ok(Command::Man(texts)) => reference::man(&texts),
        Ok(Command::Options(texts)) => reference::options(&texts),
        Ok(Command::Generate(texts)) => generate::run(&texts),
        Ok(Command::Features { texts, words }) => features::run(&texts, &words),
        Ok(Command::Bench(texts)) => bench::run(&texts),
        Ok(Command::WithWords { line, texts, words, level }) => {
            with_words(line, &texts, &words, level)
        }
        Err(usage) => refuse(&usage),
    };
    ExitCode::from(code)
}
