//! Stages of the original that are not here, each with the reason and what to use instead.

use super::{Role, StageEntry};

const WRITE_A_FILE: &str =
    "it is not here yet; write a file with to-file (.jsonlines for a program that takes JSON)";
const READ_FILES: &str = "it is not here yet; let what receives the messages write files, and read them with --watch_directory of a source";
const NO_ROWS: &str =
    "it reads articles, which have no users; use a source of logs, such as from-cloudtrail";

/// All of them.
pub const ABSENT: [StageEntry; 15] = [
    absent("from-kafka", READ_FILES),
    absent("from-http", READ_FILES),
    absent(
        "from-http-client",
        "it is not here yet; fetch with curl, say, into a directory that a source reads (--watch_directory)",
    ),
    absent("from-rss", NO_ROWS),
    absent("from-arxiv", NO_ROWS),
    absent(
        "from-databricks-deltalake",
        "Databricks is not supported; export the table to Parquet or CSV, and use from-file",
    ),
    absent(
        "from-appshield",
        "it reads snapshots of memory, which are no logs; use from-file for tables",
    ),
    absent("inf-triton", "there is no Triton client; use inf-pytorch, which needs no server"),
    absent(
        "inf-identity",
        "it makes results without a model; leave it out, filter takes a column with --field_name",
    ),
    absent(
        "gen-viz",
        "it draws network captures (src_ip, dest_ip, data_len), which logs of users do not have, and is deprecated; leave it out",
    ),
    absent("mlflow-drift", "there is no MLflow here; compare runs with validate"),
    absent("to-kafka", WRITE_A_FILE),
    absent("to-http", WRITE_A_FILE),
    absent("to-http-server", WRITE_A_FILE),
    absent("to-elasticsearch", WRITE_A_FILE),
];

const fn absent(name: &'static str, why: &'static str) -> StageEntry {
    StageEntry { name, aliases: &[], about: why, role: Role::Absent(why), options: &[] }
}
