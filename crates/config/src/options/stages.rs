//! One entry a stage: its options, what it takes and what it hands on. Those of the sources are in
//! `sources.rs`.

use super::kind::MOST_ROWS;
use super::results::{PAGE_ALERTS, PAGE_THRESHOLD};
use super::store::{CACHE, FILE_LIMIT, GENERIC_USER, REFRESH};
use super::{ANY, Emits, Form, Kind, OptionSpec, Role, StageEntry, further};

const SEVERAL_FORMS: &[Form] = &[Form::Assigned, Form::Encoded, Form::Scored, Form::Messages];

/// What separates the fields of CSV files, of all commands that read logs.
pub const DELIMITER: OptionSpec = OptionSpec::new(
    "delimiter",
    Kind::Delimiter,
    "what separates the fields of CSV files (default: comma; a first line such as sep=; says it for its file)",
);

/// Every stage behind the source.
pub const STAGES: &[StageEntry] = &[
    further::DROPNA,
    further::DESERIALIZE,
    StageEntry {
        name: "train-ae",
        aliases: &[],
        about: "train an autoencoder for each user, or read trained ones",
        role: Role::Stage(&[Form::UserRows], Emits::Form(Form::Assigned)),
        options: &[
            OptionSpec::new("pretrained_filename", Kind::ExistingFile, "a model file to use instead of training"),
            OptionSpec::new("train_data_glob", Kind::Input, "files to train on; without it each message trains a new model, unless models come from elsewhere"),
            OptionSpec::new(
                "model_store",
                Kind::Folder,
                "with training files: put each model there as a new version, which becomes live; without: score with the live versions there, and with --train_continuously learn further ones (docs/model-store.md)",
            ),
            CACHE,
            REFRESH,
            GENERIC_USER,
            FILE_LIMIT,
            OptionSpec::new(
                "train_continuously",
                Kind::Bool,
                "with --model_store: learn users' further versions from the rows that are scored, and put them there; without a store, training files or a model file that is done anyway, in memory",
            )
            .default("false"),
            OptionSpec::new(
                "train_min_increment",
                Kind::Integer { min: 1, max: MOST_ROWS },
                "where models are learnt from messages: a user's model is trained again once this number of rows is new to it (default: 1, in a store 300, with --train_every any number)",
            ),
            OptionSpec::new(
                "train_every",
                Kind::Duration,
                "where models are learnt from messages: and once the newest row is so much later than the newest that the model has learnt; with --train_min_increment either is enough",
            ),
            OptionSpec::new(
                "train_promote",
                Kind::Choice(&["always", "better", "never"]),
                "where models are learnt from messages: a new model takes the old one's place at once, if it is not worse on rows held out (docs/model-store.md), or, in a store, when models promote says so (default: always; in a store: better)",
            ),
            OptionSpec::new(
                "source_stage_class",
                Kind::Text,
                "how the training files are read (default: as the pipeline's own source reads)",
            ),
            OptionSpec::new(
                "architecture",
                Kind::Choice(&["peer", "compact"]),
                "peer: the network of the original pipeline; compact: a small one, trained longer, for a hundredth of the arithmetic (default: peer; with --scorer recommended of inf-ae: compact)",
            ),
            OptionSpec::new(
                "train_epochs",
                Kind::Integer { min: 1, max: 1_000_000 },
                "passes over the training rows (default: 25; compact: as many as make 200 steps, at least 4)",
            ),
            OptionSpec::new(
                "train_steps",
                Kind::Integer { min: 1, max: 100_000_000 },
                "as many whole epochs as make this many steps, in place of --train_epochs",
            ),
            OptionSpec::new("encoder_layers", Kind::Widths, "widths of the encoder's layers (default: 512,500; compact: 64,16)"),
            OptionSpec::new("decoder_layers", Kind::Widths, "widths of the decoder's layers (default: 512; compact: 64)"),
            OptionSpec::new(
                "activation",
                Kind::Choice(&[
                    "leaky_relu",
                    "relu",
                    "sigmoid",
                    "tanh",
                    "selu",
                    "hardtanh",
                    "relu6",
                    "elu",
                    "celu",
                    "rrelu",
                    "hardshrink",
                    "tanhshrink",
                    "softsign",
                ]),
                "activation after each layer (default: relu)",
            ),
            OptionSpec::new(
                "optimizer",
                Kind::Choice(&["sgd", "adam"]),
                "plain gradient descent, or Adam with betas 0.9 and 0.999 (default: sgd; compact: adam)",
            ),
            OptionSpec::new("learning_rate", Kind::Positive, "learning rate of the first epoch (default: 0.01; compact: 0.003)"),
            OptionSpec::new(
                "learning_rate_decay",
                Kind::Positive,
                "factor on the learning rate after each epoch (default: 0.99; compact: 1)",
            ),
            OptionSpec::new(
                "train_batch_size",
                Kind::Integer { min: 1, max: 1 << 20 },
                "rows a training step (default: a sixth of the user's rows, 32 to 512; compact: 128)",
            ),
            OptionSpec::new("swap_noise", Kind::Share, "share of cells drawn anew from their column as noise (default: 0.2)"),
            OptionSpec::new(
                "loss_scaler",
                Kind::Choice(&["STANDARD", "MODIFIED", "NONE"]),
                "how each feature's losses become z-losses: by mean and deviation, by medians, not at all (default: STANDARD)",
            ),
            OptionSpec::new("train_min_history", Kind::Integer { min: 1, max: MOST_ROWS }, "a user needs this many rows for a model (default: 2; with --model_store and --train_continuously 300)"),
            OptionSpec::new(
                "train_max_history",
                Kind::Integer { min: 1, max: MOST_ROWS },
                "train on a user's newest rows only (default: all rows of the training files; 1000 without files)",
            ),
            OptionSpec::new("seed", Kind::Integer { min: 0, max: i64::MAX }, "same seed, same bytes (default: drawn and shown)"),
            OptionSpec::new("sort_glob", Kind::Bool, "read files in sorted order")
                .noted("files are always read in sorted order"),
            OptionSpec::new("models_output_filename", Kind::Output, "write all models to this file, in place of an older one"),
        ],
    },
    StageEntry {
        name: "preprocess",
        aliases: &[],
        about: "encode the feature columns as the model's input",
        role: Role::Stage(&[Form::Assigned], Emits::Form(Form::Encoded)),
        options: &[],
    },
    StageEntry {
        name: "inf-pytorch",
        aliases: &["inf-ae"],
        about: "score rows with their user's model (no PyTorch is needed)",
        role: Role::Stage(&[Form::Encoded], Emits::Form(Form::Scored)),
        options: &[
            OptionSpec::new(
                "scorer",
                Kind::Choice(&["peer", "recommended"]),
                "peer: the network's loss, as in the original pipeline; recommended: also counts of values, all of it as one score with a probability and its reasons",
            )
            .default("peer"),
        ],
    },
    StageEntry {
        name: "add-scores",
        aliases: &[],
        about: "add the score columns",
        role: Role::Stage(&[Form::Scored], Emits::Same),
        options: &[
            OptionSpec::new("label", Kind::Text, "result columns to add (default: all of the labels)")
                .multiple()
                .variables(&["MORPHEUS_RUN_PIPELINE_AE_ADD_SCORES_LABELS"]),
            OptionSpec::new("prefix", Kind::Text, "put before the names of the columns").default(""),
            OptionSpec::new("probs_type", Kind::Text, "number type of the columns")
                .noted("scores are written as the shortest decimals that hold them"),
            OptionSpec::new(
                "details",
                Kind::Choice(&["none", "z_loss", "all"]),
                "z_loss: each feature's z-loss, max_abs_z and mean_abs_z; all: its prediction and loss too",
            )
            .default("none"),
            OptionSpec::new(
                "surprises",
                Kind::Bool,
                "with --scorer recommended: how surprising each feature's value is, in nats",
            )
            .default("false"),
            OptionSpec::new(
                "model_version",
                Kind::Bool,
                "add a column that says which model scored the row: its user, and a fingerprint of all that it has learnt",
            )
            .default("false"),
            OptionSpec::new(
                "reasons",
                Kind::Share,
                "with --scorer recommended: say in words why, for rows with a p-value of at most this",
            )
            .default("0.03"),
        ],
    },
    further::ALERT,
    further::ADD_CLASS,
    further::FILTER,
    further::VALIDATE,
    further::TRIGGER,
    further::BUFFER,
    further::DELAY,
    StageEntry {
        name: "timeseries",
        aliases: &[],
        about: "flag rows at times when a user is unusually active: ts_anomaly, ts_score, ts_expected",
        role: Role::Stage(&[Form::Scored], Emits::Same),
        options: &[
            OptionSpec::new("resolution", Kind::Duration, "events are counted by bins of this length, whole seconds")
                .default("1 h"),
            OptionSpec::new(
                "min_window",
                Kind::Duration,
                "how much of a user's time before and after a bin is looked at",
            )
            .default("12 h"),
            OptionSpec::new("hot_start", Kind::Bool, "test from a user's first event on, with --min_window of silence before it")
                .default("false"),
            OptionSpec::new("cold_end", Kind::Bool, "leave the last --min_window of the input untested")
                .default("false"),
            OptionSpec::new(
                "filter_percent",
                Kind::Number { min: 0.0, max: 100.0 },
                "waves below this percentile (0 to 100) of power are taken for noise",
            )
            .default("90"),
            OptionSpec::new(
                "zscore_threshold",
                Kind::Number { min: 0.0, max: f64::INFINITY },
                "flag bins whose error is this many standard deviations from the mean error",
            )
            .default("8"),
            OptionSpec::new(
                "lateness",
                Kind::Duration,
                "a user's rows may come this much later than newer ones",
            )
            .default("0s"),
            OptionSpec::new(
                "window_by",
                Kind::Choice(&["time", "message"]),
                "what is tested together: a quarter of --min_window of the calendar, or a message's rows, as the peer does (default: time; with --peer_bins message)",
            ),
            OptionSpec::new(
                "peer_bins",
                Kind::Bool,
                "count as the peer does: an empty bin before the window, the last two bins merged",
            )
            .default("false"),
            OptionSpec::new(
                "seasonality",
                Kind::Choice(&["none", "hour-of-week"]),
                "hour-of-week: instead of waves, learn how many events a user has in each hour of the week (UTC)",
            )
            .default("none"),
            OptionSpec::new(
                "pvalue_threshold",
                Kind::Share,
                "with --seasonality, flag hours in which the probability of as many events or more is at most this",
            )
            .default("0.0001"),
        ],
    },
    StageEntry {
        name: "monitor",
        aliases: &[],
        about: "show how many rows pass, and how fast",
        role: Role::Stage(ANY, Emits::Same),
        options: &[
            OptionSpec::new("description", Kind::Text, "what the line says").default("Progress"),
            OptionSpec::new(
                "smoothing",
                Kind::Share,
                "weight of the newest rate; 0: the average over the whole run",
            )
            .default("0.05"),
            OptionSpec::new("unit", Kind::Text, "what is counted").default("messages"),
            OptionSpec::new("delayed_start", Kind::Bool, "show nothing before the first message").default("false"),
            OptionSpec::new(
                "log_level",
                Kind::Choice(&["CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET"]),
                "weight of the line",
            )
            .noted("the line is always shown"),
        ],
    },
    StageEntry {
        name: "serialize",
        aliases: &[],
        about: "choose the columns to write",
        role: Role::Stage(SEVERAL_FORMS, Emits::Form(Form::Plain)),
        options: &[
            OptionSpec::new(
                "include",
                Kind::Text,
                "keep columns that one of these regular expressions matches at the start (default: all)",
            )
            .multiple(),
            OptionSpec::new(
                "exclude",
                Kind::Text,
                "then drop columns that one of these matches at the start (default: ^ID$ and ^_ts_)",
            )
            .multiple(),
            OptionSpec::new("fixed_columns", Kind::Bool, "give every message the columns of the first")
                .default("true"),
        ],
    },
    StageEntry {
        name: "to-file",
        aliases: &[],
        about: "write rows: CSV, JSON lines or Parquet",
        role: Role::Stage(&[Form::Plain, Form::UserRows], Emits::Same),
        options: &[
            OptionSpec::new("filename", Kind::Output, "the file to write").required(),
            OptionSpec::new("overwrite", Kind::Bool, "replace the file, once the run has succeeded").default("false"),
            OptionSpec::new(
                "file_type",
                Kind::Choice(&["auto", "json", "csv", "parquet"]),
                "auto: detected from the name (.csv, .json, .jsonlines, .jsonl, .parquet)",
            )
            .aliases(&["file-type"])
            .default("auto"),
            OptionSpec::new("include-index-col", Kind::Bool, "write the row number as first column")
                .aliases(&["include_index_col"])
                .default("true"),
            OptionSpec::new("flush", Kind::Bool, "hand every message to the disk at once").default("false"),
        ],
    },
    StageEntry {
        name: "to-report",
        aliases: &[],
        about: "write one page about the run: scores, alerts with their reasons, users, data quality",
        role: Role::Stage(&[Form::Plain], Emits::Same),
        options: &[
            OptionSpec::new("filename", Kind::Output, "the page to write (.html), once the run has succeeded").required(),
            OptionSpec::new("overwrite", Kind::Bool, "replace the file, once the run has succeeded").default("false"),
            PAGE_THRESHOLD,
            PAGE_ALERTS,
        ],
    },
];
