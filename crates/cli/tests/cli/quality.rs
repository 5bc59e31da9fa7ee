//! `evaluate` and `backtest`: the real binary on generated logs and on tables whose truth is known.

use crate::place::{Ended, Place, USER};
use serde_json::Value;
use std::fmt::Write as _;

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).unwrap()
}

fn number(of: &Value, path: &str) -> f64 {
    of.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} of {of}"))
}

/// What `backtest` found, as JSON.
fn tested(place: &Place, options: &str) -> (Ended, Value) {
    let ended = place.morpheus(&format!("backtest {options} --json=found.json"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    (ended, json(place, "found.json"))
}

/// A table of users who do the same things, equally often and at random; each has an address and a
/// key of its own.
fn alike(users: &[&str], rows: usize) -> String {
    let mut text = String::from("timestamp,user,action,object,address,key\n");
    let mut state = 7_u64;
    for row in 0..rows {
        for user in users {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let (action, object) = ((state >> 33) % 12, (state >> 45) % 30);
            // Skewed, so that there are rare values, the same for all.
            let (action, object) = (action * action / 12, object * object / 30);
            let _ = writeln!(
                text,
                "2024-01-{:02}T{:02}:{:02}:00Z,{user},a{action},o{object},of {user} {},{user}",
                1 + row / 48,
                row / 2 % 24,
                row % 2 * 30,
                row / 200
            );
        }
    }
    text
}

const ALIKE: &str =
    "--source=file --input=in.csv --columns_file=columns.txt --userid_column_name=user";

fn alike_place(users: &[&str]) -> Place {
    let place = Place::new();
    place.write("in.csv", alike(users, 600));
    place.write("columns.txt", "action\nobject\naddress\nkey\n");
    place
}

#[test]
fn takeovers_put_into_generated_logs_are_found_and_rows_of_the_users_own_are_not() {
    let place = Place::generated("--users=5 --training_rows=500 --new_rows=20 --seed=7");
    let logs = format!("--input=logs/training/* --userid_column_name={USER}");
    let (ended, found) = tested(&place, &logs);
    assert!(number(&found, "/evaluation/auroc") > 0.9, "{}", ended.stdout);
    // 10 alerts a day of five users over 50 days in three folds: far more than chance finds.
    let budget = &found["evaluation"]["budgets"][2];
    let chance = number(budget, "/alerts") / number(&found, "/evaluation/rows");
    assert!(number(budget, "/recall") > (1.5 * chance).max(0.7), "{}", ended.stdout);
    assert!(ended.stdout.contains("alerts a day: finds"), "{}", ended.stdout);
    let identity = found["identity_columns"].to_string();
    assert!(identity.contains("sourceIPAddress") && !identity.contains("eventName"), "{identity}");
    assert_eq!(found["evaluation"]["parts"].as_array().unwrap().len(), 3);
    // No feature of CloudTrail's tells the hour, and that is said.
    assert!(ended.stdout.contains("unusual_hours: 15 takeovers: no feature holds the hour"));

    let (ended, found) = tested(&place, &format!("{logs} --kinds=control --takeovers_per_user=4"));
    let auroc = number(&found, "/evaluation/auroc");
    assert!((auroc - 0.5).abs() < 0.06, "{}", ended.stdout);
}

#[test]
fn nothing_but_what_is_done_tells_rows_of_others() {
    // Everybody does the same, so rows of others can only be told by what injecting left behind.
    let place = alike_place(&["ann", "bob", "cyd", "dan"]);
    let (ended, found) = tested(
        &place,
        &format!("{ALIKE} --kinds=masquerade --takeovers_per_user=3 --takeover_rows=8"),
    );
    assert_eq!(found["identity_columns"].to_string(), "[\"address\",\"key\"]");
    let auroc = number(&found, "/evaluation/auroc");
    assert!((auroc - 0.5).abs() < 0.06, "{}", ended.stdout);
    assert_eq!(number(&found, "/evaluation/labelled"), 4.0 * 3.0 * 3.0 * 8.0);
}

#[test]
fn a_takeover_at_night_is_found_by_a_feature_that_tells_the_hour() {
    let place = Place::new();
    let mut log = String::from("timestamp,user,action\n");
    for day in 1..=28 {
        for number in 0..20 {
            let _ = writeln!(
                log,
                "2024-02-{day:02}T{:02}:{:02}:00Z,ann,a{}",
                8 + number / 2,
                number % 2 * 30,
                number % 3
            );
        }
    }
    place.write("in.csv", log);
    place.write(
        "features.toml",
        "user = \"user\"\ntime = \"timestamp\"\nfeatures = [\"action\", \"hour\"]\n\
         [[column]]\nname = \"hour\"\nop = \"part\"\npart = \"hour\"\n",
    );
    let line = "--source=file --input=in.csv --features=features.toml";
    let (ended, found) = tested(&place, line);
    let kinds = found["evaluation"]["kinds"].as_array().unwrap();
    let night = kinds.iter().find(|kind| kind["kind"] == "unusual_hours").unwrap();
    assert!(number(night, "/auroc") > 0.95, "{}", ended.stdout);
    // There is nobody else, and that is said.
    assert!(
        ended.stdout.contains("masquerade: 3 takeovers: there is no other user"),
        "{}",
        ended.stdout
    );
}

#[test]
fn same_seed_same_bytes_whatever_the_threads_and_another_seed_others() {
    let place = alike_place(&["ann", "bob"]);
    let (one, first) = tested(&place, &format!("{ALIKE} --seed=3 --compute_threads=1"));
    let (two, second) = tested(&place, &format!("{ALIKE} --seed=3 --compute_threads=2"));
    assert_eq!((one.stdout, &first), (two.stdout, &second));
    let (_, other) = tested(&place, &format!("{ALIKE} --seed=4"));
    assert_ne!(first, other);
}

#[test]
fn users_with_too_few_rows_are_named_and_one_can_be_tested_alone() {
    let place = alike_place(&["ann", "bob"]);
    let few =
        alike(&["eve"], 50).lines().skip(1).fold(String::new(), |text, line| text + line + "\n");
    place.write("in.csv", place.read("in.csv") + &few);
    let (ended, found) = tested(&place, ALIKE);
    assert!(ended.stdout.contains("1 user with fewer than 120 rows: eve (50)"), "{}", ended.stdout);
    assert_eq!(number(&found, "/evaluation/users"), 2.0);
    // The others' rows are still there to be put in.
    let (ended, found) = tested(&place, &format!("{ALIKE} --userid_filter=ann"));
    assert_eq!(number(&found, "/evaluation/users"), 1.0);
    assert!(ended.stdout.contains("put in     masquerade: 3 takeovers"), "{}", ended.stdout);
    for (user, why) in [
        ("eve", "no user has the 120 rows that --folds 3 needs; the most that one has is 50"),
        ("joe", "--userid_filter \"joe\" matches nobody in the input"),
    ] {
        let ended = place.morpheus(&format!("backtest {ALIKE} --userid_filter={user}"));
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
}

#[test]
fn all_mistakes_of_a_line_are_told_in_its_own_words() {
    let place = Place::new();
    let ended = place.morpheus("backtest --source=file --folds=0 --userid_column_name=user");
    assert_eq!(ended.code, 2);
    for mistake in [
        "error: backtest: --folds: \"0\" is not a whole number from 1 to 1000",
        "error: backtest: --input is required",
        "error: backtest: --columns_file is required with --source file",
    ] {
        assert!(ended.stderr.contains(mistake), "{mistake}\n{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("pipeline-ae:"), "{}", ended.stderr);
    let ended = place.morpheus("evaluate --labels=none.csv");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("evaluate: --labels: there is no file \"none.csv\""));
    assert!(ended.stderr.contains("evaluate: expected outputs to read"), "{}", ended.stderr);
}

/// Twenty rows of two users over ten days; the labelled ones are known.
fn evaluated(place: &Place) {
    let mut out = String::from(",eventTime,eventID,who,score,p_value,other\n");
    let mut labels = String::from("eventID,label\n");
    for row in 0..20 {
        let score = if row == 4 { String::new() } else { format!("{}.5", 20 - row) };
        let p = if row == 4 { String::new() } else { format!("0.{:02}", row + 1) };
        let who = ["ann", "bob"][row % 2];
        let _ = writeln!(
            out,
            "{row},2024-01-{:02}T00:00:00Z,e{row},{who},{score},{p},{row}",
            1 + row / 2
        );
        if [0, 3, 4].contains(&row) {
            let _ = writeln!(labels, "e{row},{}", ["burst", "slow"][row % 2]);
        }
    }
    place.write("out.csv", out);
    place.write("labels.csv", labels + "elsewhere,burst\n");
}

#[test]
fn outputs_are_held_against_labels() {
    let place = Place::new();
    evaluated(&place);
    let line = "evaluate out.csv --labels=labels.csv --userid_column_name=who --alerts_per_day=.5 --alerts_per_day=1";
    let ended = place.morpheus(&format!("{line} --json=found.json"));
    // A labelled event is in no output.
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let text = &ended.stdout;
    assert!(text.contains("20 rows of 2 users (who), 9 days by event"), "{text}");
    assert!(text.contains("labelled   3 rows by eventID, 1 more in no output"), "{text}");
    assert!(text.contains("1 row without a score rank"), "{text}");
    let found = json(&place, "found.json");
    assert_eq!(number(&found, "/evaluation/unscored"), 1.0);
    // Of 51 pairs the first row wins 17, the fourth 15, the one without a score none.
    assert!((number(&found, "/evaluation/auroc") - 32.0 / 51.0).abs() < 1e-9);
    // Ten days of two rows, of which the first is the higher: half of it, and all of it, is an alert. The first
    // row is found; the fourth is the second of its day, and the fifth has no score.
    let recall = |at: usize| number(&found, &format!("/evaluation/budgets/{at}/recall"));
    assert!((recall(0) - 0.5 / 3.0).abs() < 1e-9 && (recall(1) - 1.0 / 3.0).abs() < 1e-9);
    assert!((number(&found, "/evaluation/budgets/1/alerts") - 10.0).abs() < 1e-9);

    // Ranked by another column, each user for itself, by names that the labels do not have.
    let ended =
        place.morpheus(&format!("{line} --score_column=other --budget_of=each --json=o.json"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("ranked by  other") && ended.stdout.contains("a day and user"));
    assert!((number(&json(&place, "o.json"), "/evaluation/budgets/0/alerts") - 10.0).abs() < 1e-9);
    let by_p = place.morpheus(&format!("{line} --score_column=p_value --json=p.json"));
    assert_eq!(by_p.code, 3, "{}", by_p.stderr);
    assert_eq!(json(&place, "p.json")["evaluation"]["auroc"], found["evaluation"]["auroc"]);
}

#[test]
fn columns_that_are_not_there_are_told_with_what_there_is() {
    let place = Place::new();
    evaluated(&place);
    let told = |options: &str, code: i32, why: &str| {
        let ended = place.morpheus(&format!("evaluate out.csv --labels=labels.csv {options}"));
        assert_eq!(ended.code, code, "{options}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{options}: {}", ended.stderr);
    };
    told("", 2, "name it with --userid_column_name");
    let who = "--userid_column_name=who";
    told(&format!("{who} --event_column=eventId"), 2, "the nearest columns are eventID");
    told(&format!("{who} --score_column=scor"), 2, "the nearest columns are score");
    told(&format!("{who} --timestamp_column_name=time"), 2, "--timestamp_column_name");
    told(&format!("{who} --label_column=kind"), 1, "there is no column \"kind\"");
    place.write("labels.csv", "eventID,label\n");
    told(who, 1, "no event is labelled");
}

#[test]
fn a_run_over_generated_logs_and_its_labels_fit_together() {
    let place = Place::generated(
        "--users=3 --takeovers=3 --training_rows=400 --new_rows=100 --source=azure --seed=2",
    );
    let ended = place.morpheus(
        "run pipeline-ae from-azure --input_glob=logs/validation/* train-ae --train_data_glob=logs/training/* \
         --seed=1 preprocess inf-ae --scorer=recommended add-scores serialize to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = place.morpheus("evaluate out.csv --labels=logs/labels.csv --json=found.json");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let found = json(&place, "found.json");
    assert_eq!(number(&found, "/evaluation/labelled"), 18.0);
    assert!(number(&found, "/evaluation/auroc") > 0.9, "{}", ended.stdout);
    assert!(number(&found, "/evaluation/auroc_interval/0") <= number(&found, "/evaluation/auroc"));
}
