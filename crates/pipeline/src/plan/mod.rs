//! A checked pipeline: every value typed, every default filled in.

mod architecture;
mod retraining;
mod time_series;

pub use architecture::{Architecture, Length, ModelSettings};
pub use retraining::{HistoryLength, Promote, RetrainRules};
pub use time_series::{Method, TimeSeries};

use crate::batches::{Rules, Sampling};
use crate::error::RunError;
use dfp_alerts::AlertSettings;
use dfp_connectors::sinks::Format;
use dfp_engine::RowCounter;
use dfp_features::Features;
use dfp_features::Source;
use dfp_logs::{ALWAYS, FileType};
use dfp_model::artifact::Limits;
use dfp_model::config::Scorer;
use dfp_registry::library::LookupOptions;
use dfp_report::diagram::Drawing;
use dfp_report::html::aggregate::{Asked, Names};
use dfp_storage::memory_limit::MemoryLimit;
use regex::Regex;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A pipeline that has passed every check that can be made without reading data.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Workers of each stage that can have several.
    pub num_threads: usize,
    /// Threads for training and scoring.
    pub compute_threads: usize,
    /// Rows a message after `train-ae`.
    pub pipeline_batch_size: usize,
    /// Messages waiting between two stages.
    pub edge_buffer_size: usize,
    /// Fail when anything was skipped.
    pub strict: bool,
    /// Names of the feature columns looked for.
    pub columns: Vec<String>,
    /// The user has named them: each is expected to be there.
    pub columns_are_listed: bool,
    /// The column that tells users apart; `None`: rows are nobody's, and stay together.
    pub user_column: Option<String>,
    /// Only this user.
    pub user_filter: Option<String>,
    /// Also train a model on everyone's rows.
    pub generic_model: bool,
    /// The source.
    pub source: SourceSettings,
    /// The stages after the source.
    pub stages: Vec<StageSettings>,
    /// Add a column with the time at which each stage let a row go.
    pub debug: bool,
    /// How the run is drawn.
    pub drawing: Option<Drawing>,
    /// What is to be said once before the run: options without meaning here.
    pub notes: Vec<String>,
}

impl Plan {
    /// The stage `train-ae`, if there is one.
    pub fn train_ae(&self) -> Option<&TrainAe> {
        self.stages.iter().find_map(|stage| match stage {
            StageSettings::TrainAe(settings) => Some(settings.as_ref()),
            _ => None,
        })
    }

    /// The stage that cannot do without the times of events, if there is one.
    pub fn times_needed_by(&self) -> Option<&'static str> {
        self.stages.iter().find_map(|stage| match stage {
            StageSettings::TimeSeries(_) => Some("timeseries"),
            StageSettings::Alert(alert) if alert.needs_times() => Some("alert"),
            _ => None,
        })
    }

    /// A table may have no times, unless a stage needs them.
    #[must_use]
    pub fn with_times_expected(mut self) -> Self {
        if self.times_needed_by().is_some()
            && let Some(time) = &mut Arc::make_mut(&mut self.source.features).time
        {
            time.expected = true;
        }
        self
    }

    /// The files that the run writes, in the order of the plan.
    pub fn outputs(&self) -> impl Iterator<Item = &Path> {
        let of_stages = self.stages.iter().filter_map(|stage| match stage {
            StageSettings::TrainAe(settings) => settings.models_output_filename.as_deref(),
            StageSettings::Validate(settings) => settings.results_file_name.as_deref(),
            StageSettings::ToReport(settings) => Some(settings.filename.as_path()),
            StageSettings::ToFile(settings) => Some(settings.filename.as_path()),
            _ => None,
        });
        of_stages.chain(self.drawing.iter().map(|drawing| drawing.file.as_path()))
    }

    /// The same, for whoever is there to train.
    ///
    /// # Errors
    /// There is none.
    pub fn trains(&self) -> Result<&TrainAe, RunError> {
        let nothing = || RunError::Failed("a plan that trains nothing".to_owned());
        self.train_ae().ok_or_else(nothing)
    }
}

/// `from-cloudtrail` and the other sources.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the stage's options, described in the table")]
pub struct SourceSettings {
    pub kind: &'static Source,
    /// What is made of its logs.
    pub features: Arc<Features>,
    pub input_globs: Vec<String>,
    pub max_files: Option<usize>,
    pub file_type: FileType,
    pub delimiter: Option<u8>,
    pub repeat: usize,
    pub recursive: bool,
    pub allow_no_files: bool,
    /// Event times of the rows that are read, microseconds since 1970.
    pub between: Range<i64>,
    /// How input is cut into batches.
    pub rules: Rules,
    /// Which files of many are read, and the seed of the draw.
    pub sampling: Option<(Sampling, u64)>,
    /// Going on as files arrive.
    pub watch: Option<WatchSettings>,
    pub state_dir: Option<PathBuf>,
    /// Whether a damaged state is replaced by its copy.
    pub rebuild_state: bool,
    pub drop_duplicates: bool,
    /// The memory that reading may take.
    pub memory: MemoryLimit,
}

impl SourceSettings {
    /// Everything that the files of a source hold, in one batch.
    pub fn all_of(kind: &'static Source, features: Arc<Features>) -> Self {
        Self {
            kind,
            features,
            input_globs: Vec::new(),
            max_files: None,
            file_type: FileType::Auto,
            delimiter: None,
            repeat: 1,
            recursive: true,
            allow_no_files: false,
            between: ALWAYS,
            rules: Rules { period: None, by_name: false, bytes: u64::MAX, memory: u64::MAX },
            sampling: None,
            watch: None,
            state_dir: None,
            rebuild_state: false,
            drop_duplicates: false,
            memory: MemoryLimit::default(),
        }
    }

    /// Whether results are appended to files as they are made.
    pub fn is_live(&self) -> bool {
        self.watch.is_some() || self.state_dir.is_some()
    }
}

/// How files are waited for.
#[derive(Clone, Copy, Debug)]
pub struct WatchSettings {
    /// Between two looks, where the system does not tell.
    pub interval: Duration,
    /// A file that has not changed for this long is complete.
    pub settle: Duration,
    /// How long a period waits for its rows.
    pub lateness: Duration,
}

/// A stage after the source, with the name that messages use for it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the variants are the stages, described in the table")]
pub enum StageSettings {
    TrainAe(Box<TrainAe>),
    Preprocess,
    Inference(Inference),
    AddScores(AddScores),
    AddClass(AddClass),
    Filter(Filter),
    Validate(Box<Validate>),
    DropNa { column: String },
    Deserialize,
    Trigger,
    TimeSeries(TimeSeries),
    Alert(AlertSettings),
    Monitor(RowCounter),
    Serialize(SerializeSettings),
    ToFile(ToFile),
    ToReport(Box<ToReport>),
}

impl StageSettings {
    /// Whether rows of a batch may come out of the stage when later batches have gone in.
    pub fn holds_rows(&self) -> bool {
        matches!(self, Self::TimeSeries(_) | Self::Alert(_))
    }
}

/// `train-ae`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the stage's options, described in the table")]
pub struct TrainAe {
    pub pretrained_filename: Option<PathBuf>,
    pub train_data_glob: Option<String>,
    pub model_store: Option<ModelStore>,
    pub model: Box<ModelSettings>,
    pub min_history: usize,
    pub max_history: Option<usize>,
    /// Models are learnt from the messages that they score, by these rules.
    pub on_messages: Option<RetrainRules>,
    /// What everyone's model is called.
    pub generic_user: String,
    /// What a model file may ask of the machine.
    pub model_limits: Limits,
    /// `--seed`, else `--manual_seed`, else drawn when the plan was checked.
    pub seed: u64,
    /// Nobody asked for this seed.
    pub seed_is_drawn: bool,
    pub models_output_filename: Option<PathBuf>,
}

/// The store of `train-ae`.
#[derive(Clone, Debug)]
pub struct ModelStore {
    /// As it is named.
    pub name: String,
    /// How its models are looked up.
    pub lookup: LookupOptions,
}

impl TrainAe {
    /// Whether models are trained on the messages that they score: they come from nowhere else, or that is
    /// asked for.
    pub fn trains_on_messages(&self) -> bool {
        self.on_messages.is_some()
    }

    /// Whether this run trains anything.
    pub fn trains(&self) -> bool {
        self.train_data_glob.is_some() || self.trains_on_messages()
    }
}

/// `inf-pytorch`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inference {
    /// What a row's score is made of.
    pub scorer: Scorer,
}

/// `add-scores`
#[derive(Clone, Debug)]
pub struct AddScores {
    /// Name and result of each column.
    pub labels: Vec<(String, ScoreKind)>,
    /// Put before the names of all columns.
    pub prefix: String,
    /// Further columns.
    pub details: Details,
    /// Whether rows have a score of all scorers, which is then written too.
    pub recommended: bool,
    /// Each feature's surprise.
    pub surprises: bool,
    /// Rows with a p-value of at most this get a sentence.
    pub reasons: f64,
    /// Say which model scored a row.
    pub model_version: bool,
}

/// `add-class`
#[derive(Clone, Debug)]
pub struct AddClass {
    /// Name and result of each column.
    pub labels: Vec<(String, ScoreKind)>,
    /// Put before the names of all columns.
    pub prefix: String,
    /// True above it.
    pub threshold: f64,
}

/// `filter`
#[derive(Clone, Debug)]
pub struct Filter {
    /// What is looked at.
    pub by: FilterBy,
    /// Rows above it are kept.
    pub threshold: f64,
    /// What is kept of a message stays one message.
    pub copy: bool,
}

/// What `filter` looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterBy {
    /// Any of these results.
    Results(Vec<ScoreKind>),
    /// A column.
    Column(String),
}

/// `validate`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the stage's options, described in the table")]
pub struct Validate {
    pub val_file_name: PathBuf,
    pub results_file_name: Option<PathBuf>,
    pub overwrite: bool,
    pub include: Vec<Regex>,
    pub exclude: Vec<Regex>,
    pub index_col: Option<String>,
    pub abs_tol: f64,
    pub rel_tol: f64,
    pub fail_on_mismatch: bool,
}

/// A result of inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreKind {
    /// The row's anomaly score: its mean reconstruction loss.
    Score,
    /// Its distance from the mean of the training scores, in standard deviations.
    ZScore,
}

/// How much is written about each feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Details {
    /// Nothing.
    None,
    /// Each feature's z-loss, their maximum and mean.
    ZLoss,
    /// Also each feature's prediction and loss.
    All,
}

/// `serialize`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the stage's options, described in the table")]
pub struct SerializeSettings {
    pub include: Vec<Regex>,
    pub exclude: Vec<Regex>,
    pub fixed_columns: bool,
}

/// `to-file`
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the stage's options, described in the table")]
pub struct ToFile {
    pub filename: PathBuf,
    pub overwrite: bool,
    pub format: Format,
    pub include_index: bool,
    pub flush: bool,
}

/// `to-report`
#[derive(Clone, Debug)]
pub struct ToReport {
    /// The page.
    pub filename: PathBuf,
    /// An older one is replaced.
    pub overwrite: bool,
    /// What is an alert, and how many are shown.
    pub asked: Asked,
    /// What the columns are called.
    pub names: Names,
    /// The plan as text, which the page shows.
    pub plan: String,
}
