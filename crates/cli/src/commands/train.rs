//! `morpheus train`.

use crate::arguments::Usage;
use crate::console::Console;
use crate::exit::{DONE, FAILED, INTERRUPTED, SKIPPED, fail, refuse};
use crate::print::out;
use crate::signals::{look_again_on_signal, stop_on_ctrl_c};
use crate::summary::{aligned, count, grouped, printable, repeated_rows};
use dfp_config::plan::{self, OptionTexts};
use dfp_engine::Stop;
use dfp_engine::{Reporter, Weight};
use dfp_pipeline::retrain::{Comparison, Outcome, Status, Training, train};
use dfp_storage::atomic_write::write_whole;
use dfp_storage::names::shown;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

/// Users that are listed; the others are counted.
const LISTED: usize = 60;
/// Names of categories in a line.
const NAMED: usize = 3;

/// Trains into a store; the exit code.
pub fn run(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    let (options, json) = match plan::check_train(texts, words) {
        Ok(checked) => checked,
        Err(mistakes) => return refuse(&Usage { mistakes, command: "morpheus train".into() }),
    };
    let console = Arc::new(Console::new(level));
    for note in &options.plan.notes {
        console.say(Weight::Warning, note);
    }
    let stop = Stop::new();
    if let Err(error) = stop_on_ctrl_c(&stop) {
        console.say(Weight::Warning, &format!("Ctrl+C will end the training at once: {error}"));
    }
    // Whoever sends it to all programs must not end this one.
    if let Err(error) = look_again_on_signal() {
        console.say(Weight::Warning, &format!("the signal USR1 will end the training: {error}"));
    }
    if let Some(Err(why)) = json.as_ref().map(|path| can_write(path)) {
        let mistakes = vec![format!("train: --json: {why}")];
        return refuse(&Usage { mistakes, command: "morpheus train".into() });
    }
    let reporter: Arc<dyn Reporter> = Arc::clone(&console) as Arc<dyn Reporter>;
    let trained = train(&options, &reporter, &stop);
    console.close();
    let trained = match trained {
        Ok(trained) => trained,
        Err(error) => return fail(&console, &error),
    };
    out(text(&trained, json.as_deref()).trim_end());
    if let Some(path) = &json
        && let Err(why) = write_json(path, &trained)
    {
        console.say(Weight::Error, &why);
        return FAILED;
    }
    let of = |status| trained.users.iter().filter(|user| user.status == status).count();
    if trained.interrupted {
        INTERRUPTED
    } else if of(Status::Failed) > 0 && of(Status::Failed) == trained.users.len() {
        FAILED
    } else if of(Status::Failed) > 0
        || !trained.count.lines("").is_empty()
        || trained.skipped_numbers.is_some()
    {
        SKIPPED
    } else {
        DONE
    }
}

/// Whether there is a place for a file: hours of training must not end with a name that was misspelt.
fn can_write(path: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.is_none_or(Path::is_dir) && !path.is_dir() {
        true => Ok(()),
        false => Err(format!(
            "{:?} cannot be written; expected a file in a folder that is there",
            shown(path)
        )),
    }
}

/// Writes what a command has found as JSON.
pub fn write_json(path: &Path, found: &impl serde::Serialize) -> Result<(), String> {
    let text = serde_json::to_string_pretty(found).map_err(|error| error.to_string())?;
    write_whole(path, (text + "\n").as_bytes()).map_err(|error| format!("--json: {error}"))
}

fn text(found: &Training, json: Option<&Path>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    let read = &found.count;
    line(
        "read",
        format!(
            "{} of {} in {}",
            count(read.rows, "row"),
            count(read.users, "user"),
            count(read.files, "file")
        ),
    );
    for skipped in read.lines("training data").into_iter().chain(found.skipped_numbers.clone()) {
        line("skipped", skipped);
    }
    for changed in read.changes("training data") {
        line("changed", changed);
    }
    if read.filtered > 0 {
        line("filtered", format!("{}, as the feature file asks", count(read.filtered, "row")));
    }
    if read.repeated > 0 {
        line("repeated", repeated_rows(read.repeated));
    }
    for (status, name) in STATUSES {
        match found.users.iter().filter(|user| user.status == status).count() {
            0 => {}
            users => line(name, count(users, "model")),
        }
    }
    let [reading, training] = found.phases.map(|phase| phase.as_secs_f64());
    line("time", format!("reading training data {reading:.2} s, training {training:.2} s"));
    text.push('\n');
    text.push_str(&table(found, json));
    for user in &found.users {
        if let Some(comparison) = user.comparison.as_ref().filter(|_| found.users.len() <= LISTED) {
            text.push('\n');
            text.push_str(&compared(user, comparison));
        }
    }
    if found.interrupted {
        text.push_str("stopped before the end; the same command continues from here\n");
    }
    text
}

/// What can become of a user, the most important first, and its word.
const STATUSES: [(Status, &str); 6] = [
    (Status::Failed, "failed"),
    (Status::Candidate, "candidate"),
    (Status::Promoted, "promoted"),
    (Status::Due, "due"),
    (Status::UpToDate, "up to date"),
    (Status::Waiting, "waiting"),
];

fn table(found: &Training, json: Option<&Path>) -> String {
    let rank = |user: &&Outcome| STATUSES.iter().position(|(status, _)| *status == user.status);
    let mut users: Vec<&Outcome> = found.users.iter().collect();
    users.sort_by_key(rank);
    let mut lines = vec![
        ["user", "rows", "seconds", "loss", "version", "status", "reason"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for user in users.iter().take(LISTED) {
        let word = rank(user).map_or("", |at| STATUSES[at].1);
        lines.push(vec![
            printable(&user.user),
            grouped(user.rows),
            format!("{:.2}", user.seconds),
            user.loss.map(|loss| format!("{loss:.4}")).unwrap_or_default(),
            user.version.map(|version| version.to_string()).unwrap_or_default(),
            word.to_owned(),
            printable(&user.reason),
        ]);
    }
    let mut text = aligned(&lines, &[1, 2, 3, 4]).join("\n");
    text.push('\n');
    if users.len() > LISTED {
        let more = count(users.len() - LISTED, "more model");
        let _ = match json {
            Some(path) => writeln!(text, "and {more}, all in {}", shown(path)),
            None => writeln!(text, "and {more}; --json FILE writes all"),
        };
    }
    text
}

/// A new version beside the live one.
pub fn compared(user: &Outcome, of: &Comparison) -> String {
    let version = user.version.map(|version| format!(" version {version}")).unwrap_or_default();
    let title = format!("{}{version}", printable(&user.user));
    comparison(&title, of)
}

/// Two versions side by side, under a title.
pub fn comparison(title: &str, of: &Comparison) -> String {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let optional = |share: Option<f64>| share.map(percent).unwrap_or_default();
    let live = of.live_version.map_or("live".to_owned(), |version| format!("live ({version})"));
    let lines = vec![
        vec![String::new(), live, "new".to_owned()],
        vec!["loss".into(), format!("{:.4}", of.live.loss), format!("{:.4}", of.candidate.loss)],
        vec![
            "p <= 0.05".into(),
            optional(of.live.at_five_percent),
            optional(of.candidate.at_five_percent),
        ],
        vec!["alerts".into(), percent(of.live.alerts), percent(of.candidate.alerts)],
    ];
    let mut text = format!(
        "{title}, on {} held out ({} of them learnt by the live version)\n",
        count(of.held_out, "row"),
        grouped(of.seen_by_live)
    );
    for line in aligned(&lines, &[1, 2]) {
        let _ = writeln!(text, "  {line}");
    }
    let mut names = |what: &str, (names, all): &(Vec<String>, usize)| {
        if *all > 0 {
            let named: Vec<String> = names.iter().take(NAMED).map(|name| printable(name)).collect();
            let more = match all.saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let _ = writeln!(text, "  {what}: {}{more}", named.join(", "));
        }
    };
    names("new to the live version", &of.new_categories);
    names("of the live version, not seen in this window", &of.vanished_categories);
    let drift: Vec<String> = of
        .drift
        .iter()
        .take(NAMED)
        .map(|drift| format!("{} {:.2}", printable(&drift.feature), drift.psi))
        .collect();
    if !drift.is_empty() {
        let _ = writeln!(text, "  drift of the rows held out (PSI): {}", drift.join(", "));
    }
    let _ = writeln!(text, "  {}", printable(&of.verdict.reason));
    text
}
