//! A checked plan -> a run: models first, then rows through the engine, then the summary.

mod chain;
mod models;
mod outputs;
mod reports;
mod summary;

use crate::duplicates::Duplicates;
use crate::encoding::Gaps;
use crate::error::RunError;
use crate::file_source::{self, FileSource};
use crate::plan::{self, Plan};
use crate::source::ReadCount;
use crate::stages::{self, ScoreStats};
use arrow_schema::SchemaRef;
use dfp_alerts::AlertCount;
use dfp_connectors::state::StateDir;
use dfp_engine::{Failure, Pipeline, Stop};
use dfp_engine::{Reporter, Weight};
use dfp_features::derive::Memory;
use dfp_registry::model_set::Models;
use dfp_report::summary::{Summary, TimeSeriesCount, Validation};
use dfp_storage::names::shown;
use parking_lot::Mutex;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

/// Runs a pipeline to its end.
///
/// # Errors
/// See [`RunError`]. Rows, files and users that had to be left out are no error: the summary
/// counts them, unless the plan is strict.
pub fn run(plan: &Plan, reporter: &Arc<dyn Reporter>, stop: &Stop) -> Result<Summary, RunError> {
    for note in &plan.notes {
        reporter.say(Weight::Warning, note);
    }
    let mut run = Run::new(plan, Arc::clone(reporter), stop.clone())?;
    // Everything that can be refused without reading data is refused before training.
    let state = run.open_state()?;
    let source = FileSource::new(plan, run.shared(state.clone())?)?;
    let sinks = run.open_sinks(state.as_deref())?;
    let reports = run.open_reports()?;
    let validations = run.open_validations()?;
    run.prepare_models()?;
    let chain = Pipeline::new(plan.source.kind.stage, Box::new(source));
    let mut chain = run.chain(chain, sinks, reports, validations, state.as_ref())?;
    if let Some(state) = state {
        chain = chain.stage("state", Box::new(stages::Remember { state }));
    }
    let start = Instant::now();
    let options = dfp_engine::Options {
        edge_buffer_size: plan.edge_buffer_size,
        num_threads: plan.num_threads,
    };
    // A run that watches ends where its source does: with what has been read when it is stopped.
    let never = Stop::new();
    let stop = if plan.source.watch.is_some() { &never } else { stop };
    let result = chain.run(&options, stop);
    reporter.phase_over();
    let training = *run.training_time.lock();
    if training > Duration::ZERO {
        run.summary.phases.push(("training", training));
    }
    run.summary.phases.push(("reading and scoring", start.elapsed() - training));
    let report = result.map_err(failed)?;
    run.write_models_of_messages()?;
    if let Some(drawing) = &plan.drawing {
        dfp_storage::atomic_write::write_whole(&drawing.file, &drawing.bytes(&report))?;
        run.summary.drawn = Some(shown(&drawing.file));
    }
    run.finish(&report)
}

fn failed(failure: Failure) -> RunError {
    match failure.cause.downcast::<RunError>() {
        Ok(error) => *error,
        Err(cause) => RunError::Failed(format!("{}: {cause}", failure.stage)),
    }
}

/// What the parts of a run share.
struct Run<'a> {
    plan: &'a Plan,
    reporter: Arc<dyn Reporter>,
    stop: Stop,
    pool: Arc<ThreadPool>,
    models: Arc<Models>,
    book: Arc<ScoreStats>,
    input: Arc<Mutex<ReadCount>>,
    /// What was left out of the messages that models are trained on.
    learnt: Arc<Mutex<ReadCount>>,
    failed: Arc<Mutex<Vec<(String, String)>>>,
    gaps: Arc<Gaps>,
    time_series: Arc<Mutex<TimeSeriesCount>>,
    alerts: Arc<Mutex<AlertCount>>,
    /// What derived columns remember of each user.
    memory: Arc<Mutex<Memory>>,
    /// Time spent on training on messages, while the engine ran.
    training_time: Arc<Mutex<Duration>>,
    written: Vec<(String, Arc<AtomicUsize>)>,
    validations: Arc<Mutex<Vec<Validation>>>,
    /// Pages, with what has been gathered for them.
    reports: Vec<(&'a plan::ToReport, stages::SharedDigest)>,
    /// The columns of outputs that are gone on with.
    resumed: Option<SchemaRef>,
    summary: Summary,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, reporter: Arc<dyn Reporter>, stop: Stop) -> Result<Self, RunError> {
        let pool = ThreadPoolBuilder::new().num_threads(plan.compute_threads).build().map_err(
            |error| {
                RunError::Failed(format!("cannot start {} threads: {error}", plan.compute_threads))
            },
        )?;
        Ok(Self {
            plan,
            reporter,
            stop,
            pool: Arc::new(pool),
            models: Arc::default(),
            book: Arc::new(ScoreStats::new(plan.edge_buffer_size + plan.num_threads)),
            input: Arc::default(),
            learnt: Arc::default(),
            failed: Arc::default(),
            gaps: Arc::default(),
            time_series: Arc::default(),
            alerts: Arc::default(),
            memory: Arc::default(),
            training_time: Arc::default(),
            written: Vec::new(),
            validations: Arc::default(),
            reports: Vec::new(),
            resumed: None,
            summary: Summary::default(),
        })
    }

    /// The state folder belongs to what reads and to whom it is about.
    fn open_state(&self) -> Result<Option<Arc<StateDir>>, RunError> {
        let Some(directory) = &self.plan.source.state_dir else { return Ok(None) };
        let source = self.plan.source.kind.stage;
        let pipeline = match &self.plan.user_column {
            Some(column) => format!("{source} by {column}"),
            None => source.to_owned(),
        };
        if self.plan.source.rebuild_state {
            let (state, said) = StateDir::rebuild(directory, &pipeline)?;
            self.reporter.say(Weight::Warning, &said);
            return Ok(Some(Arc::new(state)));
        }
        Ok(Some(Arc::new(StateDir::open(directory, &pipeline)?)))
    }

    fn shared(&self, state: Option<Arc<StateDir>>) -> Result<file_source::Shared, RunError> {
        let earlier = state.as_ref().map(|state| state.event_ids()).transpose()?;
        let drops = self.plan.source.drop_duplicates;
        Ok(file_source::Shared {
            duplicates: Mutex::new(Duplicates::new(drops, earlier.unwrap_or_default())),
            pool: Arc::clone(&self.pool),
            reporter: Arc::clone(&self.reporter),
            stop: self.stop.clone(),
            count: Arc::clone(&self.input),
            book: Arc::clone(&self.book),
            models: Arc::clone(&self.models),
            memory: Arc::clone(&self.memory),
            state,
        })
    }

    fn train_ae(&self) -> Option<&'a plan::TrainAe> {
        self.plan.train_ae()
    }
}
