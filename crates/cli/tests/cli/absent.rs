//! What a test needs and does not find: a server, a browser, packages of Python. Tests of other crates use this
//! file too.

use std::io::Write;

/// Ends a test that cannot look at what it is about, since `what` is not there: a failure where the environment says
/// `CI=true`, a skip that is shown elsewhere.
pub fn absent(what: &str, why: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "{test} needs {what}, which is an error with CI=true: {why}");
    // Not `eprintln`, which the test harness shows only of tests that fail.
    let _ = writeln!(std::io::stderr(), "skipped {test}: it needs {what}: {why}");
}
