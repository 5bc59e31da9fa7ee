//! Numbers of any size: beyond those learnt, infinite, far beyond all others in training; and what z over few
//! rows cannot say.

use crate::place::{Ended, Place, column, numbers};
use std::fmt::Write;

/// 100 rows of ann with 100 to 106 bytes; `replaced`: other texts for some rows.
fn training(replaced: &[(usize, &str)]) -> String {
    let mut text = String::from("uid,action,bytes\n");
    for row in 0..100 {
        let usual = (100 + row % 7).to_string();
        let bytes =
            replaced.iter().find(|(at, _)| *at == row).map_or(usual.as_str(), |(_, text)| text);
        let _ = writeln!(text, "ann,act{},{bytes}", row % 3);
    }
    text
}

fn new(bytes: &[&str]) -> String {
    let mut text = String::from("uid,action,bytes\n");
    for bytes in bytes {
        let _ = writeln!(text, "ann,act1,{bytes}");
    }
    text
}

fn place(training: &str, new: &str) -> Place {
    let place = Place::new();
    place.write("columns.txt", "action\nbytes\n");
    place.write("old.csv", training);
    place.write("new.csv", new);
    place
}

/// Scores new.csv after old.csv; `pipeline`, `train`, `inference`, `scores`: further options.
fn run(place: &Place, [pipeline, train, inference, scores]: [&str; 4]) -> Ended {
    place.morpheus(&format!(
        "run pipeline-ae --userid_column_name=uid --columns_file=columns.txt {pipeline} \
         from-file --input_glob=new.csv train-ae --train_data_glob=old.csv --seed=1 {train} \
         preprocess inf-ae {inference} add-scores {scores} serialize to-file --filename=out.csv --overwrite"
    ))
}

fn done(ended: &Ended, code: i32) {
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_number_far_beyond_those_learnt_scores_far_higher_with_every_network_and_scaler() {
    let place = place(&training(&[]), &new(&["104", "108", "900000", "9e15", "-900000", "1e308"]));
    for architecture in ["", "--architecture=compact --train_steps=60"] {
        for scaler in ["", "--feature_scaler=GAUSS_RANK", "--feature_scaler=MODIFIED"] {
            let what = format!("{architecture} {scaler}");
            done(&run(&place, [scaler, architecture, "", ""]), 0);
            let scores = numbers(&place.read("out.csv"), "ae_anomaly_score");
            let [usual, near, far, further, below, furthest] = scores[..] else { panic!("{what}") };
            assert!(
                far > 10.0 * usual && far > 10.0 * near && below > 10.0 * near,
                "{what}: {scores:?}"
            );
            assert!(
                further > far && furthest > further && furthest.is_finite(),
                "{what}: {scores:?}"
            );
        }
    }
    // What NVIDIA Morpheus does is an option of its own.
    done(&run(&place, ["--feature_scaler=GAUSS_RANK_REFERENCE", "", "", ""]), 0);
    let scores = numbers(&place.read("out.csv"), "ae_anomaly_score");
    assert_eq!(scores[1..4], [scores[1]; 3]);
}

#[test]
fn the_gross_row_is_the_least_likely_one() {
    for rows in [100, 30] {
        let training: String =
            training(&[]).lines().take(rows + 1).map(|line| format!("{line}\n")).collect();
        let place =
            place(&training, &new(&["103", "107", "112", "2000000000", "-5", "-2000000000"]));
        done(&run(&place, ["", "--train_steps=60", "--scorer=recommended", ""]), 0);
        let p = numbers(&place.read("out.csv"), "p_value");
        let others = [p[0], p[1], p[2], p[4]];
        assert!(others.iter().all(|other| p[3] < *other && p[5] < *other), "{p:?}");
        assert!(p[3] < p[2] && p[2] < p[1] && p[1] < p[0] && p[4] < p[0], "{p:?}");
        assert!(p.iter().all(|p| *p > 0.0), "{p:?}");
    }
}

#[test]
fn one_gross_cell_in_training_is_named_and_its_feature_still_tells_rows_apart() {
    for gross in ["1e308", "1e39", "1e18", "-1e308", "inf", "-inf"] {
        let place = place(&training(&[(40, gross)]), &new(&["103", "900000", "inf"]));
        for architecture in ["", "--architecture=compact --train_steps=60"] {
            let ended = run(&place, ["", architecture, "", ""]);
            done(&ended, 3);
            let warning = format!(
                "user \"ann\": the value {gross} in column \"bytes\" is far beyond the others, 100 to 106: \
                 learnt as missing, in 1 of 100 training rows"
            );
            assert!(ended.stderr.contains(&warning), "{}", ended.stderr);
            let counted = "skipped    training data: 1 number far beyond all others of the user's column, learnt as missing\n";
            assert!(ended.stdout.contains(counted), "{}", ended.stdout);
            let scores = numbers(&place.read("out.csv"), "ae_anomaly_score");
            assert!(scores[1] > 10.0 * scores[0] && scores[2] > scores[1], "{gross}: {scores:?}");
        }
    }
}

#[test]
fn gross_cells_are_named_for_each_user_by_training_into_a_store_too() {
    let timed = |text: String| {
        let timed = text.lines().skip(1).enumerate().map(|(minute, line)| {
            format!("{line},2024-01-01T{:02}:{:02}:00Z\n", minute / 60, minute % 60)
        });
        timed.collect::<String>()
    };
    let bobs = training(&[(7, "-inf"), (8, "1e300")]).replace("ann,", "bob,");
    let rows = format!("uid,action,bytes,timestamp\n{}{}", timed(training(&[])), timed(bobs));
    let place = place(&rows, &new(&["103"]));
    let ended = place.morpheus(
        "train --source=file --input=old.csv --store=store --userid_column_name=uid --columns_file=columns.txt \
         --min_history=50 --seed=1",
    );
    let warning = "user \"bob\": 2 values in column \"bytes\", the furthest -inf, are far beyond the others, 100 to 106: \
         learnt as missing, in 2 of 100 training rows";
    assert!(ended.stderr.contains(warning), "{}{}", ended.stdout, ended.stderr);
    assert!(!ended.stderr.contains("user \"ann\""), "{}", ended.stderr);
    let counted = "skipped    training data: 2 numbers far beyond all others of the user's column, learnt as missing\n";
    assert!(ended.stdout.contains(counted) && ended.code == 3, "{}", ended.stdout);
}

#[test]
fn an_infinite_number_in_a_new_row_is_counted_and_scores_as_the_furthest() {
    let new = new(&["103", "900000", "inf", "", "-inf", "1e308"]);
    let place = place(&training(&[(3, "")]), &new);
    let ended = run(&place, ["", "", "", "--label=ae_anomaly_score --label=zscore"]);
    done(&ended, 3);
    let warning = "user \"ann\": 2 numbers of column \"bytes\" not finite, scored as the largest number there is; \
         the first is \"inf\" in row 2";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    let counted = "skipped    input: 2 numbers not finite, scored as the largest number there is\n";
    assert!(ended.stdout.contains(counted), "{}", ended.stdout);
    for column in ["ae_anomaly_score", "zscore"] {
        let scores = numbers(&place.read("out.csv"), column);
        assert!(scores[2] > scores[1] && scores[4] > scores[1], "{scores:?}");
        assert!(scores[2] >= scores[5] && scores[5] > scores[1], "{scores:?}");
        // What is missing is no news.
        assert!(scores[1] > 100.0 * scores[3], "{scores:?}");
    }
    let strict = place.morpheus(
        "run --strict pipeline-ae --userid_column_name=uid --columns_file=columns.txt \
         from-file --input_glob=new.csv train-ae --train_data_glob=old.csv --seed=1 \
         preprocess inf-ae add-scores serialize to-file --filename=strict.csv",
    );
    done(&strict, 1);
    assert!(strict.stderr.contains("\"inf\" in column \"bytes\", row 2"), "{}", strict.stderr);
}

/// 11 rows of ann, one of them gross, and by option 30 of bob.
fn few(with_bob: bool) -> Place {
    let mut old = training(&[]);
    let mut new =
        new(&["100", "101", "102", "103", "104", "105", "106", "100", "101", "102", "900000"]);
    if with_bob {
        old += &training(&[]).replace("ann,", "bob,").replace("uid,action,bytes\n", "");
        for row in 0..30 {
            let _ = writeln!(new, "bob,act1,{}", 100 + row % 7);
        }
    }
    place(&old, &new)
}

const SCORED: &str =
    "preprocess inf-ae add-scores --label=ae_anomaly_score --label=zscore serialize";

fn run_with_page(place: &Place) -> Ended {
    place.morpheus(&format!(
        "run pipeline-ae --userid_column_name=uid --columns_file=columns.txt from-file --input_glob=new.csv \
         train-ae --train_data_glob=old.csv --seed=1 {SCORED} to-report --filename=run.html --overwrite \
         to-file --filename=out.csv --overwrite"
    ))
}

#[test]
fn z_over_fewer_than_18_rows_says_that_it_cannot_reach_4() {
    let place = few(false);
    let ended = run_with_page(&place);
    done(&ended, 0);
    assert!(numbers(&place.read("out.csv"), "zscore")[10] > 1e6);
    let said = "unusual    z > 4 is not possible for 1 user with fewer than 18 rows (11 rows in all), since z is over \
         the rows of a run\n\
         unusual    compared with the training rows, 1 of these rows has a z-score above 4 \
         (add-scores --label=zscore); inf-ae --scorer=recommended gives p-values; the highest:\n";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    assert!(!ended.stdout.contains("0 rows with z"), "{}", ended.stdout);
    let page = place.read("run.html");
    assert!(page.contains("11 rows, too few for alerts by z"), "the title");
    assert!(!page.contains("0 alerts"), "no row can be one");
    assert!(
        page.contains("No row of 1 user with fewer than 18 rows (11 rows in all) can be an alert")
    );
    assert!(page.contains("No row can be above the threshold"));
    // So does the page that is made of the output afterwards.
    let ended = place.morpheus("report --html=again.html --userid_column_name=uid out.csv");
    done(&ended, 0);
    let said =
        "too few    z > 4 is not possible for 1 user with fewer than 18 rows (11 rows in all)";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    assert!(!ended.stdout.contains("alerts     0"), "{}", ended.stdout);
}

#[test]
fn users_with_enough_rows_are_told_apart_from_those_without() {
    let place = few(true);
    let ended = run_with_page(&place);
    done(&ended, 0);
    let said = "unusual    no row has z > 4, of 1 user with enough rows\n\
         unusual    z > 4 is not possible for 1 user with fewer than 18 rows (11 rows in all)";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    assert!(
        place
            .read("run.html")
            .contains("no alerts in 41 rows; 11 rows of users with too few for one")
    );
    assert_eq!(column(&place.read("out.csv"), "uid").len(), 41);
}

#[test]
fn a_picture_of_z_says_it_too() {
    let place = few(false);
    done(&run_with_page(&place), 0);
    let ended =
        place.morpheus("plot --kind=zscores --output=z.svg --userid_column_name=uid out.csv");
    done(&ended, 0);
    assert!(
        ended.stdout.contains("too few    z > 4 is not possible for 1 user"),
        "{}",
        ended.stdout
    );
}
