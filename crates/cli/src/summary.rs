//! The few lines at the end of a run.

use dfp_pipeline::report::Summary;
use std::fmt::Write;

/// The summary as text, each line ended.
pub fn text(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    line(
        "read",
        format!("{} of {}", count(summary.rows_read, "row"), count(summary.users, "user")),
    );
    for skipped in &summary.skipped {
        line("skipped", skipped.clone());
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
        n => format!(", {} without (training failed)", count(n, "user")),
    };
    line("models", format!("{}{failed}", count(summary.models, "user")));
    let unscored = match summary.rows_without_model {
        0 => String::new(),
        n => format!(", {} without a model", count(n, "row")),
    };
    line("scored", format!("{}{unscored}", count(summary.rows_scored, "row")));
    for (file, rows) in &summary.written {
        line("written", format!("{} to {file}", count(*rows, "row")));
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
    if summary.rows_scored > 0 {
        unusual(&mut text, summary);
    }
    match (summary.interrupted, summary.goes_on) {
        (true, false) => {
            text.push_str("stopped before the end; what was written is kept as NAME.partial\n");
        }
        (true, true) => {
            text.push_str(
                "stopped before the end; a run with the same --state_dir goes on from here\n",
            );
        }
        (false, _) => {}
    }
    text
}

fn unusual(text: &mut String, summary: &Summary) {
    let unusual = &summary.unusual;
    let _ = writeln!(
        text,
        "{:<10} {} with z > 4; the highest:",
        "unusual",
        count(unusual.above_four, "row")
    );
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

/// "1 row", "2 rows", "1,234 rows".
pub fn count(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// `text` without anything that steers a terminal: names come from logs, and so from anybody.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
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
