//! Training the models of many users: one user a core, largest first; a single user takes all
//! cores. The bytes of a model do not depend on which of the two it was.

use crate::duplicates::Duplicates;
use crate::error::RunError;
use crate::plan::{Plan, SourceSettings, TrainAe};
use crate::similar_users::Alike;
use crate::source;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, UInt32Array};
use arrow_schema::{ArrowError, DataType, Schema, TimeUnit};
use dfp_engine::Stop;
use dfp_engine::{Progress, Reporter, Weight};
use dfp_features::derive::Memory;
use dfp_features::event_times;
use dfp_features::first_values;
use dfp_features::own_columns;
use dfp_features::users::Users;
use dfp_logs::columns::{FILE_ROW, INDEX, missing_column, with_columns};
use dfp_logs::texts::is_text;
use dfp_logs::{ALWAYS, EVENT_DT, LogTable};
use dfp_model::config::{ModelConfig, Scorer};
use dfp_model::encode::SetAside;
use dfp_model::{ModelError, TrainingData, UNKNOWN_TIME, UserModel};
use dfp_registry::library::Library;
use parking_lot::Mutex;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// A category of everyone's model is one that at least one in so many rows has. What only a few of
/// thousands of users have, above all their own names and keys, says nothing about the others, and would make most
/// of the network.
const ONE_IN: usize = 2_000;

/// What training files are called in messages.
pub const TRAINING_DATA: &str = "training data";

/// What training needs to know, the same for every user.
pub struct Trainer<'a> {
    plan: &'a Plan,
    settings: &'a TrainAe,
    reporter: &'a dyn Reporter,
    stop: &'a Stop,
    /// Cells that users' models have not learnt, and that everyone's has not.
    set_aside: [AtomicUsize; 2],
    /// Columns that are known to be categories, since live models or files read before have them so.
    categories: Mutex<BTreeSet<String>>,
    /// The ids of the rows that were read.
    duplicates: Mutex<Duplicates>,
    alike: Mutex<Alike>,
}

/// A user and the rows to learn from.
pub struct Task<'a> {
    /// The user.
    pub user: Arc<str>,
    /// Feature columns only, oldest row first.
    pub rows: TaskRows<'a>,
}

/// The rows of a task. Those of a table of many users are copied when their turn comes, so that the
/// log is in memory once, and every core copies its own.
pub enum TaskRows<'a> {
    /// The rows of a table at these positions.
    Of(&'a RecordBatch, Vec<u32>),
    /// So many rows, or more, which are read when their turn comes.
    Kept(usize, Box<dyn Fn() -> Result<RecordBatch, RunError> + Send + Sync + 'a>),
}

impl TaskRows<'_> {
    /// Number of rows.
    pub fn count(&self) -> usize {
        match self {
            Self::Of(_, positions) => positions.len(),
            Self::Kept(rows, _) => *rows,
        }
    }

    /// The last `newest` rows, or as many as there are.
    ///
    /// # Errors
    /// Arrow refuses the positions, or rows cannot be read.
    pub fn newest(&self, newest: usize) -> Result<RecordBatch, RunError> {
        let last = |rows: &RecordBatch| {
            let newest = newest.min(rows.num_rows());
            rows.slice(rows.num_rows() - newest, newest)
        };
        match self {
            Self::Of(table, positions) => {
                let first = positions.len().saturating_sub(newest);
                let positions = UInt32Array::from(positions[first..].to_vec());
                Ok(arrow_select::take::take_record_batch(table, &positions)?)
            }
            Self::Kept(_, read) => Ok(last(&read()?)),
        }
    }
}

/// How far training has come, for who looks on.
#[derive(Debug)]
pub struct TrainingProgress {
    users_done: AtomicUsize,
    users: usize,
}

impl TrainingProgress {
    /// Of so many users, none is done.
    pub fn of(users: usize) -> Self {
        Self { users_done: AtomicUsize::new(0), users }
    }
}

/// A user with a model, or with the reason why there is none.
pub type Trained = (Arc<str>, Result<Arc<UserModel>, String>);

impl<'a> Trainer<'a> {
    /// A trainer of this plan's models.
    pub fn new(
        plan: &'a Plan,
        settings: &'a TrainAe,
        reporter: &'a dyn Reporter,
        stop: &'a Stop,
    ) -> Self {
        let (set_aside, categories, alike) = Default::default();
        // Other commands than a run read their input to learn from it, and have no such option.
        let duplicates = Mutex::new(match settings.train_data_glob {
            Some(_) => Duplicates::new(plan.source.drop_duplicates, Vec::new()),
            None => Duplicates::counted_only(),
        });
        Self { plan, settings, reporter, stop, set_aside, categories, duplicates, alike }
    }

    /// Takes for categories what a model of this store has learnt as such: everyone's, else the first user's.
    /// Numbers that are alike to a reader, as `1.10` and `1.1`, stay apart in files that have no other text.
    pub fn know_categories_of(&self, library: &Library) {
        // A store or version that cannot be read is reported when its user comes.
        let live = |user: &str| {
            let shelf = library.store().shelf(user).ok()?;
            library.model(user, shelf.live().or_else(|| shelf.latest())?).ok()
        };
        let of_first = || live(library.store().users().ok()?.first()?);
        if let Some(model) = live(self.generic_user()).or_else(of_first) {
            self.know_categories(model.header().plan.categorical());
        }
    }

    fn know_categories<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let mut categories = self.categories.lock();
        categories.extend(names.map(str::to_owned));
    }

    fn known_categories(&self) -> Vec<String> {
        let categories = self.categories.lock();
        categories.iter().cloned().collect()
    }

    /// Counts what a model has set aside of its training rows.
    pub fn count_set_aside(&self, model: &UserModel) {
        let cells = model.header().plan.set_aside().iter().map(|aside| aside.cells).sum();
        let everyone = model.header().user == self.settings.generic_user;
        self.set_aside[usize::from(everyone)].fetch_add(cells, Ordering::Relaxed);
    }

    /// How many cells were counted. Everyone's model has learnt the users' rows too: they count once.
    pub fn set_aside(&self) -> usize {
        let [of_users, of_everyone] = &self.set_aside;
        of_users.load(Ordering::Relaxed).max(of_everyone.load(Ordering::Relaxed))
    }

    /// Who is told.
    pub fn reporter(&self) -> &dyn Reporter {
        self.reporter
    }

    /// What everyone's model is called.
    pub fn generic_user(&self) -> &str {
        &self.settings.generic_user
    }

    /// The source whose rows are learnt.
    pub fn source(&self) -> &'static str {
        self.plan.source.kind.stage
    }

    /// How a model of so many rows is trained.
    pub fn config(&self, rows: usize) -> ModelConfig {
        self.settings.model.config(rows, self.settings.seed)
    }

    /// Trains every task's user. A user whose training fails does not stop the others.
    ///
    /// # Errors
    /// [`RunError::Interrupted`] when the run was asked to stop.
    pub fn train(
        &self,
        mut tasks: Vec<Task<'_>>,
        pool: &ThreadPool,
    ) -> Result<Vec<Trained>, RunError> {
        let progress = TrainingProgress::of(tasks.len());
        let peers = OnceLock::new();
        let fit = |task: &Task<'_>| {
            let result = self.fit_task(task, peers.get(), &progress);
            (Arc::clone(&task.user), result)
        };
        let mut trained = Vec::with_capacity(tasks.len());
        // Users lean on everyone's model, so it comes first.
        if self.is_recommended()
            && let Some(everyone) =
                tasks.iter().position(|task| *task.user == *self.settings.generic_user)
        {
            let (user, result) = pool.install(|| fit(&tasks.swap_remove(everyone)));
            progress.users_done.fetch_add(1, Ordering::Relaxed);
            if let Ok(model) = &result {
                peers.get_or_init(|| Arc::clone(model));
            }
            trained.push((user, result));
        }
        let defect = "training panicked; this is a defect of the program";
        trained.extend(self.each(tasks, pool, &progress, &fit, &|task| {
            (Arc::clone(&task.user), Err(defect.to_owned()))
        })?);
        if self.stop.is_set() {
            return Err(RunError::Interrupted);
        }
        trained.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(trained)
    }

    /// Does `work` for every task: the largest first, so that no core is left with a long one at the end.
    /// One that would keep a core busy for longer than all others together would take gets all cores,
    /// each other one a core of its own. Where `work` panics the result is `defect`'s: a defect that shows
    /// itself with one user's rows must not take the others along. Whoever asks the run to stop gets what was
    /// done until then: `work` sees to it that it ends soon.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn each<T: Send>(
        &self,
        mut tasks: Vec<Task<'_>>,
        pool: &ThreadPool,
        progress: &TrainingProgress,
        work: &(dyn Fn(&Task<'_>) -> T + Sync),
        defect: &(dyn Fn(&Task<'_>) -> T + Sync),
    ) -> Result<Vec<T>, RunError> {
        let guarded = |task: &Task<'_>| {
            let result = catch_unwind(AssertUnwindSafe(|| work(task)));
            progress.users_done.fetch_add(1, Ordering::Relaxed);
            result.unwrap_or_else(|_| defect(task))
        };
        let threads = self.plan.compute_threads;
        tasks.sort_by_key(|task| std::cmp::Reverse(task.rows.count()));
        let rows: usize = tasks.iter().map(|task| task.rows.count()).sum();
        let alone = tasks.len() == 1;
        let too_long = |task: &Task<'_>| {
            let share = rows.div_ceil(threads);
            let config = self.config(task.rows.count());
            (alone || task.rows.count() > share) && config.is_worth_many_threads()
        };
        let together = tasks.iter().take_while(|task| too_long(task)).count();
        let (together, alone) = tasks.split_at(together);
        let mut done: Vec<T> = together.iter().map(|task| pool.install(|| guarded(task))).collect();
        done.extend(in_parallel(alone, threads.min(alone.len()), &guarded)?);
        Ok(done)
    }

    /// Whether rows are scored with all scorers, so that users lean on everyone.
    pub fn is_recommended(&self) -> bool {
        self.settings.model.scorer == Scorer::Recommended
    }

    fn fit_task(
        &self,
        task: &Task<'_>,
        peers: Option<&Arc<UserModel>>,
        progress: &TrainingProgress,
    ) -> Result<Arc<UserModel>, String> {
        let rows = task.rows.count();
        if rows < self.settings.min_history {
            return Err(format!(
                "{rows} training {}, and --train_min_history asks for {}",
                if rows == 1 { "row" } else { "rows" },
                self.settings.min_history
            ));
        }
        let newest = self.settings.max_history.map_or(rows, |max| max.min(rows));
        let rows = task.rows.newest(newest).map_err(|error| error.to_string())?;
        self.fit(&task.user, &rows, peers, progress)
    }

    /// Trains one model on these rows of [`features`](Self::features), oldest first.
    ///
    /// # Errors
    /// Why there is none.
    pub fn fit(
        &self,
        user: &str,
        rows: &RecordBatch,
        peers: Option<&Arc<UserModel>>,
        progress: &TrainingProgress,
    ) -> Result<Arc<UserModel>, String> {
        if self.stop.is_set() {
            return Err("stopped before its turn".to_owned());
        }
        let (rows, times) = without_times(rows).map_err(|error| error.to_string())?;
        self.warn_if_constant(user, &rows).map_err(|error| error.to_string())?;
        let mut config = self.config(rows.num_rows());
        if user == self.settings.generic_user {
            config.min_cats = config.min_cats.max(rows.num_rows() / ONE_IN);
        }
        let mut on_epoch = |report: dfp_model::train::EpochReport| {
            self.reporter.progress(Progress::Trained {
                user,
                // The last epoch of the last user is the end of the phase.
                users_done: progress.users_done.load(Ordering::Relaxed)
                    + usize::from(report.epoch == report.epochs),
                users: progress.users,
                epoch: report.epoch,
                epochs: report.epochs,
                loss: report.loss,
            });
            if self.stop.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let data = TrainingData { rows: &rows, validation: None, times: &times, peers };
        UserModel::fit_with(user, &data, &config, &mut on_epoch)
            .map(|model| {
                for aside in model.header().plan.set_aside() {
                    let text = set_aside(user, aside, rows.num_rows());
                    self.reporter.say(Weight::Warning, &text);
                }
                for (column, reason) in model.header().plan.dropped() {
                    let text = format!("user {user:?}: column {column:?} is no feature: {reason}");
                    self.reporter.say(Weight::Info, &text);
                }
                Arc::new(model)
            })
            .map_err(|error: ModelError| error.to_string())
    }

    /// Says so when there is nothing to learn.
    fn warn_if_constant(&self, user: &str, rows: &RecordBatch) -> Result<(), ArrowError> {
        if rows.num_rows() > 1 && is_constant(rows)? {
            let text = format!(
                "user {user:?}: all {} feature columns are constant in the {} training rows; every other value will look unusual",
                rows.num_columns(),
                rows.num_rows()
            );
            self.reporter.say(Weight::Warning, &text);
        }
        Ok(())
    }

    /// Ids of the rows that were read, for the run that reads in its place.
    pub fn duplicates(&self) -> &Mutex<Duplicates> {
        &self.duplicates
    }

    /// Says so where users that were read differ by case or blanks only.
    pub fn warn_of_alike(&self, users: &Users, purpose: &str) {
        let Some(column) = &self.plan.user_column else { return };
        let mut alike = self.alike.lock();
        users.rows.iter().for_each(|(user, _)| alike.meet(user));
        alike.report(column, purpose, self.reporter);
    }

    /// Reads training files: the columns that training needs, and which rows are whose. `recall` is told
    /// the users before their columns are derived.
    ///
    /// # Errors
    /// As [`source::read`]; the feature file leaves out every row.
    pub fn read(
        &self,
        files: &[PathBuf],
        pool: &ThreadPool,
        memory: &mut Memory,
        recall: &mut dyn FnMut(&Users, &mut Memory) -> Result<(), RunError>,
    ) -> Result<(LogTable, Users), RunError> {
        // Repetition and times are those of the input.
        let settings = SourceSettings { repeat: 1, between: ALWAYS, ..self.plan.source.clone() };
        let columns = self.columns();
        let will_do = |schema: &Schema| self.will_do(schema);
        let reading = source::Reading {
            settings: &settings,
            user_column: self.plan.user_column.as_deref(),
            known_categories: &self.known_categories(),
            only: Some(source::Only { columns: &columns, will_do: &will_do }),
            batch: None,
            needs_times: false,
            sliced: None,
            strict: self.plan.strict,
            pool,
            reporter: self.reporter,
            duplicates: Some(&self.duplicates),
            on_rows: None,
        };
        let (table, users) = source::read(files, TRAINING_DATA, &reading, memory, recall)?;
        if table.batch.num_rows() == 0 {
            return Err(RunError::Failed(format!(
                "no row of the training data is used: the feature file leaves out all {}",
                users.filtered
            )));
        }
        self.warn_of_alike(&users, TRAINING_DATA);
        let schema = table.batch.schema();
        let texts = schema.fields().iter().filter(|field| is_text(field.data_type()));
        let texts = texts.map(|field| field.name().as_str());
        self.know_categories(texts.filter(|name| self.plan.columns.iter().any(|c| c == name)));
        self.warn_of_absent_columns(&schema);
        let made = &self.plan.source.features;
        if let Some(needs) = self.plan.times_needed_by() {
            event_times::check(&table.batch, made, needs, TRAINING_DATA)?;
        }
        Ok((table, users))
    }

    /// Says so where the newest rows are asked for, and nobody knows which they are.
    pub fn warn_of_unknown_order(&self, rows: &RecordBatch, option: &str, purpose: &str) {
        let made = &self.plan.source.features;
        let times = event_times::column(made, rows).and_then(|name| rows.column_by_name(name));
        if times.is_some_and(|times| times.null_count() < times.len()) {
            return;
        }
        let why = match times {
            None => event_times::missing(rows, made, option, purpose),
            Some(_) => format!("no row of the {purpose} has a readable time, which {option} needs"),
        };
        let text = format!("{why}; the last rows in the order of the files count as the newest");
        self.reporter.say(Weight::Warning, &text);
    }

    /// The columns that training needs, of those that a log may have.
    pub fn columns(&self) -> Vec<String> {
        let user = self.plan.user_column.iter();
        self.plan.columns.iter().chain(user).cloned().collect()
    }

    /// Whether nothing has to be said about columns that a log with this schema does not have.
    pub fn will_do(&self, schema: &Schema) -> bool {
        let made = &self.plan.source.features;
        let has = |name: &String| schema.field_with_name(name).is_ok() || made.makes(name);
        let columns = &self.plan.columns;
        let features = if self.plan.columns_are_listed {
            columns.iter().all(has)
        } else {
            columns.iter().any(has)
        };
        let inputs = made.narrowed(columns).absent_inputs(schema).is_empty();
        features && inputs && self.plan.user_column.iter().all(has)
    }

    /// Says which columns of the user's own list the log does not have.
    pub fn warn_of_absent_columns(&self, schema: &Schema) {
        if !self.plan.columns_are_listed {
            return;
        }
        let absent = self.plan.columns.iter().filter(|name| schema.field_with_name(name).is_err());
        for name in absent {
            let text = missing_column(
                "feature column in the training data:",
                name,
                &without_row_numbers(schema),
            );
            self.reporter.say(Weight::Warning, &text);
        }
    }

    /// The feature columns of `rows`: those of the plan's list that the table has; behind them, under
    /// the name of [`INDEX`], when each row happened, if that is known.
    ///
    /// # Errors
    /// None of the list is a column of the table.
    pub fn features(&self, rows: &RecordBatch) -> Result<RecordBatch, RunError> {
        let features = feature_positions(&rows.schema(), &self.plan.columns);
        if features.is_empty() {
            let first = self.plan.columns.first().map_or("", String::as_str);
            return Err(RunError::Failed(format!(
                "none of the {} feature columns is in the log: {}",
                self.plan.columns.len(),
                missing_column("column", first, &without_row_numbers(&rows.schema()))
            )));
        }
        let table = first_values::in_place_of_lists(&rows.project(&features)?)?;
        let times = self.plan.source.features.derived_time().unwrap_or(EVENT_DT);
        match rows.column_by_name(times) {
            Some(times) => Ok(with_columns(&table, [(INDEX.to_owned(), Arc::clone(times))])?),
            None => Ok(table),
        }
    }
}

/// What is said of numbers that models have not learnt, if there are any.
pub fn skipped_numbers(cells: usize) -> Option<String> {
    let s = if cells == 1 { "" } else { "s" };
    (cells > 0).then(|| {
        format!(
            "{TRAINING_DATA}: {cells} number{s} far beyond all others of the user's column, learnt as missing"
        )
    })
}

/// Which numbers a model has not learnt, and why.
fn set_aside(user: &str, aside: &SetAside, rows: usize) -> String {
    let SetAside { column, cells, value, others } = aside;
    let which = match cells {
        1 => format!("the value {value} in column {column:?} is"),
        _ => format!("{cells} values in column {column:?}, the furthest {value}, are"),
    };
    let beyond = match others {
        Some((low, high)) if low == high => format!("far beyond the others, all {low}"),
        Some((low, high)) => format!("far beyond the others, {low} to {high}"),
        None => "too large for any scale".to_owned(),
    };
    format!(
        "user {user:?}: {which} {beyond}: learnt as missing, in {cells} of {rows} training rows"
    )
}

/// Takes the times, in microseconds since 1970 or [`UNKNOWN_TIME`], off a table of features; none if nobody
/// knows any.
pub fn without_times(rows: &RecordBatch) -> Result<(RecordBatch, Vec<i64>), ArrowError> {
    let Ok(at) = rows.schema().index_of(INDEX) else { return Ok((rows.clone(), Vec::new())) };
    let mut rows = rows.clone();
    let times = rows.remove_column(at);
    let times = arrow_cast::cast(&times, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let times = match times.null_count() {
        0 => times.values().to_vec(),
        missing if missing == times.len() => Vec::new(),
        _ => times.iter().map(|time| time.unwrap_or(UNKNOWN_TIME)).collect(),
    };
    Ok((rows, times))
}

/// Puts the rows without a time, which come last in a log, before each user's others: the newest rows of a
/// user are those of which that is known.
///
/// # Errors
/// The column of times is none.
pub fn unknown_times_first(
    features: &RecordBatch,
    users: &mut [(Arc<str>, Vec<u32>)],
) -> Result<(), ArrowError> {
    let (_, times) = without_times(features)?;
    if times.contains(&UNKNOWN_TIME) {
        for (_, rows) in users {
            rows.sort_by_key(|row| times[*row as usize] != UNKNOWN_TIME);
        }
    }
    Ok(())
}

/// Whether every feature column has the same value in all rows, so that nothing can be learnt.
fn is_constant(rows: &RecordBatch) -> Result<bool, ArrowError> {
    for column in rows.columns() {
        // A column of times is no feature, and Arrow does not print one.
        if column.len() < 2 || column.data_type().is_temporal() {
            continue;
        }
        let cells = arrow_cast::cast(column, &arrow_schema::DataType::Utf8)?;
        let cells = cells.to_data();
        let first = cells.slice(0, 1);
        if (1..column.len()).any(|row| cells.slice(row, 1) != first) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn feature_positions(schema: &Schema, columns: &[String]) -> Vec<usize> {
    schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| columns.contains(field.name()))
        .map(|(position, _)| position)
        .collect()
}

fn without_row_numbers(schema: &Schema) -> Schema {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .filter(|field| {
            field.name() != INDEX && *field.name() != own_columns::called(schema, FILE_ROW)
        })
        .cloned()
        .collect();
    Schema::new(fields)
}

/// Runs `fit` on every task, each worker with one core of its own.
fn in_parallel<T: Send>(
    tasks: &[Task<'_>],
    workers: usize,
    fit: &(dyn Fn(&Task<'_>) -> T + Sync),
) -> Result<Vec<T>, RunError> {
    let next = AtomicUsize::new(0);
    let trained = Mutex::new(Vec::with_capacity(tasks.len()));
    let pools = (0..workers)
        .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| RunError::Failed(format!("cannot start a training thread: {error}")))?;
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                pool.install(|| {
                    while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = fit(task);
                        trained.lock().push(result);
                    }
                });
            });
        }
    });
    Ok(trained.into_inner())
}
