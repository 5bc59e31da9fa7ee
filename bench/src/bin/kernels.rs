//! Speed of training and scoring against the yardstick, measured in turns with it.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use arrow_array::RecordBatch;
use dfp_bench::yardstick;
use dfp_model::{EncodedRows, ModelConfig, UserModel};
use dfp_pipeline::measure::{Clock, dense_weights, median, rows, time_epochs};
use std::error::Error;
use std::ops::ControlFlow;

type Failure = Box<dyn Error + Send + Sync>;

/// Measurements of each kind, each between two of the yardstick.
const MEASUREMENTS: usize = 7;

fn main() -> Result<(), Failure> {
    let all = std::thread::available_parallelism()?.get();
    let training = rows::batch(rows::TRAINING_ROWS, 1)?;
    for threads in if all > 1 { vec![1, all] } else { vec![1] } {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        pool.install(|| measure(threads, &training))?;
    }
    Ok(())
}

fn measure(threads: usize, training: &RecordBatch) -> Result<(), Failure> {
    let yard: Vec<f64> = (0..MEASUREMENTS).map(|_| yardstick::flops(threads)).collect();
    println!("threads {threads}: gemm 512x512x512 {:.1} GFLOP/s", median(&yard) / 1e9);

    let config = ModelConfig { epochs: MEASUREMENTS + 1, ..ModelConfig::pipeline() };
    let (model, rate, yard) = train(threads, training, &config)?;
    let flops = dense_weights(&model) * 6.0;
    let shape = "512,500|512 x 14 features, batch 512";
    report(&format!("train {shape}"), rate, flops, yard);

    let config = ModelConfig::compact(rows::TRAINING_ROWS);
    let (compact, rate, yard) = train(threads, training, &config)?;
    let small = dense_weights(&compact) * 6.0;
    report("train compact 64,16|64 x 14 features, batch 128", rate, small, yard);

    let distinct = model.encode(&rows::batch(8192, 2)?)?;
    let (rate, yard) = score(threads, &model, &distinct);
    report(&format!("score {shape}, 8,192 distinct rows"), rate, flops / 3.0, yard);

    let repeated = rows::repeat(&model.encode(training)?, 1_000_000);
    let (rate, yard) = score(threads, &model, &repeated);
    let name = format!("score {shape}, 1,000,000 rows, {} distinct", rows::TRAINING_ROWS);
    report(&name, rate, flops / 3.0, yard);
    Ok(())
}

/// One line: rows a second, and what the arithmetic of each row would mean if none were saved.
fn report(name: &str, rows_a_second: f64, flops_a_row: f64, yardstick: f64) {
    let flops = rows_a_second * flops_a_row;
    let (giga, share) = (flops / 1e9, 100.0 * flops / yardstick);
    println!(
        "  {name}: {rows_a_second:.0} rows/s, {giga:.1} GFLOP/s, {share:.1} % of the yardstick"
    );
}

/// Whole epochs from encoded rows: rows a second, and the yardstick between the epochs.
fn train(
    threads: usize,
    rows: &RecordBatch,
    config: &ModelConfig,
) -> Result<(UserModel, f64, f64), dfp_model::ModelError> {
    let (mut seconds, mut yard) = (Vec::new(), Vec::new());
    let model = time_epochs(threads, rows, config, &mut |epoch_seconds| {
        seconds.push(epoch_seconds);
        yard.push(yardstick::flops(threads));
        ControlFlow::Continue(())
    })?;
    Ok((model, rows.num_rows() as f64 / median(&seconds), median(&yard)))
}

/// Rows scored a second, and the yardstick between the calls.
fn score(threads: usize, model: &UserModel, rows: &EncodedRows) -> (f64, f64) {
    let (mut seconds, mut yard) = (Vec::new(), Vec::new());
    for _ in 0..MEASUREMENTS {
        let clock = Clock::start();
        std::hint::black_box(model.score(rows));
        seconds.push(clock.seconds(threads));
        yard.push(yardstick::flops(threads));
    }
    (rows.rows as f64 / median(&seconds), median(&yard))
}
