//! `alert`, `morpheus alerts` and `morpheus explain` in the real binary.

use crate::place::{Place, USER, column, log, numbers};
use std::collections::{BTreeMap, HashMap};

/// The summary and the output of a run with these stages behind inference.
fn run(place: &Place, scorer: &str, stages: &str) -> (String, String) {
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv \
         train-ae --train_data_glob=logs/training/*.csv --seed=1 --models_output_filename=models \
         preprocess inf-ae --scorer={scorer} {stages} serialize to-file --filename=out.csv --overwrite"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    (ended.stdout, place.read("out.csv"))
}

/// Rows and alerts of each day.
fn days(out: &str) -> BTreeMap<String, (usize, usize)> {
    let mut days: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (time, alert) in column(out, "event_dt").iter().zip(column(out, "alert")) {
        let day = days.entry(time[..10].to_owned()).or_default();
        day.0 += 1;
        day.1 += usize::from(alert == "True");
    }
    days
}

/// Numbers of the rows that are alerts.
fn alerts(out: &str) -> Vec<usize> {
    let column = column(out, "alert");
    (0..column.len()).filter(|row| column[*row] == "True").collect()
}

#[test]
fn a_budget_of_twenty_a_day_gives_twenty_a_day() {
    let place = Place::generated(
        "--users=5 --days=150 --training_rows=1600 --new_rows=800 --takeovers=2 --seed=3",
    );
    let (summary, out) = run(&place, "recommended", "alert --alerts_per_day=20 add-scores");
    let days = days(&out);
    assert!(days.len() >= 30, "{days:?}");
    for (day, (rows, alerts)) in &days {
        assert_eq!(*alerts, 20.min(*rows), "{day}");
    }
    let all: usize = days.values().map(|(_, alerts)| alerts).sum();
    let mean = all as f64 / days.len() as f64;
    assert!((16.0..=24.0).contains(&mean), "{mean}");
    assert!(summary.contains(&format!("\nalerts     {all} of 4,012 rows")), "{summary}");
    // On each day they are the least likely rows of all users.
    let (p, times) = (numbers(&out, "p_value"), column(&out, "event_dt"));
    let chosen = alerts(&out);
    let mut worst: HashMap<&str, f64> = HashMap::new();
    for row in &chosen {
        let p_of_day = worst.entry(&times[*row][..10]).or_default();
        *p_of_day = p_of_day.max(p[*row]);
    }
    for (row, time) in times.iter().enumerate().filter(|(row, _)| !chosen.contains(row)) {
        assert!(p[row] >= worst[&time[..10]], "row {row}");
    }
    let reasons = column(&out, "reason");
    assert!(chosen.iter().all(|row| !reasons[*row].is_empty()), "every alert says why");
    // Ranks are those of the whole run.
    let ranks = numbers(&out, "rank");
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| ranks[*a].total_cmp(&ranks[*b]));
    assert!(order.windows(2).all(|pair| p[pair[0]] <= p[pair[1]]));
    // Each user's budget is smaller than all rows of most days.
    let (_, out) =
        run(&place, "recommended", "alert --alerts_per_day=1 --budget_of=each add-scores");
    let mut of_users: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (users, times) = (column(&out, USER), column(&out, "event_dt"));
    for row in alerts(&out) {
        *of_users.entry((users[row].clone(), times[row][..10].to_owned())).or_default() += 1;
    }
    assert!(of_users.len() > 100 && of_users.values().all(|count| *count == 1));
    // Afterwards it is the same.
    let ended = place.morpheus(&format!(
        "alerts out.csv --userid_column_name={USER} --alerts_per_day=20 --output=chosen.csv"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(self::days(&place.read("chosen.csv")), days);
    // So it is with the peer's scores, by their z.
    let (_, out) = run(&place, "peer", "alert --alerts_per_day=3 --only add-scores --label=zscore");
    let days = self::days(&out);
    assert!(days.values().all(|(rows, alerts)| (rows, alerts) == (alerts, rows)));
    assert_eq!(days.values().map(|(rows, _)| *rows).max(), Some(3));
}

#[test]
fn every_option_of_alert_does_what_it_says() {
    let place =
        Place::generated("--users=2 --training_rows=2000 --new_rows=300 --days=40 --seed=5");
    let (_, usual) = run(&place, "recommended", "alert add-scores");
    let p = numbers(&usual, "p_value");
    let below = |most: f64| (0..p.len()).filter(|row| p[*row] <= most).collect::<Vec<_>>();
    assert_eq!(alerts(&usual), below(0.01));
    let (summary, out) = run(&place, "recommended", "alert --p_value=0.02 add-scores");
    assert_eq!(alerts(&out), below(0.02));
    assert!(summary.contains(&format!("\nalerts     {} of 606 rows", below(0.02).len())));
    let (_, out) = run(&place, "recommended", "alert --fdr=0.2 add-scores");
    let mut sorted = p.clone();
    sorted.sort_by(f64::total_cmp);
    let found = (1..=p.len()).rev().find(|k| sorted[k - 1] <= 0.2 * *k as f64 / p.len() as f64);
    assert_eq!(alerts(&out).len(), found.unwrap_or_default());
    assert!(!alerts(&out).is_empty());
    let (summary, out) = run(&place, "recommended", "alert --p_value=0.02 --only add-scores");
    assert_eq!(column(&out, "alert").len(), below(0.02).len());
    assert!(summary.contains("by alert: no alert"), "{summary}");
    // What is known need not be told.
    let events = column(&usual, "eventName");
    let first = &events[below(0.02)[0]];
    place.write(
        "rules.toml",
        format!(
            "[[suppress]]\nauthor = \"jane\"\nreason = \"known\"\nexpires = \"never\"\nfeature = \"eventName\"\nvalue = \"{first}\"\n\
             [[suppress]]\nauthor = \"jo\"\nreason = \"old\"\nexpires = \"2001-01-01\"\nuser = [\"user123\", \"user124\"]\n"
        ),
    );
    let (summary, out) =
        run(&place, "recommended", "alert --p_value=0.02 --suppress=rules.toml add-scores");
    let (known, told): (Vec<usize>, Vec<usize>) =
        below(0.02).into_iter().partition(|row| events[*row] == *first);
    assert_eq!(alerts(&out), told);
    let suppressed = column(&out, "suppressed");
    for (row, why) in suppressed.iter().enumerate() {
        assert_eq!(why, if known.contains(&row) { "known (jane)" } else { "" });
    }
    assert!(
        summary.contains("known (jane)") && summary.contains("no longer suppressed: old (jo)"),
        "{summary}"
    );
    // Afterwards too, into any format.
    let afterwards = |options: &str| {
        place.morpheus(&format!("alerts out.csv --userid_column_name={USER} {options}"))
    };
    let ended = afterwards("--p_value=0.02 --suppress=rules.toml --only --output=only.jsonlines");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(place.read("only.jsonlines").lines().count(), told.len());
    let ended = afterwards("--fdr=0.2 --output=only.jsonlines");
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("only.jsonlines"), "{}", ended.stderr);
    assert_eq!(afterwards("--fdr=0.2 --output=only.jsonlines --overwrite").code, 0);
    let listed = afterwards("--p_value=0.02").stdout;
    assert_eq!(listed.lines().filter(|line| line.starts_with("  20")).count(), below(0.02).len());
    assert!(listed.contains("p ") && listed.contains(" user12"), "{listed}");
    let by_time =
        afterwards("--alerts_per_day=1 --timestamp_column_name=eventTime --budget_of=each");
    assert_eq!(by_time.code, 0, "{}", by_time.stderr);
    let by_score = afterwards("--alerts_per_day=1 --score_column=ae_anomaly_score");
    assert_eq!(by_score.code, 0, "{}", by_score.stderr);
}

#[test]
fn a_budget_is_not_spent_twice_by_runs_that_go_on() {
    let place = Place::generated("--users=3 --days=60 --training_rows=400 --new_rows=300 --seed=9");
    run(&place, "recommended", "add-scores");
    // The new rows in the order of time, a quarter of a day in each file.
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut header = String::new();
    for name in place.list("logs/validation") {
        let text = place.read(&format!("logs/validation/{name}"));
        let times = column(&text, "eventTime");
        header = text.lines().next().unwrap_or_default().to_owned();
        rows.extend(times.into_iter().zip(text.lines().skip(1).map(str::to_owned)));
    }
    rows.sort();
    for (time, row) in &rows {
        let quarter = time[11..13].parse::<usize>().unwrap() / 6;
        let name = format!("in/{}-{quarter}.csv", &time[..10]);
        let path = place.path(&name);
        let before = if path.exists() { place.read(&name) } else { format!("{header}\n") };
        place.write(&name, format!("{before}{row}\n"));
    }
    let mut names = place.list("in");
    names.sort();
    std::fs::rename(place.path("in"), place.path("all")).unwrap();
    let mut in_runs = 0;
    for (number, part) in names.chunks(9).enumerate() {
        for name in part {
            let text = place.read(&format!("all/{name}"));
            place.write(&format!("in/{name}"), text);
        }
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob=in/*.csv --state_dir=state --period=6h \
             train-ae --pretrained_filename=models preprocess inf-ae --scorer=recommended \
             alert --alerts_per_day=5 add-scores serialize to-file --filename=stream.csv"
        ));
        assert_eq!(ended.code, 0, "{number}: {}", ended.stderr);
        in_runs += 1;
    }
    assert!(in_runs > 3);
    let days = days(&place.read("stream.csv"));
    assert!(days.values().all(|(_, alerts)| *alerts <= 5), "{days:?}");
    let (rows, alerts) = days.values().fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
    assert_eq!(rows, 906);
    // A stream cannot know how a day goes on, and is careful with the budget.
    let possible: usize = days.values().map(|(rows, _)| 5.min(*rows)).sum();
    assert!(alerts * 2 > possible, "{alerts} of {possible}");
    // Another budget begins anew, and says so.
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob=in/*.csv --state_dir=state --period=6h \
         train-ae --pretrained_filename=models preprocess inf-ae --scorer=recommended \
         alert --alerts_per_day=6 add-scores serialize to-file --filename=stream.csv"
    ));
    assert!(ended.stderr.contains("another --alerts_per_day"), "{}", ended.stderr);
}

#[test]
fn what_makes_no_sense_is_refused_all_at_once() {
    let place = Place::new();
    place.write("in/a.csv", log(&["ann"], 20));
    place.write("rules.toml", "[[suppress]]\nauthor = \"jo\"\n");
    let line = |inference: &str, alert: &str| {
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv train-ae \
             --train_data_glob=in/*.csv preprocess {inference} {alert} serialize to-file --filename=o.csv"
        ));
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        ended.stderr
    };
    let said = line("inf-ae", "alert --p_value=.1 --fdr=.1 --budget_of=each --suppress=rules.toml");
    for part in [
        "--p_value and --fdr exclude one another",
        "--budget_of is about --alerts_per_day",
        "rules.toml line 1: suppress: key \"reason\" is missing",
        "the peer's scorer does not give",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(line("inf-ae --scorer=recommended", "alert alert").contains("alert is given twice"));
    assert!(
        line("inf-ae --scorer=recommended", "alert --fdr=0").contains("would never raise an alert")
    );
    let ended = place.morpheus("alerts --only --overwrite");
    assert_eq!(ended.code, 2);
    for part in ["expected outputs of runs", "--only is about --output", "--overwrite is about"] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
    assert!(place.morpheus("alerts in/a.csv --output=a.txt").stderr.contains("\"a.txt\""));
    let ended = place.morpheus("explain in/a.csv");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("give --row or --event"), "{}", ended.stderr);
    let ended = place.morpheus("explain in/a.csv --row=1 --event=2 --event_column=x");
    assert!(ended.stderr.contains("exclude one another"), "{}", ended.stderr);
}

#[test]
fn a_row_is_explained_from_its_output_and_by_its_model() {
    let place = Place::generated("--users=2 --training_rows=600 --new_rows=200 --seed=7");
    let (_, out) = run(&place, "recommended", "add-scores --surprises --reasons=0.05");
    let (reasons, users) = (column(&out, "reason"), column(&out, USER));
    let (events, rows) = (column(&out, "eventID"), column(&out, "_index_"));
    let explain = |options: &str| {
        place.morpheus(&format!("explain out.csv --userid_column_name={USER} {options}"))
    };
    let told: Vec<usize> = (0..reasons.len()).filter(|row| !reasons[*row].is_empty()).collect();
    assert!(told.len() > 10, "{told:?}");
    for row in told.iter().copied().step_by(told.len().div_ceil(12)) {
        let ended = explain(&format!("--event={} --pretrained_filename=models", events[row]));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        // From the output's own cells the model says again what it said in the run.
        let why = ended.stdout.lines().find(|line| line.starts_with("why ")).unwrap();
        assert_eq!(why["why".len()..].trim(), reasons[row].trim());
        assert!(
            ended.stdout.contains("  in 600") || ended.stdout.contains(" in 600"),
            "{}",
            ended.stdout
        );
        let by_row = explain(&format!(
            "--row={} --userid_filter={} --pretrained_filename=models",
            rows[row], users[row]
        ));
        assert_eq!(by_row.stdout, ended.stdout);
        // Without the model there is what has been written.
        let written = explain(&format!("--event={} --event_column=eventID", events[row])).stdout;
        assert!(written.contains("surprise") && !written.contains(" in 600\n"), "{written}");
        assert!(
            written.contains(&reasons[row]) && written.contains("--pretrained_filename MODELS")
        );
    }
    let last = told[told.len() - 1];
    assert!(explain(&format!("--event={}", events[last])).stdout.contains("\nbefore it "));
    place.write("broken.csv", "");
    let beside = explain(&format!("broken.csv --event={}", events[last]));
    assert_eq!(beside.code, 3, "{}", beside.stderr);
    let ended = explain("--row=5");
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("2 rows have 5 in column \"_index_\": of user12"),
        "{}",
        ended.stderr
    );
    let ended = explain("--event=none");
    assert!(ended.stderr.contains("no row has \"none\" in column \"eventID\""), "{}", ended.stderr);
    let ended = explain(&format!("--event={} --event_column=eventId", events[0]));
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("eventID"), "{}", ended.stderr);
    let by_time = explain(&format!(
        "--event={} --timestamp_column_name=eventTime --score_column=score_net",
        events[last]
    ));
    assert!(by_time.stdout.contains("score_net"), "{}", by_time.stdout);
    // Models without counts cannot tell.
    run(&place, "peer", "add-scores");
    let ended = explain(&format!("--event={} --pretrained_filename=models", events[last]));
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("trained without counts"), "{}", ended.stderr);
}

#[test]
fn what_is_left_out_afterwards_is_told_and_what_cannot_be_compared_is_refused() {
    let place = Place::new();
    let table = |users: &[&str]| {
        let mut text = ",event_dt,who,score,p_value,size\n".to_owned();
        for (row, user) in users.iter().enumerate() {
            let time = if row == 1 { "" } else { "2024-01-01T00:00:00Z" };
            let p = if row == 2 { "" } else { "0.001" };
            text.push_str(&format!("{row},{time},{user},{row}.5,{p},x\n"));
        }
        text
    };
    place.write("out.csv", table(&["ann", "ann", "ann", "", "ben"]));
    let ended = place.morpheus("alerts out.csv --userid_column_name=who");
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    for line in [
        "skipped    1 row without a user",
        "alerts     3 of 3 rows, 3.0 a day over 1 day",
        "alerts     1 row without a score or p-value are none",
        "alerts     1 row without a time counted as of the newest day",
    ] {
        assert!(ended.stdout.contains(line), "{line} in {}", ended.stdout);
    }
    let ended = place.morpheus("alerts out.csv --userid_column_name=who --score_column=size");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("\"size\": no cell of it is a number"), "{}", ended.stderr);
    // Another score has no p-values.
    let ended = place.morpheus("alerts out.csv --userid_column_name=who --score_column=p_value");
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    // Without p-values users are compared by z, or not at all.
    place.write("peer.csv", table(&["ann", "ann", "ann", "ben", "ben"]).replace("p_value", "p"));
    let ended = place.morpheus("alerts peer.csv --userid_column_name=who --alerts_per_day=1");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("--label=zscore"), "{}", ended.stderr);
    let ended = place.morpheus(
        "alerts peer.csv --userid_column_name=who --alerts_per_day=1 --score_column=score",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn json_lines_of_every_source_are_decided_afterwards_as_in_the_run() {
    for source in ["azure", "duo", "okta"] {
        let place = Place::generated(&format!(
            "--source={source} --users=2 --training_rows=300 --new_rows=100 --seed=3"
        ));
        let ended = place.morpheus(&format!(
            "run pipeline-ae from-{source} --input_glob=logs/validation/* train-ae --train_data_glob=logs/training/* --seed=1 \
             preprocess inf-ae --scorer=recommended alert --alerts_per_day=2 --only add-scores serialize to-file --filename=out.jsonlines"
        ));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let rows = place.read("out.jsonlines").lines().count();
        let ended = place
            .morpheus("alerts out.jsonlines --alerts_per_day=2 --only --output=again.jsonlines");
        assert_eq!(ended.code, 0, "{source}: {}", ended.stderr);
        assert_eq!(place.read("again.jsonlines").lines().count(), rows, "{source}");
    }
}
