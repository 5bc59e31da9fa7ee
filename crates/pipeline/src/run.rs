//! A checked plan -> a run: models first, then rows through the engine, then the summary.

use crate::derive::Memory;
use crate::error::RunError;
use crate::intake::{self, Intake};
use crate::models::{GENERIC, Models};
use crate::plan::{self, Details, Plan, ScoreKind, StageSettings};
use crate::report::{Reporter, Summary, TimeSeriesCount, Validation, Weight};
use crate::source::{self, ReadCount};
use crate::stages::{self, Gaps, ScoreBook};
use crate::train::{Task, TaskRows, Trained, Trainer};
use crate::users::Users;
use arrow_schema::{Schema, SchemaRef};
use dfp_flow::{Failure, Pipeline, Report, Stop};
use dfp_io::logs::ALWAYS;
use dfp_io::state::{Commit, OutputMark, StateDir};
use dfp_model::artifact;
use dfp_model::config::Scorer;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    let source = Intake::new(plan, run.shared(state.clone()))?;
    let sinks = run.open_sinks(state.as_deref())?;
    let validations = run.open_validations()?;
    run.prepare_models()?;
    let chain = Pipeline::new(plan.source.kind.stage.name, Box::new(source));
    let mut chain = run.chain(chain, sinks, validations, state.as_ref());
    if let Some(state) = state {
        chain = chain.stage("state", Box::new(stages::Remember { state }));
    }
    let start = Instant::now();
    let options = dfp_flow::Options {
        edge_buffer_size: plan.edge_buffer_size,
        num_threads: plan.num_threads,
    };
    // A run that watches ends where its source does: with what has been read when it is stopped.
    let never = Stop::new();
    let stop = if plan.source.watch.is_some() { &never } else { stop };
    let result = chain.run(&options, stop);
    reporter.phase_over();
    let training = *run.training_time.lock().unwrap_or_else(PoisonError::into_inner);
    if training > Duration::ZERO {
        run.summary.phases.push(("training", training));
    }
    run.summary.phases.push(("reading and scoring", start.elapsed() - training));
    let report = result.map_err(failed)?;
    run.write_models_of_messages()?;
    if let Some(drawing) = &plan.drawing {
        dfp_io::sinks::write_whole(&drawing.file, &drawing.bytes(&report))?;
        run.summary.drawn = Some(drawing.file.display().to_string());
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
    book: Arc<ScoreBook>,
    input: Arc<Mutex<ReadCount>>,
    failed: Arc<Mutex<Vec<(String, String)>>>,
    gaps: Arc<Gaps>,
    time_series: Arc<Mutex<TimeSeriesCount>>,
    /// What derived columns remember of each user.
    memory: Arc<Mutex<Memory>>,
    /// Time spent on training on messages, while the engine ran.
    training_time: Arc<Mutex<Duration>>,
    written: Vec<(String, Arc<AtomicUsize>)>,
    validations: Arc<Mutex<Vec<Validation>>>,
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
            book: Arc::new(ScoreBook::new(plan.edge_buffer_size + plan.num_threads)),
            input: Arc::default(),
            failed: Arc::default(),
            gaps: Arc::default(),
            time_series: Arc::default(),
            memory: Arc::default(),
            training_time: Arc::default(),
            written: Vec::new(),
            validations: Arc::default(),
            resumed: None,
            summary: Summary::default(),
        })
    }

    /// The state folder belongs to what reads and to whom it is about.
    fn open_state(&self) -> Result<Option<Arc<StateDir>>, RunError> {
        let Some(directory) = &self.plan.source.state_dir else { return Ok(None) };
        let source = self.plan.source.kind.stage.name;
        let pipeline = match &self.plan.user_column {
            Some(column) => format!("{source} by {column}"),
            None => source.to_owned(),
        };
        Ok(Some(Arc::new(StateDir::open(directory, &pipeline)?)))
    }

    fn shared(&self, state: Option<Arc<StateDir>>) -> intake::Shared {
        intake::Shared {
            pool: Arc::clone(&self.pool),
            reporter: Arc::clone(&self.reporter),
            stop: self.stop.clone(),
            count: Arc::clone(&self.input),
            book: Arc::clone(&self.book),
            memory: Arc::clone(&self.memory),
            state,
        }
    }

    /// How far the outputs have been written. New ones are put down before they are made, so that a
    /// run that was killed at once finds its own files.
    fn claim_outputs(&self, state: &StateDir) -> Result<Vec<OutputMark>, RunError> {
        let known = state.outputs()?;
        let mut marks = Vec::new();
        for stage in &self.plan.stages {
            let StageSettings::ToFile(settings) = stage else { continue };
            let path = stages::absolute(&settings.filename);
            match known.iter().find(|mark| mark.path == path) {
                Some(mark) if path.exists() => marks.push(mark.clone()),
                // It was moved away, as log rotation does: it is begun anew.
                Some(_) => marks.push(OutputMark { path, ..OutputMark::default() }),
                None if path.exists() && !settings.overwrite => {
                    let exists = dfp_io::IoError::Exists { path: settings.filename.clone() };
                    return Err(RunError::Failed(format!("to-file: {exists}")));
                }
                None => marks.push(OutputMark { path, ..OutputMark::default() }),
            }
        }
        state.commit(&Commit { outputs: &marks, ..Commit::default() })?;
        Ok(marks)
    }

    /// Opens every output, in the order of the plan.
    fn open_sinks(
        &mut self,
        state: Option<&StateDir>,
    ) -> Result<std::vec::IntoIter<stages::ToFile>, RunError> {
        let marks = match state {
            Some(state) => self.claim_outputs(state)?,
            None => Vec::new(),
        };
        if let Some(mark) = marks.iter().find(|mark| !mark.columns.is_empty()) {
            self.resumed = Some(mark.schema()?);
        }
        let mut sinks = Vec::new();
        for stage in &self.plan.stages {
            if let StageSettings::ToFile(settings) = stage {
                let rows = Arc::default();
                self.written.push((settings.filename.display().to_string(), Arc::clone(&rows)));
                let sink = if self.plan.source.is_live() {
                    let path = stages::absolute(&settings.filename);
                    let mark = marks.iter().find(|mark| mark.path == path);
                    stages::ToFile::append(settings, mark, rows)
                } else {
                    stages::ToFile::open(settings, rows)
                };
                sinks.push(sink.map_err(|error| RunError::Failed(format!("to-file: {error}")))?);
            }
        }
        Ok(sinks.into_iter())
    }

    /// Reads what rows are to be compared with, in the order of the plan.
    fn open_validations(&self) -> Result<std::vec::IntoIter<stages::Validate>, RunError> {
        let mut opened = Vec::new();
        for stage in &self.plan.stages {
            if let StageSettings::Validate(settings) = stage {
                let (user, strict) = (self.plan.user_column.as_deref(), self.plan.strict);
                let (reporter, found) = (&self.reporter, &self.validations);
                let open = || stages::Validate::open(settings, user, strict, reporter, found);
                opened.push(self.pool.install(open)?);
            }
        }
        Ok(opened.into_iter())
    }

    fn train_ae(&self) -> Option<&'a plan::TrainAe> {
        self.plan.stages.iter().find_map(|stage| match stage {
            StageSettings::TrainAe(settings) => Some(settings),
            _ => None,
        })
    }

    fn prepare_models(&mut self) -> Result<(), RunError> {
        let Some(settings) = self.train_ae() else { return Ok(()) };
        if let Some(path) = &settings.pretrained_filename {
            return self.read_models(path);
        }
        self.summary.drawn_seed = settings.seed_is_drawn.then_some(settings.seed);
        if let Some(glob) = &settings.train_data_glob {
            self.train_from_files(glob, settings)?;
        }
        Ok(())
    }

    fn read_models(&mut self, path: &Path) -> Result<(), RunError> {
        let start = Instant::now();
        let refuse = |why: String| RunError::Failed(format!("{}: {why}", path.display()));
        let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let models = artifact::read(&bytes, &artifact::Limits::default())
            .map_err(|e| refuse(e.to_string()))?;
        let asked = plan::Inference { scorer: Scorer::Recommended };
        let stages = self.plan.stages.iter();
        let asked = { stages }.any(|s| matches!(s, StageSettings::Inference(i) if *i == asked));
        if let Some(model) = models.iter().find(|model| asked && !model.is_recommended()) {
            return Err(refuse(format!(
                "the model of user {:?} was trained without counts, and inf-ae --scorer recommended needs them; train it with that option",
                model.header().user
            )));
        }
        for model in models {
            let user: Arc<str> = Arc::from(model.header().user.as_str());
            self.insert(user, Arc::new(model));
        }
        self.summary.phases.push(("reading models", start.elapsed()));
        Ok(())
    }

    fn refuse_name(&self, user: &str) {
        let why = "the name stands for the model of all users".to_owned();
        self.reporter.say(Weight::Error, &stages::no_model(user, &why));
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).push((user.to_owned(), why));
    }

    fn insert(&self, user: Arc<str>, model: Arc<dfp_model::user_model::UserModel>) {
        match (*user == *GENERIC, self.plan.generic_model) {
            (true, true) => self.models.insert_generic(model),
            (true, false) => {}
            (false, _) => self.models.insert(user, model),
        }
    }

    fn train_from_files(&mut self, glob: &str, settings: &plan::TrainAe) -> Result<(), RunError> {
        let start = Instant::now();
        let globs = [glob.to_owned()];
        let files = source::find(&globs, self.plan.source.recursive, None, false)?;
        // Repetition and times are those of the input.
        let of_source =
            plan::SourceSettings { repeat: 1, between: ALWAYS, ..self.plan.source.clone() };
        let reporter = Arc::clone(&self.reporter);
        let stop = self.stop.clone();
        let trainer = Trainer::new(self.plan, settings, reporter.as_ref(), &stop);
        let columns = trainer.columns();
        let will_do = |schema: &Schema| trainer.will_do(schema);
        let reading = source::Reading {
            settings: &of_source,
            user_column: self.plan.user_column.as_deref(),
            only: Some(source::Only { columns: &columns, will_do: &will_do }),
            batch: None,
            strict: self.plan.strict,
            pool: &self.pool,
            reporter: self.reporter.as_ref(),
        };
        let mut memory = Memory::default();
        let (table, everyone) =
            source::read(&files, "training data", &reading, &mut memory, &mut |_, _| Ok(()))?;
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = memory.after_training();
        if table.batch.num_rows() == 0 {
            return Err(RunError::Failed(format!(
                "no row of the training data is used: the feature file leaves out all {}",
                everyone.filtered
            )));
        }
        // Everyone's model learns from everyone, whoever is scored.
        let mut of_everyone: Vec<u32> = Vec::new();
        if self.plan.generic_model {
            of_everyone.extend(everyone.rows.iter().flat_map(|(_, rows)| rows));
            of_everyone.sort_unstable();
        }
        let users = match everyone.only(self.plan.user_filter.as_deref(), "training data") {
            Err(_) if self.plan.generic_model => Users::default(),
            users => users?,
        };
        source::check_strict(&users, "training data", self.plan.strict)?;
        let mut count = ReadCount::default();
        count.add(&table, &users);
        self.summary.skipped.extend(count.lines("training data"));
        self.summary.filtered.push(("training data", count.filtered));
        self.summary.phases.push(("reading training data", start.elapsed()));

        let start = Instant::now();
        trainer.warn_of_absent_columns(&table.batch.schema());
        let features = trainer.features(&table.batch)?;
        let mut tasks = Vec::with_capacity(users.rows.len() + 1);
        if self.plan.generic_model {
            tasks.push(Task {
                user: Arc::from(GENERIC),
                rows: TaskRows::Of(&features, of_everyone),
            });
        }
        for (user, rows) in users.rows {
            if *user == *GENERIC {
                self.refuse_name(&user);
                continue;
            }
            tasks.push(Task { user, rows: TaskRows::Of(&features, rows) });
        }
        drop(table);
        let trained = trainer.train(tasks, &self.pool);
        self.reporter.phase_over();
        self.keep(trained?, settings)?;
        self.summary.phases.push(("training", start.elapsed()));
        Ok(())
    }

    fn keep(&mut self, trained: Vec<Trained>, settings: &plan::TrainAe) -> Result<(), RunError> {
        let mut models = Vec::new();
        let mut failed = Vec::new();
        for (user, result) in trained {
            match result {
                Ok(model) => {
                    models.push(Arc::clone(&model));
                    self.insert(user, model);
                }
                Err(why) => failed.push((user.to_string(), why)),
            }
        }
        if !self.models.is_empty() || failed.len() > 1 {
            for (user, why) in &failed {
                self.reporter.say(Weight::Error, &stages::no_model(user, why));
            }
        }
        if self.models.is_empty() {
            return Err(RunError::Failed(match failed.as_slice() {
                [(user, why)] => format!("no model could be trained: user {user:?}: {why}"),
                [] => "no model could be trained: no training row has a user".to_owned(),
                all => format!("no model could be trained for any of the {} users", all.len()),
            }));
        }
        if let (true, Some((user, why))) = (self.plan.strict, failed.first()) {
            return Err(RunError::Failed(format!("--strict: {}", stages::no_model(user, why))));
        }
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).extend(failed);
        match &settings.models_output_filename {
            Some(path) => write_models(&models, path),
            None => Ok(()),
        }
    }

    /// Models from files are written before anything is scored; these only exist now.
    fn write_models_of_messages(&self) -> Result<(), RunError> {
        match self.train_ae() {
            Some(settings) if settings.train_data_glob.is_none() => {
                match &settings.models_output_filename {
                    Some(path) => write_models(&self.models.all(), path),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn chain(
        &self,
        mut chain: Pipeline<crate::message::Message>,
        mut sinks: std::vec::IntoIter<stages::ToFile>,
        mut validations: std::vec::IntoIter<stages::Validate>,
        state: Option<&Arc<StateDir>>,
    ) -> Pipeline<crate::message::Message> {
        let details =
            self.plan.stages.iter().any(
                |stage| matches!(stage, StageSettings::AddScores(s) if s.details > Details::None),
            );
        let mut monitors = 0;
        let mut made: Vec<String> = Vec::new();
        let mut results = |stage, labels: &[(String, ScoreKind)], prefix: &str| {
            let made_before = made.clone();
            made.extend(labels.iter().map(|(label, _)| format!("{prefix}{label}")));
            let reporter = Arc::clone(&self.reporter);
            stages::ResultColumns { stage, made_before, reporter, warned: Arc::default() }
        };
        for stage in &self.plan.stages {
            chain = match stage {
                StageSettings::TrainAe(settings) => {
                    chain.stage("train-ae", Box::new(self.train_stage(settings)))
                }
                StageSettings::Preprocess => chain.stage(
                    "preprocess",
                    Box::new(stages::Preprocess {
                        models: Arc::clone(&self.models),
                        strict: self.plan.strict,
                        gaps: Arc::clone(&self.gaps),
                        reporter: Arc::clone(&self.reporter),
                    }),
                ),
                StageSettings::Inference(settings) => chain.stage(
                    "inf-pytorch",
                    Box::new(stages::Inference {
                        models: Arc::clone(&self.models),
                        pool: Arc::clone(&self.pool),
                        with_features: details,
                        recommended: self.recommended(*settings),
                        book: Arc::clone(&self.book),
                        strict: self.plan.strict,
                        reporter: Arc::clone(&self.reporter),
                        memory: None,
                    }),
                ),
                StageSettings::AddScores(settings) => chain.stage(
                    "add-scores",
                    Box::new(stages::AddScores {
                        settings: settings.clone(),
                        columns: self.plan.columns.clone(),
                        results: results("add-scores", &settings.labels, &settings.prefix),
                    }),
                ),
                StageSettings::AddClass(settings) => chain.stage(
                    "add-class",
                    Box::new(stages::AddClass {
                        columns: results("add-class", &settings.labels, &settings.prefix),
                        settings: settings.clone(),
                    }),
                ),
                StageSettings::Filter(settings) => {
                    chain.stage("filter", Box::new(stages::Filter { settings: settings.clone() }))
                }
                StageSettings::Validate(_) => match validations.next() {
                    Some(validation) => chain.stage("validate", Box::new(validation)),
                    None => chain,
                },
                StageSettings::DropNa { column } => {
                    let (column, book) = (column.clone(), Arc::clone(&self.book));
                    chain.stage("dropna", Box::new(stages::DropNa { column, book }))
                }
                StageSettings::Deserialize => {
                    let batch_size = self.plan.pipeline_batch_size;
                    chain.stage("deserialize", Box::new(stages::Deserialize { batch_size }))
                }
                StageSettings::Trigger => {
                    chain.stage("trigger", Box::new(stages::Trigger::default()))
                }
                StageSettings::TimeSeries(settings) => chain.stage(
                    "timeseries",
                    Box::new(stages::TimeSeries::new(
                        settings.clone(),
                        self.plan.source.features.derived_time().map(str::to_owned),
                        state.cloned(),
                        Arc::clone(&self.reporter),
                        Arc::clone(&self.time_series),
                    )),
                ),
                StageSettings::Monitor(settings) => {
                    let position = monitors;
                    monitors += 1;
                    let reporter = Arc::clone(&self.reporter);
                    let monitor =
                        stages::Monitor { settings: settings.clone(), position, reporter };
                    monitor.start();
                    chain.stage("monitor", Box::new(monitor))
                }
                StageSettings::Serialize(settings) => {
                    let (columns, reporter) = (self.resumed.clone(), Arc::clone(&self.reporter));
                    let stage = stages::Serialize::new(settings.clone(), columns, reporter);
                    chain.stage("serialize", Box::new(stage))
                }
                StageSettings::ToFile(_) => match sinks.next() {
                    Some(sink) => chain.stage("to-file", Box::new(sink)),
                    None => chain,
                },
            };
            let name = match stage {
                StageSettings::TrainAe(_) => "train-ae",
                StageSettings::Preprocess => "preprocess",
                StageSettings::Inference(_) => "inf-pytorch",
                StageSettings::AddScores(_) => "add-scores",
                _ => continue,
            };
            if self.plan.debug {
                chain = chain.stage("debug", Box::new(stages::Stamp::new(name)));
            }
        }
        chain
    }

    /// What is wanted of the recommended scorers: for the summary's rows at least two sentences in a
    /// hundred rows.
    fn recommended(&self, settings: plan::Inference) -> Option<stages::Recommended> {
        const SUMMARY: f64 = 0.02;
        let added = || {
            self.plan.stages.iter().filter_map(|stage| match stage {
                StageSettings::AddScores(settings) => Some(settings),
                _ => None,
            })
        };
        (settings.scorer == Scorer::Recommended).then(|| stages::Recommended {
            reasons: added().map(|s| s.reasons).fold(SUMMARY, f64::max),
            surprises: added().any(|s| s.surprises),
        })
    }

    /// Fewest and most steps of the models that were trained as long as our own preset asks for.
    fn steps(&self) -> Option<(usize, usize)> {
        let settings = self.train_ae()?;
        let ours = settings.pretrained_filename.is_none()
            && settings.model.architecture() == plan::Architecture::Compact;
        let models = self.models.all();
        let steps = || models.iter().filter(|_| ours).map(|model| model.header().steps());
        steps().min().zip(steps().max())
    }

    fn train_stage(&self, settings: &plan::TrainAe) -> stages::TrainAe {
        let from_elsewhere =
            settings.pretrained_filename.is_some() || settings.train_data_glob.is_some();
        stages::TrainAe {
            models: Arc::clone(&self.models),
            batch_size: self.plan.pipeline_batch_size,
            on_messages: (!from_elsewhere).then(|| {
                stages::OnMessages::new(
                    self.plan,
                    settings,
                    Arc::clone(&self.pool),
                    Arc::clone(&self.reporter),
                    self.stop.clone(),
                    Arc::clone(&self.failed),
                    Arc::clone(&self.training_time),
                )
            }),
        }
    }

    /// What each stage took and handed on.
    fn tell_of_stages(&mut self, report: &Report) {
        for stage in &report.stages {
            let text = format!(
                "{}: {} rows in {} messages in, {} rows in {} messages out, busy for {:.3} s",
                stage.stage,
                stage.rows_in,
                stage.messages_in,
                stage.rows_out,
                stage.messages_out,
                stage.busy.as_secs_f64()
            );
            self.reporter.say(Weight::Debug, &text);
            let dropped = stage.dropped.iter();
            self.summary.dropped.extend(
                dropped.map(|(why, rows)| (stage.stage.clone(), *rows as usize, why.clone())),
            );
        }
    }

    fn finish(mut self, report: &Report) -> Result<Summary, RunError> {
        for (user, rows) in self.book.without_model() {
            self.reporter.say(
                Weight::Warning,
                &format!(
                    "user {user:?} has no model: {rows} {} passed on with an empty score; train on this user's rows, or add --use_generic_model to pipeline-ae",
                    if rows == 1 { "row" } else { "rows" }
                ),
            );
            self.summary.rows_without_model += rows;
        }
        let input = std::mem::take(&mut *self.input.lock().unwrap_or_else(PoisonError::into_inner));
        self.summary.interrupted = report.interrupted;
        self.summary.goes_on = self.plan.source.state_dir.is_some();
        self.summary.rows_read = input.rows;
        self.summary.users = input.users;
        self.summary.by_user = self.plan.user_column.is_some();
        self.tell_of_stages(report);
        self.summary.validations =
            std::mem::take(&mut *self.validations.lock().unwrap_or_else(PoisonError::into_inner));
        self.summary.rows_of_others = input.rows_of_others;
        self.summary.filtered.push(("input", input.filtered));
        self.summary.rows_outside = input.skipped.outside();
        self.summary.skipped.extend(input.lines("input"));
        if self.gaps.cells() > 0 {
            let cells = self.gaps.cells();
            self.summary.skipped.push(format!(
                "input: {cells} cells that are no numbers in columns learnt as numeric"
            ));
        }
        if self.plan.stages.iter().any(|stage| matches!(stage, StageSettings::TimeSeries(_))) {
            let count = *self.time_series.lock().unwrap_or_else(PoisonError::into_inner);
            self.summary.time_series = Some(count);
        }
        self.summary.rows_scored = self.book.scored();
        self.summary.models = self.models.len();
        self.summary.failed_users =
            std::mem::take(&mut *self.failed.lock().unwrap_or_else(PoisonError::into_inner));
        self.summary.unusual = self.book.unusual();
        self.summary.unlikely = self.book.unlikely();
        self.summary.steps = self.steps();
        self.summary.written = self
            .written
            .iter()
            .map(|(name, rows)| (name.clone(), rows.load(Ordering::Relaxed)))
            .collect();
        Ok(self.summary)
    }
}

fn write_models(
    models: &[Arc<dfp_model::user_model::UserModel>],
    path: &Path,
) -> Result<(), RunError> {
    let models: Vec<&dfp_model::user_model::UserModel> = models.iter().map(AsRef::as_ref).collect();
    let mut bytes = Vec::new();
    let refuse = |why: String| RunError::Failed(format!("--models_output_filename: {why}"));
    artifact::write(&models, &mut bytes).map_err(|error| refuse(error.to_string()))?;
    dfp_io::sinks::write_whole(path, &bytes).map_err(|error| refuse(error.to_string()))
}
