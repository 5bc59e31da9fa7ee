//! Full-size runs of the binary against several seeds of the reference: same level and spread of
//! scores, same ranking, same top. The set is too large to be kept here; `DFP_GOLDEN` names one.

use crate::place::{Place, not_kept, numbers};
use crate::statistics::{deviation, mean, quantile, spearman};
use serde_json::Value;
use std::path::PathBuf;

const SEEDS: [u64; 3] = [0, 1, 2];

fn run(folder: &std::path::Path, features: &[String], seed: u64) -> (Vec<f64>, Vec<f64>) {
    let place = Place::new();
    place.write("columns.txt", features.join("\n"));
    let folder = folder.display();
    let ended = place.morpheus(&format!(
        "run pipeline-ae --columns_file=columns.txt --userid_filter=user123 --feature_scaler=gauss_rank_reference \
         --userid_column_name=userIdentitysessionContextsessionIssueruserName \
         from-cloudtrail --input_glob={folder}/validation/*user123*.csv \
         train-ae --train_data_glob={folder}/training/*user123*.csv --seed={seed} \
         preprocess inf-ae add-scores serialize to-file --filename=out.csv"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let output = place.read("out.csv");
    (numbers(&output, "_index_"), numbers(&output, "ae_anomaly_score"))
}

#[test]
fn golden_distribution_of_the_later_library() {
    let Some(golden) = std::env::var_os("DFP_GOLDEN").map(PathBuf::from) else {
        return not_kept("the recorded distribution, in a folder that DFP_GOLDEN names,");
    };
    let folder = golden.join("distribution");
    let text = std::fs::read_to_string(folder.join("distribution.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let expected = &expected["versions"]["main"];
    let features: Vec<String> =
        serde_json::from_value(expected["plan"]["features"].clone()).unwrap();
    let mut scores_csv = csv::Reader::from_path(folder.join("scores_main.csv")).unwrap();
    let headers = scores_csv.headers().unwrap().clone();
    let (row_at, mean_at) = (0, headers.iter().position(|h| h == "mean_of_five").unwrap());
    let recorded: std::collections::HashMap<i64, f64> = scores_csv
        .records()
        .map(|r| {
            let r = r.unwrap();
            (r[row_at].parse().unwrap(), r[mean_at].parse().unwrap())
        })
        .collect();

    let mut passed = 0;
    let mut refusals = Vec::new();
    for seed in SEEDS {
        let (rows, scores) = run(&folder, &features, seed);
        let reference: Vec<f64> = rows.iter().map(|row| recorded[&(*row as i64)]).collect();
        let correlation = spearman(&scores, &reference);
        assert!(correlation >= 0.95, "seed {seed}: Spearman {correlation}");
        let ranking = ranking(&rows, &scores);
        for row in top_of_every_seed(expected) {
            let rank = ranking.iter().position(|&r| r == row).unwrap();
            assert!(rank < 15, "seed {seed}: row {row} has rank {rank}");
        }
        let outside = outside_bounds(expected, &scores);
        passed += usize::from(outside.is_empty());
        refusals.push((seed, outside));
    }
    assert!(passed >= 2, "{refusals:?}");
}

fn ranking(rows: &[f64], scores: &[f64]) -> Vec<i64> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.into_iter().map(|i| rows[i] as i64).collect()
}

fn top_of_every_seed(expected: &Value) -> Vec<i64> {
    serde_json::from_value(expected["rows_in_top10_of_every_seed"].clone()).unwrap()
}

/// Statistics of the scores that lie outside the recorded bounds.
fn outside_bounds(expected: &Value, scores: &[f64]) -> Vec<String> {
    let statistic = |name: &str| match name {
        "mean" => mean(scores),
        "std" => deviation(scores),
        "min" => quantile(scores, 0.0),
        "q25" => quantile(scores, 0.25),
        "q50" => quantile(scores, 0.5),
        "q75" => quantile(scores, 0.75),
        "max" => quantile(scores, 1.0),
        other => panic!("{other}"),
    };
    let bounds = expected["acceptance"]["bounds"].as_object().unwrap();
    assert!(!bounds.is_empty());
    bounds
        .iter()
        .filter(|(name, bound)| {
            let range = bound["low"].as_f64().unwrap()..=bound["high"].as_f64().unwrap();
            !range.contains(&statistic(name))
        })
        .map(|(name, bound)| format!("{name} {} is not in {bound}", statistic(name)))
        .collect()
}
