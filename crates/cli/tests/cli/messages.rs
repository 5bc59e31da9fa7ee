//! What is printed: a few messages of a kind, nothing that steers a terminal, no secrets; and no reader that
//! goes away ends a run.

use crate::place::{Ended, Place, column, log};
use std::fmt::Write as _;
use std::fs::File;
use std::process::Stdio;

const SCORE: &str = "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv \
     train-ae --seed=1 --architecture=compact --train_epochs=1 --train_data_glob=train.csv preprocess \
     inf-ae add-scores serialize to-file --filename=out.csv --overwrite";

#[test]
fn a_thousand_users_without_a_model_are_a_few_messages_and_a_count() {
    let place = Place::new();
    place.write("train.csv", log(&["ann"], 60));
    let mut rows = log(&["ann"], 3);
    for user in 0..1_000 {
        let _ = writeln!(rows, "{user},2021-10-02T00:00:00Z,List,s3,\"u \"\"{user}\"\"\",");
    }
    place.write("in/a.csv", rows);
    let ended = place.morpheus(SCORE);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let said = ended.stderr.lines().filter(|line| line.contains("has no model")).count();
    assert_eq!(said, 21, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("warning: 980 more of this kind: user \"…\""),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("1,000 rows without a model"), "{}", ended.stdout);
    // In the log as well.
    place.write("log.toml", "[file]\npath = \"said.log\"\n");
    place.morpheus(&format!("--log_config_file=log.toml {SCORE}"));
    assert!(place.read("said.log").lines().count() < 40, "{}", place.read("said.log"));
}

#[test]
fn standard_error_that_is_full_or_closed_ends_nothing() {
    let place = Place::new();
    place.write("train.csv", log(&["ann"], 60));
    // With a message about a user without a model.
    place.write("in/a.csv", log(&["ann", "bo"], 60));
    let run = |stderr: Stdio| {
        let mut command = place.command();
        command.args(SCORE.split_whitespace()).stdout(Stdio::null()).stderr(stderr);
        command.status().unwrap().code()
    };
    assert_eq!(run(Stdio::null()), Some(3));
    assert_eq!(run(File::options().write(true).open("/dev/full").unwrap().into()), Some(3));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(writer.into()), Some(3));
    assert_eq!(column(&place.read("out.csv"), "userName").len(), 120);
    // Standard output too, with the summary.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = place.command();
    command.args(SCORE.split_whitespace()).stdout(writer).stderr(Stdio::null());
    assert_eq!(command.status().unwrap().code(), Some(3));
    // And the log.
    place.write("log.toml", "[file]\npath = \"/dev/full\"\n");
    let ended = place.morpheus(&format!("--log_config_file=log.toml {SCORE}"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
}

#[test]
fn a_watching_run_outlives_the_reader_of_its_messages() {
    let place = Place::new();
    place.write("train.csv", log(&["ann"], 60));
    place.write("in/keep", "");
    let line = SCORE.replace(
        "--input_glob=in/*.csv",
        "--input_glob=in/*.csv --watch_directory --settle=0s --batch_timeout=0.1",
    );
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = place.command();
    command.args(line.split_whitespace()).stdout(Stdio::null()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(reader);
    place.write("in/a.csv", log(&["ann", "bo"], 5));
    place.wait_for_rows("out.csv", 10);
    place.write("in/b.csv", log(&["bo"], 5));
    place.wait_for_rows("out.csv", 15);
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn numbers_beyond_reason_are_refused_with_their_range() {
    let place = Place::new();
    place.write("in/a.csv", log(&["ann"], 10));
    place.write("train.csv", log(&["ann"], 10));
    for (option, command, range) in [
        ("num_threads", "run", "1 to 1024"),
        ("compute_threads", "run", "1 to 1024"),
        ("edge_buffer_size", "run", "2 to 65536"),
        ("pipeline_batch_size", "run", "1 to 2147483647"),
        ("repeat", "from-cloudtrail", "1 to 10000"),
        ("max_files", "from-cloudtrail", "-1 to 2147483647"),
        ("batch_megabytes", "from-cloudtrail", "1 to 16777216"),
        ("train_epochs", "train-ae", "1 to 1000000"),
        ("train_batch_size", "train-ae", "1 to 1048576"),
        ("model_cache", "train-ae", "1 to 16777216"),
    ] {
        for number in ["99999999999", "99999999999999999999999"] {
            let line = SCORE.replace(command, &format!("{command} --{option}={number}"));
            let ended = place.morpheus(&line);
            assert_eq!(ended.code, 2, "--{option}\n{}", ended.stderr);
            let why = format!("--{option}: \"{number}\" is not a whole number from {range}");
            assert!(ended.stderr.contains(&why), "{why}\n{}", ended.stderr);
        }
    }
    for (line, why) in [
        ("from-cloudtrail --settle=400000d", "more than a hundred years"),
        ("from-cloudtrail --batch_timeout=1e300", "is not a number from 0 to"),
    ] {
        let ended = place.morpheus(&SCORE.replace("from-cloudtrail", line));
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    // The largest that are accepted do no harm.
    let line = SCORE
        .replace("run ", "run --num_threads=64 --compute_threads=64 --edge_buffer_size=65536 ");
    assert_eq!(place.morpheus(&line).code, 0);
}

#[test]
fn names_cannot_steer_the_terminal() {
    let place = Place::new();
    place.write("train.csv", log(&["ann"], 60));
    let hostile = "ev\u{1b}[2Je\u{202e}\u{2066}\u{9b}1m";
    place.write("in/a.csv", log(&[hostile], 3));
    place.write(&format!("in/{hostile}\nerror: forged.csv"), "\u{0}broken");
    place.write("log.toml", "level = \"DEBUG\"\n[file]\npath = \"said.log\"\nlevel = \"DEBUG\"\n");
    let out = format!("out{hostile}\nforged.csv");
    let mut command = place.command();
    let line = format!("--log_config_file=log.toml {SCORE}")
        .replace(" --filename=out.csv --overwrite", "");
    command.args(line.split_whitespace()).arg(format!("--filename={out}"));
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(place.path(&out).is_file());
    for text in [&ended.stdout, &ended.stderr, &place.read("said.log")] {
        let steers = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}".contains(c);
        assert!(!text.contains(steers), "{text:?}");
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("forged") || line.starts_with("error: forged")),
            "{text}"
        );
        assert!(text.contains("ev\\u{1b}[2Je\\u{202e}\\u{2066}"), "{text}");
    }
}

#[test]
fn secrets_of_addresses_are_shown_nowhere() {
    let place = Place::new();
    place.write("train.csv", log(&["ann"], 60));
    place.write("in/a.csv", log(&["ann"], 5));
    let secret =
        "https://ann:hunter2@127.0.0.1:1/a.csv?X-Amz-Signature=hunter2&sig=hunter2&token=hunter2";
    place.write("log.toml", "level = \"DEBUG\"\n[file]\npath = \"said.log\"\nlevel = \"DEBUG\"\n");
    let line = SCORE.replace("run ", "--log_config_file=log.toml run --save_plan=plan.toml ");
    // A build without clients refuses the address, one with them finds nobody there.
    for (typed, with) in [
        ("--input_glob=in/*.csv", "--input_glob="),
        ("--train_data_glob=train.csv", "--train_data_glob="),
    ] {
        let ended = place.morpheus(&line.replace(typed, &format!("{with}{secret}")));
        assert_ne!(ended.code, 0);
        for text in
            [&ended.stdout, &ended.stderr, &place.read("plan.toml"), &place.read("said.log")]
        {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(
            place.read("plan.toml").contains("https://***@127.0.0.1:1/a.csv?X-Amz-Signature=***")
        );
        // The plan says so itself, instead of asking for something else.
        let again = place.morpheus("run --plan=plan.toml");
        assert_ne!(again.code, 0);
        assert!(again.stderr.contains("its secret is masked"), "{}", again.stderr);
    }
    let ended = place.morpheus(&format!("models list --store=mlflow+{secret}"));
    assert_ne!(ended.code, 0);
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
}
