//! `morpheus report` and `morpheus plot`.

use crate::arguments::Usage;
use crate::console::Console;
use crate::exit::{DONE, SKIPPED, fail, refuse};
use crate::print::out;
use crate::summary::{count, too_few};
use dfp_analysis::page_of_files::{self, Made};
use dfp_config::plan::{self, OptionTexts};
use dfp_engine::{Reporter, Weight};
use dfp_pipeline::RunError;
use dfp_storage::names::shown;
use std::path::Path;

/// Writes the page and says of what; the exit code.
pub fn report(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    match plan::check_report(texts, words) {
        Ok(options) => made(
            &options.html,
            |reporter| page_of_files::report(&options, reporter),
            "morpheus report",
            level,
        ),
        Err(mistakes) => refuse(&Usage { mistakes, command: "morpheus report".into() }),
    }
}

/// Draws the picture and says of what; the exit code.
pub fn plot(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    match plan::check_plot(texts, words) {
        Ok(options) => made(
            &options.output,
            |reporter| page_of_files::plot(&options, reporter),
            "morpheus plot",
            level,
        ),
        Err(mistakes) => refuse(&Usage { mistakes, command: "morpheus plot".into() }),
    }
}

fn made(
    file: &Path,
    make: impl Fn(&dyn Reporter) -> Result<Made, RunError>,
    command: &str,
    level: Weight,
) -> u8 {
    let console = Console::new(level);
    let made = make(&console);
    console.close();
    match made {
        Ok(made) => {
            let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            out(&format!("read       {}", count(number(made.rows), "row")));
            for skipped in &made.skipped {
                out(&format!("skipped    {skipped}"));
            }
            let (users, rows) = (number(made.too_few.0), number(made.too_few.1));
            if let Some(alerts) = made.alerts.filter(|alerts| *alerts > 0 || rows == 0) {
                out(&format!("alerts     {}", count(number(alerts), "row")));
            }
            if users > 0 {
                out(&format!("too few    {}", too_few(users, rows)));
            }
            out(&format!("written    {}", shown(file)));
            if made.skipped.is_empty() { DONE } else { SKIPPED }
        }
        Err(RunError::Usage(mistakes)) => refuse(&Usage { mistakes, command: command.to_owned() }),
        Err(error) => fail(&console, &error),
    }
}
