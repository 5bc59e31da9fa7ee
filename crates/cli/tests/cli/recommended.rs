//! `inf-ae --scorer recommended` in whole runs of the binary.

use crate::place::{Place, USER, column, log, numbers, shared};
use std::collections::HashSet;

/// The summary and the output of a run over generated logs.
fn scored(place: &Place, inference: &str, add_scores: &str) -> (String, String) {
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv \
         train-ae --train_data_glob=logs/training/*.csv --seed=1 preprocess inf-ae {inference} \
         add-scores {add_scores} serialize to-file --filename=out.csv --overwrite"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    (ended.stdout, place.read("out.csv"))
}

#[test]
fn a_takeover_is_found_with_a_probability_and_told_in_words() {
    let place = Place::generated("--users=3 --training_rows=800 --new_rows=200 --seed=7");
    let (summary, out) = scored(&place, "--scorer=recommended", "--surprises --reasons=0.02");
    let p = numbers(&out, "p_value");
    assert_eq!(p.len(), 606);
    assert!(p.iter().all(|p| *p > 0.0 && *p <= 1.0));
    let reasons = column(&out, "reason");
    for (p, reason) in p.iter().zip(&reasons) {
        assert_eq!(*p <= 0.02, !reason.is_empty(), "{p} {reason:?}");
    }
    // The score is the sum of its parts, and the parts of a feature are beside it.
    let parts = ["score", "score_counts", "score_net"].map(|name| numbers(&out, name));
    for (row, score) in parts[0].iter().enumerate() {
        assert!((score - parts[1][row] - parts[2][row]).abs() < 1e-4);
    }
    assert!(numbers(&out, "eventName_surprise").iter().all(|nats| *nats > 0.0));

    // Most of the six rows of the takeover are among the ten least likely.
    let labels = place.read("logs/labels.csv");
    let (users, rows) = (column(&labels, "user"), numbers(&labels, "row"));
    let truth: HashSet<(String, u64)> =
        users.into_iter().zip(rows.into_iter().map(|row| row as u64)).collect();
    let names = column(&out, USER);
    let file_rows = numbers(&out, "_index_");
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let found = order[..10]
        .iter()
        .filter(|&&row| truth.contains(&(names[row].clone(), file_rows[row] as u64)));
    assert!(found.count() >= 4, "{summary}");
    assert!(summary.contains("\nunlikely "), "{summary}");
    assert!(summary.contains("was never seen in 800 events of"), "{summary}");

    // Without it the columns are those of the original.
    let (summary, out) = scored(&place, "", "");
    assert!(!out.lines().next().unwrap().contains("p_value"));
    assert!(!summary.contains("\nunlikely "));
}

#[test]
fn its_options_are_refused_without_it() {
    let place = Place::new();
    place.write("in/a.csv", log(&["ann"], 20));
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv train-ae \
         --train_data_glob=in/*.csv preprocess inf-ae add-scores --surprises serialize to-file --filename=o.csv",
    );
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("add --scorer recommended to inf-ae"), "{}", ended.stderr);
}

#[test]
fn users_of_one_row_of_thirty_and_of_equal_rows_are_scored() {
    let place = Place::new();
    let header = "eventTime,eventName,sourceIPAddress,userName\n";
    let row = |second: usize, name: &str, address: usize, user: &str| {
        format!(
            "2023-01-01T00:{:02}:{:02}Z,{name},10.0.0.{address},{user}\n",
            second / 60,
            second % 60
        )
    };
    let mut training = header.to_owned();
    training += &row(0, "Get", 1, "one");
    for i in 0..30 {
        training += &row(i, ["Get", "Put", "List"][i % 3], i % 4, "thirty");
    }
    for i in 0..100 {
        training += &row(i, "Get", 1, "equal");
    }
    place.write("training/a.csv", &training);
    let mut input = header.to_owned();
    for user in ["one", "thirty", "equal"] {
        input += &row(10, "Get", 1, user);
        input += &row(11, "DeleteTrail", 200, user);
    }
    place.write("in/a.csv", &input);
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv train-ae \
         --train_data_glob=training/*.csv --train_min_history=1 --seed=1 preprocess inf-ae --scorer=recommended \
         add-scores --reasons=1 serialize to-file --filename=o.csv",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let out = place.read("o.csv");
    let users = column(&out, "userName");
    let (p, score) = (numbers(&out, "p_value"), numbers(&out, "score"));
    for user in ["one", "thirty", "equal"] {
        let of: Vec<usize> = (0..6).filter(|row| users[*row] == user).collect();
        assert!(score[of[1]] > score[of[0]], "{user}: {score:?}");
        assert!(p[of[1]] <= p[of[0]] && p[of[1]] > 0.0, "{user}: {p:?}");
    }
    let reasons = column(&out, "reason");
    assert!(reasons.iter().all(|reason| !reason.is_empty()), "{reasons:?}");
}

/// The share of rows of usual behaviour with a p-value of at most `a`, by 5 %, 1 % and .1 %.
fn shares(users: usize, training_rows: usize) -> (usize, [f64; 3]) {
    let new = training_rows / 4;
    let place = Place::generated(&format!(
        "--users={users} --training_rows={training_rows} --new_rows={new} --takeovers=0 --seed=5"
    ));
    let (_, out) = scored(&place, "--scorer=recommended", "--reasons=0");
    let p = numbers(&out, "p_value");
    let share = |a| p.iter().filter(|p| **p <= a).count() as f64 / p.len() as f64;
    (p.len(), [share(0.05), share(0.01), share(0.001)])
}

#[test]
fn p_values_hold_what_they_promise_as_far_as_few_rows_can_tell() {
    // Three standard deviations beside the fifth that is allowed.
    let (rows, many) = shares(4, 10_000);
    for (a, share) in [0.05, 0.01, 0.001].into_iter().zip(many) {
        let noise = 3.0 * (a / rows as f64).sqrt();
        assert!(share <= 1.2 * a + noise, "10,000 rows, p <= {a}: {share}");
    }
    // Smaller users' newest fifth is a few bursts: docs/scores.md says what to expect of them.
    for (users, rows) in [(60, 100), (20, 1_000)] {
        let (_, [five, one, _]) = shares(users, rows);
        assert!(five <= 0.1 && one <= 0.05, "{rows} rows: {five}, {one}");
    }
}

#[test]
fn the_takeover_of_the_course_has_the_six_lowest_probabilities_and_reasons() {
    let Some(data) = shared("data/user123") else { return };
    let data = data.display();
    let place = Place::new();
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_filter=user123 --userid_column_name={USER} \
         from-cloudtrail --input_glob={data}/validation/*.csv train-ae --train_data_glob={data}/training/*.csv \
         --seed=42 preprocess inf-ae --scorer=recommended add-scores serialize to-file --filename=out.csv"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let out = place.read("out.csv");
    let p = numbers(&out, "p_value");
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut six = order[..6].to_vec();
    six.sort_unstable();
    assert_eq!(six, [314, 315, 316, 317, 318, 321]);
    let reasons = column(&out, "reason");
    for row in six {
        assert!(reasons[row].contains("user123"), "{row}: {:?}", reasons[row]);
    }
}
