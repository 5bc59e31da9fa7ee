//! The size of a number is never lost: beyond the numbers that were learnt a score grows with the distance, for
//! every scaler, architecture and scorer, and gross numbers among the training rows take nothing from that.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use dfp_model::config::{Beyond, ModelConfig, Scaler, Scorer};
use dfp_model::{FeatureScores, TrainingData, UserModel, artifact};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Rows with these numbers of bytes, an action, and how long it took.
fn rows(bytes: Vec<Option<f64>>, with_time: bool) -> RecordBatch {
    let rows = bytes.len();
    let actions = (0..rows).map(|i| Some(["read", "read", "write"][i % 3]));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("bytes", Arc::new(Float64Array::from(bytes))),
        ("action", Arc::new(actions.collect::<StringArray>())),
    ];
    if with_time {
        let times = (0..rows).map(|i| Some(0.1 * (i % 5) as f64));
        columns.push(("seconds", Arc::new(times.collect::<Float64Array>())));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

/// 100 to 106.
fn usual(count: usize) -> Vec<Option<f64>> {
    (0..count).map(|i| Some(100.0 + (i * 5 % 7) as f64)).collect()
}

fn fit(rows: &RecordBatch, config: &ModelConfig) -> UserModel {
    UserModel::fit("ana", rows, None, config, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Numbers ever further from 100 to 106, upwards or downwards, the last one infinite.
fn further(down: bool) -> Vec<f64> {
    let distances = (0..=308).map(|power| 10.0_f64.powi(power)).chain([f64::INFINITY]);
    distances.map(|distance| if down { 100.0 - distance } else { 106.0 + distance }).collect()
}

/// The same row with each of these numbers.
fn with_numbers(numbers: &[f64], with_time: bool) -> RecordBatch {
    let one = rows(usual(1), with_time);
    let mut columns = one.columns().to_vec();
    for column in &mut columns {
        let places = arrow_array::UInt32Array::from(vec![0; numbers.len()]);
        *column = arrow_select::take::take(column, &places, None).unwrap();
    }
    columns[0] = Arc::new(Float64Array::from(numbers.to_vec()));
    RecordBatch::try_new(one.schema(), columns).unwrap()
}

fn scores(model: &UserModel, rows: &RecordBatch) -> FeatureScores {
    model.score_features(&model.encode(rows).unwrap())
}

/// All finite, and every one above the one before.
fn assert_growing(values: &[f64], what: &str) {
    assert!(values.iter().all(|x| x.is_finite()), "{what}: {values:?}");
    let falls = values.windows(2).position(|pair| pair[0] >= pair[1]);
    assert_eq!(falls, None, "{what}: {values:?}");
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

/// Every scaler in every architecture.
fn networks(rows: usize) -> Vec<(String, ModelConfig)> {
    let small = |config: ModelConfig| ModelConfig {
        encoder_layers: vec![24, 10],
        decoder_layers: vec![20],
        ..config
    };
    let mut all = Vec::new();
    for scaler in [Scaler::Standard, Scaler::GaussRank, Scaler::Modified, Scaler::None] {
        let compact = ModelConfig { scaler, ..ModelConfig::compact(rows) };
        all.push((format!("compact, {scaler:?}"), compact));
        let beyond = match scaler {
            Scaler::GaussRank => Beyond::Distance,
            _ => Beyond::Scaled,
        };
        // The reference's network learns nothing of numbers that are not scaled: it expects 0, and 100 is far.
        if scaler == Scaler::None {
            continue;
        }
        let reference = ModelConfig { scaler, beyond, ..ModelConfig::pipeline() };
        all.push((format!("default, {scaler:?}"), small(reference)));
    }
    all
}

#[test]
fn the_scores_of_every_network_grow_with_the_distance() {
    for (name, config) in networks(100) {
        let model = fit(&rows(usual(100), true), &config);
        for down in [false, true] {
            let numbers = further(down);
            let scored = scores(&model, &with_numbers(&numbers, true));
            let what = format!("{name}, {}", if down { "down" } else { "up" });
            // Infinity is the largest number.
            let beyond = scored.anomaly_score.len() - 1;
            assert_growing(&wide(&scored.anomaly_score[..beyond]), &what);
            assert_growing(&wide(&scored.zscore[..beyond]), &what);
            assert!(scored.anomaly_score[beyond] >= scored.anomaly_score[beyond - 1], "{what}");
            // Far above what is usual; the ranks of the ends of a range are far from 0 already.
            let of = scores(&model, &with_numbers(&[100.0, 104.0, 106.0, 900_000.0], true));
            let [lowest, usual, highest, far] = of.anomaly_score[..] else { panic!("{what}") };
            assert!(far > 10.0 * usual, "{what}: {far} and {usual}");
            assert!(far > 3.0 * lowest.max(highest), "{what}: {far}, {lowest}, {highest}");
        }
    }
}

#[test]
fn only_the_ranks_of_the_reference_end_at_the_learnt_range() {
    let config = ModelConfig { scaler: Scaler::GaussRank, ..ModelConfig::pipeline() };
    let config = ModelConfig { encoder_layers: vec![8], decoder_layers: vec![8], ..config };
    let model = fit(&rows(usual(100), false), &config);
    let scored = scores(&model, &with_numbers(&[108.0, 9e5, f64::INFINITY], false));
    assert_eq!(scored.anomaly_score, [scored.anomaly_score[0]; 3]);
}

#[test]
fn within_the_learnt_range_nothing_is_different() {
    for scaler in [Scaler::Standard, Scaler::GaussRank, Scaler::Modified] {
        let distance = ModelConfig { scaler, ..ModelConfig::compact(100) };
        let scaled = ModelConfig { beyond: Beyond::Scaled, ..distance.clone() };
        let (training, new) = (rows(usual(100), true), with_numbers(&[100.0, 103.5, 106.0], true));
        let [a, b] = [distance, scaled].map(|config| scores(&fit(&training, &config), &new));
        assert_eq!((a.loss, a.zscore), (b.loss, b.zscore), "{scaler:?}");
    }
}

/// Small and large training tables, with one number (no neighbours) and with two.
#[test]
fn the_p_values_of_all_scorers_together_fall_with_the_distance() {
    for count in [2, 5, 20, 59, 60, 300, 2000] {
        for with_time in [false, true] {
            let config = ModelConfig::compact(count);
            let config = ModelConfig { scorer: Scorer::Recommended, ..config };
            let model = fit(&rows(usual(count), with_time), &config);
            let model = kept(&model);
            for down in [false, true] {
                let what = format!("{count} rows, {with_time}, {down}");
                let mut numbers = further(down);
                numbers.pop();
                let scored = scores(&model, &with_numbers(&numbers, with_time)).combined;
                let of = |part: fn(&dfp_model::RowScore) -> f64| {
                    scored.iter().map(part).collect::<Vec<f64>>()
                };
                assert_growing(&of(|row| -row.p_value), &what);
                assert!(scored.iter().all(|row| row.p_value > 0.0), "{what}");
                assert_growing(&of(|row| f64::from(row.score)), &what);
                assert_growing(&of(|row| f64::from(row.counts)), &what);
                if let Some(net) =
                    scored.iter().map(|row| row.net.map(f64::from)).collect::<Option<Vec<_>>>()
                {
                    assert_growing(&net, &what);
                }
                let near = scored.iter().map(|row| row.neighbours.map(f64::from));
                if let Some(near) = near.collect::<Option<Vec<_>>>() {
                    assert_growing(&near, &what);
                }
            }
            let infinite = [f64::INFINITY, 1e308, f64::NEG_INFINITY, 104.0];
            let p = scores(&model, &with_numbers(&infinite, with_time)).combined;
            assert!(p[0].p_value <= p[1].p_value && p[2].p_value < p[3].p_value, "{p:?}");
        }
    }
}

/// The model as it comes back from a file.
fn kept(model: &UserModel) -> UserModel {
    let mut bytes = Vec::new();
    artifact::write(&[model], &mut bytes).unwrap();
    let mut models = artifact::read(&bytes, &artifact::Limits::default()).unwrap();
    assert_eq!(&models[0], model);
    models.pop().unwrap()
}

#[test]
fn a_number_that_no_peer_has_had_is_far_for_a_user_with_peers() {
    let config = ModelConfig { scorer: Scorer::Recommended, ..ModelConfig::compact(300) };
    let wider = (0..300).map(|i| Some(100.0 + (i * 37 % 300) as f64)).collect();
    let everyone = Arc::new(fit(&rows(wider, false), &config));
    let own = rows(usual(20), false);
    let data = TrainingData { rows: &own, validation: None, times: &[], peers: Some(&everyone) };
    let user =
        UserModel::fit_with("ana", &data, &config, &mut |_| ControlFlow::Continue(())).unwrap();
    // What the peers know is news, and no more; what nobody knows is further the larger it is.
    let numbers = [104.0, 390.0, 5e3, 9e5, 2e9, 1e300];
    let p: Vec<f64> = scores(&user, &with_numbers(&numbers, false))
        .combined
        .iter()
        .map(|row| -row.p_value)
        .collect();
    assert_growing(&p, "peers");
}

#[test]
fn one_gross_cell_in_training_leaves_the_feature_alive() {
    for gross in [1e308, -1e308, 1e39, 1e18, 1e12, f64::INFINITY, f64::NEG_INFINITY] {
        for (name, config) in networks(100) {
            let mut bytes = usual(100);
            bytes[40] = Some(gross);
            let with = fit(&rows(bytes.clone(), true), &config);
            let aside = with.header().plan.set_aside();
            assert_eq!((aside.len(), aside[0].cells, aside[0].column.as_str()), (1, 1, "bytes"));
            bytes[40] = None;
            let without = fit(&rows(bytes, true), &config);
            let new = with_numbers(&[103.0, 900_000.0, 1e9, f64::INFINITY], true);
            let (a, b) = (scores(&with, &new), scores(&without, &new));
            assert_eq!(a.anomaly_score, b.anomaly_score, "{name}, {gross:e}");
            assert!(a.anomaly_score[1] > 10.0 * a.anomaly_score[0], "{name}, {gross:e}");
            assert!(a.zscore[2] > a.zscore[1], "{name}, {gross:e}");
        }
    }
}

#[test]
fn a_model_remembers_what_it_has_not_learnt() {
    let mut bytes = usual(100);
    (bytes[3], bytes[50]) = (Some(f64::NEG_INFINITY), Some(1e18));
    let model = kept(&fit(&rows(bytes, false), &ModelConfig::compact(100)));
    let aside = &model.header().plan.set_aside()[0];
    assert_eq!((aside.cells, aside.value.as_str()), (2, "-inf"));
    assert_eq!(aside.others, Some(("100".to_owned(), "106".to_owned())));
}
