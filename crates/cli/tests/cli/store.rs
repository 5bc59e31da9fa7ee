//! `train`, `score`, `models` and `--model_store`: models that are kept, compared and replaced.

use crate::place::{Ended, Place, USER, column, numbers};
use std::process::Command;

const TRAIN: &str =
    "train --store=store --userid_column_name=userIdentitysessionContextsessionIssueruserName";
const SCORE: &str = "score --store=store --userid_column_name=userIdentitysessionContextsessionIssueruserName --overwrite";

fn done(ended: Ended) -> String {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// Logs of three users with 400 rows of history and 100 new ones.
fn logs() -> Place {
    Place::generated("--users=3 --training_rows=400 --new_rows=100 --days=40 --seed=5")
}

fn train(place: &Place, options: &str) -> String {
    done(place.morpheus(&format!("{TRAIN} --input=logs/training/*.csv {options}")))
}

fn score(place: &Place, options: &str) -> String {
    done(
        place
            .morpheus(&format!("{SCORE} --input=logs/validation/*.csv --output=out.csv {options}")),
    )
}

/// What `models list --all` says of a user: version and state.
fn versions(place: &Place, user: &str) -> Vec<(String, String)> {
    let text = done(place.morpheus("models list --store=store --all"));
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_user = lines.filter(|words| words.first() == Some(&user));
    of_user.map(|words| (words[1].to_owned(), words[2].to_owned())).collect()
}

fn states(place: &Place, user: &str) -> String {
    let all = versions(place, user).into_iter();
    all.map(|(version, state)| format!("{version} {state}")).collect::<Vec<_>>().join(", ")
}

fn a_user(place: &Place) -> String {
    column(&place.read("logs/labels.csv"), "user").remove(0)
}

#[test]
fn what_was_trained_once_is_kept_and_scores_as_it_did() {
    let place = logs();
    let text = train(&place, "");
    assert!(text.contains("promoted   4 models"), "{text}");
    assert!(text.contains("the first version"), "{text}");
    score(&place, "");
    let first = place.read("out.csv");
    assert_eq!(first.lines().count(), 1 + 300 + 6);
    let of: Vec<String> = column(&first, "model_version");
    let users = column(&first, USER);
    assert!(of.iter().zip(&users).all(|(version, user)| *version == format!("{user}:1")));

    // The same rows and settings: nothing is trained, nothing changes.
    let again = train(&place, "");
    assert!(again.contains("up to date 4 models"), "{again}");
    assert!(!place.path("store/users/%2a/00000002.dfp").exists());
    score(&place, "");
    assert_eq!(place.read("out.csv"), first);

    // A run that trains and scores in one gives the same bytes but for the names of versions.
    let line = format!(
        "run pipeline-ae --use_generic_model --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv \
         train-ae --train_data_glob=logs/training/*.csv --seed=42 --model_store=other preprocess inf-ae --scorer=recommended \
         add-scores serialize to-file --filename=run.csv"
    );
    done(place.morpheus(&line));
    let without_versions = |text: &str| {
        let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        let at = header.iter().position(|name| *name == "model_version");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows = reader.records().map(|row| {
            let row = row.unwrap();
            let cells = row.iter().enumerate().filter(|(n, _)| Some(*n) != at);
            cells.map(|(_, cell)| cell.to_owned()).collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(without_versions(&place.read("run.csv")), without_versions(&first));
    // And so does what it has put into its own store.
    let line = "score --store=other --input=logs/validation/*.csv --output=other.csv --userid_column_name=";
    done(place.morpheus(&format!("{line}{USER}")));
    assert_eq!(place.read("other.csv"), first);
}

#[test]
fn versions_are_promoted_taken_back_looked_at_and_cleared_up() {
    let place = logs();
    let user = a_user(&place);
    train(&place, "--promote=never");
    assert_eq!(states(&place, &user), "1 candidate");
    // Nothing is live: rows pass on, with the reason.
    let ended = place.morpheus(&format!("{SCORE} --input=logs/validation/*.csv --output=out.csv"));
    assert!(ended.stderr.contains("has no model"), "{}", ended.stderr);
    let out = place.read("out.csv");
    assert!(column(&out, "reason").iter().all(|reason| reason.starts_with("no model: ")), "{out}");
    done(place.morpheus(&format!("models promote {user} --store=store")));
    done(place.morpheus("models promote * --store=store --version=1"));
    score(&place, "");
    let out = place.read("out.csv");
    for (of, version) in column(&out, USER).into_iter().zip(column(&out, "model_version")) {
        assert_eq!(version, if of == user { format!("{user}:1") } else { "*:1".to_owned() });
    }
    assert!(numbers(&out, "p_value").iter().all(|p| *p > 0.0));

    train(&place, "--seed=7 --promote=always --train_users=individual");
    train(&place, "--seed=8 --promote=always --train_users=individual");
    assert_eq!(states(&place, &user), "1 retired, 2 retired, 3 live");
    let back = done(place.morpheus(&format!("models rollback {user} --store=store")));
    assert_eq!(back, format!("{user}: version 2 is live again, in place of 3\n"));
    assert_eq!(states(&place, &user), "1 retired, 2 live, 3 retired");

    let shown = done(place.morpheus(&format!("models show {user} --store=store --json=show.json")));
    for text in ["version   2, live", "loss by epoch", "what is normal", "eventName", "leans on"] {
        assert!(shown.contains(text), "{text}\n{shown}");
    }
    assert!(place.read("show.json").contains("\"losses\""));
    let first = done(place.morpheus(&format!("models show {user} --store=store --version=1")));
    assert!(first.contains("version   1, retired"), "{first}");
    let diff = done(place.morpheus(&format!("models diff {user} 1 3 --store=store")));
    assert!(diff.contains("seed       42") && diff.contains('8'), "{diff}");

    let verified = done(place.morpheus("models verify --store=store"));
    assert!(verified.contains("are sound, 0 damaged"), "{verified}");
    // What is live, and what a rollback would go to, stays.
    let dry = done(place.morpheus("models prune --store=store --keep=0 --dry_run"));
    assert!(dry.contains(&format!("{user}: would go: 3")), "{dry}");
    done(place.morpheus("models prune --store=store --keep=0"));
    assert_eq!(states(&place, &user), "1 retired, 2 live");
    assert_eq!(states(&place, "*"), "1 live");
    let none = done(place.morpheus("models prune --store=store --older_than=1h"));
    assert!(none.contains("0 versions gone"), "{none}");

    let path = format!("store/users/{}", folder(&place, &user));
    let mut bytes = std::fs::read(place.path(&format!("{path}/00000002.dfp"))).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    place.write(&format!("{path}/00000002.dfp"), bytes);
    let broken = place.morpheus("models verify --store=store");
    assert_eq!(broken.code, 1);
    assert!(
        broken.stderr.contains("version 2: ") && broken.stderr.contains("damaged"),
        "{}",
        broken.stderr
    );
}

/// The folder of a user, found by its versions.
fn folder(place: &Place, user: &str) -> String {
    let names = place.list("store/users");
    let name = names.into_iter().find(|name| name.starts_with(user));
    name.unwrap_or_else(|| panic!("no folder of {user}"))
}

#[test]
fn a_version_is_exported_for_other_tools() {
    let place = logs();
    train(&place, "");
    let user = a_user(&place);
    done(place.morpheus(&format!(
        "models export {user} --store=store --model=m.dfp --onnx=m.onnx --npz=m.npz --safetensors=m.safetensors"
    )));
    for name in ["m.dfp", "m.onnx", "m.json", "m.npz", "m.safetensors"] {
        assert!(place.path(name).metadata().unwrap().len() > 1000, "{name}");
    }
    let again = place.morpheus(&format!("models export {user} --store=store --npz=m.npz"));
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("\"m.npz\" exists already"), "{}", again.stderr);
    done(place.morpheus(&format!("models export {user} --store=store --npz=m.npz --overwrite")));
    // The model file scores as the store does.
    done(place.morpheus(&format!(
        "run pipeline-ae --userid_filter={user} --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv \
         train-ae --pretrained_filename=m.dfp preprocess inf-ae --scorer=recommended add-scores --model_version \
         serialize to-file --filename=file.csv"
    )));
    score(&place, &format!("--userid_filter={user}"));
    let scores = |name: &str| numbers(&place.read(name), "score");
    assert_eq!(scores("file.csv"), scores("out.csv"));
}

#[test]
fn who_is_trained_is_chosen_and_told() {
    let place = logs();
    let user = a_user(&place);
    let who = |options: &str| train(&place, options);
    let due = place.morpheus(&format!("{TRAIN} --input=logs/training/*.csv --train_users=none"));
    assert_eq!(due.code, 1, "{}", due.stdout);
    assert!(due.stderr.contains("there is no store here"), "{}", due.stderr);
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

#[cfg(unix)]
#[test]
fn a_promoted_version_is_used_while_the_program_runs() {
    let place = logs();
    let user = a_user(&place);
    train(&place, "");
    train(&place, "--seed=9 --promote=never");
    std::fs::create_dir(place.path("in")).unwrap();
    let log =
        std::fs::read_dir(place.path("logs/validation")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(log).unwrap();
    let row = |lines: std::ops::Range<usize>| {
        let all: Vec<&str> = text.lines().collect();
        format!("{}\n{}\n", all[0], all[lines].join("\n"))
    };
    place.write("in/a.csv", row(1..11));
    let running = place.start(&format!(
        "{SCORE} --input=in/*.csv --output=live.csv --watch_directory --state_dir=state --model_refresh=1h"
    ));
    place.wait_for_rows("live.csv", 10);
    for of in [&user, "*"] {
        done(place.morpheus(&format!("models promote {of} --store=store --version=2")));
    }
    let promoted = done(place.morpheus("models list --store=store"));
    // Without a signal nothing is looked up again within the hour.
    place.write("in/b.csv", row(11..21));
    place.wait_for_rows("live.csv", 20);
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-USR1", &id]).status().unwrap().success());
    place.write("in/c.csv", row(21..31));
    place.wait_for_rows("live.csv", 30);
    assert_eq!(running.stopped().code, 0);
    let out = place.read("live.csv");
    let of_user: Vec<String> = column(&out, "model_version");
    let numbers: Vec<&str> = of_user.iter().map(|v| v.rsplit(':').next().unwrap()).collect();
    assert!(numbers[..20].iter().all(|number| *number == "1"), "{of_user:?}\n{promoted}");
    let users = column(&out, USER);
    for (at, number) in numbers.iter().enumerate().skip(20) {
        assert_eq!(*number, if users[at] == user { "2" } else { "1" });
    }
}

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

/// A version that cannot be read costs its user the own model, not everybody the scores, and is mended by training.
#[test]
fn a_damaged_version_is_told_and_mended() {
    let place = logs();
    train(&place, "");
    let user = a_user(&place);
    let file = format!("store/users/{}/00000001.dfp", folder(&place, &user));
    let mut bytes = std::fs::read(place.path(&file)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    place.write(&file, bytes);
    let ended = place.morpheus(&format!("{SCORE} --input=logs/validation/*.csv --output=out.csv"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("damaged") && ended.stderr.contains("everyone's stands in"),
        "{}",
        ended.stderr
    );
    let out = place.read("out.csv");
    for (of, version) in column(&out, USER).into_iter().zip(column(&out, "model_version")) {
        assert_eq!(version, if of == user { "*:1".to_owned() } else { format!("{of}:1") });
    }
    let text = train(&place, "");
    assert!(
        text.contains("promoted   1 model") && text.contains("the live version 1 cannot be read"),
        "{text}"
    );
    score(&place, "");
    assert!(column(&place.read("out.csv"), "model_version").contains(&format!("{user}:2")));
    // Words that would lose something are refused.
    let two =
        place.morpheus(&format!("models export {user} --store=store --npz=x --safetensors=x"));
    assert_eq!(two.code, 2);
    let only = place.morpheus(&format!(
        "{TRAIN} --input=logs/training/*.csv --only_user={user} --train_users=all"
    ));
    assert_eq!(only.code, 2);
    assert!(only.stderr.contains("everyone's would be of these alone"), "{}", only.stderr);
}
