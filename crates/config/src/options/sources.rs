//! The stages that read logs: one for each row of the table of sources, all with the same options.

use super::kind::{MOST_MEGABYTES, MOST_ROWS, MOST_SECONDS};
use super::stages::DELIMITER;
use super::{Form, Kind, OptionSpec, Role, StageEntry};
use dfp_features::{SOURCES, Source};

/// The options of every source.
const SOURCE: &[OptionSpec] = &[
    OptionSpec::new(
        "input_glob",
        Kind::Input,
        "files to read, a directory or a pattern; ** matches any number of directories",
    )
    .multiple()
    .required(),
    OptionSpec::new(
        "watch_directory",
        Kind::Bool,
        "continuous mode: read files as they arrive, until stopped; results are appended",
    )
    .default("false"),
    OptionSpec::new(
        "state_dir",
        Kind::Folder,
        "remember there which files are finished, and what users have done, so that the next run continues where this one ends; results are appended",
    ),
    OptionSpec::new(
        "rebuild_state",
        Kind::Bool,
        "if the state in --state_dir is damaged, move it aside and continue from its backup copy",
    )
    .default("false"),
    OptionSpec::new(
        "drop_duplicates",
        Kind::Bool,
        "leave out rows whose event id is that of an earlier row; without it they are counted",
    )
    .default("false"),
    OptionSpec::new("start_time", Kind::Instant, "only rows from this time on"),
    OptionSpec::new("end_time", Kind::Instant, "only rows before this time"),
    OptionSpec::new(
        "duration",
        Kind::Duration,
        "only rows of this long after --start_time, before --end_time, or before now",
    ),
    OptionSpec::new(
        "period",
        Kind::Period,
        "hand rows on by this period of the calendar (UTC) instead of all at once: h, D, W, M, 15m, ...",
    ),
    OptionSpec::new(
        "period_by",
        Kind::Choice(&["event", "file"]),
        "event: by the time of each row; file: by the time in the file's name, else its last change",
    )
    .default("event"),
    OptionSpec::new(
        "lateness",
        Kind::Duration,
        "while watching with --period, a period waits for its rows until the newest one is this late, or until nothing has come for as long",
    )
    .default("0s"),
    OptionSpec::new(
        "sampling",
        Kind::Text,
        "read a sample of the files: a share (0.1), a number (20), or the first of each period (1h); drawn by --manual_seed of run",
    ),
    OptionSpec::new(
        "batch_megabytes",
        Kind::Integer { min: 1, max: MOST_MEGABYTES },
        "input above this is read in parts, in the order of time",
    )
    .default("512"),
    OptionSpec::new(
        "max_files",
        Kind::Integer { min: -1, max: MOST_ROWS },
        "read at most this many files, in sorted order; -1: all",
    )
    .default("-1"),
    OptionSpec::new(
        "file-type",
        Kind::Choice(&["auto", "csv", "json", "parquet"]),
        "format of the files; auto: detected from name and content",
    )
    .aliases(&["file_type"])
    .default("auto"),
    DELIMITER,
    OptionSpec::new(
        "repeat",
        Kind::Integer { min: 1, max: 10_000 },
        "read each file this many times, each copy starting where the last one ends in time",
    )
    .default("1"),
    OptionSpec::new("sort_glob", Kind::Bool, "read files in sorted order")
        .noted("files are always read in sorted order"),
    OptionSpec::new("recursive", Kind::Bool, "let ** reach below the first directory")
        .default("true"),
    OptionSpec::new("queue_max_size", Kind::Integer { min: 1, max: MOST_ROWS }, "file batches waiting")
        .noted("files are looked for when those found before have been read, so none wait"),
    OptionSpec::new(
        "batch_timeout",
        Kind::Number { min: 0.0, max: MOST_SECONDS as f64 },
        "while watching, seconds between two scans where the system does not notify of new files",
    )
    .default("5.0"),
    OptionSpec::new(
        "settle",
        Kind::Duration,
        "while watching, a file is complete when it was renamed in, was closed, or has not changed for this long",
    )
    .default("2s"),
    OptionSpec::new("allow_no_files", Kind::Bool, "do not fail when no file matches")
        .default("false"),
];

/// The stage of a source of logs.
const fn source(name: &'static str, about: &'static str) -> StageEntry {
    StageEntry { name, aliases: &[], about, role: Role::Source(Form::UserRows), options: SOURCE }
}

/// The options of `from-file`, which the peer gives one file by name.
const FROM_FILE: &[OptionSpec] = &from_file();
const OF_THE_PEERS_FILES: [OptionSpec; 4] = [
    OptionSpec::new("iterative", Kind::Bool, "hand tables on one by one")
        .noted("rows are handed on batch by batch (--period, --batch_megabytes)"),
    OptionSpec::new("filter_null", Kind::Bool, "leave out rows without a value")
        .noted("rows are left out by dropna, or by the rows of a feature file"),
    OptionSpec::new("filter_null_columns", Kind::Text, "columns that need a value")
        .multiple()
        .refused("a row needs no column here; leave rows out with dropna --column"),
    OptionSpec::new("parser_kwargs", Kind::Text, "arguments of the parser").multiple().refused(
        "files are not read by pandas; their format is detected from the content, or set with --file_type",
    ),
];

const fn from_file() -> [OptionSpec; SOURCE.len() + OF_THE_PEERS_FILES.len()] {
    let mut options = [SOURCE[0].aliases(&["filename"]); SOURCE.len() + OF_THE_PEERS_FILES.len()];
    let mut at = 1;
    while at < options.len() {
        options[at] = match at < SOURCE.len() {
            true => SOURCE[at],
            false => OF_THE_PEERS_FILES[at - SOURCE.len()],
        };
        at += 1;
    }
    options
}

/// The stage of a source; `from-file` has options of its own.
const fn of_source(of: &Source) -> StageEntry {
    let entry = source(of.stage, of.about);
    match of.features {
        Some(_) => entry,
        None => StageEntry { options: FROM_FILE, ..entry },
    }
}

/// The stages of the sources.
pub static SOURCE_STAGES: [StageEntry; SOURCES.len()] = {
    let mut stages = [source("", ""); SOURCES.len()];
    let mut at = 0;
    while at < stages.len() {
        stages[at] = of_source(&SOURCES[at]);
        at += 1;
    }
    stages
};
