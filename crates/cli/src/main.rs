//! `morpheus`: digital fingerprinting from one binary. Arguments come in, lines and exit codes go
//! out; everything between is `dfp-pipeline`.

mod alerts;
mod arguments;
mod bench;
mod completion;
mod console;
mod doctor;
mod explain;
mod features;
mod generate;
mod help;
mod kinds;
mod logging;
mod models;
mod print;
mod quality;
mod reference;
mod report;
mod summary;
mod train;

use arguments::{Command, Process, Usage};
use dfp_pipeline::names::{path, to_text};
use dfp_pipeline::plan::{self, OptionTexts, PlanSpec};
use dfp_pipeline::report::{Reporter, Weight};
use dfp_pipeline::{RunError, Stop, is_standard_output, write_whole};
use print::{err, out};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Done.
const DONE: u8 = 0;
/// The run failed.
const FAILED: u8 = 1;
/// The line makes no sense.
const USAGE: u8 = 2;
/// Done, but input was skipped.
const SKIPPED: u8 = 3;
/// Stopped by Ctrl+C, as shells write it: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| to_text(&word)).collect();
    let environment = |name: &str| std::env::var_os(name).map(|value| to_text(&value));
    let code = match arguments::parse(&words, &environment) {
        Ok(Command::Help(text)) => {
            out(&text);
            DONE
        }
        Ok(Command::Version) => {
            out(&format!("morpheus, version {}", doctor::version()));
            out(&format!("cpu: {}", dfp_pipeline::measure::instruction_set()));
            DONE
        }
        Ok(Command::Run { spec, process, about_plans }) => run(&spec, &process, &about_plans),
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

/// Runs a command that takes words, by the words that lead to it; the exit code.
fn with_words(line: &str, texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    match line.trim_start_matches("morpheus ") {
        "train" => train::run(texts, words, level),
        "score" => score(texts, words, level),
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

/// Scores with the models of a store: the run that does it; the exit code.
fn score(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    match plan::check_score(texts, words) {
        Ok(plan) => {
            if plan.outputs().any(is_standard_output) {
                print::rows_on_standard_output();
            }
            run_plan(plan, &Process { level, debug: false, log: None })
        }
        Err(mistakes) => refuse(&Usage { mistakes, command: "morpheus score".into() }),
    }
}

fn refuse(usage: &Usage) -> u8 {
    for mistake in &usage.mistakes {
        err(&format!("error: {}", print::message(mistake)));
    }
    err(&format!("see {} --help", usage.command));
    USAGE
}

/// Checks a pipeline and runs it; the exit code.
fn run(spec: &PlanSpec, process: &Process, about_plans: &OptionTexts) -> u8 {
    let logs: Vec<PathBuf> = process.log.iter().map(|(path, _)| path.clone()).collect();
    let checked = plan::check_beside(spec, about_plans, &logs);
    let save = about_plans.get("save_plan").and_then(|texts| texts.last()).map(|text| path(text));
    let is_out = |file: &Path| is_standard_output(file);
    if checked.as_ref().is_ok_and(|plan| plan.outputs().any(is_out))
        || save.as_deref().is_some_and(is_out)
    {
        print::rows_on_standard_output();
    }
    out("Configuring Pipeline via CLI");
    let mut plan = match checked {
        Ok(plan) => plan,
        Err(mistakes) => {
            return refuse(&Usage {
                mistakes,
                command: format!("morpheus run {}", spec.kind.command().name),
            });
        }
    };
    if let Some(path) = &save
        && let Err(why) = save_plan(spec, path)
    {
        let mistakes = vec![format!("run: --save_plan: {why}")];
        return refuse(&Usage { mistakes, command: "morpheus run".into() });
    }
    plan.debug = process.debug;
    run_plan(plan, process)
}

/// Runs what has been checked; the exit code.
fn run_plan(plan: plan::Plan, process: &Process) -> u8 {
    let mut console = console::Console::new(process.level);
    if let Some((path, level)) = &process.log {
        match logging::open(path) {
            Ok(file) => console = console.also(file, *level),
            Err(why) => {
                let mistakes = vec![format!("morpheus: --log_config_file: {why}")];
                return refuse(&Usage { mistakes, command: "morpheus".into() });
            }
        }
    }
    let console = Arc::new(console);
    let stop = Stop::new();
    if let Err(error) = stop_on_ctrl_c(&stop) {
        console.say(Weight::Warning, &format!("Ctrl+C will end the run at once: {error}"));
    }
    if let Err(error) = look_again_on_signal() {
        console.say(Weight::Warning, &format!("the signal USR1 will end the run: {error}"));
    }
    out("Starting pipeline via CLI... Ctrl+C to Quit");
    let reporter: Arc<dyn Reporter> = Arc::clone(&console) as Arc<dyn Reporter>;
    let result = dfp_pipeline::run(&plan, &reporter, &stop);
    console.close();
    match result {
        Ok(summary) => {
            out(summary::text(&summary).trim_end());
            if summary.interrupted {
                INTERRUPTED
            } else if summary.validations.iter().any(|validation| validation.fails) {
                FAILED
            } else if summary.anything_skipped() {
                SKIPPED
            } else {
                DONE
            }
        }
        Err(error) => fail(&console, &error),
    }
}

/// Says why something did not succeed; the exit code.
fn fail(console: &console::Console, error: &RunError) -> u8 {
    console.fail(&error.to_string());
    match error {
        RunError::Usage(_) => USAGE,
        RunError::Failed(_) | RunError::NoRows(_) | RunError::Overflow(_) => FAILED,
        RunError::Interrupted => INTERRUPTED,
    }
}

fn save_plan(spec: &PlanSpec, path: &Path) -> Result<(), String> {
    let text = plan::plan_text(spec, plan::PlanFormat::of(path)?);
    write_whole(path, text.as_bytes()).map_err(|why| why.to_string())
}

/// The signal USR1 lets the models of a store be looked up again.
#[cfg(unix)]
fn look_again_on_signal() -> std::io::Result<()> {
    let flag = dfp_pipeline::library::look_again();
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, flag).map(|_| ())
}

/// There is no such signal here.
#[cfg(not(unix))]
fn look_again_on_signal() -> std::io::Result<()> {
    Ok(())
}

/// The first Ctrl+C lets what is in flight run through; the second ends the process.
fn stop_on_ctrl_c(stop: &Stop) -> Result<(), ctrlc::Error> {
    let stop = stop.clone();
    ctrlc::set_handler(move || {
        if stop.is_set() {
            err("Killing");
            std::process::exit(i32::from(INTERRUPTED));
        }
        stop.set();
        err("Stopping pipeline... what is in flight is finished; Ctrl+C again to kill");
    })
}
