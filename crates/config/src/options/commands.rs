//! Options of the commands before the first stage, and of the tools.

use super::kind::{MOST_ROWS, MOST_THREADS};
use super::{
    ALERTS, BACKTEST, CommandSpec, DELIMITER, EVALUATE, EXPLAIN, Kind, MODELS_DIFF, MODELS_EXPORT,
    MODELS_LIST, MODELS_PROMOTE, MODELS_PRUNE, MODELS_ROLLBACK, MODELS_SHOW, MODELS_VERIFY, OTHER,
    OptionSpec, PLOT, REPORT, SCORE, TRAIN,
};
use dfp_features::sources::SOURCE_STAGES;
use dfp_report::diagram;
use dfp_storage::memory_limit::MemoryLimit;

const CHOICE_LEVEL: Kind =
    Kind::Choice(&["CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG"]);

/// `morpheus`
pub const GLOBAL: CommandSpec = CommandSpec {
    name: "morpheus",
    about: "digital fingerprinting: learn what every account normally does, and say what is unusual",
    options: &[
        OptionSpec::new(
            "log_level",
            CHOICE_LEVEL,
            "minimum severity to log",
        )
        .default("WARNING"),
        OptionSpec::new(
            "debug",
            Kind::Bool,
            "add a column with the time at which each stage let a row go, _ts_STAGE, milliseconds since 1970; serialize leaves them out unless --exclude says otherwise",
        )
        .default("false"),
        OptionSpec::new(
            "log_config_file",
            Kind::ExistingFile,
            "where messages go, in TOML (docs/command-line.md); a --log_level on the command line overrides its level",
        ),
        OptionSpec::new(
            "shared_files",
            Kind::Bool,
            "let the umask say who may read new state, histories, model files and stores; otherwise only their owner may",
        )
        .default("false"),
        OptionSpec::new("plugin", Kind::Text, "a Python module with further stages")
            .multiple()
            .refused("Python plug-ins cannot be loaded; every stage is built in"),
    ],
};

/// Of every command that reads logs.
pub(super) const MEMORY_LIMIT: OptionSpec = OptionSpec::new(
    "memory_limit",
    Kind::Bytes { min: MemoryLimit::LEAST },
    "memory for what is read, as unpacked: larger input is read in parts, and a file that cannot be cut is skipped, such as 2GB (default: half of the memory of the machine or container)",
);

/// `morpheus run`
pub const RUN: CommandSpec = CommandSpec {
    name: "run",
    about: "run a pipeline",
    options: &[
        OptionSpec::new(
            "num_threads",
            Kind::Integer { min: 1, max: MOST_THREADS },
            "workers of each stage that can have several (default: the number of CPUs)",
        ),
        OptionSpec::new(
            "compute_threads",
            Kind::Integer { min: 1, max: MOST_THREADS },
            "threads for training and scoring; results do not depend on it (default: the number of CPUs)",
        ),
        MEMORY_LIMIT,
        OptionSpec::new(
            "pipeline_batch_size",
            Kind::Integer { min: 1, max: MOST_ROWS },
            "rows a message after train-ae",
        )
        .default("256"),
        OptionSpec::new(
            "model_max_batch_size",
            Kind::Integer { min: 1, max: MOST_ROWS },
            "rows a call of the model",
        )
        .noted("a message is scored in one pass, and scores do not depend on how rows are cut"),
        OptionSpec::new(
            "edge_buffer_size",
            Kind::Integer { min: 2, max: 1 << 16 },
            "messages waiting between two stages",
        )
        .default("128"),
        OptionSpec::new("use_cpp", Kind::Bool, "native nodes")
            .noted("there is one implementation, and it is native"),
        OptionSpec::new(
            "manual_seed",
            Kind::Integer { min: 0, max: i64::MAX },
            "global random seed; overridden by train-ae --seed",
        )
        .variables(&["MORPHEUS_MANUAL_SEED"]),
        OptionSpec::new(
            "plan",
            Kind::ExistingFile,
            "run the plan in this file (.toml, .json); options of run on the command line override those of the plan",
        ),
        OptionSpec::new(
            "save_plan",
            Kind::Output,
            "write what was typed as a plan (.toml, .json), then run it; replaces the file",
        ),
        OptionSpec::new(
            "strict",
            Kind::Bool,
            "fail when any row, file or user had to be skipped, instead of counting it",
        )
        .default("false"),
    ],
};

/// `morpheus run pipeline-ae`
pub const AUTOENCODER: CommandSpec = CommandSpec {
    name: "pipeline-ae",
    about: "an autoencoder for each user",
    options: &[
        OptionSpec::new(
            "columns_file",
            Kind::Input,
            "feature columns: a file with one name a line, or a built-in list: cloudtrail, azure, duo, okta (default: the source's list)",
        ),
        OptionSpec::new(
            "features",
            Kind::Input,
            "a feature file: users, times, derived columns and features with their kinds; or a built-in one: cloudtrail, azure, duo, okta (default: the source's; docs/features.md)",
        ),
        OptionSpec::new(
            "labels_file",
            Kind::ExistingFile,
            "names of the result columns, one a line: the score, then its z-score",
        ),
        OptionSpec::new(
            "userid_column_name",
            Kind::Text,
            "the column with the user; with from-cloudtrail also actor: who acted, whatever the type of identity (default: the source's: userIdentityaccountId, userPrincipalName, username, actoralternateId)",
        ),
        OptionSpec::new("userid_filter", Kind::Text, "only this user"),
        OptionSpec::new(
            "feature_scaler",
            Kind::Choice(&[
                "STANDARD",
                "GAUSS_RANK",
                "GAUSSRANK",
                "GAUSS_RANK_REFERENCE",
                "MODIFIED",
                "NONE",
            ]),
            "how numeric features are scaled (default: STANDARD; compact: GAUSS_RANK; GAUSS_RANK_REFERENCE scores all numbers beyond those learnt alike, as NVIDIA Morpheus does)",
        ),
        OptionSpec::new(
            "use_generic_model",
            Kind::Bool,
            "also train a model on the rows of all users, for users without one of their own",
        )
        .default("false"),
        OptionSpec::new(
            "timestamp_column_name",
            Kind::Text,
            "the column by which from-file puts rows in order (default: timestamp); with --features in place of the file's; the other sources know theirs",
        ),
        VIZ_FILE,
        VIZ_DIRECTION,
    ],
};

/// A command that takes words besides its options.
#[derive(Debug)]
pub struct WithWords {
    /// What leads to it, as it would be typed.
    pub line: &'static str,
    /// What its words are, for its help; empty if it takes none after all.
    pub words: &'static str,
    /// The command.
    pub spec: &'static CommandSpec,
}

const fn with_words(
    line: &'static str,
    words: &'static str,
    spec: &'static CommandSpec,
) -> WithWords {
    WithWords { line, words, spec }
}

/// The commands over stores of models, over what runs have written, and the one that makes such results
/// for itself.
pub const WITH_WORDS: [WithWords; 16] = [
    with_words("morpheus train", "", &TRAIN),
    with_words("morpheus score", "", &SCORE),
    with_words("morpheus alerts", "OUTPUT...", &ALERTS),
    with_words("morpheus explain", "OUTPUT...", &EXPLAIN),
    with_words("morpheus report", "OUTPUT...", &REPORT),
    with_words("morpheus plot", "OUTPUT...", &PLOT),
    with_words("morpheus evaluate", "OUTPUT...", &EVALUATE),
    with_words("morpheus backtest", "", &BACKTEST),
    with_words("morpheus models list", "[USER...]", &MODELS_LIST),
    with_words("morpheus models show", "USER", &MODELS_SHOW),
    with_words("morpheus models diff", "USER VERSION [VERSION]", &MODELS_DIFF),
    with_words("morpheus models promote", "USER", &MODELS_PROMOTE),
    with_words("morpheus models rollback", "USER", &MODELS_ROLLBACK),
    with_words("morpheus models export", "USER", &MODELS_EXPORT),
    with_words("morpheus models verify", "[USER...]", &MODELS_VERIFY),
    with_words("morpheus models prune", "[USER...]", &MODELS_PRUNE),
];

/// Every command with the words that lead to it, as they would be typed.
pub const COMMANDS: [(&[&str], &CommandSpec); 29] = [
    (&[], &GLOBAL),
    (&["run"], &RUN),
    (&["run", "pipeline-ae"], &AUTOENCODER),
    (&["run", "pipeline-other"], &OTHER),
    (&["train"], &TRAIN),
    (&["score"], &SCORE),
    (&["models", "list"], &MODELS_LIST),
    (&["models", "show"], &MODELS_SHOW),
    (&["models", "diff"], &MODELS_DIFF),
    (&["models", "promote"], &MODELS_PROMOTE),
    (&["models", "rollback"], &MODELS_ROLLBACK),
    (&["models", "export"], &MODELS_EXPORT),
    (&["models", "verify"], &MODELS_VERIFY),
    (&["models", "prune"], &MODELS_PRUNE),
    (&["alerts"], &ALERTS),
    (&["explain"], &EXPLAIN),
    (&["evaluate"], &EVALUATE),
    (&["backtest"], &BACKTEST),
    (&["report"], &REPORT),
    (&["plot"], &PLOT),
    (&["plan", "check"], &PLAN_CHECK),
    (&["tools", "generate"], &GENERATE),
    (&["tools", "features"], &FEATURES),
    (&["tools", "bench"], &BENCH),
    (&["tools", "doctor"], &DOCTOR),
    (&["tools", "autocomplete", "show"], &AUTOCOMPLETE_SHOW),
    (&["tools", "autocomplete", "install"], &AUTOCOMPLETE_INSTALL),
    (&["tools", "man"], &MAN),
    (&["tools", "options"], &OPTIONS),
];

pub(super) const VIZ_FILE: OptionSpec = OptionSpec::new(
    "viz_file",
    Kind::Output,
    "draw the pipeline after the run, each stage with its rows and rate: .svg, .png, .dot or .gv; replaces the file",
);
pub(super) const VIZ_DIRECTION: OptionSpec = OptionSpec::new(
    "viz_direction",
    Kind::Choice(&diagram::VIZ_DIRECTIONS),
    "where the arrows of the drawing go: bottom to top, left to right, right to left, top to bottom",
)
.default("LR");

const SHELL: OptionSpec = OptionSpec::new(
    "shell",
    Kind::Choice(&["bash", "zsh", "fish", "powershell"]),
    "the shell (default: the one that $SHELL names, else bash)",
);

/// `morpheus plan check`
pub const PLAN_CHECK: CommandSpec = CommandSpec {
    name: "check",
    about: "hold the plan in a file, the word after it, against the table of options and the data's columns, without running it",
    options: &[],
};

/// `morpheus tools doctor`
pub const DOCTOR: CommandSpec = CommandSpec {
    name: "doctor",
    about: "say what a run would do: the line after it, beginning with run, or a plan; exit code 0 if it would start",
    options: &[OptionSpec::new("plan", Kind::ExistingFile, "the plan of the run (.toml, .json)")],
};

/// `morpheus tools autocomplete show`
pub const AUTOCOMPLETE_SHOW: CommandSpec = CommandSpec {
    name: "show",
    about: "print the completion script of a shell",
    options: &[SHELL],
};

/// `morpheus tools autocomplete install`
pub const AUTOCOMPLETE_INSTALL: CommandSpec = CommandSpec {
    name: "install",
    about: "put the completion script into the file that a shell reads",
    options: &[
        SHELL,
        OptionSpec::new("path", Kind::Path, "the file (default: the shell's own)"),
        OptionSpec::new("append", Kind::Bool, "keep a block that is there, and add another")
            .default("false"),
        OptionSpec::new(
            "overwrite",
            Kind::Bool,
            "replace the block that is there, and keep the rest of the file",
        )
        .default("true"),
    ],
};

/// `morpheus tools man`
pub const MAN: CommandSpec = CommandSpec {
    name: "man",
    about: "print the manual page of all commands and stages, or write one page each",
    options: &[OptionSpec::new("directory", Kind::Path, "write the pages into this directory")],
};

/// `morpheus tools options`
pub const OPTIONS: CommandSpec = CommandSpec {
    name: "options",
    about: "print every command, stage and option",
    options: &[OptionSpec::new("markdown", Kind::Bool, "as the tables of docs/options.md")
        .default("false")],
};

/// `morpheus tools generate`
pub const GENERATE: CommandSpec = CommandSpec {
    name: "generate",
    about: "make synthetic logs with account takeovers whose truth is known",
    options: &[
        OptionSpec::new(
            "source",
            Kind::Choice(&["cloudtrail", "azure", "duo", "okta"]),
            "whose logs; all but cloudtrail are of sign-ins",
        )
        .default("cloudtrail"),
        OptionSpec::new(
            "output_dir",
            Kind::Path,
            "directory for training/, validation/ and labels.csv",
        )
        .required(),
        OptionSpec::new("users", Kind::Integer { min: 1, max: 1_000_000 }, "number of users").default("1"),
        OptionSpec::new(
            "days",
            Kind::Integer { min: 2, max: 36_525 },
            "days of history and new activity together",
        )
        .default("90"),
        OptionSpec::new("training_rows", Kind::Integer { min: 1, max: MOST_ROWS }, "rows of history a user")
            .default("3200"),
        OptionSpec::new("new_rows", Kind::Integer { min: 1, max: MOST_ROWS }, "rows of new activity a user")
            .default("850"),
        OptionSpec::new("takeovers", Kind::Integer { min: 0, max: 1_000_000 }, "users whose account is taken over")
            .default("1"),
        OptionSpec::new("takeover_rows", Kind::Integer { min: 1, max: 1_000_000 }, "rows of each takeover")
            .default("6"),
        OptionSpec::new(
            "takeover_kinds",
            Kind::Choice(&[
                "privilege_escalation",
                "data_exfiltration",
                "defense_evasion",
                "new_country_and_device",
                "failures_then_success",
                "unusual_hours",
                "privilege_actions",
                "slow_drip",
            ]),
            "what takeovers there are (default: for cloudtrail the first three, for the others the last five; cloudtrail also takes failures_then_success, unusual_hours and slow_drip)",
        )
        .multiple(),
        OptionSpec::new("start", Kind::Text, "first day of the history, YYYY-MM-DD")
            .default("2024-01-01"),
        OptionSpec::new("seed", Kind::Integer { min: 0, max: i64::MAX }, "same seed, same bytes").default("42"),
        OptionSpec::new(
            "format",
            Kind::Choice(&["csv", "json"]),
            "for cloudtrail flat CSV (the default) or {\"Records\": ...}; the other logs are json",
        ),
        OptionSpec::new("overwrite", Kind::Bool, "write into a directory that has files in it")
            .default("false"),
    ],
};

/// `morpheus tools features`
pub const FEATURES: CommandSpec = CommandSpec {
    name: "features",
    about: "print a built-in feature file, or show what a feature file makes of logs",
    options: &[
        OptionSpec::new(
            "check",
            Kind::Input,
            "the feature file, or the name of a built-in one; LOGS: log files to read",
        ),
        OptionSpec::new(
            "source",
            Kind::Choice(&SOURCE_STAGES),
            "how the logs are read (default: as the file says)",
        ),
        DELIMITER,
    ],
};

/// `morpheus tools bench`
pub const BENCH: CommandSpec = CommandSpec {
    name: "bench",
    about: "measure how fast this machine trains, scores and reads",
    options: &[
        OptionSpec::new(
            "rounds",
            Kind::Integer { min: 1, max: 1_000 },
            "times that everything is measured; the figures are medians",
        )
        .default("5"),
        OptionSpec::new(
            "compute_threads",
            Kind::Integer { min: 1, max: MOST_THREADS },
            "threads to measure besides a single one (default: the number of CPUs)",
        ),
    ],
};
