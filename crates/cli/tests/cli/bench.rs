//! `tools bench`.

use crate::place::{Ended, Place};

#[test]
fn every_figure_is_positive_and_the_logs_are_removed() {
    let place = Place::new();
    std::fs::create_dir(place.path("temporary")).unwrap();
    let mut command = place.command();
    command.args(["tools", "bench", "--rounds", "1", "--compute_threads=2"]);
    let ended = Ended::of(
        command
            .env("TMPDIR", place.path("temporary"))
            .env("TMP", place.path("temporary"))
            .output()
            .unwrap(),
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mut table = ended.stdout.lines().skip_while(|line| !line.contains("1 thread"));
    assert!(table.next().unwrap().ends_with("2 threads"), "{}", ended.stdout);
    let lines: Vec<&str> = table.take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 8, "{}", ended.stdout);
    for line in lines {
        let figures: Vec<f64> = line
            .split_whitespace()
            .rev()
            .take(2)
            .map(|figure| figure.replace(',', "").parse().unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect();
        assert!(figures.iter().all(|figure| figure.is_finite() && *figure > 0.0), "{line}");
    }
    assert!(place.list("temporary").is_empty());
}

#[test]
fn bad_options_are_named() {
    for (options, mistake) in [
        ("--rounds 0", "--rounds: \"0\" is not a whole number from 1 to 1000"),
        (
            "--compute_thread 2",
            "there is no option --compute_thread; did you mean --compute_threads",
        ),
        ("csv", "unexpected word \"csv\"; it takes options only"),
    ] {
        let ended = Place::new().morpheus(&format!("tools bench {options}"));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{options}");
        let message = format!("error: bench: {mistake}\nsee morpheus tools bench --help\n");
        assert_eq!(ended.stderr, message);
    }
}

#[cfg(unix)]
#[test]
fn a_temporary_directory_that_is_not_there_is_named() {
    let place = Place::new();
    let mut command = place.command();
    command.args(["tools", "bench"]).env("TMPDIR", "not/there");
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.ends_with(
            "error: cannot make a directory in the temporary directory \"not/there\": \
             entity not found; TMPDIR in the environment names another\n"
        ),
        "{}",
        ended.stderr
    );
}
