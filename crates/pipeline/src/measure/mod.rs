//! How fast this machine trains, scores and reads: the figures of `tools bench`, and what the
//! benchmarks beside it need too.
//!
//! - **In rounds**: each round measures everything once, so that a disturbance falls on one value of
//!   each figure, and the median leaves it out.
//! - **By time, not by amount**: a measurement lasts [`MEASUREMENT`] and counts what was done, so that
//!   slow machines do not wait for what fast ones need to be measured.
//! - **As in a run**: many users train one a thread, a message is scored on all threads, a log is
//!   read with all its columns.

mod clock;
mod logs;
pub mod rows;

pub use clock::{Clock, median};
pub use dfp_model::instruction_set;

use crate::error::RunError;
use crate::plan::{Architecture, ModelSettings};
use arrow_array::RecordBatch;
use dfp_engine::Stop;
use dfp_model::{EncodedRows, ModelConfig, ModelError, UserModel};
use dfp_synth::LogFormat;
use logs::Logs;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The least time of one measurement; it ends with the first whole epoch or call after that.
pub const MEASUREMENT: Duration = Duration::from_millis(250);
/// Rows of an epoch: whole batches of both architectures, and few enough for several epochs a
/// measurement.
const TRAINING_ROWS: usize = 1024;
/// Rows of a call of scoring that are all different.
const DISTINCT_ROWS: usize = 4096;
/// How often each row stands in a call of scoring with repeated rows.
pub const REPEATS: usize = 256;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasureOptions {
    /// Measurements of each figure; at least 1.
    pub rounds: usize,
    /// Threads to measure besides a single one; at least 1.
    pub compute_threads: usize,
}

impl MeasureOptions {
    /// The numbers of threads to measure, ascending: one, and all where that is more.
    pub fn threads(&self) -> Vec<usize> {
        if self.compute_threads > 1 { vec![1, self.compute_threads] } else { vec![1] }
    }

    /// The least number of seconds that measuring takes.
    pub fn least_seconds(&self) -> f64 {
        let measurements = self.rounds as f64 * (self.threads().len() * Work::ALL.len()) as f64;
        measurements * MEASUREMENT.as_secs_f64()
    }
}

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Training users with [`config`], one user a thread: rows times epochs.
    Train(Architecture),
    /// Scoring rows that are all different, with the peer's network: rows.
    ScoreDistinct,
    /// Scoring rows each of which stands [`REPEATS`] times in a call, with the peer's network: rows.
    ScoreRepeated,
    /// Reading log files that the system has in memory: bytes.
    Read(LogFormat),
}

impl Work {
    /// All, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Train(Architecture::Peer),
        Self::Train(Architecture::Compact),
        Self::ScoreDistinct,
        Self::ScoreRepeated,
        Self::Read(LogFormat::Csv),
        Self::Read(LogFormat::Json),
    ];
}

/// How fast one kind of work is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// The work.
    pub work: Work,
    /// Rows or bytes a second, for each of [`Figures::threads`].
    pub per_second: Vec<f64>,
    /// Floating-point operations of the dense layers for each row of an epoch; `None` for all but
    /// training.
    pub flops_a_row: Option<f64>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Numbers of threads, ascending.
    pub threads: Vec<usize>,
    /// One of each of [`Work::ALL`].
    pub rates: Vec<Rate>,
}

impl Figures {
    /// Seconds that training takes on the largest number of threads: an estimate from the rate
    /// alone, with the architecture's own number of epochs. NaN if that was not measured.
    pub fn training_seconds(&self, architecture: Architecture, users: usize, rows: usize) -> f64 {
        let rate = self.rates.iter().find(|rate| rate.work == Work::Train(architecture));
        let per_second = rate.and_then(|rate| rate.per_second.last()).copied().unwrap_or(f64::NAN);
        (users * rows * epochs(architecture, rows)) as f64 / per_second
    }
}

/// The settings that [`Work::Train`] is measured with: the architecture's own for a user with many
/// rows.
pub fn config(architecture: Architecture) -> ModelConfig {
    match architecture {
        Architecture::Peer => ModelConfig::pipeline(),
        Architecture::Compact => ModelConfig::compact(TRAINING_ROWS),
    }
}

/// The epochs in which `train-ae` trains a user with `rows` rows, unless told otherwise.
pub fn epochs(architecture: Architecture, rows: usize) -> usize {
    ModelSettings { architecture: Some(architecture), ..ModelSettings::default() }
        .config(rows, 0)
        .epochs
}

/// Measures all kinds of work.
///
/// # Errors
/// [`RunError::Failed`] if the temporary directory cannot be written, or threads cannot be started;
/// [`RunError::Interrupted`] when asked to stop, at the latest after the measurement at work.
pub fn measure(options: &MeasureOptions, stop: &Stop) -> Result<Figures, RunError> {
    let bench = Bench::new()?;
    let threads = options.threads();
    let pools =
        threads.iter().map(|&threads| Pools::new(threads)).collect::<Result<Vec<_>, _>>()?;
    let mut rates = vec![vec![Vec::new(); pools.len()]; Work::ALL.len()];
    for _ in 0..options.rounds {
        for (at, pools) in pools.iter().enumerate() {
            for (work, rates) in Work::ALL.into_iter().zip(&mut rates) {
                if stop.is_set() {
                    return Err(RunError::Interrupted);
                }
                rates[at].push(bench.rate(work, pools)?);
            }
        }
    }
    let rates = Work::ALL.into_iter().zip(rates).map(|(work, rates)| Rate {
        work,
        per_second: rates.iter().map(|rounds| median(rounds)).collect(),
        flops_a_row: bench.flops_a_row(work),
    });
    Ok(Figures { threads, rates: rates.collect() })
}

/// Trains a model, and tells the seconds ([`Clock::seconds`] of `threads`) of each whole epoch but
/// the first, which touches the memory. The time spent in `on_epoch` is not counted.
///
/// # Errors
/// As [`UserModel::fit`], of which [`ModelError::Interrupted`] is what breaking off leads to.
pub fn time_epochs(
    threads: usize,
    rows: &RecordBatch,
    config: &ModelConfig,
    on_epoch: &mut dyn FnMut(f64) -> ControlFlow<()>,
) -> Result<UserModel, ModelError> {
    let mut clock = Clock::start();
    UserModel::fit("user", rows, None, config, &mut |report| {
        let flow = match report.epoch {
            1 => ControlFlow::Continue(()),
            _ => on_epoch(clock.seconds(threads)),
        };
        clock = Clock::start();
        flow
    })
}

/// Weights of the dense layers, each a multiplication and an addition a row in each direction.
pub fn dense_weights(model: &UserModel) -> f64 {
    let parameters = model.parameters();
    let dense = parameters.iter().filter(|p| !p.name.contains("embedding") && p.shape.len() == 2);
    dense.map(|p| p.range.len() as f64).sum()
}

/// Threads of one number, as the kinds of work use them.
struct Pools {
    together: ThreadPool,
    /// Of one thread each: users train one a thread.
    alone: Vec<ThreadPool>,
}

impl Pools {
    fn new(threads: usize) -> Result<Self, RunError> {
        let pool = |threads| {
            ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
                RunError::Failed(format!("cannot start {threads} threads: {error}"))
            })
        };
        Ok(Self {
            together: pool(threads)?,
            alone: (0..threads).map(|_| pool(1)).collect::<Result<_, _>>()?,
        })
    }

    fn threads(&self) -> usize {
        self.alone.len()
    }
}

/// Everything that the measurements work on.
struct Bench {
    training: RecordBatch,
    peer: UserModel,
    compact: UserModel,
    distinct: EncodedRows,
    repeated: EncodedRows,
    csv: Logs,
    json: Logs,
}

impl Bench {
    fn new() -> Result<Self, RunError> {
        // First, since it is what may fail.
        let (csv, json) = (Logs::new(LogFormat::Csv)?, Logs::new(LogFormat::Json)?);
        let training = rows::batch(TRAINING_ROWS, 1)?;
        let model = |architecture| {
            let config = ModelConfig { epochs: 1, ..config(architecture) };
            UserModel::fit("user", &training, None, &config, &mut |_| ControlFlow::Continue(()))
        };
        let (peer, compact) = (model(Architecture::Peer)?, model(Architecture::Compact)?);
        let distinct = peer.encode(&rows::batch(DISTINCT_ROWS, 2)?)?;
        let repeated = rows::repeat(&peer.encode(&training)?, TRAINING_ROWS * REPEATS);
        Ok(Self { training, peer, compact, distinct, repeated, csv, json })
    }

    /// Rows or bytes a second.
    fn rate(&self, work: Work, pools: &Pools) -> Result<f64, RunError> {
        match work {
            Work::Train(architecture) => self.train(architecture, pools),
            Work::ScoreDistinct => self.score(&self.distinct, pools),
            Work::ScoreRepeated => self.score(&self.repeated, pools),
            Work::Read(LogFormat::Csv) => read(&self.csv, pools),
            Work::Read(LogFormat::Json) => read(&self.json, pools),
        }
    }

    /// A multiplication and an addition a weight: forward, for the gradient of the weights, and for
    /// that of what went in.
    fn flops_a_row(&self, work: Work) -> Option<f64> {
        match work {
            Work::Train(Architecture::Peer) => Some(6.0 * dense_weights(&self.peer)),
            Work::Train(Architecture::Compact) => Some(6.0 * dense_weights(&self.compact)),
            Work::ScoreDistinct | Work::ScoreRepeated | Work::Read(_) => None,
        }
    }

    fn train(&self, architecture: Architecture, pools: &Pools) -> Result<f64, RunError> {
        // More epochs than anyone waits for: time ends the training.
        let config = ModelConfig { epochs: usize::MAX, ..config(architecture) };
        let threads = pools.threads();
        let user = || train_user(threads, &self.training, &config);
        let rates = std::thread::scope(|scope| {
            let users: Vec<_> =
                pools.alone.iter().map(|pool| scope.spawn(|| pool.install(user))).collect();
            users
                .into_iter()
                .map(|user| user.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<f64>, _>>()
        })?;
        Ok(rates.iter().sum())
    }

    fn score(&self, rows: &EncodedRows, pools: &Pools) -> Result<f64, RunError> {
        let seconds = seconds_a_call(pools, || {
            std::hint::black_box(self.peer.score(rows));
            Ok(())
        })?;
        Ok(rows.rows as f64 / seconds)
    }
}

/// Rows times epochs a second of one user, in the ambient thread.
fn train_user(threads: usize, rows: &RecordBatch, config: &ModelConfig) -> Result<f64, RunError> {
    let (mut epochs, mut seconds) = (0, 0.0);
    let ended = time_epochs(threads, rows, config, &mut |epoch_seconds| {
        epochs += 1;
        seconds += epoch_seconds;
        if seconds < MEASUREMENT.as_secs_f64() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    match ended {
        Ok(_) | Err(ModelError::Interrupted) => Ok((rows.num_rows() * epochs) as f64 / seconds),
        Err(error) => Err(error.into()),
    }
}

/// Bytes a second.
fn read(logs: &Logs, pools: &Pools) -> Result<f64, RunError> {
    let seconds = seconds_a_call(pools, || logs.read())?;
    Ok(logs.bytes() as f64 / seconds)
}

/// Mean seconds of calls one after the other, each on all threads.
fn seconds_a_call(
    pools: &Pools,
    call: impl Fn() -> Result<(), RunError> + Sync,
) -> Result<f64, RunError> {
    pools.together.install(|| {
        let (start, clock) = (Instant::now(), Clock::start());
        let mut calls = 0_u32;
        while calls == 0 || start.elapsed() < MEASUREMENT {
            call()?;
            calls += 1;
        }
        Ok(clock.seconds(pools.threads()) / f64::from(calls))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> ModelConfig {
        ModelConfig {
            encoder_layers: vec![8],
            decoder_layers: vec![4],
            epochs: 3,
            ..ModelConfig::pipeline()
        }
    }

    #[test]
    fn dense_weights_are_those_of_the_layers_and_heads() {
        let model = time_epochs(1, &rows::batch(64, 1).unwrap(), &small(), &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
        let outputs = rows::VALUES.iter().map(|values| values + 1).sum::<usize>();
        let first = dense_weights(&model) - (8 * 4 + 4 * outputs) as f64;
        assert!(first > 0.0 && first % 8.0 == 0.0, "{first}");
    }

    #[test]
    fn every_epoch_but_the_first_is_timed() {
        let rows = rows::batch(64, 1).unwrap();
        let mut seconds = Vec::new();
        time_epochs(1, &rows, &small(), &mut |epoch_seconds| {
            seconds.push(epoch_seconds);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(seconds.len(), 2);
        assert!(seconds.iter().all(|seconds| *seconds > 0.0));
        let ended = time_epochs(1, &rows, &small(), &mut |_| ControlFlow::Break(()));
        assert!(matches!(ended, Err(ModelError::Interrupted)));
    }

    #[test]
    fn the_estimate_counts_epochs_and_takes_the_rate_of_all_threads() {
        let rate = |architecture, per_second| Rate {
            work: Work::Train(architecture),
            per_second,
            flops_a_row: None,
        };
        let figures =
            Figures { threads: vec![1, 2], rates: vec![rate(Architecture::Peer, vec![1e3, 2e3])] };
        // 25 epochs.
        assert_eq!(figures.training_seconds(Architecture::Peer, 10, 800), 100.0);
        assert!(figures.training_seconds(Architecture::Compact, 10, 800).is_nan());
    }

    #[test]
    fn a_single_thread_is_measured_once() {
        let options = MeasureOptions { rounds: 2, compute_threads: 1 };
        assert_eq!(options.threads(), [1]);
        assert_eq!(options.least_seconds(), 3.0);
        assert_eq!(MeasureOptions { compute_threads: 4, ..options }.threads(), [1, 4]);
    }

    #[test]
    fn measuring_ends_when_asked_to() {
        let stop = Stop::new();
        stop.set();
        let options = MeasureOptions { rounds: usize::MAX, compute_threads: 2 };
        assert!(matches!(measure(&options, &stop), Err(RunError::Interrupted)));
    }
}
