//! The few lines at the end of a run.

use dfp_alerts::AlertCount;
use dfp_report::summary::{Summary, TimeSeriesCount, TooFew, Unlikely, Unusual, Validation};
use std::fmt::Write;

/// The summary as text, each line ended.
pub fn text(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    let of_users = match summary.by_user {
        true => format!(" of {}", count(summary.users, "user")),
        false => String::new(),
    };
    line("read", format!("{}{of_users}", count(summary.rows_read, "row")));
    for skipped in &summary.skipped {
        line("skipped", skipped.clone());
    }
    for changed in &summary.changed {
        line("changed", changed.clone());
    }
    for (purpose, rows) in summary.filtered.iter().filter(|(_, rows)| *rows > 0) {
        line("filtered", format!("{purpose}: {}, as the feature file asks", count(*rows, "row")));
    }
    if summary.rows_of_others > 0 {
        line(
            "left out",
            format!(
                "{} of other users, as --userid_filter asks",
                count(summary.rows_of_others, "row")
            ),
        );
    }
    for (repeated, of) in
        [(summary.repeated, ""), (summary.repeated_in_training, "training data: ")]
    {
        if repeated > 0 {
            let name = if summary.drops_repeated { "left out" } else { "repeated" };
            line(name, format!("{of}{}", repeated_rows(repeated)));
        }
    }
    if summary.rows_outside > 0 {
        line(
            "left out",
            format!("{} outside of the times asked for", count(summary.rows_outside, "row")),
        );
    }
    if let Some(file) = &summary.drawn {
        line("drawn", file.clone());
    }
    let failed = match summary.failed_users.len() {
        0 => String::new(),
        n => format!(
            ", {} without (too few rows, failed training, or a version that cannot be used)",
            count(n, "user")
        ),
    };
    if summary.by_user {
        line("models", format!("{}{failed}", count(summary.models, "user")));
    }
    if let Some((fewest, most)) = summary.steps {
        line(
            "trained",
            match fewest == most {
                true => format!("{} a user", count(most, "step")),
                false => format!("{} to {} a user", grouped(fewest), count(most, "step")),
            },
        );
    }
    let unscored = match summary.rows_without_model {
        0 => String::new(),
        n => format!(", {} without a model", count(n, "row")),
    };
    if summary.by_user {
        line("scored", format!("{}{unscored}", count(summary.rows_scored, "row")));
    }
    for (stage, rows, why) in &summary.dropped {
        line("left out", format!("{} by {stage}: {}", count(*rows, "row"), printable(why)));
    }
    for validation in &summary.validations {
        for (name, value) in validated(validation) {
            line(name, value);
        }
    }
    if let Some(rows) = &summary.time_series {
        line("rhythm", rhythm(rows));
    }
    if let Some(alerts) = &summary.alerts {
        for (name, value) in alerted(alerts) {
            line(name, value);
        }
    }
    for (file, rows) in &summary.written {
        line("written", format!("{} to {file}", count(*rows, "row")));
    }
    for file in &summary.pages {
        line("report", file.clone());
    }
    let phases: Vec<String> = summary
        .phases
        .iter()
        .map(|(name, time)| format!("{name} {:.2} s", time.as_secs_f64()))
        .collect();
    line("time", phases.join(", "));
    if let Some(seed) = summary.drawn_seed {
        line("seed", format!("{seed} (drawn; --seed {seed} of train-ae repeats this run)"));
    }
    if let Some(unlikely) = &summary.unlikely {
        least_likely(&mut text, unlikely);
    } else if summary.rows_scored > 0 {
        unusual(&mut text, summary);
    }
    match (summary.interrupted, summary.goes_on) {
        (true, false) => {
            text.push_str("stopped before the end; what was written is kept as NAME.partial\n");
        }
        (true, true) => {
            text.push_str(
                "stopped before the end; a run with the same --state_dir continues from here\n",
            );
        }
        (false, _) => {}
    }
    text
}

/// How many rows and columns match, and what does not.
fn validated(validation: &Validation) -> Vec<(&'static str, String)> {
    let Validation { file, outcome, .. } = validation;
    let mut lines = vec![(
        "validated",
        format!(
            "{} of {} of {} match",
            grouped(outcome.matching_rows),
            count(outcome.total_rows, "row"),
            printable(file)
        ),
    )];
    let list = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| printable(name)).collect();
        names.join(", ")
    };
    let mut differs = |what: String| lines.push(("differing", what));
    if outcome.missing_rows > 0 {
        differs(format!("{} not in the results", count(outcome.missing_rows, "row")));
    }
    if outcome.extra_rows > 0 {
        differs(format!("{} of the results not expected", count(outcome.extra_rows, "row")));
    }
    for (column, rows) in &outcome.differing_cols {
        differs(format!("{} in column {}", count(*rows, "row"), printable(column)));
    }
    if !outcome.missing_cols.is_empty() {
        differs(format!("columns not in the results: {}", list(&outcome.missing_cols)));
    }
    if !outcome.extra_cols.is_empty() {
        differs(format!("columns of the results not expected: {}", list(&outcome.extra_cols)));
    }
    lines
}

/// How many alerts there are, and what was not told.
pub fn alerted(alerts: &AlertCount) -> Vec<(&'static str, String)> {
    let days = alerts.days.len();
    let mut text = format!("{} of {}", grouped(alerts.alerts), count(alerts.rows, "row"));
    // Without any time there is no day.
    if days > 0 && alerts.timeless < alerts.rows + alerts.unscored {
        let a_day = alerts.alerts as f64 / days as f64;
        let _ = write!(text, ", {a_day:.1} a day over {}", count(days, "day"));
    }
    if alerts.over_budget > 0 {
        let _ = write!(
            text,
            "; {} equally unusual exceeded the daily budget",
            count(alerts.over_budget, "row")
        );
    }
    let mut lines = vec![("alerts", text)];
    if alerts.unscored > 0 {
        lines.push((
            "alerts",
            format!("{} without a score or p-value are none", count(alerts.unscored, "row")),
        ));
    }
    if alerts.timeless > 0 {
        let rows = count(alerts.timeless, "row");
        lines.push(("alerts", format!("{rows} without a time counted as of the newest day")));
    }
    for (rule, rows) in &alerts.suppressed {
        lines.push(("suppressed", format!("{}: {}", count(*rows, "row"), printable(rule))));
    }
    for (rule, rows) in &alerts.expired {
        let rule = printable(rule);
        lines.push(("expired", format!("{} no longer suppressed: {rule}", count(*rows, "alert"))));
    }
    lines
}

fn rhythm(rows: &TimeSeriesCount) -> String {
    let mut text =
        format!("{} flagged of {} tested", count(rows.flagged, "row"), grouped(rows.tested));
    for (rows, why) in [
        (rows.untested, "untested (too little before or after; --hot_start tests the beginning)"),
        (rows.late, "untested (late; --lateness waits longer)"),
        (rows.timeless, "untested (no time, or one in the future)"),
    ] {
        if rows > 0 {
            let _ = write!(text, ", {} {why}", grouped(rows));
        }
    }
    text
}

fn least_likely(text: &mut String, unlikely: &Unlikely) {
    let _ = writeln!(
        text,
        "{:<10} {} with p <= 0.001 (about {:.1} expected by chance); the lowest:",
        "unlikely",
        count(unlikely.at_most_one_in_1000, "row"),
        unlikely.rows as f64 / 1000.0
    );
    let users: Vec<String> = unlikely.top.iter().map(|row| printable(&row.user)).collect();
    let width = users.iter().map(|user| user.chars().count()).max().unwrap_or(0).max("user".len());
    let _ = writeln!(text, "  rank {:<width$} {:>9} {:>9} {:>9}", "user", "_index_", "score", "p");
    for (rank, (user, row)) in users.iter().zip(&unlikely.top).enumerate() {
        let _ = writeln!(
            text,
            "  {:>4} {user:<width$} {:>9} {:>9.4} {:>9.2e}",
            rank + 1,
            row.file_row,
            row.score,
            row.p_value
        );
        if let Some(reason) = &row.reason {
            let _ = writeln!(text, "       {}", printable(reason));
        }
    }
}

fn unusual(text: &mut String, summary: &Summary) {
    let unusual = &summary.unusual;
    for line in above_four(unusual) {
        let _ = writeln!(text, "{:<10} {line}", "unusual");
    }
    let users: Vec<String> = unusual.top.iter().map(|row| printable(&row.user)).collect();
    let width = users.iter().map(|user| user.chars().count()).max().unwrap_or(0).max("user".len());
    let _ = writeln!(text, "  {:<width$} {:>9} {:>9} {:>7}", "user", "_index_", "score", "z");
    for (user, row) in users.iter().zip(&unusual.top) {
        let _ = writeln!(
            text,
            "  {user:<width$} {:>9} {:>9.4} {:>7.2}",
            row.file_row, row.score, row.z
        );
    }
}

/// How many rows have z > 4, and of how many users none can.
fn above_four(unusual: &Unusual) -> Vec<String> {
    let Unusual { above_four, users, too_few, .. } = unusual;
    if too_few.users == 0 {
        return vec![format!("{} with z > 4; the highest:", count(*above_four, "row"))];
    }
    let enough = match (*users, *above_four) {
        (0, _) => None,
        (users, 0) => {
            Some(format!("no row has z > 4, of {} with enough rows", count(users, "user")))
        }
        (users, rows) => {
            let rows = count(rows, "row");
            Some(format!("{rows} with z > 4, of {} with enough rows", count(users, "user")))
        }
    };
    let few = self::too_few(too_few.users, too_few.rows);
    let instead = match too_few.above_four_of_training {
        0 => "none of these rows has".to_owned(),
        1 => "1 of these rows has".to_owned(),
        rows => format!("{} of these rows have", grouped(rows)),
    };
    let instead = format!(
        "compared with the training rows, {instead} a z-score above 4 (add-scores --label=zscore); \
         inf-ae --scorer=recommended gives p-values; the highest:"
    );
    enough.into_iter().chain([few, instead]).collect()
}

/// Why no row of some users has z > 4.
pub fn too_few(users: usize, rows: usize) -> String {
    format!(
        "z > 4 is not possible for {} with fewer than {} rows ({} in all), since z is over the rows of a run",
        count(users, "user"),
        TooFew::LEAST,
        count(rows, "row")
    )
}

/// "1 row", "2 rows", "1,234 rows".
pub fn count(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Rows that are there more than once.
pub fn repeated_rows(n: usize) -> String {
    format!("{} with the event id of an earlier row", count(n, "row"))
}

pub use dfp_storage::names::printable;

/// [`printable`], cut after so many characters.
pub fn shortened(text: &str, longest: usize) -> String {
    let text = printable(text);
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Columns as wide as their widest cell; those of `numbers` stand at the right.
pub fn aligned(rows: &[Vec<String>], numbers: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| match numbers.contains(&column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Digits in groups of three.
pub fn grouped(n: usize) -> String {
    indicatif::HumanCount(n as u64).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(1234, "row"), "1,234 rows");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("eve\u{1b}[31m\n"), "eve\\u{1b}[31m\\n");
        assert_eq!(printable("Zoë 李"), "Zoë 李");
    }
}
