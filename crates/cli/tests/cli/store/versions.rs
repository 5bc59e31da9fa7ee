//! Versions: scored with, promoted, taken back, exported, damaged.

use super::{SCORE, TRAIN, a_user, done, folder, logs, score, states, train};
use crate::place::{Place, USER, column, numbers};
use std::process::Command;

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
        ended.stderr.contains("damaged")
            && ended.stderr.contains("the base model of all users is used"),
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

/// Everyone's model may be called as the logs' owners like; then no user may be called so.
#[test]
fn everyones_model_has_the_name_that_is_asked_for() {
    let place = logs();
    let user = a_user(&place);
    let text = train(&place, &format!("--skip_user={user} --generic_user=everyone"));
    assert!(text.contains("everyone") && text.contains("promoted   3 models"), "{text}");
    assert_eq!(states(&place, "everyone"), "1 live");
    // Who has no model of their own gets it, if it is named.
    score(&place, "--generic_user=everyone");
    let of = |place: &Place| {
        let out = place.read("out.csv");
        let of = column(&out, USER).into_iter().zip(column(&out, "model_version"));
        of.filter(|(of, _)| *of == user).map(|(_, version)| version).next().unwrap()
    };
    assert_eq!(of(&place), "everyone:1");
    let ended = place.morpheus(&format!("{SCORE} --input=logs/validation/*.csv --output=out.csv"));
    assert!(ended.stderr.contains("has no model"), "{}", ended.stderr);
    let line = format!(
        "run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv train-ae \
         --model_store=store --generic_user=everyone preprocess inf-ae --scorer=recommended add-scores --model_version \
         serialize to-file --filename=out.csv --overwrite"
    );
    done(place.morpheus(&line));
    assert_eq!(of(&place), "everyone:1");
    // A model file of it explains such a user's rows.
    done(place.morpheus("models export everyone --store=store --model=m.dfp"));
    let explain = format!(
        "explain out.csv --row=3 --userid_column_name={USER} --userid_filter={user} --pretrained_filename=m.dfp"
    );
    let lost = place.morpheus(&explain);
    assert!(lost.stderr.contains("has no model of user"), "{}", lost.stderr);
    done(place.morpheus(&format!("{explain} --generic_user=everyone")));
    let other =
        place.morpheus(&format!("{TRAIN} --input=logs/training/*.csv --generic_user={user}"));
    assert!(
        other.stdout.contains("the name is reserved for the model of all users"),
        "{}",
        other.stdout
    );
    // What others lean on is not pruned, whatever it is called.
    train(&place, "--generic_user=everyone --seed=2 --train_users=generic --promote=always");
    train(&place, "--generic_user=everyone --seed=3 --train_users=generic --promote=always");
    done(place.morpheus("models prune --store=store --keep=0"));
    assert_eq!(states(&place, "everyone"), "1 retired, 2 retired, 3 live");
}

/// A file larger than asked for is opened nowhere.
#[test]
fn a_model_file_beyond_the_limit_is_refused() {
    let place = logs();
    let user = a_user(&place);
    // The network of the original takes three megabytes.
    let large = format!(
        "run pipeline-ae --userid_filter={user} --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv \
         train-ae --train_data_glob=logs/training/*.csv --train_epochs=1 --models_output_filename=m.dfp --model_store=store \
         --seed=1 --architecture=peer preprocess inf-ae --scorer=recommended add-scores serialize to-file --filename=out.csv --overwrite"
    );
    done(place.morpheus(&large));
    assert!(std::fs::metadata(place.path("m.dfp")).unwrap().len() > 1_000_000);
    let pretrained = large
        .replace("--train_data_glob=logs/training/*.csv --train_epochs=1", "")
        .replace(
            "--models_output_filename=m.dfp --model_store=store",
            "--pretrained_filename=m.dfp",
        )
        .replace("--seed=1 --architecture=peer", "{}");
    for line in [
        pretrained,
        format!("models show {user} --store=store {{}}"),
        format!("models diff {user} 1 1 --store=store {{}}"),
        format!("models promote {user} --store=store {{}}"),
        format!("models export {user} --store=store --npz=m.npz {{}}"),
        "models verify --store=store {}".to_owned(),
        format!(
            "explain out.csv --row=3 --userid_column_name={USER} --pretrained_filename=m.dfp {{}}"
        ),
    ] {
        let small = place.morpheus(&line.replace("{}", "--model_file_limit=1"));
        assert_eq!(small.code, 1, "{line}\n{}", small.stderr);
        assert!(small.stderr.contains("at most 1000000 are read"), "{line}\n{}", small.stderr);
        let ended = place.morpheus(&line.replace("{}", "--model_file_limit=100"));
        assert_eq!(ended.code, 0, "{line}\n{}", ended.stderr);
    }
    // Whoever scores says so and goes on without it, and whoever trains puts a new one in its place.
    let scored = place.morpheus(&format!(
        "{SCORE} --input=logs/validation/*.csv --output=out.csv --model_file_limit=1"
    ));
    assert_eq!(scored.code, 3, "{}", scored.stderr);
    assert!(scored.stderr.contains("at most 1000000 are read"), "{}", scored.stderr);
    let trained = train(&place, &format!("--only_user={user} --model_file_limit=1"));
    assert!(trained.contains("the live version 1 cannot be read"), "{trained}");
    let back =
        place.morpheus(&format!("models rollback {user} --store=store --model_file_limit=1"));
    assert!(back.stderr.contains("at most 1000000 are read"), "{}", back.stderr);
    done(place.morpheus(&format!("models rollback {user} --store=store --model_file_limit=100")));
}

/// A store belongs to a source: users of the same name are others elsewhere.
#[test]
fn models_of_another_source_are_refused() {
    let place = logs();
    train(&place, "");
    for line in [
        "score --source=okta --input=logs/validation/*.csv --store=store --output=out.csv",
        "train --source=okta --input=logs/validation/*.csv --store=store",
    ] {
        let ended = place.morpheus(line);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("was trained on logs of from-cloudtrail, and these are of from-okta"),
            "{}",
            ended.stderr
        );
    }
}

/// One user's damage does not keep the others from being listed and cleared up.
#[test]
fn what_cannot_be_read_does_not_stop_the_rest() {
    let place = logs();
    let user = a_user(&place);
    for seed in 1..4 {
        train(&place, &format!("--train_users=individual --promote=always --seed={seed}"));
    }
    let path = format!("store/users/{}", folder(&place, &user));
    let standing =
        place.list(&path).into_iter().rfind(|name| name.starts_with("standing-")).unwrap();
    place.write(&format!("{path}/{standing}"), "{");
    let new = place
        .list("logs/training")
        .into_iter()
        .map(|log| place.read(&format!("logs/training/{log}")));
    let other = new.map(|log| column(&log, USER).remove(0)).find(|of| *of != user).unwrap();
    let folder_of_other = folder(&place, &other);
    place.write(&format!("store/users/{folder_of_other}/00000001.json"), "{");
    let listed = place.morpheus("models list --store=store --all");
    assert_eq!(listed.code, 3, "{}", listed.stderr);
    assert!(
        listed.stdout.contains(&other) && listed.stderr.contains("standing-"),
        "{}",
        listed.stdout
    );
    let pruned = place.morpheus("models prune --store=store --keep=0");
    assert_eq!(pruned.code, 3, "{}", pruned.stderr);
    // Of three users one version each could go; one has a damaged standing, one a damaged first version.
    assert!(pruned.stdout.contains("1 version gone"), "{}", pruned.stdout);
    assert!(
        pruned.stderr.contains(&standing) && pruned.stderr.contains("version 1"),
        "{}",
        pruned.stderr
    );
}
