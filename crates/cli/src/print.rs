//! What the program prints, all of it. A reader that has gone (`| head`, a log collector that starts again) or
//! a full disk ends nothing: what cannot be printed is lost, and the run goes on. Nothing that is printed
//! steers a terminal, and secrets of addresses are masked.

use dfp_storage::names::{masked, printable};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longer lines are cut: one value of a log may be as long as the log.
const LONGEST: usize = 16_384;

/// Whether standard output belongs to rows.
static ROWS: AtomicBool = AtomicBool::new(false);

/// From now on rows go to standard output, so lines go to standard error.
pub fn rows_on_standard_output() {
    ROWS.store(true, Ordering::Relaxed);
}

/// Prints a text on standard output.
pub fn out(text: &str) {
    let text = safe(text) + "\n";
    let _ = match ROWS.load(Ordering::Relaxed) {
        true => std::io::stderr().write_all(text.as_bytes()),
        false => std::io::stdout().write_all(text.as_bytes()),
    };
}

/// Prints a text of this program alone on standard output, with its bold parts.
pub fn out_styled(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a text on standard error.
pub fn err(text: &str) {
    let text = safe(text) + "\n";
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A message whose further lines are seen to be further lines: a value of a log may have some that read like
/// messages.
pub fn message(text: &str) -> String {
    let mut message = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            message.push_str(if line.starts_with(' ') { "\n" } else { "\n  " });
        }
        message.push_str(line);
    }
    message
}

/// A text of several lines as it can be printed.
pub fn safe(text: &str) -> String {
    let text = masked(text);
    let line = |line: &str| {
        let cells: Vec<String> = line.split('\t').map(printable).collect();
        cut(cells.join("\t"))
    };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join("\n")
}

fn cut(mut line: String) -> String {
    if line.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_lines_forges_no_message() {
        assert_eq!(message("a \"x\nerror: y\"\n  z"), "a \"x\n  error: y\"\n  z");
    }

    #[test]
    fn lines_and_tabs_stay_and_nothing_else_steers() {
        assert_eq!(safe("a\tb\n\u{1b}[2Jc\r\u{202e}"), "a\tb\n\\u{1b}[2Jc\\r\\u{202e}");
        assert_eq!(safe("to https://u:p@h/x?sig=1\nend"), "to https://***@h/x?sig=***\nend");
        let long = safe(&"ä".repeat(LONGEST));
        assert!(long.len() < LONGEST + 4 && long.ends_with('…'));
    }
}
