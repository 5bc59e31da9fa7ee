//! `morpheus evaluate` and `morpheus backtest`: how well scores find what they should.

use crate::arguments::Usage;
use crate::commands::train::write_json;
use crate::console::Console;
use crate::exit::{DONE, FAILED, SKIPPED, fail, refuse};
use crate::print::out;
use crate::signals::stop_on_ctrl_c;
use crate::summary::{count, grouped, printable, repeated_rows};
use dfp_analysis::backtest::{Backtest, Placed, backtest};
use dfp_analysis::evaluate::{BudgetOf, Evaluated, Evaluation, Spent, evaluate_outputs};
use dfp_config::plan::{self, OptionTexts};
use dfp_engine::Stop;
use dfp_engine::{Reporter, Weight};
use dfp_pipeline::RunError;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Users that are named; the others are counted.
const NAMED: usize = 5;

/// Evaluates outputs; the exit code.
pub fn evaluate(texts: &OptionTexts, outputs: &[String], level: Weight) -> u8 {
    let (options, json) = match plan::check_evaluate(texts, outputs) {
        Ok(checked) => checked,
        Err(mistakes) => {
            return refuse(&Usage { mistakes, command: "morpheus evaluate".into() });
        }
    };
    let console = Console::new(level);
    let evaluated = evaluate_outputs(&options, &console);
    console.close();
    let evaluated = match evaluated {
        Ok(evaluated) => evaluated,
        Err(RunError::Usage(mistakes)) => {
            let mistakes = mistakes.into_iter().map(|why| format!("evaluate: {why}")).collect();
            return refuse(&Usage { mistakes, command: "morpheus evaluate".into() });
        }
        Err(error) => return fail(&console, &error),
    };
    let skipped = evaluated.count.lines("outputs");
    out(of_outputs(&evaluated, &skipped).trim_end());
    let complete = skipped.is_empty() && evaluated.absent_events == 0;
    end(&console, json.as_deref(), &evaluated, complete)
}

/// Tests on the past; the exit code.
pub fn test_on_the_past(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    let (options, json) = match plan::check_backtest(texts, words) {
        Ok(checked) => checked,
        Err(mistakes) => {
            return refuse(&Usage { mistakes, command: "morpheus backtest".into() });
        }
    };
    let console = Arc::new(Console::new(level));
    for note in &options.plan.notes {
        console.say(Weight::Warning, note);
    }
    let stop = Stop::new();
    if let Err(error) = stop_on_ctrl_c(&stop) {
        console.say(Weight::Warning, &format!("Ctrl+C will end the test at once: {error}"));
    }
    let reporter: Arc<dyn Reporter> = Arc::clone(&console) as Arc<dyn Reporter>;
    let tested = backtest(&options, &reporter, &stop);
    console.close();
    let tested = match tested {
        Ok(tested) => tested,
        Err(error) => return fail(&console, &error),
    };
    let skipped = tested.count.lines("input");
    out(of_past(&tested, &skipped).trim_end());
    let complete = skipped.is_empty() && tested.failed.is_empty();
    end(&console, json.as_deref(), &tested, complete)
}

fn end(console: &Console, json: Option<&Path>, found: &impl Serialize, complete: bool) -> u8 {
    if let Some(path) = json
        && let Err(why) = write_json(path, found)
    {
        console.say(Weight::Error, &why);
        return FAILED;
    }
    if complete { DONE } else { SKIPPED }
}

fn of_outputs(found: &Evaluated, skipped: &[String]) -> String {
    let mut text = String::new();
    let columns = &found.columns;
    line(
        &mut text,
        "read",
        &format!(
            "{} of {} ({}), {} by {}",
            count(found.evaluation.rows, "row"),
            count(found.evaluation.users, "user"),
            columns.user,
            days(found.evaluation.days),
            columns.time
        ),
    );
    skipped.iter().for_each(|skipped| line(&mut text, "skipped", skipped));
    let absent = match found.absent_events {
        0 => String::new(),
        absent => format!(", {} more in no output", grouped(absent)),
    };
    let labelled = count(found.evaluation.labelled, "row");
    line(&mut text, "labelled", &format!("{labelled} by {}{absent}", columns.event));
    line(&mut text, "ranked by", &columns.score);
    measures(&mut text, &found.evaluation, "labelled rows");
    text
}

fn of_past(found: &Backtest, skipped: &[String]) -> String {
    let mut text = String::new();
    let read = &found.count;
    line(
        &mut text,
        "read",
        &format!("{} of {}", count(read.rows, "row"), count(read.users, "user")),
    );
    skipped.iter().for_each(|skipped| line(&mut text, "skipped", skipped));
    if read.filtered > 0 {
        let filtered = count(read.filtered, "row");
        line(&mut text, "filtered", &format!("{filtered}, as the feature file asks"));
    }
    if read.repeated > 0 {
        line(&mut text, "repeated", &repeated_rows(read.repeated));
    }
    if !found.too_little_history.is_empty() {
        let named = found.too_little_history.iter().take(NAMED);
        let named: Vec<String> =
            named.map(|(user, rows)| format!("{} ({rows})", printable(user))).collect();
        let more = match found.too_little_history.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more)),
        };
        line(
            &mut text,
            "left out",
            &format!(
                "{} with fewer than {} rows: {}{more}",
                count(found.too_little_history.len(), "user"),
                found.least_rows,
                named.join(", ")
            ),
        );
    }
    for (user, why) in &found.failed {
        line(&mut text, "no model", &format!("user {user:?}: {why}"));
    }
    let identity = match found.identity_columns.is_empty() {
        true => "no column says whose a row is".to_owned(),
        false => format!(
            "{} say whose a row is: always the user's own",
            found.identity_columns.join(", ")
        ),
    };
    line(&mut text, "identity", &identity);
    for placed in &found.placed {
        put_in(&mut text, placed);
    }
    let evaluation = &found.evaluation;
    line(
        &mut text,
        "scored",
        &format!(
            "{} of {} in {}, {} of them of takeovers",
            count(evaluation.rows, "row"),
            count(evaluation.users, "user"),
            days(evaluation.days),
            grouped(evaluation.labelled)
        ),
    );
    measures(&mut text, evaluation, "rows of takeovers");
    text
}

fn put_in(text: &mut String, placed: &Placed) {
    if placed.takeovers > 0 {
        let takeovers = count(placed.takeovers, "takeover");
        let rows = count(placed.rows, "row");
        line(text, "put in", &format!("{}: {takeovers}, {rows}", placed.kind));
    }
    for (why, many) in &placed.not_made {
        line(text, "not made", &format!("{}: {}: {why}", placed.kind, count(*many, "takeover")));
    }
}

/// What the measures and budgets have come to.
fn measures(text: &mut String, found: &Evaluation, of: &str) {
    if found.unscored > 0 {
        let rows = count(found.unscored, "row");
        line(text, "unscored", &format!("{rows} without a score rank last"));
    }
    let Some((auroc, average_precision)) = found.auroc.zip(found.average_precision) else {
        line(text, "nothing", "to measure: all rows are labelled, or none is");
        return;
    };
    let with = |measure: f64, interval: Option<(f64, f64)>| match interval {
        Some((low, high)) => format!("{measure:.3}  (95 %: {low:.3} to {high:.3})"),
        None => format!("{measure:.3}"),
    };
    line(text, "AUROC", &with(auroc, found.auroc_interval));
    line(text, "AP", &with(average_precision, found.average_precision_interval));
    for (number, part) in found.parts.iter().enumerate() {
        let part_measures = part.auroc.zip(part.average_precision);
        let measured = part_measures.map_or("nothing to measure".to_owned(), |(auroc, ap)| {
            format!("AUROC {auroc:.3}, AP {ap:.3}")
        });
        line(
            text,
            &format!("fold {}", number + 1),
            &format!(
                "{measured}; {} of takeovers among {}",
                grouped(part.labelled),
                count(part.rows, "row")
            ),
        );
    }
    by_kind(text, found);
    let _ = writeln!(text);
    let whose = match found.budget_of {
        BudgetOf::All => "a day",
        BudgetOf::Each => "a day and user",
    };
    for spent in &found.budgets {
        let _ = writeln!(text, "{}", advice(spent, whose, of));
    }
}

fn by_kind(text: &mut String, found: &Evaluation) {
    let _ = writeln!(text);
    let width = found.kinds.iter().map(|kind| kind.kind.chars().count()).max().unwrap_or(0).max(4);
    let _ = write!(text, "{:<width$}  {:>6}  {:>5}", "kind", "rows", "AUROC");
    for spent in &found.budgets {
        let _ = write!(text, "  {:>9}", format!("at {} /d", spent.alerts_per_day));
    }
    let _ = writeln!(text);
    for kind in &found.kinds {
        let auroc = kind.auroc.map_or("-".to_owned(), |auroc| format!("{auroc:.3}"));
        let name = printable(&kind.kind);
        let _ = write!(text, "{name:<width$}  {:>6}  {auroc:>5}", grouped(kind.rows));
        for recall in &kind.recall {
            let _ = write!(text, "  {:>9}", format!("{:.0} %", 100.0 * recall));
        }
        let _ = writeln!(text);
    }
}

/// What one budget means, in a sentence.
fn advice(spent: &Spent, whose: &str, of: &str) -> String {
    let percent = |share: Option<f64>| 100.0 * share.unwrap_or_default();
    let alerts = match spent.alerts_per_day {
        1.0 => "1 alert".to_owned(),
        many => format!("{many} alerts"),
    };
    let range = |(low, high): (f64, f64), digits: usize| match low == high {
        true => format!("{low:.digits$}"),
        false => format!("{low:.digits$} to {high:.digits$}"),
    };
    let mut threshold = String::new();
    if let Some(from) = spent.score_from {
        let _ = write!(threshold, "; score from {}", range(from, 3));
    }
    if let Some((low, high)) = spent.p_value_to {
        let _ = match low == high {
            true => write!(threshold, ", p up to {}", probability(low)),
            false => {
                write!(threshold, ", p up to {} to {}", probability(low), probability(high))
            }
        };
    }
    format!(
        "{alerts} {whose}: finds {:.0} % of the {of}, {:.0} % of the alerts are right, {:.1} false a user a month{threshold}",
        percent(spent.recall),
        percent(spent.precision),
        spent.false_alerts_per_user_month
    )
}

fn probability(p: f64) -> String {
    if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.3}") }
}

fn days(days: f64) -> String {
    let rounded = days.round().max(1.0) as usize;
    count(rounded, "day")
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name:<10} {}", printable(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_told_in_a_sentence() {
        let spent = Spent {
            alerts_per_day: 10.0,
            alerts: 100.0,
            found: 5.0,
            recall: Some(5.0 / 6.0),
            precision: Some(0.05),
            false_alerts_per_user_month: 2.14,
            score_from: Some((12.5, 12.5)),
            p_value_to: Some((0.0012, 0.0012)),
        };
        assert_eq!(
            advice(&spent, "a day", "labelled rows"),
            "10 alerts a day: finds 83 % of the labelled rows, 5 % of the alerts are right, 2.1 false a user a month; \
             score from 12.500, p up to 0.001"
        );
    }
}
