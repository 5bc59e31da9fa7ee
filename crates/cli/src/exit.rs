//! How the process ends: exit codes, and what is said where a command did not succeed.

use crate::arguments::Usage;
use crate::console::Console;
use crate::print::{err, message};
use dfp_pipeline::RunError;

/// Done.
pub const DONE: u8 = 0;
/// The run failed.
pub const FAILED: u8 = 1;
/// The line makes no sense.
pub const USAGE: u8 = 2;
/// Done, but input was skipped.
pub const SKIPPED: u8 = 3;
/// Stopped by Ctrl+C, as shells write it: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Says what is wrong with the line; the exit code.
pub fn refuse(usage: &Usage) -> u8 {
    for mistake in &usage.mistakes {
        err(&format!("error: {}", message(mistake)));
    }
    err(&format!("see {} --help", usage.command));
    USAGE
}

/// Says why something did not succeed; the exit code.
pub fn fail(console: &Console, error: &RunError) -> u8 {
    console.fail(&error.to_string());
    match error {
        RunError::Usage(_) => USAGE,
        RunError::Failed(_) | RunError::NoRows(_) | RunError::Overflow(_) => FAILED,
        RunError::Interrupted => INTERRUPTED,
    }
}
