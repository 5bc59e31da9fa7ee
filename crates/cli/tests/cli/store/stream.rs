//! `train-ae` learns from what streams by: in memory, or into a store.

use super::{done, versions};
use crate::place::{Place, column};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
    let always =
        "--train_continuously --train_promote=always --train_min_history=2 --train_min_increment=1";
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
    let said = run(
        "seldom",
        "--train_continuously --train_every=2d --train_max_history=60 --train_min_history=2",
    );
    assert_eq!(all("seldom"), 3, "{said}");
    assert!(said.contains("version 1 is live: the first version"), "{said}");
    assert!(said.contains("rows held out"), "{said}");
    let shown = done(place.morpheus("models show ann --version=3 --store=seldom-store"));
    assert!(shown.contains("60"), "{shown}");
    // Nothing becomes live by itself.
    (0..6).for_each(|day| place.write(&format!("never/{day}.csv"), rows(day)));
    run(
        "never",
        "--train_continuously --train_promote=never --train_min_increment=80 --train_min_history=2",
    );
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

/// Days of 40 rows of each user, in files of their own.
fn day(place: &Place, name: &str, users: &[&str], day: usize, actions: [&str; 4]) {
    let mut text = "at,who,action\n".to_owned();
    for n in 0..40 {
        for user in users {
            let (hour, minute, action) = (8 + n / 4, n % 4 * 15, actions[(n + day) % 4]);
            text += &format!("2024-01-{:02}T{hour:02}:{minute:02}:00Z,{user},{action}\n", 1 + day);
        }
    }
    place.write(name, text);
}

const USUAL: [&str; 4] = ["get", "put", "list", "get"];
const LINE: &str = "--log_level=INFO run pipeline-ae --columns_file=columns.txt --userid_column_name=who --timestamp_column_name=at \
    from-file --input_glob=in/*.csv --period=D --state_dir=state train-ae --seed=1 --architecture=compact --model_store=store \
    --train_continuously";
const REST: &str = "preprocess inf-ae --scorer=recommended add-scores --model_version serialize to-file --filename=out.csv";

fn place() -> Place {
    let place = Place::new();
    place.write("columns.txt", "action\n");
    place
}

fn stream(place: &Place, options: &str) -> String {
    let ended = place.morpheus(&format!("{LINE} {options} {REST}"));
    assert!(matches!(ended.code, 0 | 3), "{}", ended.stderr);
    ended.stderr
}

/// How many versions a user has.
fn count(place: &Place, user: &str) -> usize {
    versions(place, user).len()
}

/// What a run that is stopped while it trains has not learnt is not remembered as done.
#[test]
#[cfg(unix)]
fn a_run_that_is_stopped_while_it_learns_goes_on_from_there() {
    let place = place();
    for of in 0..8 {
        let mut text = "at,who,action\n".to_owned();
        for n in 0..600 {
            let (hour, minute) = (n / 60, n % 60);
            let action = USUAL[(n + of) % 4];
            text += &format!(
                "2024-01-{:02}T{hour:02}:{minute:02}:00Z,ann,{action}{}\n",
                1 + of,
                n % 40
            );
        }
        for n in 0..20 {
            for user in 0..20 {
                text += &format!("2024-01-{:02}T{n:02}:00:00Z,user{user},get\n", 1 + of);
            }
        }
        place.write(&format!("in/{of}.csv"), text);
    }
    // Only ann is ever trained, and that takes a while.
    let options = "--train_min_history=500 --train_min_increment=500 --train_epochs=600 --train_promote=always";
    let mut stopped = 0;
    while stopped < 50 {
        let mut run = place.command();
        run.args(format!("{LINE} {options} {REST}").split_whitespace());
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        let most = Duration::from_millis(400 + 250 * stopped);
        while run.try_wait().unwrap().is_none() && start.elapsed() < most {
            std::thread::sleep(Duration::from_millis(10));
        }
        let Some(status) = run.try_wait().unwrap() else {
            let id = run.id().to_string();
            assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
            run.wait().unwrap();
            stopped += 1;
            continue;
        };
        assert!(matches!(status.code(), Some(0 | 3)), "{status}");
        break;
    }
    assert!(stopped > 0, "nothing was stopped");
    let rows = column(&place.read("out.csv"), "who");
    let of_ann = rows.iter().filter(|user| *user == "ann").count();
    assert_eq!((rows.len(), of_ann), (8 * 1000, 8 * 600), "after {stopped} stops");
}

/// Nobody who can choose a name for himself becomes everyone's model.
#[test]
fn a_user_called_like_everyones_model_is_not_learnt() {
    let place = place();
    for of in 0..3 {
        day(&place, &format!("in/{of}.csv"), &["ann", "*"], of, USUAL);
    }
    let said = stream(&place, "--train_min_history=20 --train_min_increment=1");
    assert!(said.contains("user \"*\" gets no model: the name is reserved for"), "{said}");
    assert_eq!((count(&place, "*"), count(&place, "ann")), (0, 3));
}

/// A window that has just begun, one wrong clock, rows without times, and a version that was never promoted:
/// the next version comes when it should.
#[test]
fn the_next_version_comes_when_it_should() {
    let of = "--source=file --columns_file=columns.txt --userid_column_name=who --timestamp_column_name=at --store=store";
    // No version of forty rows takes the place of one of two hundred.
    let begun = place();
    (0..5).for_each(|of| day(&begun, &format!("old/{of}.csv"), &["ann"], of, USUAL));
    done(begun.morpheus(&format!(
        "train {of} --input=old/*.csv --min_history=100 --train_users=individual"
    )));
    let each = "--train_min_history=2 --train_min_increment=40 --train_max_history=200";
    for of in 5..11 {
        day(&begun, &format!("in/{of}.csv"), &["ann"], of, USUAL);
        let versions = if of < 9 { 1 } else { of - 7 };
        stream(&begun, &format!("{each} --train_promote=always"));
        assert_eq!(count(&begun, "ann"), versions, "day {of}");
    }

    // A row of another century changes nothing.
    let clock = place();
    for of in 0..10 {
        day(&clock, &format!("in/{of}.csv"), &["ann"], of, USUAL);
    }
    let wrong = clock.read("in/2.csv") + "2099-01-01T00:00:00Z,ann,get\n";
    clock.write("in/2.csv", wrong);
    let full = "--train_max_history=100 --train_min_history=2";
    let said = stream(&clock, &format!("{full} --train_every=3d --train_promote=always"));
    assert!(said.contains("1 row later than tomorrow"), "{said}");
    assert_eq!(count(&clock, "ann"), 4);

    // Where times are not known rows are counted, also when the window is full.
    let timeless = place();
    for of in 0..10 {
        day(&timeless, &format!("in/{of}.csv"), &["ann"], of, USUAL);
        let text = timeless.read(&format!("in/{of}.csv")).replace("at,who", "when,who");
        timeless.write(&format!("in/{of}.csv"), text);
    }
    let line = LINE.replace("--timestamp_column_name=at ", "").replace("--period=D", "");
    let options = "--train_min_history=2 --train_min_increment=40 --train_max_history=100 --train_promote=always";
    for of in 0..10 {
        let one = line.replace("in/*.csv", &format!("in/{of}.csv"));
        let ended = timeless.morpheus(&format!("{one} {options} {REST}"));
        assert!(matches!(ended.code, 0 | 3), "{}", ended.stderr);
    }
    assert_eq!(count(&timeless, "ann"), 10);

    // A run that was killed before it promoted its version.
    let killed = place();
    (0..2).for_each(|of| day(&killed, &format!("in/{of}.csv"), &["ann"], of, USUAL));
    stream(&killed, "--train_min_history=20 --train_min_increment=500");
    std::fs::remove_dir_all(killed.path("state")).unwrap();
    for name in killed.list("store/users/ann").iter().filter(|name| name.starts_with("standing-")) {
        std::fs::remove_file(killed.path(&format!("store/users/ann/{name}"))).unwrap();
    }
    std::fs::remove_file(killed.path("out.csv")).unwrap();
    stream(&killed, "--train_min_history=20 --train_min_increment=500");
    assert_eq!(versions(&killed, "ann"), [("1".to_owned(), "live".to_owned())]);
    assert!(column(&killed.read("out.csv"), "model_version").iter().all(|of| of == "ann:1"));
}

/// A change that can be seen only on rows that it does not have is not judged.
#[test]
fn a_version_with_too_little_to_compare_waits() {
    let place = place();
    (0..6).for_each(|of| day(&place, &format!("in/{of}.csv"), &["ann"], of, USUAL));
    stream(&place, "--train_min_history=200 --train_min_increment=1000");
    assert_eq!(versions(&place, "ann").len(), 1);
    let text = "at,who,action\n".to_owned()
        + &(0..6).map(|n| format!("2024-01-07T{n:02}:00:00Z,ann,never\n")).collect::<String>();
    place.write("in/6.csv", text);
    std::fs::remove_file(place.path("out.csv")).ok();
    std::fs::remove_dir_all(place.path("state")).unwrap();
    let said = stream(&place, "--train_min_history=200 --train_min_increment=1");
    assert!(said.contains("too few rows to compare: 6 that neither has learnt"), "{said}");
    let (_, state) = versions(&place, "ann").pop().unwrap();
    assert_eq!(state, "candidate");
}
