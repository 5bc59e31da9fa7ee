//! `timeseries` in whole runs of the binary.

use crate::place::{Ended, Place, column};
use std::fmt::Write as _;

/// An event every two minutes by day for some days, a burst on the third day, and a user with two rows.
fn place() -> Place {
    let place = Place::new();
    let header = ",eventTime,eventName,userName\n";
    let mut number = 0;
    for day in 1..=5 {
        let mut text = header.to_owned();
        let mut row = |hour: usize, minute: usize, second: usize, user: &str| {
            let name = ["List", "Get", "Put"][number % 3];
            let _ = writeln!(
                text,
                "{number},2021-10-{day:02}T{hour:02}:{minute:02}:{second:02}Z,{name},{user}"
            );
            number += 1;
        };
        for at in 0..240 {
            let (hour, minute) = (8 + at / 30, at % 30 * 2);
            row(hour, minute, 0, "ann");
            if day == 3 && (hour, minute) == (12, 20) {
                (0..50).for_each(|second| row(12, 20, second, "ann"));
            }
            if at % 60 == 0 {
                row(hour, minute, 30, "bob");
            }
        }
        if day == 2 {
            (0..2).for_each(|second| row(23, 0, second, "eve"));
        }
        place.write(&format!("in/{day}.csv"), text);
    }
    place
}

fn run(place: &Place, source: &str, timeseries: &str, out: &str) -> Ended {
    place.morpheus(&format!(
        "run --pipeline_batch_size=97 pipeline-ae --userid_column_name=userName from-cloudtrail \
         --input_glob=in/*.csv {source} train-ae --train_data_glob=in/*.csv --architecture=compact \
         --train_epochs=1 --seed=1 preprocess inf-pytorch add-scores timeseries {timeseries} \
         monitor serialize to-file --filename={out} --overwrite"
    ))
}

/// File row and user of the flagged rows, sorted.
fn flagged(place: &Place, out: &str) -> Vec<(String, String)> {
    let csv = place.read(out);
    let users = column(&csv, "userName");
    let times = column(&csv, "event_dt");
    let flags = column(&csv, "ts_anomaly");
    assert!(flags.iter().all(|flag| flag == "True" || flag == "False"));
    let rows = users.into_iter().zip(times).zip(flags);
    let mut rows: Vec<_> =
        rows.filter(|(_, flag)| flag == "True").map(|((user, time), _)| (time, user)).collect();
    rows.sort();
    rows
}

#[test]
fn the_burst_is_flagged_by_the_lines_that_users_have() {
    let place = place();
    let ended = run(&place, "", "--resolution=1m --min_window=12h --hot_start=True", "out.csv");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let rows = flagged(&place, "out.csv");
    let of_burst = rows.iter().filter(|(time, user)| time.contains("03 12:20") && user == "ann");
    assert_eq!(of_burst.count(), 51);
    let all = column(&place.read("out.csv"), "userName");
    assert_eq!(all.len(), 5 * 240 + 50 + 20 + 2);
    assert!(ended.stdout.contains("\nrhythm "), "{}", ended.stdout);

    // By day instead of all at once, and however many rows a message has.
    let ended =
        run(&place, "--period=D", "--resolution=1m --min_window=12h --hot_start", "days.csv");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(flagged(&place, "days.csv"), rows);
}

#[test]
fn every_option_changes_what_it_should() {
    let place = place();
    let base = "--resolution=1m --min_window=6h";
    let columns = |options: &str| {
        let ended = run(&place, "", options, "out.csv");
        assert_eq!(ended.code, 0, "{options}: {}", ended.stderr);
        let csv = place.read("out.csv");
        ["ts_anomaly", "ts_score", "ts_expected"].map(|name| column(&csv, name))
    };
    let plain = columns(base);
    for option in [
        "--resolution=2m",
        "--min_window=3h",
        "--hot_start",
        "--cold_end",
        "--filter_percent=99",
        "--zscore_threshold=2",
        "--window_by=message",
        "--peer_bins",
        "--seasonality=hour-of-week",
    ] {
        assert_ne!(columns(&format!("{base} {option}")), plain, "{option}");
    }
    let hours = "--seasonality=hour-of-week --min_window=1d";
    assert_ne!(columns(hours), columns(&format!("{hours} --pvalue_threshold=0.9")));
}

#[test]
fn wrong_values_and_places_are_told_together() {
    let place = place();
    let ended = run(
        &place,
        "--state_dir=s",
        "--resolution=100ms --filter_percent=101 --peer_bins --min_window=x",
        "o.csv",
    );
    assert_eq!(ended.code, 2);
    for text in [
        "timeseries: --resolution: \"100ms\" is less than a second; expected 1s and more",
        "timeseries: --filter_percent: \"101\" is not a number from 0 to 100",
        "timeseries: --min_window: \"x\" is not a length of time",
    ] {
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    let ended = run(&place, "--state_dir=s", "--peer_bins", "o.csv");
    assert!(
        ended.stderr.contains("cannot be used with --watch_directory or --state_dir"),
        "{}",
        ended.stderr
    );
    let ended = place.morpheus("run pipeline-ae from-cloudtrail --input_glob=in/* timeseries");
    assert!(ended.stderr.contains("timeseries cannot follow from-cloudtrail"), "{}", ended.stderr);
}

#[test]
fn a_threshold_out_of_reach_is_told() {
    let place = place();
    let ended = run(&place, "", "--zscore_threshold=1000", "o.csv");
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("timeseries flags nothing"), "{}", ended.stderr);
}

#[test]
fn a_state_folder_remembers_the_rhythm() {
    let place = place();
    let options = "--resolution=1m --min_window=6h --lateness=10m";
    let ended = run(&place, "", options, "whole.csv");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for day in 2..=5 {
        std::fs::rename(place.path(&format!("in/{day}.csv")), place.path(&format!("{day}.csv")))
            .unwrap();
    }
    for day in 1..=5 {
        if day > 1 {
            std::fs::rename(
                place.path(&format!("{day}.csv")),
                place.path(&format!("in/{day}.csv")),
            )
            .unwrap();
        }
        let ended = run(&place, "--state_dir=state", options, "days.csv");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let rows = |name: &str| column(&place.read(name), "eventTime").len();
    assert_eq!(rows("days.csv"), rows("whole.csv"));
    // Each run ends with the evening, so nothing is known of the next day; the burst is found all the same.
    let burst = |name: &str| {
        flagged(&place, name).iter().filter(|(time, _)| time.contains("03 12:20")).count()
    };
    assert_eq!((burst("days.csv"), burst("whole.csv")), (51, 51));
}
