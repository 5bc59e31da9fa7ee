//! `morpheus explain`.

use crate::arguments::Usage;
use crate::console::Console;
use crate::exit::{DONE, SKIPPED, fail, refuse};
use crate::print::out;
use crate::summary::{aligned, printable, shortened};
use dfp_analysis::results::explain::{self, Before, Explained};
use dfp_config::plan::{self, OptionTexts};
use dfp_engine::{Reporter, Weight};
use std::sync::Arc;

/// Longer values are cut.
const LONGEST: usize = 48;

/// Explains a row; the exit code.
pub fn run(texts: &OptionTexts, words: &[String], level: Weight) -> u8 {
    let options = match plan::check_explain(texts, words) {
        Ok(options) => options,
        Err(mistakes) => {
            return refuse(&Usage { mistakes, command: "morpheus explain".into() });
        }
    };
    let console = Arc::new(Console::new(level));
    let reporter: Arc<dyn Reporter> = Arc::clone(&console) as Arc<dyn Reporter>;
    let explained = explain::explain(&options, &reporter);
    console.close();
    match explained {
        Ok(explained) => {
            out(text(&explained).trim_end());
            if explained.is_incomplete { SKIPPED } else { DONE }
        }
        Err(error) => fail(&console, &error),
    }
}

fn text(of: &Explained) -> String {
    let mut lines = vec![vec!["user".to_owned(), printable(&of.user)]];
    let mut line = |name: &str, value: String| lines.push(vec![name.to_owned(), value]);
    let mut event = of.file_row.map(|row| format!("row {row}")).unwrap_or_default();
    if let Some(time) = of.time {
        event.push_str(if event.is_empty() { "" } else { ", " });
        event.push_str(&moment(time));
    }
    if !event.is_empty() {
        line("event", event);
    }
    for (name, value) in &of.numbers {
        let small = *value != 0.0 && value.abs() < 0.001;
        line(name, if small { format!("{value:.2e}") } else { format!("{value:.4}") });
    }
    if let Some(sentence) = &of.sentence {
        line("why", printable(sentence));
    }
    if of.is_generic {
        line("model", "that of all users: this one has none of its own".to_owned());
    }
    if let Some(before) = &of.before {
        line("before it", in_words(before));
    }
    let mut text = aligned(&lines, &[]).join("\n");
    let (table, numbers) = match of.reasons.is_empty() {
        false => (of_model(of), &[2, 3, 6, 7, 8][..]),
        true => (of_output(of), &[2][..]),
    };
    if table.len() > 1 {
        text.push_str("\n\n");
        text.push_str(&aligned(&table, numbers).join("\n"));
    }
    if of.reasons.is_empty() {
        text.push_str("\n\nwhat is expected, how often and when last a value was seen: --pretrained_filename MODELS");
    }
    text
}

/// All that the model knows, one line a feature.
fn of_model(of: &Explained) -> Vec<Vec<String>> {
    let head = ["feature", "observed", "share", "surprise", "seen", "expected", "p", "loss", "z"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(of.reasons.iter().map(|reason| {
        let mut seen = match reason.seen {
            0 => "never".to_owned(),
            n => n.to_string(),
        };
        seen.push_str(&format!(" in {}", reason.rows));
        if let Some(last) = reason.last {
            seen.push_str(&format!(", last {}", moment(last.saturating_mul(1_000))));
        }
        if let Some(given) = reason.given.as_ref().filter(|given| given.rows > 0) {
            seen.push_str(&format!(
                "; {} of {} with {} {}",
                given.together,
                given.rows,
                printable(&given.feature),
                short(&given.value)
            ));
        }
        vec![
            printable(&reason.feature),
            short(&reason.observed),
            format!("{:.0} %", 100.0 * reason.share),
            format!("{:.2}", reason.surprise),
            seen,
            short(&reason.expected),
            format!("{:.2}", reason.probability),
            format!("{:.3}", reason.loss),
            format!("{:.1}", reason.z_loss),
        ]
    }));
    table
}

/// What the output has of each feature.
fn of_output(of: &Explained) -> Vec<Vec<String>> {
    let (features, unit) = &of.written;
    let head = ["feature", "observed", unit];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(features.iter().map(|(feature, observed, value)| {
        vec![printable(feature), short(observed), format!("{value:.2}")]
    }));
    table
}

fn in_words(before: &Before) -> String {
    let mut text = before.file_row.map(|row| format!("row {row}")).unwrap_or_default();
    if let Some(nanoseconds) = before.earlier {
        let seconds = nanoseconds as f64 / 1e9;
        let earlier = match seconds {
            s if s < 120.0 => format!("{s:.0} s earlier"),
            s if s < 7_200.0 => format!("{:.0} minutes earlier", s / 60.0),
            s if s < 172_800.0 => format!("{:.0} hours earlier", s / 3_600.0),
            s => format!("{:.0} days earlier", s / 86_400.0),
        };
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.push_str(&earlier);
    }
    let values: Vec<String> = before
        .values
        .iter()
        .map(|(feature, value)| format!("{} {}", printable(feature), short(value)))
        .collect();
    match values.is_empty() {
        true => text,
        false => format!("{text}: {}", values.join(", ")),
    }
}

fn short(text: &str) -> String {
    shortened(text, LONGEST)
}

/// A time (nanoseconds since 1970) to the second, UTC.
pub fn moment(nanoseconds: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
