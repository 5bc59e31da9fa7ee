//! The commands that read what runs have written.

use super::further::ALERT_OPTIONS;
use super::store::{FILE_LIMIT, GENERIC_USER};
use super::{CommandSpec, Kind, OptionSpec};

/// Which columns of outputs mean what.
const USER: OptionSpec = OptionSpec::new(
    "userid_column_name",
    Kind::Text,
    "the column with the user, as in the run (default: the one that a source is known for)",
);
const TIME: OptionSpec = OptionSpec::new(
    "timestamp_column_name",
    Kind::Text,
    "the column of times (default: event_dt, else the one that a source is known for)",
);
const SCORE: OptionSpec = OptionSpec::new(
    "score_column",
    Kind::Text,
    "the column of scores (default: score, else ae_anomaly_score); p-values count with score alone",
);

/// Of the page about a run.
pub const PAGE_THRESHOLD: OptionSpec = OptionSpec::new(
    "threshold",
    Kind::Share,
    "rows with a p-value of at most this are alerts; where rows have none, those with z > 4 are",
)
.default("0.01");
/// Of the page about a run.
pub const PAGE_ALERTS: OptionSpec = OptionSpec::new(
    "alerts",
    Kind::Integer { min: 0, max: 100_000 },
    "number of alerts to show, most unusual first",
)
.default("200");

/// `morpheus alerts`
pub const ALERTS: CommandSpec = CommandSpec {
    name: "alerts",
    about: "choose alerts among scored rows; OUTPUT: files written by `score` or `run`",
    options: &[
        ALERT_OPTIONS[0],
        ALERT_OPTIONS[1],
        ALERT_OPTIONS[2],
        ALERT_OPTIONS[3],
        ALERT_OPTIONS[4],
        USER,
        TIME,
        SCORE,
        OptionSpec::new(
            "output",
            Kind::Output,
            "write all rows there with the columns alert, rank and suppressed: .csv, .json, .jsonlines, .jsonl, .parquet (default: alerts are listed)",
        ),
        OptionSpec::new("only", Kind::Bool, "write alerts alone").default("false"),
        OptionSpec::new("overwrite", Kind::Bool, "replace the file").default("false"),
    ],
};

/// `morpheus explain`
pub const EXPLAIN: CommandSpec = CommandSpec {
    name: "explain",
    about: "explain the score of a row; OUTPUT: files written by `score` or `run`",
    options: &[
        OptionSpec::new(
            "row",
            Kind::Integer { min: 0, max: i64::MAX },
            "the row with this number in its log: column _index_, as in the summary of a run",
        ),
        OptionSpec::new("event", Kind::Text, "the row with this identifier"),
        OptionSpec::new(
            "event_column",
            Kind::Text,
            "the column of identifiers (default: eventID, id, txid or uuid, the first that is there)",
        ),
        OptionSpec::new("userid_filter", Kind::Text, "among the rows of this user"),
        OptionSpec::new(
            "pretrained_filename",
            Kind::ExistingFile,
            "the models that the rows were scored with: what is expected, how often and when last a value was seen (default: only what the output says)",
        ),
        GENERIC_USER,
        FILE_LIMIT,
        USER,
        TIME,
        SCORE,
    ],
};

/// `morpheus report`
pub const REPORT: CommandSpec = CommandSpec {
    name: "report",
    about: "write one page about what runs have written, the files after it: scores, alerts with their reasons, users",
    options: &[
        OptionSpec::new("html", Kind::Output, "the page to write (.html); replaces the file")
            .required(),
        PAGE_THRESHOLD,
        PAGE_ALERTS,
        USER,
        TIME,
        SCORE,
    ],
};

/// `morpheus plot`
pub const PLOT: CommandSpec = CommandSpec {
    name: "plot",
    about: "draw what runs have written, the files after it: scores, their z-scores, or a histogram of them",
    options: &[
        OptionSpec::new("output", Kind::Output, "the picture to write: .svg or .png; replaces the file").required(),
        OptionSpec::new(
            "kind",
            Kind::Choice(&["scores", "zscores", "histogram"]),
            "scores: the score of each row over its time; zscores: its z over the rows of its user, with the line at 4; histogram: how many rows have which score",
        )
        .default("scores"),
        OptionSpec::new("userid_filter", Kind::Text, "only this user"),
        USER,
        TIME,
        SCORE,
    ],
};
