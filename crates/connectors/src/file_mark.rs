//! How far a file has been read, and by what it is recognised.

use crate::file_identity::Content;
use dfp_logs::Earlier;
use dfp_storage::files::Stamp;
use serde::{Deserialize, Serialize};

/// How far a file has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMark {
    /// The file as it was then: one that has changed since is another file.
    pub stamp: Stamp,
    /// Rows before this time (microseconds since 1970) have been written; `None`: all rows.
    pub until: Option<i64>,
    /// Tells its beginning from others, where an earlier version looked at that: see
    /// [`head`](dfp_storage::files::head).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    /// What it holds, by which it is recognised under another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// The number of its rows, skipped ones included; where it is appended to, new ones are behind. Or
    /// [`LABELLED`](dfp_logs::LABELLED): then nobody can tell them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// So much of it was read before it was appended to, where only a part of what was appended has been read
    /// since: these rows are not given again, whatever their times are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
    /// It was appended to since the mark before: what it held then turns up nowhere else.
    #[serde(skip)]
    pub is_grown: bool,
}

impl FileMark {
    /// A file as it is, of which nothing else is known.
    pub fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            until: None,
            head: None,
            content: None,
            rows: None,
            earlier: None,
            is_grown: false,
        }
    }
}
