//! `morpheus train`: who is trained, on what, and which version becomes live.

use super::{TRAIN, a_user, done, logs, states, train};
use crate::place::{Place, numbers};

#[test]
fn who_is_trained_is_chosen_and_told() {
    let place = logs();
    let user = a_user(&place);
    let who = |options: &str| train(&place, options);
    let due = place.morpheus(&format!("{TRAIN} --input=logs/training/*.csv --train_users=none"));
    // Who only looks needs no store, and makes none.
    assert!(due.stdout.contains("due        4 models"), "{}{}", due.stdout, due.stderr);
    assert!(!place.path("store").exists());
    let text = who(&format!("--only_user={user}"));
    assert!(text.contains("promoted   1 model\n"), "{text}");
    let text = who("--train_users=none");
    assert!(text.contains("due        3 models") && text.contains("has no version"), "{text}");
    assert!(text.contains("up to date 1 model\n"), "{text}");
    let text = who(&format!("--skip_user={user} --min_history=401 --train_users=individual"));
    assert!(
        text.contains("waiting    2 models") && text.contains("--min_history asks for 401"),
        "{text}"
    );
    let text = who("--min_increment=10 --max_history=390");
    assert!(text.contains("0 new rows since version 1, and --min_increment asks for 10"), "{text}");
    let text = who("--train_users=generic --max_history=10d --json=all.json");
    assert!(
        text.contains("version 1") || text.contains("promoted") || text.contains("candidate"),
        "{text}"
    );
    assert!(place.read("all.json").contains("\"status\""));
    let wrong = place.morpheus(
        "train --input=x --store=s --only_user=a --skip_user=b --max_history=soon --held_out=1",
    );
    assert_eq!(wrong.code, 2);
    for text in ["exclude one another", "neither a number of rows", "--held_out"] {
        assert!(wrong.stderr.contains(text), "{text}\n{}", wrong.stderr);
    }
}

/// A user's work changes: the old model raises alarms, the new one is compared, promoted, and does not.
#[test]
fn a_new_model_earns_its_place() {
    let place = Place::new();
    let rows = |days: std::ops::Range<usize>, actions: &[&str], device: &str| {
        let mut text = String::new();
        for day in days {
            for event in 0..20 {
                let action = actions[(day * 7 + event * 3) % actions.len()];
                text += &format!(
                    "2024-{:02}-{:02}T{:02}:{:02}:00Z,ann,{action},{device}\n",
                    1 + day / 28,
                    1 + day % 28,
                    8 + event / 3,
                    event * 2
                );
            }
        }
        text
    };
    let head = "timestamp,username,action,device\n";
    let old = ["GetObject", "ListBuckets", "PutObject"];
    let new = ["RunInstances", "StopInstances", "DescribeInstances", "CreateTags"];
    place.write("old.csv", format!("{head}{}", rows(0..28, &old, "laptop")));
    place.write("new.csv", format!("{head}{}", rows(28..50, &new, "desktop")));
    place.write("next.csv", format!("{head}{}", rows(50..56, &new, "desktop")));
    place.write("columns.txt", "action\ndevice\n");
    let of = "--source=file --columns_file=columns.txt --userid_column_name=username --store=store";
    done(place.morpheus(&format!("train {of} --input=old.csv")));
    let score = |output: &str| {
        let line = format!("score {of} --input=next.csv --output={output}");
        done(place.morpheus(&line));
        let p = numbers(&place.read(output), "p_value");
        p.iter().filter(|p| **p <= 0.01).count()
    };
    assert!(score("before.csv") > 60, "nearly every row is an alarm");
    let text = done(place.morpheus(&format!("train {of} --input=old.csv --input=new.csv")));
    for what in [
        "not worse on",
        "new to the live version: action: CreateTags",
        "drift",
        "p <= 0.05",
        "alerts",
    ] {
        assert!(text.contains(what), "{what}\n{text}");
    }
    assert_eq!(states(&place, "ann"), "1 retired, 2 live");
    assert!(score("after.csv") < 6, "no more than chance");
    // The comparison is kept with the version.
    let shown = done(place.morpheus("models show ann --store=store"));
    assert!(shown.contains("when it was trained, on "), "{shown}");
    let text = done(place.morpheus(&format!(
        "train {of} --input=old.csv --input=new.csv --max_history=22d --held_out=0.3 --seed=1"
    )));
    assert!(text.contains("ann"), "{text}");
}

/// Histories that are kept from run to run: files are learnt once, windows roll, late rows find their
/// place, and who has enough new rows is trained.
#[test]
fn histories_are_kept_from_run_to_run() {
    let place = Place::new();
    let day = |day: u32, users: &[&str], rows: u32| {
        let mut text = "timestamp,username,action\n".to_owned();
        for row in 0..rows {
            for user in users {
                // Two rows at each time.
                let (hour, minute) = (8 + row / 8, row / 2 * 7 % 60);
                let action = ["Get", "List", "Put"][((row * 7 + day) % 3) as usize];
                text += &format!("2024-03-{day:02}T{hour:02}:{minute:02}:00Z,{user},{action}\n");
            }
        }
        text
    };
    place.write("columns.txt", "action\n");
    let line = "train --source=file --columns_file=columns.txt --userid_column_name=username --store=store \
                --history_dir=history --min_history=100 --min_increment=50 --input=in/*.csv";
    let train = |more: &str| done(place.morpheus(&format!("{line} {more}")));
    place.write("in/01.csv", day(1, &["ann", "bo"], 60));
    let text = train("");
    assert!(
        text.contains("120 rows of 2 users in 1 file")
            && text.contains("60 rows, and --min_history"),
        "{text}"
    );
    place.write("in/02.csv", day(2, &["ann"], 60));
    let text = train("");
    // Only the new file is read; ann now has 120 rows.
    assert!(text.contains("read       60 rows of 1 user in 1 file"), "{text}");
    let of = |text: &str, user: &str| {
        let line = text.lines().find(|line| line.starts_with(user)).unwrap_or_default().to_owned();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of(&text, "ann")[1..2], ["120"], "{text}");
    assert!(of(&text, "ann").contains(&"promoted".to_owned()), "{text}");
    // Nothing new: nothing is read twice, nothing is trained.
    let text = train("");
    assert!(text.contains("read       0 rows") && text.contains("up to date"), "{text}");
    // Forty rows are too few, as many again are enough; they are late, and take their place.
    place.write("in/04.csv", day(4, &["ann"], 40));
    let text = train("");
    assert!(
        text.contains("40 new rows since version 1, and --min_increment asks for 50"),
        "{text}"
    );
    place.write("in/03.csv", day(3, &["ann"], 40));
    let text = train("--promote=always");
    assert_eq!(of(&text, "ann")[1..2], ["200"], "{text}");
    assert!(of(&text, "ann").contains(&"promoted".to_owned()), "{text}");
    // A shorter window forgets.
    place.write("in/05.csv", day(5, &["ann"], 60));
    let text = train("--promote=always --max_history=150");
    assert_eq!(of(&text, "ann")[1..2], ["150"], "{text}");
    let text = train("--promote=always --max_history=1000 --seed=2 --min_increment=0");
    assert_eq!(of(&text, "ann")[1..2], ["150"], "{text}");
    // A file that grows is told, not learnt twice.
    place.write("in/05.csv", day(5, &["ann"], 61));
    let ended = place.morpheus(line);
    assert_eq!(ended.code, 3, "{}", ended.stdout);
    assert!(
        ended.stderr.contains("05.csv: it has changed since its rows were learnt"),
        "{}",
        ended.stderr
    );
    // Another source's histories are refused.
    let other = place.morpheus(&line.replace("columns.txt", "azure"));
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("it belongs to another pipeline"), "{}", other.stderr);
    // By the calendar.
    let by_time = line.replace("--min_increment=50", "--seed=3");
    let waits = place.morpheus(&format!("{by_time} --retrain_every=2d"));
    assert!(waits.stdout.contains("--retrain_every asks"), "{}", waits.stdout);
}

#[test]
fn logs_features_and_scorers_are_chosen() {
    let place = Place::new();
    let table = |rows: usize| {
        let row = |n: usize| {
            let (day, hour) = (1 + n / 20, n % 20);
            format!("2024-01-{day:02}T{hour:02}:00:00Z,ann,{},{},{n}\n", ["a", "b"][n % 2], n % 5)
        };
        format!("at,who,action,size,number\n{}", (0..rows).map(row).collect::<String>())
    };
    place.write("log.csv", table(400));
    place.write("new.csv", table(40));
    place.write("columns.txt", "action\n");
    place.write(
        "features.toml",
        "user = \"who\"\ntime = \"at\"\nfeatures = [\"action\", \"size\"]\n",
    );
    let features = |store: &str| {
        let shown = done(place.morpheus(&format!("models show ann --store={store}")));
        let (_, normal) = shown.split_once("what is normal\n").unwrap();
        normal
            .lines()
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let table = "--source=file --userid_column_name=who --timestamp_column_name=at";
    done(place.morpheus(&format!(
        "train {table} --columns_file=columns.txt --input=log.csv --store=one --compute_threads=1"
    )));
    assert_eq!(features("one"), ["action"]);
    done(place.morpheus("train --source=file --features=features.toml --input=log.csv --store=two --compute_threads=2"));
    assert_eq!(features("two"), ["size", "action"]);
    // Any number of threads gives the same models.
    done(place.morpheus(&format!(
        "train {table} --columns_file=columns.txt --input=log.csv --store=three --compute_threads=2"
    )));
    let model = |store: &str| {
        std::fs::read(place.path(&format!("{store}/users/ann/00000001.dfp"))).unwrap()
    };
    assert_eq!(model("one"), model("three"));
    let of_one = format!("score {table} --columns_file=columns.txt --input=new.csv --store=one");
    done(place.morpheus(&format!("{of_one} --output=one.csv --compute_threads=1 --model_cache=1")));
    done(place.morpheus("score --source=file --features=features.toml --input=new.csv --store=two --output=two.csv --compute_threads=2"));
    assert_ne!(numbers(&place.read("one.csv"), "score"), numbers(&place.read("two.csv"), "score"));
    let again = place.morpheus(&format!("{of_one} --output=one.csv"));
    assert!(again.stderr.contains("\"one.csv\" exists already"), "{}", again.stderr);
    done(place.morpheus(&format!("{of_one} --output=one.csv --overwrite")));

    // The network alone.
    done(place.morpheus(&format!(
        "train {table} --columns_file=columns.txt --input=log.csv --store=four --scorer=peer"
    )));
    let refused = place.morpheus(&of_one.replace("store=one", "store=four --output=four.csv"));
    assert!(refused.stderr.contains("was trained without counts"), "{}", refused.stderr);
    done(place.morpheus(
        &of_one.replace("store=one", "store=four --output=four.csv --scorer=peer --overwrite"),
    ));
    assert!(!place.read("four.csv").lines().next().unwrap().contains("p_value"));

    // A row that cannot be read is counted, or ends everything.
    place.write("broken.csv", "at,who,action,size,number\n2024-01-01T00:00:00Z,ann,a,1,1,1,1\n");
    for line in [
        format!(
            "train {table} --columns_file=columns.txt --input=log.csv --input=broken.csv --store=five"
        ),
        format!("{of_one} --input=broken.csv --output=five.csv --overwrite"),
    ] {
        assert_eq!(place.morpheus(&line).code, 3, "{line}");
        let strict = place.morpheus(&format!("{line} --strict"));
        assert_eq!(strict.code, 1, "{}", strict.stdout);
        assert!(strict.stderr.contains("--strict: "), "{}", strict.stderr);
    }
    // Everyone's model learns no more than it may.
    let text = done(place.morpheus(&format!(
        "train {table} --columns_file=columns.txt --input=log.csv --store=six --generic_rows=310"
    )));
    let line = text.lines().find(|line| line.starts_with('*')).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("310"), "{text}");
    done(place.morpheus("models list --store=six --json=list.json"));
    assert!(place.read("list.json").contains("\"fingerprint\""));
    done(place.morpheus("models diff ann 1 1 --store=six --json=diff.json"));
    assert!(place.read("diff.json").contains("\"facts\": []"));
}

/// A change that is a small part of the history is learnt all the same: the trial has seen some of it.
#[test]
fn a_small_change_is_learnt_too() {
    let place = Place::new();
    let rows = |days: std::ops::Range<usize>, actions: [&str; 3]| {
        let row = |n: usize| {
            let (day, hour, minute) = (1 + n / 40, n % 40 / 2, n % 2 * 30);
            format!("2024-01-{day:02}T{hour:02}:{minute:02}:00Z,ann,{}\n", actions[n * 7 % 3])
        };
        format!("at,who,action\n{}", (days.start * 40..days.end * 40).map(row).collect::<String>())
    };
    let (old, new) = (["get", "put", "list"], ["run", "stop", "tag"]);
    place.write("a.csv", rows(0..20, old));
    place.write("b.csv", rows(20..23, new));
    place.write("next.csv", rows(23..24, new));
    place.write("columns.txt", "action\n");
    let of = "--source=file --columns_file=columns.txt --userid_column_name=who --timestamp_column_name=at --store=store";
    let alarms = || {
        done(place.morpheus(&format!("score {of} --input=next.csv --output=out.csv --overwrite")));
        numbers(&place.read("out.csv"), "p_value").iter().filter(|p| **p <= 0.01).count()
    };
    done(place.morpheus(&format!(
        "train {of} --history_dir=history --input=a.csv --train_users=individual"
    )));
    assert_eq!(alarms(), 40);
    // 120 of 920 rows; half of them are held out.
    let text = done(place.morpheus(&format!(
        "train {of} --history_dir=history --input=b.csv --train_users=individual"
    )));
    assert!(text.contains("not worse on 60 rows held out"), "{text}");
    assert_eq!(alarms(), 0);
    // A clock that is wrong ends no history, and the logs of before may be gone.
    std::fs::remove_file(place.path("a.csv")).unwrap();
    place.write("c.csv", "at,who,action\n2999-01-01T00:00:00Z,ann,run\n");
    let ended = place.morpheus(&format!(
        "train {of} --history_dir=history --input=[abc].csv --train_users=individual --seed=7"
    ));
    assert!(ended.stderr.contains("1 row later than tomorrow left out"), "{}", ended.stderr);
    assert!(ended.stdout.contains("ann    920"), "{}", ended.stdout);
    // Who only looks changes nothing.
    let look = place.morpheus(&format!("train {of} --history_dir=history --input=[abc].csv --train_users=none --max_history=10 --min_history=10"));
    assert!(look.stdout.contains("ann"), "{}", look.stdout);
    let text = place.morpheus(&format!(
        "train {of} --history_dir=history --input=[abc].csv --train_users=individual --seed=7"
    ));
    assert!(text.stdout.contains("up to date 1 model"), "{}", text.stdout);
}

/// A log that has its header alone is learnt once it has rows.
#[test]
fn a_log_that_has_just_begun_is_learnt_later() {
    let place = Place::new();
    place.write("columns.txt", "action\n");
    let head = "at,who,action\n";
    let rows = |of: std::ops::Range<usize>| -> String {
        let row = |n| format!("2024-01-{:02}T{:02}:00:00Z,ann,{}\n", 1 + n / 24, n % 24, n % 5);
        of.map(row).collect()
    };
    let run = || {
        place.morpheus(
            "train --source=file --columns_file=columns.txt --userid_column_name=who --timestamp_column_name=at \
             --input=in/*.csv --store=store --history_dir=history --train_users=individual --min_history=20",
        )
    };
    place.write("in/a.csv", head);
    let none = run();
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("there is no row to learn"), "{}", none.stderr);
    place.write("in/b.csv", format!("{head}{}", rows(0..100)));
    assert!(run().stdout.contains("ann    100"));
    // A clock that is always wrong keeps nothing and ends nothing.
    place.write("in/a.csv", format!("{head}{}2999-01-01T00:00:00Z,ann,1\n", rows(100..150)));
    let ended = run();
    assert!(ended.stdout.contains("ann    150"), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("1 row later than tomorrow left out"), "{}", ended.stderr);
    assert!(run().stdout.contains("up to date 1 model"));
}

/// A file in which all categories look like numbers has the categories of the files before, in the same run or an
/// earlier one.
#[test]
fn categories_that_look_like_numbers_stay_what_they_are_written_as() {
    let place = Place::new();
    place.write("columns.txt", "version\nn\n");
    let rows = |day: usize, versions: &[&str], padding: usize| {
        let padding = "p".repeat(padding);
        (0..40).fold(String::from("at,who,version,n,more\n"), |text, n| {
            let version = versions[n % versions.len()];
            text + &format!("2024-05-{day:02}T00:{n:02}:00Z,ann,{version},{},{padding}\n", n % 4)
        })
    };
    let normal = |store: &str, padding: usize, inputs: &[&str]| {
        place.write("a.csv", rows(1, &["1.10", "x"], padding));
        place.write("b.csv", rows(2, &["1.10"], padding));
        for input in inputs {
            done(place.morpheus(&format!(
                "train --source=file --columns_file=columns.txt --userid_column_name=who --timestamp_column_name=at \
                 --store={store} --history_dir=of-{store} --min_history=20 --promote=always --memory_limit=32MiB {input}"
            )));
        }
        done(place.morpheus(&format!("models show ann --store={store}")))
    };
    for (store, padding, inputs) in [
        ("later", 1, &["--input=a.csv", "--input=b.csv"][..]),
        // More than is read together.
        ("together", 60_000, &["--input=a.csv --input=b.csv"]),
    ] {
        let shown = normal(store, padding, inputs);
        assert!(shown.contains("\"1.10\" 60, \"x\" 20"), "{store}: {shown}");
    }
}

#[test]
fn a_training_that_failed_leaves_no_empty_store() {
    let place = logs();
    for line in [
        "train --input=nothing/*.csv --store=store",
        "train --source=azure --input=logs/training/*.csv --store=store",
        "train --input=logs/training/*.csv --store=store --userid_column_name=nobody",
    ] {
        let ended = place.morpheus(line);
        assert!([1, 2].contains(&ended.code), "{line}: {}", ended.stderr);
        assert!(!place.path("store").exists(), "{line}");
    }
    // A folder that was there before stays, and so does a store with models.
    std::fs::create_dir(place.path("store")).unwrap();
    place.morpheus("train --input=nothing/*.csv --store=store");
    assert_eq!(place.list("store"), [""; 0]);
    train(&place, "--train_users=generic");
    let full = place.list("store");
    place.morpheus(&format!("{TRAIN} --input=nothing/*.csv"));
    assert_eq!(place.list("store"), full);
}
