//! What is wanted of the files, for the readers of all formats.

use super::json::Nested;
use super::opened::Sliced;
use super::slice::{ALWAYS, Slice};
use super::time::TimeColumn;
use dfp_storage::memory_limit::MemoryLimit;
use std::ops::Range;
use std::path::Path;

/// Content of the input files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileType {
    /// Told from the first character of the content and the name's ending.
    #[default]
    Auto,
    /// Comma-separated, with a header line.
    Csv,
    /// An object with a list of events, a list of events, JSON lines, or several documents in a row.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// Called with a file and a number of rows, or with [`LABELLED`].
pub type OnRows<'a> = &'a (dyn Fn(&Path, u64) + Sync);

/// In place of a number of rows: those of the file have labels, which do not say how many there are.
pub const LABELLED: u64 = u64::MAX;

/// What is wanted of the files.
#[derive(Clone)]
pub struct ReadOptions<'a> {
    /// Content of the files.
    pub file_type: FileType,
    /// Every file is followed by `repeat - 1` copies of itself, each shifted in time by the file's
    /// span (last minus first event). 0 counts as 1.
    pub repeat: usize,
    /// Only these columns (cleaned names), in the order of the files; `event_dt` always stays.
    /// `None` keeps all.
    pub columns: Option<&'a [String]>,
    /// Columns (cleaned names) that are needed, where all are passed on: a file with too many columns
    /// loses others first.
    pub asked: &'a [String],
    /// Columns (cleaned names) that identify somebody or something, besides those of the dialect: text with
    /// exact digits, whatever the file holds them as. A whole number is written without a fraction: 5 and
    /// 5.0 are one.
    pub identifiers: &'a [String],
    /// Columns (cleaned names) of which every cell of a CSV file is text as it is written, though it looks
    /// like a number or a flag: what is known to be a category. Cells of other formats have their types.
    pub exact: &'a [String],
    /// The column of event times, in place of the dialect's. Where it is not there, there is no
    /// `event_dt`.
    pub time: Option<&'a TimeColumn>,
    /// The column that tells when an event happened where there is no `event_dt`, for `between` and
    /// `slice`.
    pub clock: Option<&'a TimeColumn>,
    /// Rows without a readable time are kept, with an empty `event_dt`, and counted as
    /// [`Unit::Kept`](crate::skipped::Unit::Kept). Otherwise, and where only rows of some times are wanted, they
    /// are left out.
    pub keep_timeless: bool,
    /// Sort all rows by (`event_dt`, row label, order of files), if there are event times; rows without
    /// one come last. Otherwise rows stay in file order.
    pub sort: bool,
    /// Objects inside JSON lines.
    pub nested: Nested,
    /// Only rows with event times (microseconds since 1970) in this range; the others are counted in
    /// [`Skipped::outside`](crate::Skipped::outside).
    pub between: Range<i64>,
    /// What separates the fields of CSV; `None` for a comma, where a header that seems to have another
    /// one is an error.
    pub delimiter: Option<u8>,
    /// Which part of a file is read now, if not all of it.
    pub slice: Option<&'a (dyn Fn(&Path) -> Slice + Sync)>,
    /// Called with the number of rows of each file, or each part of one, skipped ones included, as far as
    /// there is a usable row; with [`LABELLED`] if its rows have labels in place of numbers.
    pub on_rows: Option<OnRows<'a>>,
    /// What earlier slices have left, where each file is read once for all of its slices. Without it a file
    /// is read anew for each.
    pub sliced: Option<Sliced<'a>>,
    /// The memory that reading may take.
    pub memory: MemoryLimit,
    /// Whether it is an error, [`LogError::Overflow`](crate::LogError::Overflow), if the files do not fit into
    /// memory together. If not, those that do not fit are left out.
    pub all_or_nothing: bool,
}

impl<'a> ReadOptions<'a> {
    /// The same files with these columns only, all rows at once: for a first pass.
    pub(crate) fn narrowed_to(&self, columns: &'a [String]) -> Self {
        let columns = Some(columns);
        Self { columns, slice: None, sliced: None, on_rows: None, ..self.clone() }
    }
}

impl Default for ReadOptions<'_> {
    fn default() -> Self {
        Self {
            file_type: FileType::Auto,
            repeat: 1,
            columns: None,
            asked: &[],
            identifiers: &[],
            exact: &[],
            time: None,
            clock: None,
            keep_timeless: false,
            sort: true,
            nested: Nested::Flatten,
            between: ALWAYS,
            delimiter: None,
            slice: None,
            on_rows: None,
            sliced: None,
            memory: MemoryLimit::default(),
            all_or_nothing: false,
        }
    }
}
