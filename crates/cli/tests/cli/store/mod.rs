//! `train`, `score`, `models` and `--model_store`: models that are kept, compared and replaced.

mod killed;
mod stream;
mod training;
mod versions;

use crate::place::{Ended, Place, column};

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

/// The folder of a user, found by its versions.
fn folder(place: &Place, user: &str) -> String {
    let names = place.list("store/users");
    let name = names.into_iter().find(|name| name.starts_with(user));
    name.unwrap_or_else(|| panic!("no folder of {user}"))
}
