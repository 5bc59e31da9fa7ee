//! `morpheus backtest`: how well takeovers would have been found in a log's own past.
//!
//! Each user's history is cut in the order of time. A model learns everything up to a cut and scores
//! the rows behind it, up to the next cut; then the cut moves on (`folds`). Into the rows that are
//! scored takeovers are put (`takeover`), in place of rows of the user: neither how many rows there
//! are nor when they happened tells them. What would tell whose they were (`identity`) stays the
//! user's own.

mod folds;
mod identity;
mod inject;
mod log;
mod takeover;

pub use takeover::Kind;

use crate::evaluate::{Budgets, Evaluation, Judged, Row, Span, days, evaluate};
use arrow_array::{RecordBatch, UInt32Array};
use dfp_engine::Reporter;
use dfp_engine::Stop;
use dfp_features::users::Users;
use dfp_model::UserModel;
use dfp_pipeline::RunError;
use dfp_pipeline::encoding::Encoder;
use dfp_pipeline::plan::{Plan, TrainAe};
use dfp_pipeline::source::ReadCount;
use dfp_pipeline::train::{Task, TaskRows, Trainer};
use folds::{Folds, History};
use inject::{Injection, Injector};
use log::Log;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct BacktestOptions {
    /// The run whose models are tested: its source's files, its features, its users, its training.
    pub plan: Plan,
    /// How often the cut moves on.
    pub folds: usize,
    /// Kinds of takeovers.
    pub kinds: Vec<Kind>,
    /// Takeovers that are put into each user's rows of a fold; `None`: one of each kind.
    pub takeovers_per_user: Option<usize>,
    /// Rows of each, where there are enough.
    pub takeover_rows: usize,
    /// Draws the takeovers, and the resamples of the measures.
    pub seed: u64,
    /// Budgets of alerts.
    pub budgets: Budgets,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Backtest {
    /// What was read, and left out while reading.
    #[serde(skip)]
    pub count: ReadCount,
    /// Users with too few rows, and how many they have.
    pub too_little_history: Vec<(String, usize)>,
    /// Rows that a user needs.
    pub least_rows: usize,
    /// Users whose model could not be trained in a fold, with the reason.
    pub failed: Vec<(String, String)>,
    /// Columns that say whose a row is: they stay the user's own.
    pub identity_columns: Vec<String>,
    /// What each kind came to.
    pub placed: Vec<Placed>,
    /// The seed.
    pub seed: u64,
    /// Of all folds together, and of each.
    pub evaluation: Evaluation,
}

/// What a kind of takeover came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// The kind.
    pub kind: String,
    /// Takeovers that were put in.
    pub takeovers: usize,
    /// Their rows.
    pub rows: usize,
    /// Takeovers that could not be made, by reason.
    pub not_made: Vec<(String, usize)>,
}

/// Reads the logs, trains, puts takeovers in, scores and measures.
///
/// # Errors
/// See [`RunError`]: no file or row, no column of users or times, nobody with enough history.
pub fn backtest(
    options: &BacktestOptions,
    reporter: &Arc<dyn Reporter>,
    stop: &Stop,
) -> Result<Backtest, RunError> {
    let threads = options.plan.compute_threads;
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| RunError::Failed(format!("cannot start {threads} threads: {error}")))?;
    let pool = Arc::new(pool);
    let test = Test { options, settings: options.plan.trains()?, reporter, stop, pool: &pool };
    test.run()
}

struct Test<'a> {
    options: &'a BacktestOptions,
    settings: &'a TrainAe,
    reporter: &'a Arc<dyn Reporter>,
    stop: &'a Stop,
    pool: &'a Arc<ThreadPool>,
}

impl Test<'_> {
    fn run(&self) -> Result<Backtest, RunError> {
        let BacktestOptions { plan, folds, kinds, seed, budgets, .. } = self.options;
        let trainer = Trainer::new(plan, self.settings, self.reporter.as_ref(), self.stop);
        let (log, count) = Log::read(plan, &trainer, self.pool, self.reporter.as_ref())?;
        let usual = log.derive(&log.table, self.reporter.as_ref(), true)?;
        trainer.warn_of_absent_columns(&usual.batch.schema());
        let features = trainer.features(&usual.batch)?;
        let folds = Folds { folds: *folds };
        let wanted = plan.user_filter.as_deref();
        let known = Users { rows: usual.users, ..Users::default() };
        // Says who there is if nobody is called so.
        let all = known.rows.clone();
        known.only(wanted, "input")?;
        let (histories, too_few) = folds.histories(all, &usual.times, wanted);
        if !histories.iter().any(|history| history.is_tested) {
            let most = too_few.iter().map(|(_, rows)| *rows).max().unwrap_or_default();
            return Err(RunError::Failed(format!(
                "no user has the {} rows that --folds {} needs; the most that one has is {most}",
                folds.least_rows(),
                folds.folds
            )));
        }
        let columns = identity::columns(&log, &histories)?;
        let injector = Injector::new(&log, &columns, &histories, self.options, &usual.times)?;
        let mut made = Made {
            judged: Judged {
                users: histories
                    .iter()
                    .filter(|history| history.is_tested)
                    .map(|history| Arc::clone(&history.user))
                    .collect(),
                kinds: kinds.iter().map(|kind| kind.label().to_owned()).collect(),
                ..Judged::default()
            },
            placed: vec![Placed::default(); kinds.len()],
            failed: Vec::new(),
        };
        for fold in 0..folds.folds {
            let models = self.train(&trainer, &features, &histories, &folds, fold, &mut made)?;
            let injection = injector.inject(&folds, fold, &mut made.placed)?;
            self.score(&log, &injection, &histories, &folds, fold, &models, &mut made)?;
            if self.stop.is_set() {
                return Err(RunError::Interrupted);
            }
        }
        self.reporter.phase_over();
        for (placed, kind) in made.placed.iter_mut().zip(kinds) {
            kind.label().clone_into(&mut placed.kind);
        }
        made.failed.sort();
        made.failed.dedup();
        let evaluation = self.pool.install(|| evaluate(&made.judged, budgets, *seed));
        Ok(Backtest {
            count,
            too_little_history: too_few
                .into_iter()
                .map(|(user, n)| (user.to_string(), n))
                .collect(),
            least_rows: folds.least_rows(),
            failed: made.failed,
            identity_columns: columns.identity_names(&log),
            placed: made.placed,
            seed: *seed,
            evaluation,
        })
    }

    /// The models of a fold by user.
    fn train(
        &self,
        trainer: &Trainer<'_>,
        features: &RecordBatch,
        histories: &[History],
        folds: &Folds,
        fold: usize,
        made: &mut Made,
    ) -> Result<HashMap<Arc<str>, Arc<UserModel>>, RunError> {
        let task = |history: &History| Task {
            user: Arc::clone(&history.user),
            rows: TaskRows::Of(features, history.rows[..folds.cut(history, fold)].to_vec()),
        };
        let tested = histories.iter().filter(|history| history.is_tested);
        let trained = trainer.train(tested.map(task).collect(), self.pool)?;
        let mut models = HashMap::new();
        for (user, result) in trained {
            match result {
                Ok(model) => drop(models.insert(user, model)),
                Err(why) => made.failed.push((user.to_string(), why)),
            }
        }
        Ok(models)
    }

    /// Scores the rows of a fold as a run would.
    #[expect(clippy::too_many_arguments, reason = "each is a step's result that no other step has")]
    fn score(
        &self,
        log: &Log,
        injection: &Injection,
        histories: &[History],
        folds: &Folds,
        fold: usize,
        models: &HashMap<Arc<str>, Arc<UserModel>>,
        made: &mut Made,
    ) -> Result<(), RunError> {
        let taken = log.derive(&injection.table, self.reporter.as_ref(), false)?;
        // Where a row of the log is now: the feature file may leave rows out.
        let at: HashMap<i64, u32> = taken.log_rows.values().iter().copied().zip(0_u32..).collect();
        let encoder = Encoder::alone(self.reporter);
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        let part = u32::try_from(fold).unwrap_or(u32::MAX);
        let tested = histories.iter().filter(|history| history.is_tested);
        for (user, history) in (0_u32..).zip(tested) {
            let slice = &history.rows[folds.cut(history, fold)..folds.cut(history, fold + 1)];
            let here: Vec<(u32, u32)> =
                slice.iter().filter_map(|row| Some((*row, *at.get(&i64::from(*row))?))).collect();
            let times = here.iter().map(|(_, now)| taken.times[*now as usize]);
            let (Some(from), Some(to)) = (times.clone().min(), times.max()) else { continue };
            made.judged.spans.push(Span { user, part, days: days(from, to) });
            (first, last) = (first.min(from), last.max(to));
            let scores = match models.get(&history.user) {
                Some(model) => {
                    let positions = UInt32Array::from_iter_values(here.iter().map(|row| row.1));
                    let rows = arrow_select::take::take_record_batch(&taken.batch, &positions)?;
                    self.scores(&encoder, model, &rows)?
                }
                None => vec![(f64::NAN, None); here.len()],
            };
            made.judged.rows.extend(here.iter().zip(scores).map(
                |((row, now), (score, p_value))| {
                    let kind = injection.kinds.get(row).copied();
                    let day = dfp_alerts::day(taken.times[*now as usize].saturating_mul(1_000));
                    Row { user, part, day, score, p_value, kind }
                },
            ));
        }
        made.judged.part_days.push(if first <= last { days(first, last) } else { 0.0 });
        Ok(())
    }

    /// Score and p-value of each row. The peer's score is brought to the scale of the user's training
    /// scores, since losses of one user say nothing beside those of another.
    fn scores(
        &self,
        encoder: &Encoder,
        model: &UserModel,
        rows: &RecordBatch,
    ) -> Result<Vec<(f64, Option<f64>)>, RunError> {
        let user = &model.header().user;
        let encoded = encoder
            .encode(user, model, rows)
            .map_err(|error| RunError::Failed(error.to_string()))?;
        let scores = self.pool.install(|| model.score(&encoded));
        if model.is_recommended() {
            let scores = scores.combined.iter();
            return Ok(scores.map(|row| (f64::from(row.score), Some(row.p_value))).collect());
        }
        let scale = &model.header().score_scale;
        let z = |score: &f32| {
            let distance = f64::from(*score) - f64::from(scale.mean);
            if scale.std > 0.0 { distance / f64::from(scale.std) } else { distance }
        };
        Ok(scores.anomaly_score.iter().map(|score| (z(score), None)).collect())
    }
}

/// What the folds have come to.
struct Made {
    judged: Judged,
    placed: Vec<Placed>,
    failed: Vec<(String, String)>,
}
