//! Options of the commands that say how well scores find what they should.

use super::commands::MEMORY_LIMIT;
use super::kind::MOST_THREADS;
use super::{CommandSpec, DELIMITER, Kind, OptionSpec};

const ALERTS_PER_DAY: OptionSpec = OptionSpec::new(
    "alerts_per_day",
    Kind::Positive,
    "a budget of alerts whose yield is shown (default: 1, 3, 10, 30)",
)
.multiple();
const BUDGET_OF: OptionSpec = OptionSpec::new(
    "budget_of",
    Kind::Choice(&["all", "each"]),
    "whose the alerts of a day are: those of all users together, or of each",
)
.default("all");
const JSON: OptionSpec =
    OptionSpec::new("json", Kind::Output, "also write everything as JSON; replaces the file");

/// `morpheus evaluate`
pub const EVALUATE: CommandSpec = CommandSpec {
    name: "evaluate",
    about: "say how well the scores in outputs, the words of the line, find labelled rows",
    options: &[
        OptionSpec::new(
            "labels",
            Kind::ExistingFile,
            "a CSV file with a row for each event that is to be found, as tools generate writes",
        )
        .required(),
        OptionSpec::new(
            "event_column",
            Kind::Text,
            "the column of the outputs that names events (default: the first of eventID, id, txid, uuid that is there); the labels have it under the same name or as eventID",
        ),
        OptionSpec::new(
            "label_column",
            Kind::Text,
            "the column of the labels that says what kind of row it is",
        )
        .default("label"),
        OptionSpec::new(
            "score_column",
            Kind::Text,
            "the column by which rows are ranked, the highest first; of p_value the lowest (default: score, else ae_anomaly_score)",
        ),
        OptionSpec::new(
            "userid_column_name",
            Kind::Text,
            "the column with the user (default: that of the source that the outputs look like)",
        ),
        OptionSpec::new(
            "timestamp_column_name",
            Kind::Text,
            "the column of event times, by which days are counted (default: that of the source, else timestamp)",
        ),
        ALERTS_PER_DAY,
        BUDGET_OF,
        OptionSpec::new(
            "seed",
            Kind::Integer { min: 0, max: i64::MAX },
            "draws the resamples of the intervals",
        )
        .default("42"),
        JSON,
    ],
};

/// `morpheus backtest`
pub const BACKTEST: CommandSpec = CommandSpec {
    name: "backtest",
    about: "train on the past of logs, put takeovers into what came after, and say how well they are found",
    options: &[
        OptionSpec::new(
            "source",
            Kind::Choice(&["cloudtrail", "azure", "duo", "okta", "file"]),
            "whose logs; file: any table",
        )
        .default("cloudtrail"),
        OptionSpec::new(
            "input",
            Kind::Input,
            "files to read, a directory or a pattern; ** matches any number of directories",
        )
        .multiple()
        .required(),
        DELIMITER,
        OptionSpec::new(
            "features",
            Kind::Input,
            "a feature file, or a built-in one (default: the source's; docs/features.md)",
        ),
        OptionSpec::new(
            "columns_file",
            Kind::Input,
            "feature columns: a file with one name a line, or a built-in list",
        ),
        OptionSpec::new(
            "userid_column_name",
            Kind::Text,
            "the column with the user (default: the source's)",
        ),
        OptionSpec::new("userid_filter", Kind::Text, "only this user"),
        OptionSpec::new(
            "timestamp_column_name",
            Kind::Text,
            "the column of event times of a table (default: timestamp)",
        ),
        OptionSpec::new(
            "scorer",
            Kind::Choice(&["recommended", "peer"]),
            "what rows are scored with, as in inf-ae",
        )
        .default("recommended"),
        OptionSpec::new(
            "folds",
            Kind::Integer { min: 1, max: 1_000 },
            "into how many parts the newer half of each history is cut; each is scored by a model of all rows before it",
        )
        .default("3"),
        OptionSpec::new(
            "kinds",
            Kind::Choice(&["masquerade", "novel_actions", "unusual_hours", "repeated", "control"]),
            "what is put in (default: all but control, which is rows of the user's own, and cannot be found)",
        )
        .multiple(),
        OptionSpec::new(
            "takeovers_per_user",
            Kind::Integer { min: 1, max: 10_000 },
            "takeovers in each part of a user's rows (default: one of each kind)",
        ),
        OptionSpec::new(
            "takeover_rows",
            Kind::Integer { min: 1, max: 1_000_000 },
            "rows of each; takeovers take at most a quarter of a part",
        )
        .default("6"),
        ALERTS_PER_DAY,
        BUDGET_OF,
        OptionSpec::new("seed", Kind::Integer { min: 0, max: i64::MAX }, "same seed, same bytes").default("42"),
        OptionSpec::new(
            "compute_threads",
            Kind::Integer { min: 1, max: MOST_THREADS },
            "threads for training and scoring; results do not depend on it (default: the number of CPUs)",
        ),
        MEMORY_LIMIT,
        JSON,
    ],
};
