//! `train-ae` learns from what streams by: in memory, or into a store.

use super::done;
use crate::place::{Place, column};

/// Without training files models are learnt from what streams by: each message with the user's rows before it,
/// up to a limit, as often as asked for, and a new one may have to be no worse.
#[test]
fn models_are_learnt_from_what_streams_by() {
    let place = Place::new();
    let rows = |days: std::ops::Range<usize>, action: &dyn Fn(usize) -> &'static str| {
        let row = |n: usize| {
            let (day, hour) = (1 + n / 20, n % 20);
            format!("2024-01-{day:02}T{hour:02}:00:00Z,ann,{}\n", action(n))
        };
        format!("at,who,action\n{}", (days.start * 20..days.end * 20).map(row).collect::<String>())
    };
    let usual = |n: usize| ["get", "put", "list", "get"][n % 4];
    for day in 0..6 {
        place.write(&format!("in/{day}.csv"), rows(day..day + 1, &usual));
    }
    place.write("columns.txt", "action\n");
    let line = "--log_level=DEBUG run pipeline-ae --columns_file=columns.txt --userid_column_name=who --timestamp_column_name=at \
                from-file --input_glob=in/*.csv --period=D train-ae --seed=1 --architecture=compact";
    let rest = "preprocess inf-ae --scorer=recommended add-scores --model_version serialize to-file --filename=out.csv --overwrite";
    let versions = |train: &str| {
        let ended = place.morpheus(&format!("{line} {train} {rest}"));
        assert!(matches!(ended.code, 0 | 3), "{}", ended.stderr);
        let mut versions = column(&place.read("out.csv"), "model_version");
        assert_eq!(versions.len(), 120);
        versions.dedup();
        (versions, ended.stderr)
    };
    // A new model for each of the six messages, each of more rows.
    assert_eq!(versions("").0.len(), 6);
    // After forty new rows at the earliest.
    assert_eq!(versions("--train_min_increment=40").0.len(), 3);
    // Too few rows at first: they pass on without a score.
    let (late, said) = versions("--train_min_history=50 --train_min_increment=30");
    assert_eq!(late[0], "");
    assert!(said.contains("20 rows so far, and --train_min_history asks for 50"), "{said}");
    // A day of nonsense: the model that has learnt it is worse at nothing it knows, so it is told.
    let (always, _) = versions("--train_promote=always");
    let (better, said) = versions("--train_promote=better");
    assert!(said.contains("a new model: "), "{said}");
    assert!(better.len() <= always.len());
    // As long a history as asked for: with twenty rows it is the last message alone, as of another file.
    let (short, _) = versions("--train_max_history=20");
    assert_eq!(short.len(), 6);
    let wrong =
        place.morpheus(&format!("{line} --train_data_glob=in/*.csv --train_promote=better {rest}"));
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("learnt from messages"), "{}", wrong.stderr);
}

/// With a store each user's further versions are learnt from what is scored, and have to earn their place; with a
/// state folder windows go on where the run before has left them.
#[test]
fn versions_are_learnt_from_what_streams_by() {
    let place = Place::new();
    let rows = |day: usize| {
        let row = |n: usize| {
            let (hour, minute) = (8 + n / 4, n % 4 * 15);
            let action = ["get", "put", "list", "get"][(n + day) % 4];
            format!("2024-01-{:02}T{hour:02}:{minute:02}:00Z,ann,{action}\n", 1 + day)
        };
        format!("at,who,action\n{}", (0..40).map(row).collect::<String>())
    };
    place.write("columns.txt", "action\n");
    let run = |of: &str, options: &str| {
        let ended = place.morpheus(&format!(
            "--log_level=INFO run pipeline-ae --columns_file=columns.txt --userid_column_name=who --timestamp_column_name=at \
             from-file --input_glob={of}/*.csv --period=D --state_dir={of}-state train-ae --seed=1 --architecture=compact \
             --model_store={of}-store {options} preprocess inf-ae --scorer=recommended add-scores --model_version serialize \
             to-file --filename={of}.csv"
        ));
        assert!(matches!(ended.code, 0 | 3), "{}", ended.stderr);
        ended.stderr
    };
    let all = |of: &str| {
        let text = done(place.morpheus(&format!("models list --all --store={of}-store")));
        text.lines().filter(|line| line.starts_with("ann")).count()
    };
    // At once, and in two runs: the same rows are learnt, the same scores written.
    let always = "--train_continuously --train_promote=always";
    for day in 0..6 {
        place.write(&format!("whole/{day}.csv"), rows(day));
        place.write(&format!("parts/{day}.csv"), rows(day));
        if day == 2 {
            run("parts", always);
        }
    }
    run("parts", always);
    run("whole", always);
    assert_eq!((all("whole"), all("parts")), (6, 6));
    assert_eq!(place.read("parts.csv"), place.read("whole.csv"));
    let mut versions = column(&place.read("whole.csv"), "model_version");
    versions.dedup();
    assert_eq!(versions, ["ann:1", "ann:2", "ann:3", "ann:4", "ann:5", "ann:6"]);
    let shown = done(place.morpheus("models show ann --store=parts-store"));
    assert!(shown.contains("240"), "six days are learnt: {shown}");

    // By the newest row's time: on the first day, and when two days have gone by; what is not better stays a
    // candidate, and a window is no longer than asked for.
    let files = || (0..6).for_each(|day| place.write(&format!("seldom/{day}.csv"), rows(day)));
    files();
    let said = run("seldom", "--train_continuously --train_every=2d --train_max_history=60");
    assert_eq!(all("seldom"), 3, "{said}");
    assert!(said.contains("version 1 is live: the first version"), "{said}");
    assert!(said.contains("rows held out"), "{said}");
    let shown = done(place.morpheus("models show ann --version=3 --store=seldom-store"));
    assert!(shown.contains("60"), "{shown}");
    // Nothing becomes live by itself.
    (0..6).for_each(|day| place.write(&format!("never/{day}.csv"), rows(day)));
    run("never", "--train_continuously --train_promote=never --train_min_increment=80");
    assert_eq!(all("never"), 3);
    assert!(column(&place.read("never.csv"), "p_value").iter().all(String::is_empty));

    let line = "run pipeline-ae --columns_file=columns.txt --userid_column_name=who from-file --input_glob=whole/*.csv train-ae";
    let rest = "preprocess inf-ae add-scores serialize to-file --filename=out.csv";
    for (options, why) in [
        ("--train_continuously --train_data_glob=whole/*.csv", "models come from elsewhere"),
        ("--model_store=s --train_every=1d", "add --train_continuously"),
        ("--train_promote=never", "a model that is not used is lost"),
        (
            "--model_store=s --train_continuously --models_output_filename=m",
            "morpheus models export",
        ),
    ] {
        let wrong = place.morpheus(&format!("{line} {options} {rest}"));
        assert_eq!(wrong.code, 2, "{options}");
        assert!(wrong.stderr.contains(why), "{options}\n{}", wrong.stderr);
    }
}
