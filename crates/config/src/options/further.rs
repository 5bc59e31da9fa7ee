//! The entries of stages that choose, mark, compare and gather rows.

use super::kind::MOST_ROWS;
use super::{ANY, Emits, Form, Kind, OptionSpec, Role, StageEntry};

const NUMBER: Kind = Kind::ANY_NUMBER;

/// `filter`
pub const FILTER: StageEntry = StageEntry {
    name: "filter",
    aliases: &[],
    about: "keep rows whose score, or another column, is above a threshold",
    role: Role::Stage(&[Form::Scored, Form::Messages], Emits::Same),
    options: &[
        OptionSpec::new(
            "threshold",
            NUMBER,
            "keep rows with a value above it; one that is equal, missing or not a number is not above",
        )
        .default("0.5"),
        OptionSpec::new(
            "filter_source",
            Kind::Choice(&["auto", "tensor", "dataframe"]),
            "tensor: any of the results (--labels_file of pipeline-ae); dataframe: the column --field_name; auto: the results, if there are any and --field_name is not given",
        )
        .default("auto"),
        OptionSpec::new(
            "field_name",
            Kind::Text,
            "the column to look at, for --filter_source dataframe (default: probs)",
        ),
        OptionSpec::new(
            "copy",
            Kind::Bool,
            "true: what is kept of a message stays one message; false: each run of rows that follow one another is a message of its own, and nothing is copied",
        )
        .default("true"),
    ],
};

/// How alerts are chosen, by `alert` and by `morpheus alerts`.
pub const ALERT_OPTIONS: [OptionSpec; 5] = [
    OptionSpec::new(
        "p_value",
        Kind::Share,
        "alerts are rows with a p-value of at most this (default: 0.01)",
    ),
    OptionSpec::new(
        "alerts_per_day",
        Kind::Integer { min: 1, max: 1_000_000 },
        "alerts are the most unusual rows of each day (UTC), this many",
    ),
    OptionSpec::new(
        "budget_of",
        Kind::Choice(&["all", "each"]),
        "--alerts_per_day is the budget of all users together, or of each",
    )
    .default("all"),
    OptionSpec::new(
        "fdr",
        Kind::Share,
        "as many alerts of a batch as keep the expected share of false ones at most this",
    ),
    OptionSpec::new("suppress", Kind::ExistingFile, "suppression rules, in TOML (docs/alerts.md)"),
];

/// `alert`
pub const ALERT: StageEntry = StageEntry {
    name: "alert",
    aliases: &[],
    about: "say which rows are alerts: by a p-value, a budget a day, or the share of false ones",
    role: Role::Stage(&[Form::Scored], Emits::Same),
    options: &[
        ALERT_OPTIONS[0],
        ALERT_OPTIONS[1],
        ALERT_OPTIONS[2],
        ALERT_OPTIONS[3],
        ALERT_OPTIONS[4],
        OptionSpec::new("only", Kind::Bool, "hand on alerts alone").default("false"),
    ],
};

/// `add-class`
pub const ADD_CLASS: StageEntry = StageEntry {
    name: "add-class",
    aliases: &[],
    about: "add columns that say whether a score is above a threshold",
    role: Role::Stage(&[Form::Scored], Emits::Same),
    options: &[
        OptionSpec::new(
            "threshold",
            NUMBER,
            "True above it, False otherwise, empty without a score",
        )
        .default("0.5"),
        OptionSpec::new("label", Kind::Text, "results to look at (default: all of the labels)")
            .multiple()
            .variables(&["MORPHEUS_RUN_PIPELINE_AE_ADD_CLASS_LABELS"]),
        OptionSpec::new("prefix", Kind::Text, "put before the names of the columns").default(""),
        OptionSpec::new("probs_type", Kind::Text, "number type of the columns")
            .noted("the columns are True, False or empty"),
    ],
};

/// `validate`
pub const VALIDATE: StageEntry = StageEntry {
    name: "validate",
    aliases: &[],
    about: "compare rows with those of a file, and pass them on",
    role: Role::Stage(
        &[Form::Assigned, Form::Encoded, Form::Scored, Form::Messages],
        Emits::Same,
    ),
    options: &[
        OptionSpec::new(
            "val_file_name",
            Kind::ExistingFile,
            "the rows that are expected: CSV, JSON, Parquet",
        )
        .required(),
        OptionSpec::new(
            "results_file_name",
            Kind::Output,
            "write there, as JSON, how many rows and which columns match (default: the summary alone says it)",
        ),
        OptionSpec::new("overwrite", Kind::Bool, "replace the results file, once the run has succeeded")
            .default("false"),
        OptionSpec::new(
            "include",
            Kind::Text,
            "compare columns that one of these regular expressions matches at the start (default: all)",
        )
        .multiple(),
        OptionSpec::new(
            "exclude",
            Kind::Text,
            "but not those that one of these matches at the start (default: ^ID$ and ^_ts_)",
        )
        .multiple(),
        OptionSpec::new(
            "index_col",
            Kind::Text,
            "rows with the same value in this column are compared, _index_ for the row number in the log (default: the row number of the first, unnamed column, else the place in the file)",
        ),
        OptionSpec::new(
            "abs_tol",
            Kind::Number { min: 0.0, max: f64::INFINITY },
            "numbers match that differ by no more than this + --rel_tol x the result",
        )
        .default("0.001"),
        OptionSpec::new("rel_tol", Kind::Number { min: 0.0, max: f64::INFINITY }, "see --abs_tol").default("0.005"),
        OptionSpec::new(
            "fail_on_mismatch",
            Kind::Bool,
            "end with exit code 1 if a row or column does not match; the outputs are kept",
        )
        .default("false"),
    ],
};

/// `dropna`
pub const DROPNA: StageEntry = StageEntry {
    name: "dropna",
    aliases: &[],
    about: "leave out rows without a value in a column",
    role: Role::Stage(
        &[Form::UserRows, Form::Messages, Form::Assigned, Form::Scored, Form::Plain],
        Emits::Same,
    ),
    options: &[OptionSpec::new("column", Kind::Text, "the column").required()],
};

/// `deserialize`
pub const DESERIALIZE: StageEntry = StageEntry {
    name: "deserialize",
    aliases: &[],
    about: "cut rows into messages of --pipeline_batch_size",
    role: Role::Stage(&[Form::UserRows], Emits::Form(Form::Messages)),
    options: &[],
};

/// `trigger`
pub const TRIGGER: StageEntry = StageEntry {
    name: "trigger",
    aliases: &[],
    about: "hold everything until the input has ended, then pass it on",
    role: Role::Stage(ANY, Emits::Same),
    options: &[],
};

/// `buffer`
pub const BUFFER: StageEntry = StageEntry {
    name: "buffer",
    aliases: &[],
    about: "deprecated, without effect, as in the original",
    role: Role::Idle("messages wait between any two stages: --edge_buffer_size of run"),
    options: &[OptionSpec::new(
        "count",
        Kind::Integer { min: 1, max: MOST_ROWS },
        "messages to hold",
    )
    .default("1000")
    .noted("the stage has none")],
};

/// `delay`
pub const DELAY: StageEntry = StageEntry {
    name: "delay",
    aliases: &[],
    about: "deprecated, without effect, as in the original",
    role: Role::Idle("nothing is held back"),
    options: &[OptionSpec::new("duration", Kind::Duration, "how long to hold messages")
        .noted("the stage has none")],
};
