//! The same seed gives the same bytes, whatever the number of threads.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use dfp_model::config::{Activation, ModelConfig, Objective};
use dfp_model::{ModelError, ScoreMemory, Scores, UserModel};
use std::ops::ControlFlow;
use std::sync::Arc;

const ROWS: usize = 700;

/// Rows of a user with habits: enough for several shards, and a short last batch.
fn rows() -> RecordBatch {
    let texts = |codes: usize| -> ArrayRef {
        let text = |i: usize| format!("value {}", i * i % codes);
        Arc::new((0..ROWS).map(|i| Some(text(i))).collect::<StringArray>())
    };
    let numbers = (0..ROWS).map(|i| Some((i as f64 * 0.37).sin() * 20.0));
    RecordBatch::try_from_iter([
        ("bytes", Arc::new(numbers.collect::<Float64Array>()) as ArrayRef),
        ("mfa", Arc::new((0..ROWS).map(|i| Some(i % 7 == 0)).collect::<BooleanArray>())),
        ("action", texts(40)),
        ("region", texts(3)),
        ("agent", texts(1009)),
    ])
    .unwrap()
}

fn small(config: ModelConfig) -> ModelConfig {
    ModelConfig {
        encoder_layers: vec![640, 30],
        decoder_layers: vec![40],
        epochs: 3,
        batch_size: 600,
        ..config
    }
}

fn fit(user: &str, config: &ModelConfig) -> (Vec<u32>, Scores) {
    let go_on = &mut |_| ControlFlow::Continue(());
    let model = UserModel::fit(user, &rows(), None, config, go_on).unwrap();
    let scores = model.score(&model.encode(&rows()).unwrap());
    (model.weights().iter().map(|w| w.to_bits()).collect(), scores)
}

#[test]
fn threads_do_not_change_a_byte() {
    let dropout = ModelConfig {
        encoder_dropout: vec![0.1, 0.0],
        activation: Activation::Tanhshrink,
        objective: Objective::MeanOverFeatures,
        ..ModelConfig::default()
    };
    // The vocabulary's table is several tiles.
    let summed = ModelConfig::compact(ROWS);
    for config in [ModelConfig::pipeline(), dropout, summed].map(small) {
        let runs = [1, 2, 4].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit("ana", &config))
        });
        assert!(runs[0] == runs[1] && runs[0] == runs[2]);
    }
}

#[test]
fn a_score_depends_on_its_row_alone() {
    let go_on = &mut |_| ControlFlow::Continue(());
    let model =
        UserModel::fit("ana", &rows(), None, &small(ModelConfig::pipeline()), go_on).unwrap();
    let score = |rows: &RecordBatch| model.score(&model.encode(rows).unwrap());
    let whole = score(&rows());
    // Other numbers of rows, other neighbours, other places; the same row again and again.
    for length in [1, 2, 7, 95, 97, 300] {
        for first in [0, 1, 200, ROWS - length] {
            let part = score(&rows().slice(first, length));
            assert_eq!(part.anomaly_score, whole.anomaly_score[first..first + length]);
            assert_eq!(part.zscore, whole.zscore[first..first + length]);
        }
    }
    let again: Vec<_> = [3, 3, 5, 3].iter().map(|row| rows().slice(*row, 1)).collect();
    let again = arrow_select::concat::concat_batches(&rows().schema(), &again).unwrap();
    let features = model.score_features(&model.encode(&again).unwrap());
    let want = [3, 3, 5, 3].map(|row| whole.anomaly_score[row]);
    assert_eq!((score(&again).anomaly_score, features.anomaly_score), (want.into(), want.into()));
    let one = model.score_features(&model.encode(&rows().slice(5, 1)).unwrap());
    for (all, one) in features.predictions.iter().zip(&one.predictions) {
        assert_eq!(&all.slice(2, 1), one);
    }
}

#[test]
fn a_memory_changes_no_score() {
    let go_on = &mut |_| ControlFlow::Continue(());
    let config = small(ModelConfig::compact(ROWS));
    let model = UserModel::fit("ana", &rows(), None, &config, go_on).unwrap();
    let whole = model.score(&model.encode(&rows()).unwrap());
    let mut memory = ScoreMemory::default();
    for first in [0, 100, 50, 0, 600] {
        let part = model.encode(&rows().slice(first, 100)).unwrap();
        let scores = model.score_with(&mut memory, &part);
        assert_eq!(scores.anomaly_score, whole.anomaly_score[first..first + 100]);
        assert_eq!(scores.zscore, whole.zscore[first..first + 100]);
    }
}

#[test]
fn seed_and_user_choose_the_random_numbers() {
    let config = small(ModelConfig::pipeline());
    let ana = fit("ana", &config);
    assert!(ana == fit("ana", &config));
    assert!(ana != fit("bo", &config));
    assert!(ana != fit("ana", &ModelConfig { seed: 1, ..config }));
}

#[test]
fn a_stop_is_heard_after_the_first_epoch() {
    let mut epochs = 0;
    let stop = &mut |_| {
        epochs += 1;
        ControlFlow::Break(())
    };
    let result = UserModel::fit("ana", &rows(), None, &small(ModelConfig::pipeline()), stop);
    assert!(matches!(result, Err(ModelError::Interrupted)));
    assert_eq!(epochs, 1);
}

#[test]
fn divergence_names_feature_and_remedy() {
    let config = ModelConfig { learning_rate: 1e30, ..small(ModelConfig::pipeline()) };
    let go_on = &mut |_| ControlFlow::Continue(());
    let error = UserModel::fit("ana", &rows(), None, &config, go_on).unwrap_err().to_string();
    assert!(error.contains("epoch") && error.contains("lower learning rate"), "{error}");
}

#[test]
fn one_row_is_enough() {
    let go_on = &mut |_| ControlFlow::Continue(());
    let row = rows().slice(0, 1);
    let model = UserModel::fit("ana", &row, None, &small(ModelConfig::pipeline()), go_on).unwrap();
    let scores = model.score(&model.encode(&rows()).unwrap());
    assert_eq!(scores.zscore[0], 0.0);
    assert!(scores.zscore.iter().chain(&scores.anomaly_score).all(|v| v.is_finite()));
    assert_eq!(model.score(&model.encode(&row.slice(0, 0)).unwrap()), Scores::default());
}

#[test]
fn patience_stops_early_by_the_validation_rows() {
    let config = ModelConfig {
        // A rate at which the loss soon bounces.
        learning_rate: 0.5,
        learning_rate_decay: 1.0,
        epochs: 60,
        patience: Some(1),
        ..small(ModelConfig::default())
    };
    let mut losses = Vec::new();
    let note = &mut |report: dfp_model::EpochReport| {
        losses.push(report.validation_loss.unwrap());
        ControlFlow::Continue(())
    };
    let model = UserModel::fit("ana", &rows(), Some(&rows()), &config, note).unwrap();
    let worse = losses.windows(2).position(|pair| pair[1] > pair[0]).unwrap();
    assert_eq!(losses.len(), worse + 2);
    assert_eq!(model.header().epoch_losses.len(), losses.len());
}
