//! `morpheus plan check` and `morpheus tools doctor`: what a run would do.

use crate::arguments::Usage;
use crate::console::Console;
use crate::exit::{DONE, FAILED, USAGE, refuse};
use crate::print::out;
use dfp_config::plan::{self, PlanSpec};
use dfp_engine::{Reporter, Weight};
use dfp_pipeline::dry_run;
use dfp_pipeline::measure::instruction_set;

/// Checks a plan and its files; the exit code tells whether it would start.
pub fn check(spec: &PlanSpec, command: &str) -> u8 {
    let plan = match plan::check(spec) {
        Ok(plan) => plan,
        Err(mistakes) => return refuse(&Usage { mistakes, command: command.to_owned() }),
    };
    let console = Console::new(Weight::Warning);
    for note in &plan.notes {
        console.say(Weight::Warning, note);
    }
    let found = dry_run::look(&plan, &console);
    console.close();
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            console.say(Weight::Error, &error.to_string());
            return FAILED;
        }
    };
    line("threads", &format!("{}, stages {}", plan.compute_threads, plan.num_threads));
    for (name, value) in &found.facts {
        line(name, value);
    }
    for problem in &found.problems {
        console.say(Weight::Error, problem);
    }
    if found.problems.is_empty() {
        out("the run would start");
        DONE
    } else {
        USAGE
    }
}

/// Says what the machine has, then what the run would do, if one is given.
pub fn doctor(spec: Option<&PlanSpec>) -> u8 {
    line("version", &version());
    line("cpu", &format!("{}, {} threads", instruction_set(), plan::cpus()));
    line(
        "memory",
        &memory_limit().map_or("no limit".to_owned(), |bytes| format!("limit {bytes} bytes")),
    );
    spec.map_or(DONE, |spec| check(spec, "morpheus tools doctor"))
}

/// Version, commit and features.
pub fn version() -> String {
    let commit = option_env!("MORPHEUS_COMMIT").unwrap_or("unknown");
    let features = if cfg!(feature = "remote") { "remote" } else { "none" };
    format!("{}, commit {commit}, features: {features}", env!("CARGO_PKG_VERSION"))
}

/// The limit of the control group, if there is one.
fn memory_limit() -> Option<u64> {
    let group = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = group.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    let files = [
        format!("/sys/fs/cgroup{}/memory.max", own.trim_end_matches('/')),
        "/sys/fs/cgroup/memory.max".to_owned(),
        "/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned(),
    ];
    let limits =
        files.iter().filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok());
    // Version 1 writes a number near 2^63 where there is none.
    limits.filter(|bytes| *bytes < 1 << 62).min()
}

fn line(name: &str, value: &str) {
    out(&format!("{name:<10} {value}"));
}
