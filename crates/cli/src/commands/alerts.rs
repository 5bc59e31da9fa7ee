//! `morpheus alerts`.

use crate::arguments::Usage;
use crate::commands::explain::moment;
use crate::console::Console;
use crate::exit::{DONE, SKIPPED, fail, refuse};
use crate::print::out;
use crate::summary::{alerted, count, printable};
use dfp_analysis::alerts::{self, Chosen};
use dfp_config::plan::{self, OptionTexts};
use dfp_engine::Weight;
use dfp_storage::names::shown;

/// Chooses alerts among outputs and lists or writes them; the exit code.
pub fn run(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    let options = match plan::check_alerts(texts, words) {
        Ok(options) => options,
        Err(mistakes) => {
            return refuse(&Usage { mistakes, command: "morpheus alerts".into() });
        }
    };
    let console = Console::new(level);
    let chosen = alerts::choose(&options, &console);
    console.close();
    let chosen = match chosen {
        Ok(chosen) => chosen,
        Err(error) => return fail(&console, &error),
    };
    let results = &chosen.results;
    let line = |name: &str, value: String| out(&format!("{name:<10} {value}"));
    let users = count(results.users.rows.len(), "user");
    line("read", format!("{} of {users}", count(results.rows.num_rows(), "row")));
    if results.users.without_user > 0 {
        line("skipped", format!("{} without a user", count(results.users.without_user, "row")));
    }
    for (name, value) in alerted(&chosen.count) {
        line(name, value);
    }
    match &options.output {
        Some((path, _)) => {
            line("written", format!("{} to {}", count(chosen.written, "row"), shown(path)));
        }
        None => list(&chosen),
    }
    if results.skipped.has_all_rows() && results.users.without_user == 0 { DONE } else { SKIPPED }
}

/// One line an alert.
fn list(chosen: &Chosen) {
    let results = &chosen.results;
    let users = results.user_of_rows();
    let reasons = results.reasons().unwrap_or_default();
    let user = |row: usize| users[row].as_deref().map(printable).unwrap_or_default();
    let width = chosen.alerts.iter().map(|row| user(*row).chars().count()).max().unwrap_or(0);
    for row in &chosen.alerts {
        let time = results.times[*row].map(moment).unwrap_or_default();
        let number = match &results.p_values {
            Some(p_values) => format!("p {:<9.2e}", p_values[*row]),
            None => format!("{:<11.4}", results.scores[*row]),
        };
        let reason = reasons.get(*row).and_then(Option::as_deref).map(printable);
        let reason = reason.unwrap_or_default();
        let line = format!("  {time:<19}  {:<width$}  {number}  {reason}", user(*row));
        out(line.trim_end());
    }
}
