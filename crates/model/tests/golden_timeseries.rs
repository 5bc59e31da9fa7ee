//! The spectral test against the reference's recorded numbers: every series, percentile and threshold.
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

#[expect(dead_code, reason = "only a part of it is needed here")]
mod common;

use common::{golden_json, relative_error};
use dfp_model::periodic::{SpectralTest, largest_z};
use serde_json::Value;

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

fn assert_near(what: &str, made: &[f64], recorded: &Value) {
    let recorded = numbers(recorded);
    assert_eq!(made.len(), recorded.len(), "{what}");
    for (at, (made, recorded)) in made.iter().zip(&recorded).enumerate() {
        assert!(relative_error(*made, *recorded) < 1e-9, "{what}[{at}]: {made} {recorded}");
    }
}

/// Where rounding decides, ties are removed; everywhere else the numbers are the reference's.
#[test]
fn golden_series() {
    let recording = golden_json("timeseries/series.json");
    let series = recording["series"].as_array().unwrap();
    let mut compared = 0;
    for one in series {
        let counts = numbers(&one["counts"]);
        let largest = one["max_possible_z"].as_f64().unwrap();
        assert!((largest_z(counts.len()) - largest).abs() < 1e-9);
        for case in one["percentiles"].as_array().unwrap() {
            let percent = case["percentile"].as_f64().unwrap();
            let name = format!("{} at {percent}", one["name"]);
            for (zscore, decision) in case["anomalies"].as_object().unwrap() {
                let zscore = zscore.parse().unwrap();
                let mut test = SpectralTest::new(percent, zscore);
                let found = test.run(&counts).unwrap();
                let hits: Vec<u64> = (0..)
                    .zip(&found.anomalous)
                    .filter(|(_, hit)| **hit)
                    .map(|(at, _)| at)
                    .collect();
                let recorded = |key: &str| -> Vec<u64> {
                    decision[key].as_array().unwrap().iter().map(|x| x.as_u64().unwrap()).collect()
                };
                let is_any = [recorded("exact"), recorded("exact_ties_removed")].contains(&hits);
                assert!(is_any, "{name}, z {zscore}: {hits:?}");
                if case["decided_by_rounding"] == false {
                    assert_eq!(hits, recorded("as_coded"), "{name}, z {zscore}");
                    assert_near(&name, &found.periodogram, &case["periodogram"]);
                    assert_near(&name, &found.reconstruction, &case["reconstruction"]);
                    assert_near(&name, &found.z, &case["z"]);
                    assert_near(
                        &name,
                        &[found.threshold],
                        &Value::from(vec![case["threshold"].clone()]),
                    );
                    compared += 1;
                }
            }
        }
    }
    assert!(series.len() > 30 && compared > 50, "{} {compared}", series.len());
}
