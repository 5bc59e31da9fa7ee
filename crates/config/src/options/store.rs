//! Options of the commands over a store of models, and of the stage that reads and writes one.

use super::commands::MEMORY_LIMIT;
use super::kind::{MOST_MEGABYTES, MOST_ROWS, MOST_THREADS};
use super::{CommandSpec, DELIMITER, Kind, OptionSpec};
use dfp_registry::GENERIC;

const STORE: OptionSpec =
    OptionSpec::new("store", Kind::Folder, "where the models are: a folder, s3://BUCKET/PREFIX, gs://, az://, mlflow+http://HOST:PORT/NAME (docs/model-store.md)")
        .required();
const JSON: OptionSpec =
    OptionSpec::new("json", Kind::Output, "also write everything as JSON; replaces the file");
const VERSION: OptionSpec = OptionSpec::new(
    "version",
    Kind::Integer { min: 1, max: i64::MAX },
    "the version (default: the live one, else the newest)",
);
const SOURCE: OptionSpec = OptionSpec::new(
    "source",
    Kind::Choice(&["cloudtrail", "azure", "duo", "okta", "file"]),
    "whose logs; file: any table",
)
.default("cloudtrail");
const INPUT: OptionSpec = OptionSpec::new(
    "input",
    Kind::Input,
    "files to read, a directory or a pattern; ** matches any number of directories",
)
.multiple()
.required();
const FEATURES: OptionSpec = OptionSpec::new(
    "features",
    Kind::Input,
    "a feature file, or a built-in one (default: the source's; docs/features.md)",
);
const COLUMNS_FILE: OptionSpec = OptionSpec::new(
    "columns_file",
    Kind::Input,
    "feature columns: a file with one name a line, or a built-in list",
);
const USER_COLUMN: OptionSpec = OptionSpec::new(
    "userid_column_name",
    Kind::Text,
    "the column with the user (default: the source's)",
);
const TIME_COLUMN: OptionSpec = OptionSpec::new(
    "timestamp_column_name",
    Kind::Text,
    "the column of event times of a table (default: timestamp)",
);
const THREADS: OptionSpec = OptionSpec::new(
    "compute_threads",
    Kind::Integer { min: 1, max: MOST_THREADS },
    "threads for training and scoring; results do not depend on it (default: the number of CPUs)",
);
const STRICT: OptionSpec = OptionSpec::new(
    "strict",
    Kind::Bool,
    "fail when any row or file had to be skipped, instead of counting it",
)
.default("false");
const SCORER: OptionSpec = OptionSpec::new(
    "scorer",
    Kind::Choice(&["recommended", "peer"]),
    "what rows are scored with, as in inf-ae",
)
.default("recommended");

/// Of the look-up of models in a store.
pub const CACHE: OptionSpec = OptionSpec::new(
    "model_cache",
    Kind::Integer { min: 1, max: MOST_MEGABYTES },
    "megabytes of models from the store that stay in memory",
)
.default("512");
/// Of every place that keeps something from run to run.
const REBUILD: OptionSpec = OptionSpec::new(
    "rebuild_state",
    Kind::Bool,
    "if what is kept from run to run is damaged, move it aside and continue from its backup copy",
)
.default("false");
/// Of every place that opens model files.
pub const FILE_LIMIT: OptionSpec = OptionSpec::new(
    "model_file_limit",
    Kind::Integer { min: 1, max: MOST_MEGABYTES },
    "larger model files are refused, megabytes; memory for one is in proportion to its size",
)
.default("8192");
/// Of every place that trains or reads everyone's model.
pub const GENERIC_USER: OptionSpec = OptionSpec::new(
    "generic_user",
    Kind::Text,
    "the name of everyone's model, which scores users without one of their own; no user may have it",
)
.default(GENERIC);
/// Of the look-up of models in a store.
pub const REFRESH: OptionSpec = OptionSpec::new(
    "model_refresh",
    Kind::Duration,
    "after this time it is looked up again which version is live; the signal USR1 asks for it at once",
)
.default("60s");

/// `morpheus train`
pub const TRAIN: CommandSpec = CommandSpec {
    name: "train",
    about: "train every user with enough history, and put the models into a store as new versions",
    options: &[
        SOURCE,
        INPUT,
        DELIMITER,
        STORE,
        FEATURES,
        COLUMNS_FILE,
        USER_COLUMN,
        TIME_COLUMN,
        OptionSpec::new(
            "train_users",
            Kind::Choice(&["all", "generic", "individual", "none"]),
            "everyone's model and each user's, one of the two, or none: only list the users due for training (default: all; with --only_user individual)",
        ),
        OptionSpec::new("only_user", Kind::Text, "only this user").multiple(),
        OptionSpec::new("skip_user", Kind::Text, "not this user, neither alone nor as one of everyone").multiple(),
        OptionSpec::new(
            "min_history",
            Kind::Integer { min: 1, max: MOST_ROWS },
            "users with fewer rows get no model of their own",
        )
        .default("300"),
        OptionSpec::new(
            "min_increment",
            Kind::Integer { min: 0, max: MOST_ROWS },
            "a user who has a version gets another when there are so many rows newer than it (default: when its rows or settings are others)",
        ),
        OptionSpec::new(
            "retrain_every",
            Kind::Duration,
            "a user who has a version gets another when the newest row is so much later than the version's; with --min_increment either is enough",
        ),
        OptionSpec::new(
            "max_history",
            Kind::Text,
            "what is learnt of a longer history: so many of the newest rows, or the rows of so much time, such as 60d",
        )
        .default("60d"),
        OptionSpec::new(
            "generic_rows",
            Kind::Integer { min: 1, max: MOST_ROWS },
            "everyone's model learns at most so many rows, the newest of each user, as many of each",
        )
        .default("100000"),
        GENERIC_USER,
        OptionSpec::new(
            "history_dir",
            Kind::Folder,
            "keep each user's rows there from run to run: files that were learnt once are not read again",
        ),
        REBUILD,
        OptionSpec::new(
            "promote",
            Kind::Choice(&["always", "better", "never"]),
            "when a new version becomes live: at once, if it is not worse than the live one on rows held out (docs/model-store.md), or when models promote says so; a user's first version becomes live but with never",
        )
        .default("better"),
        OptionSpec::new(
            "held_out",
            Kind::Share,
            "the share of a history, its newest rows, on which a new version is held against the live one; 20 rows at least, if 20 are left to learn",
        )
        .default("0.2"),
        SCORER,
        OptionSpec::new("seed", Kind::Integer { min: 0, max: i64::MAX }, "same seed, same bytes").default("42"),
        FILE_LIMIT,
        THREADS,
        MEMORY_LIMIT,
        STRICT,
        JSON,
    ],
};

/// `morpheus score`
pub const SCORE: CommandSpec = CommandSpec {
    name: "score",
    about: "score logs with the live models of a store; users without one get that of all users",
    options: &[
        SOURCE,
        INPUT,
        DELIMITER,
        STORE,
        OptionSpec::new(
            "output",
            Kind::Output,
            "the file to write: .csv, .json, .jsonlines, .jsonl, .parquet",
        )
        .required(),
        OptionSpec::new("overwrite", Kind::Bool, "replace the file").default("false"),
        FEATURES,
        COLUMNS_FILE,
        USER_COLUMN,
        TIME_COLUMN,
        OptionSpec::new("userid_filter", Kind::Text, "only this user"),
        SCORER,
        GENERIC_USER,
        CACHE,
        REFRESH,
        FILE_LIMIT,
        OptionSpec::new(
            "state_dir",
            Kind::Folder,
            "remember there what has been scored; a run with the same folder scores only what is new",
        ),
        REBUILD,
        OptionSpec::new(
            "drop_duplicates",
            Kind::Bool,
            "leave out rows whose event id is that of an earlier row; without it they are counted",
        )
        .default("false"),
        OptionSpec::new(
            "watch_directory",
            Kind::Bool,
            "score files as they come, until the program is stopped",
        )
        .default("false"),
        THREADS,
        MEMORY_LIMIT,
        STRICT,
    ],
};

/// `morpheus models list`
pub const MODELS_LIST: CommandSpec = CommandSpec {
    name: "list",
    about: "every user's versions: which is live, when its rows happened, how many there are",
    options: &[
        STORE,
        OptionSpec::new("all", Kind::Bool, "all versions, not only the live one").default("false"),
        JSON,
    ],
};

/// `morpheus models show`
pub const MODELS_SHOW: CommandSpec = CommandSpec {
    name: "show",
    about: "what a user's model considers normal: its features and their usual values, how it was trained, its loss curve",
    options: &[STORE, VERSION, FILE_LIMIT, JSON],
};

/// `morpheus models diff`
pub const MODELS_DIFF: CommandSpec = CommandSpec {
    name: "diff",
    about: "what differs between two versions of a user's model; the words are the user and one or two numbers (default: the live one)",
    options: &[STORE, FILE_LIMIT, JSON],
};

/// `morpheus models promote`
pub const MODELS_PROMOTE: CommandSpec = CommandSpec {
    name: "promote",
    about: "make a version of a user's model the live one (default: the newest)",
    options: &[STORE, VERSION, FILE_LIMIT],
};

/// `morpheus models rollback`
pub const MODELS_ROLLBACK: CommandSpec = CommandSpec {
    name: "rollback",
    about: "make the version live again that was before the present one, which is retired",
    options: &[STORE, FILE_LIMIT],
};

/// `morpheus models export`
pub const MODELS_EXPORT: CommandSpec = CommandSpec {
    name: "export",
    about: "write a version of a user's model for other tools",
    options: &[
        STORE,
        VERSION,
        OptionSpec::new(
            "model",
            Kind::Output,
            "as a model file, which --pretrained_filename reads",
        ),
        OptionSpec::new(
            "onnx",
            Kind::Output,
            "the network and its score as an ONNX graph; the tables of categories go beside it as JSON",
        ),
        OptionSpec::new("npz", Kind::Output, "the weights for NumPy"),
        OptionSpec::new("safetensors", Kind::Output, "the weights as plain safetensors"),
        OptionSpec::new("overwrite", Kind::Bool, "replace files").default("false"),
        FILE_LIMIT,
    ],
};

/// `morpheus models verify`
pub const MODELS_VERIFY: CommandSpec = CommandSpec {
    name: "verify",
    about: "read every version of every user, or of those that are named, and say which are damaged",
    options: &[STORE, FILE_LIMIT],
};

/// `morpheus models prune`
pub const MODELS_PRUNE: CommandSpec = CommandSpec {
    name: "prune",
    about: "remove old versions of every user, or of those that are named; what is live, what a rollback would go to, and what other versions lean on always stays",
    options: &[
        STORE,
        OptionSpec::new(
            "keep",
            Kind::Integer { min: 0, max: MOST_ROWS },
            "so many of the newest versions stay",
        ),
        OptionSpec::new(
            "older_than",
            Kind::Duration,
            "versions that were put there less than so long ago stay; with --keep, only what neither keeps goes",
        ),
        OptionSpec::new("dry_run", Kind::Bool, "only say what would go").default("false"),
    ],
};
