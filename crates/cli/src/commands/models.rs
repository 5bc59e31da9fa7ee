//! `morpheus models`: the versions of a store.

use crate::arguments::Usage;
use crate::commands::train::{comparison, write_json};
use crate::console::Console;
use crate::exit::{DONE, FAILED, SKIPPED, fail, refuse};
use crate::print::out;
use crate::summary::{aligned, count, grouped, printable};
use dfp_config::plan::{self, ModelsCommand, OptionTexts};
use dfp_engine::{Reporter, Weight};
use dfp_pipeline::RunError;
use dfp_registry::library::admin::{self, Difference, Listed, Shown, moment};
use dfp_registry::library::{Library, Purpose};
use dfp_storage::names::shown;
use std::fmt::Write;

/// Values of a feature that are shown.
const VALUES: usize = 5;
/// Longer values are cut.
const LONGEST: usize = 40;
/// The loss curve, in characters.
const CURVE: (usize, usize) = (60, 8);
/// Categories of a difference that are named.
const NAMED: usize = 8;

/// Runs a command over a store; the exit code.
pub fn run(command: &str, texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    let options = match plan::check_models(command, texts, words) {
        Ok(options) => options,
        Err(mistakes) => {
            return refuse(&Usage { mistakes, command: format!("morpheus models {command}") });
        }
    };
    let console = Console::new(level);
    let code = done(command, &options, &console);
    console.close();
    match code {
        Ok(code) => code,
        Err(error) => fail(&console, &error),
    }
}

/// Tells what could not be read; the exit code.
fn told(damaged: &[String], console: &Console) -> u8 {
    damaged.iter().for_each(|why| console.say(Weight::Warning, why));
    if damaged.is_empty() { DONE } else { SKIPPED }
}

fn done(command: &str, options: &ModelsCommand, console: &Console) -> Result<u8, RunError> {
    let library = Library::open(&options.store, Purpose::Read, options.limits)?;
    let user = options.users.first().map_or("", String::as_str);
    let version = options.versions.first().copied();
    match command {
        "list" => {
            let (listed, damaged) = admin::list(&library, &options.users, options.all)?;
            out(list(&listed).trim_end());
            json(options, &listed)?;
            return Ok(told(&damaged, console));
        }
        "show" => {
            let shown = admin::show(&library, user, version)?;
            out(show(&shown).trim_end());
            json(options, &shown.about)?;
        }
        "diff" => {
            let difference = admin::differ(&library, user, &options.versions)?;
            out(diff(&difference).trim_end());
            json(options, &difference)?;
        }
        "promote" => {
            let (before, live) = admin::promote(&library, user, version)?;
            out(&format!(
                "{}: version {live} is live{}",
                printable(user),
                instead_of(before, live)
            ));
        }
        "rollback" => {
            let (before, live) = admin::roll_back(&library, user)?;
            let live = live.unwrap_or_default();
            out(&format!(
                "{}: version {live} is live again{}",
                printable(user),
                instead_of(before, live)
            ));
        }
        "export" => {
            let version = admin::show(&library, user, version)?;
            for file in admin::export(&version, &options.exports)? {
                let name = format!("{}:{}", printable(user), version.version);
                out(&format!("{name} written to {}", shown(&file)));
            }
        }
        "verify" => {
            let verified = admin::verify(&library, &options.users)?;
            let damaged = &verified.damaged;
            damaged.iter().for_each(|why| console.say(Weight::Error, why));
            let (sound, users) = (count(verified.sound, "version"), count(verified.users, "user"));
            out(&format!("{sound} of {users} are sound, {} damaged", grouped(damaged.len())));
            return Ok(if damaged.is_empty() { DONE } else { FAILED });
        }
        "prune" => {
            let pruned = admin::prune(&library, &options.users, options.retention)?;
            let would = if options.retention.dry_run { "would go" } else { "gone" };
            for (user, versions) in &pruned.gone {
                let versions: Vec<String> = versions.iter().map(u64::to_string).collect();
                out(&format!("{}: {would}: {}", printable(user), versions.join(", ")));
            }
            let all: usize = pruned.gone.iter().map(|(_, versions)| versions.len()).sum();
            out(&format!("{} {would}", count(all, "version")));
            if pruned.swept > 0 {
                out(&format!("{} of broken-off writers removed", count(pruned.swept, "file")));
            }
            return Ok(told(&pruned.damaged, console));
        }
        other => {
            return Err(RunError::Failed(format!(
                "the table names {other:?}, but nothing runs it"
            )));
        }
    }
    Ok(DONE)
}

fn json(options: &ModelsCommand, found: &impl serde::Serialize) -> Result<(), RunError> {
    options.json.as_ref().map_or(Ok(()), |path| write_json(path, found)).map_err(RunError::Failed)
}

fn instead_of(before: Option<u64>, live: u64) -> String {
    let other = before.filter(|before| *before != live);
    other.map(|before| format!(", in place of {before}")).unwrap_or_default()
}

fn list(listed: &[Listed]) -> String {
    let head = ["user", "version", "state", "rows", "first row", "last row", "loss", "made"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for of in listed {
        let mut line = vec![printable(&of.user), of.version.to_string(), of.state.clone()];
        if let Some(about) = &of.about {
            line.extend([
                grouped(about.rows),
                about.window.map(|window| moment(window.first)).unwrap_or_default(),
                about.window.map(|window| moment(window.last)).unwrap_or_default(),
                about.losses.last().map(|loss| format!("{loss:.4}")).unwrap_or_default(),
                about.created.clone(),
            ]);
        }
        lines.push(line);
    }
    let mut text = aligned(&lines, &[1, 3, 6]).join("\n");
    let users: std::collections::BTreeSet<&str> =
        listed.iter().map(|of| of.user.as_str()).collect();
    let _ = write!(text, "\n{} of {}", count(listed.len(), "version"), count(users.len(), "user"));
    text
}

fn show(of: &Shown) -> String {
    let about = &of.about;
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut line = |name: &str, value: String| lines.push(vec![name.to_owned(), value]);
    line("user", printable(&about.user));
    line("version", format!("{}, {}, made {}", of.version, of.state, about.created));
    line("rows", grouped(about.rows));
    if let Some(window) = about.window {
        line("happened", format!("{} to {}", moment(window.first), moment(window.last)));
    }
    line("source", printable(&about.source));
    if let Some(peers) = &about.leans_on {
        line("leans on", format!("{}:{}", printable(&peers.user), peers.version));
    }
    line("weights", grouped(of.model.weights().len()));
    let took = about.seconds.map(|seconds| format!(" in {seconds:.2} s")).unwrap_or_default();
    line("trained", format!("{}{took}, seed {}", count(about.losses.len(), "epoch"), about.seed));
    line("software", printable(&about.software));
    let mut text = aligned(&lines, &[]).join("\n");
    text.push_str("\n\nloss by epoch\n");
    text.push_str(&curve(&about.losses));
    text.push_str("\nwhat is normal\n");
    let mut lines: Vec<Vec<String>> = Vec::new();
    for habit in of.model.habits(VALUES) {
        let values = habit.values.iter().map(|(value, rows)| {
            let value = crate::summary::shortened(&printable(value), LONGEST);
            rows.map_or(value.clone(), |rows| format!("{value} {}", grouped(rows as usize)))
        });
        let mut values = values.collect::<Vec<_>>().join(", ");
        let more = habit.different.unwrap_or_default().saturating_sub(habit.values.len());
        if more > 0 {
            let _ = write!(values, " and {} more", grouped(more));
        }
        lines.push(vec![format!("  {}", printable(&habit.feature)), habit.kind.to_owned(), values]);
    }
    text.push_str(&aligned(&lines, &[]).join("\n"));
    if let Some(of) = about.comparison.clone().and_then(|of| serde_json::from_value(of).ok()) {
        text.push_str("\n\n");
        text.push_str(&comparison("when it was trained", &of));
    }
    text
}

/// A curve of numbers in lines of text, the first and the last number beside it.
fn curve(values: &[f64]) -> String {
    let (most, height) = CURVE;
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let width = finite.len().min(most);
    // Where there are more values than columns, each column is the mean of some.
    let means = (0..width).map(|column| {
        let part = &finite[column * finite.len() / width..(column + 1) * finite.len() / width];
        part.iter().sum::<f64>() / part.len() as f64
    });
    let means: Vec<f64> = means.collect();
    let ends = (means.iter().copied().reduce(f64::min), means.iter().copied().reduce(f64::max));
    let (Some(low), Some(high)) = ends else { return "  (none)\n".to_owned() };
    // Eighths of a character, from the bottom.
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let eighths = |mean: &f64| {
        let share = if high > low { (mean - low) / (high - low) } else { 0.5 };
        1 + (share * (height * 8 - 1) as f64).round() as usize
    };
    let columns: Vec<usize> = means.iter().map(eighths).collect();
    let mut text = String::new();
    for row in (0..height).rev() {
        let label = match row {
            0 => format!("{low:.4}"),
            row if row + 1 == height => format!("{high:.4}"),
            _ => String::new(),
        };
        let blocks: String =
            columns.iter().map(|all| BLOCKS[all.saturating_sub(row * 8).min(8)]).collect();
        let _ = writeln!(text, "  {label:>10} {}", blocks.trim_end());
    }
    text
}

fn diff(of: &Difference) -> String {
    let [one, other] = of.versions;
    let mut lines = vec![vec![String::new(), one.to_string(), other.to_string()]];
    for (name, a, b) in &of.facts {
        lines.push(vec![name.clone(), printable(a), printable(b)]);
    }
    let mut text = format!("{}\n", printable(&of.user));
    match of.facts.is_empty() {
        true => text.push_str("nothing that is said about the two differs\n"),
        false => text.push_str(&(aligned(&lines, &[]).join("\n") + "\n")),
    }
    let names = |names: &[String]| {
        let mut text: Vec<String> = names.iter().take(NAMED).map(|name| printable(name)).collect();
        if names.len() > NAMED {
            text.push(format!("{} more", grouped(names.len() - NAMED)));
        }
        text.join(", ")
    };
    for (version, features) in of.versions.iter().zip(&of.features) {
        if !features.is_empty() {
            let _ = writeln!(text, "features of {version} alone: {}", names(features));
        }
    }
    for (feature, known) in &of.categories {
        for (version, known) in of.versions.iter().zip(known) {
            if !known.is_empty() {
                let feature = printable(feature);
                let _ = writeln!(text, "{feature}, known to {version} alone: {}", names(known));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_falls_from_left_to_right() {
        let falling: Vec<f64> = (0..200).map(|n| 1.0 / f64::from(n + 1)).collect();
        let text = curve(&falling);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), CURVE.1);
        assert!(lines[0].contains("0.6111") && lines[0].ends_with('█'), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 13 + CURVE.0));
        assert_eq!(curve(&[]), "  (none)\n");
        assert_eq!(curve(&[0.5]).lines().count(), CURVE.1);
        assert_eq!(curve(&[0.5, 0.5]).lines().count(), CURVE.1);
    }
}
