//! Tells the program which commit it was built from, if it is built in a clone.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        println!("cargo::rustc-env=MORPHEUS_COMMIT={commit}");
        if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
            && std::path::Path::new(&log).exists()
        {
            println!("cargo::rerun-if-changed={log}");
        }
    }
}

/// The answer of git; none from a tarball, even one unpacked inside of another clone.
fn git(words: &[&str]) -> Option<String> {
    let tracked = Command::new("git").args(["ls-files", "--error-unmatch", "build.rs"]).output();
    tracked.ok().filter(|answer| answer.status.success())?;
    let answer = Command::new("git").args(words).output().ok()?;
    answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}
