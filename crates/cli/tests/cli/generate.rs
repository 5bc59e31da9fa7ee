//! Generated logs of each source: read, learnt, and their takeovers found.

use crate::place::{Ended, Place};
use std::collections::{BTreeMap, HashSet};

fn ok(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// For each user that was taken over: the intruder's rows among 10 alerts for each 1,000 rows, and all
/// of them.
fn found(source: &str, user: &str, id: &str, options: &str) -> BTreeMap<String, (usize, usize)> {
    let place = Place::new();
    ok(&place.morpheus(&format!(
        "tools generate --source={source} --output_dir=logs --users=10 --takeovers=10 \
         --training_rows=1000 --new_rows=1000 {options}"
    )));
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name={user} from-{source} --input_glob=logs/validation \
         train-ae --train_data_glob=logs/training/* --seed=42 --architecture=compact \
         preprocess inf-pytorch add-scores serialize to-file --filename=out.csv"
    ));
    // Nothing was skipped.
    ok(&ended);

    let rows = |name: &str| -> Vec<BTreeMap<String, String>> {
        let text = place.read(name);
        csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
    };
    let labels = rows("logs/labels.csv");
    let hostile: HashSet<&str> = labels.iter().map(|label| label["eventID"].as_str()).collect();
    let mut scored: BTreeMap<String, Vec<(f64, bool)>> = BTreeMap::new();
    for row in rows("out.csv") {
        let score = row["ae_anomaly_score"].parse().unwrap();
        scored.entry(row[user].clone()).or_default().push((score, hostile.contains(&*row[id])));
    }
    let counted = |(user, mut rows): (String, Vec<(f64, bool)>)| {
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let count = |rows: &[(f64, bool)]| rows.iter().filter(|(_, hostile)| *hostile).count();
        (user, (count(&rows[..rows.len() / 100]), count(&rows)))
    };
    scored.into_iter().map(counted).collect()
}

#[test]
fn an_intruder_from_a_new_country_is_found_in_every_vendors_sign_ins() {
    for (source, user, id) in [
        ("azure", "userPrincipalName", "id"),
        ("duo", "username", "txid"),
        ("okta", "actoralternateId", "uuid"),
    ] {
        let found = found(source, user, id, "--takeover_kinds=new_country_and_device");
        assert_eq!(found.len(), 10, "{source}");
        assert!(found.values().all(|(_, all)| *all == 6), "{source} {found:?}");
        let users = found.values().filter(|(alerts, _)| *alerts >= 3).count();
        assert!(users >= 8, "{source} {found:?}");
    }
}

#[test]
fn further_kinds_are_found_in_cloudtrail() {
    let found = found(
        "cloudtrail",
        "userIdentitysessionContextsessionIssueruserName",
        "eventID",
        "--takeover_kinds=failures_then_success --takeover_kinds=unusual_hours --takeover_kinds=slow_drip",
    );
    let users = found.values().filter(|(alerts, all)| *alerts == *all && *all == 6).count();
    assert!(users >= 8, "{found:?}");
}

#[test]
fn what_a_source_does_not_have_is_refused() {
    let place = Place::new();
    for (options, why) in [
        (
            "--source=azure --takeover_kinds=data_exfiltration",
            "takeover_kinds is \"data_exfiltration\", which azure does not have; accepted are new_country_and_device, failures_then_success, unusual_hours, privilege_actions, slow_drip",
        ),
        (
            "--source=duo --format=csv",
            "--format: \"csv\" is for --source cloudtrail; logs of duo are json",
        ),
        (
            "--source=oktta",
            "--source: \"oktta\" is not one of cloudtrail, azure, duo, okta; did you mean \"okta\"",
        ),
    ] {
        let ended = place.morpheus(&format!("tools generate --output_dir=logs {options}"));
        assert_eq!(ended.code, 2, "{options}");
        assert_eq!(
            ended.messages(),
            format!("error: generate: {why}\nsee morpheus tools generate --help\n")
        );
        assert!(!place.path("logs").exists());
    }
}
