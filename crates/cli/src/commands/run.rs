//! `run` and `score`.

use crate::arguments::{Process, Usage};
use crate::console::Console;
use crate::exit::{DONE, FAILED, INTERRUPTED, SKIPPED, fail, refuse};
use crate::print::{self, out};
use crate::signals::{look_again_on_signal, stop_on_ctrl_c};
use crate::{logging, summary};
use dfp_config::plan::{self, OptionTexts, PlanSpec};
use dfp_engine::Stop;
use dfp_engine::{Reporter, Weight};
use dfp_pipeline::plan::Plan;
use dfp_storage::atomic_write::{is_standard_output, write_whole};
use dfp_storage::names::path;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Checks a pipeline and runs it; the exit code.
pub fn run(spec: &PlanSpec, process: &Process, about_plans: &OptionTexts) -> u8 {
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
fn run_plan(plan: Plan, process: &Process) -> u8 {
    let mut console = Console::new(process.level);
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

/// Scores with the models of a store: the run that does it; the exit code.
pub fn score(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
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

fn save_plan(spec: &PlanSpec, path: &Path) -> Result<(), String> {
    let text = plan::plan_text(spec, plan::PlanFormat::of(path)?);
    write_whole(path, text.as_bytes()).map_err(|why| why.to_string())
}
