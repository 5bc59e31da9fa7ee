//! What a source and its options want of a file.

use super::csv::UNNAMED_FIRST;
use super::json::{self, Role};
use super::options::{FileType, ReadOptions};
use super::{Dialect, csv, parquet};
use crate::error::LogError;
use dfp_storage::memory_limit::MemoryLimit;
use std::path::Path;

/// A source and the options of a read.
pub(super) struct Wanted<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) options: &'a ReadOptions<'a>,
}

impl Wanted<'_> {
    /// The file, if it is Parquet that is read where it is.
    pub(super) fn parquet(&self, path: &Path) -> Result<Option<parquet::Content>, LogError> {
        match self.options.file_type {
            FileType::Auto | FileType::Parquet => parquet::Content::in_place(path),
            FileType::Csv | FileType::Json => Ok(None),
        }
    }

    /// What the reader of CSV has to know.
    pub(super) fn as_csv<T>(&self, read: impl FnOnce(&csv::CsvOptions<'_>) -> T) -> T {
        let clean = self.dialect.clean;
        read(&csv::CsvOptions {
            text: &|name| self.is_exact(&clean(name)),
            wanted: &|name| name == UNNAMED_FIRST || self.column(&clean(name)),
            as_pandas: false,
            asked: &|name| name == UNNAMED_FIRST || self.asked(&clean(name)),
            envelope: &|names| self.envelope(names),
            delimiter: self.options.delimiter,
            memory: self.options.memory,
        })
    }

    /// Where the events are in a table with these columns, if each row holds more than its event:
    /// `properties.` of `properties.createdDateTime`, as in a JSON event with the object `properties`. A table
    /// with a column of events outside, or of which a column is asked for by its whole name, is left as it is.
    pub(super) fn envelope(&self, names: &[String]) -> Option<String> {
        let is_event = |name: &str| {
            let paths = name.match_indices('.').map(|(dot, _)| &name[..dot]).chain([name]);
            paths.into_iter().any(|path| json::Schema::is_mark(self, path))
        };
        if names.iter().any(|name| is_event(name)) {
            return None;
        }
        let paths = self.dialect.inner.iter();
        let prefix =
            paths.flat_map(|path| [format!("{path}."), format!("{path}_")]).find(|prefix| {
                names.iter().any(|name| name.strip_prefix(prefix).is_some_and(is_event))
            })?;
        let clean = self.dialect.clean;
        let is_asked = |name: &String| name.starts_with(&prefix) && self.asked(&clean(name));
        (!names.iter().any(is_asked)).then_some(prefix)
    }

    pub(super) fn time(&self) -> Option<&str> {
        self.options.time.map(|time| time.name.as_str()).or(self.dialect.time)
    }

    /// The column that says when rows happened, and whether a log without it is reported.
    pub(super) fn expected_time(&self) -> Option<(&str, bool)> {
        let named = self.options.time.map(|time| (time.name.as_str(), time.expected));
        let clock = self.options.clock.map(|clock| (clock.name.as_str(), clock.expected));
        named.or(self.dialect.time.map(|time| (time, true))).or(clock)
    }

    pub(super) fn column(&self, clean: &str) -> bool {
        self.options.columns.is_none_or(|names| names.iter().any(|n| n == clean))
            || self.time() == Some(clean)
            || self.options.clock.is_some_and(|clock| clock.name == clean)
            || self.dialect.epochs.iter().any(|(epoch, iso)| *epoch == clean && self.column(iso))
    }

    /// Whether a column is wanted by its name, and not only since all are.
    pub(super) fn asked(&self, clean: &str) -> bool {
        self.names().any(|name| name == clean)
    }

    /// All names that are asked for.
    fn names(&self) -> impl Iterator<Item = &str> {
        let roles = self.dialect.roles.iter().map(|(name, _)| *name);
        let options = self.options;
        let columns = options.columns.unwrap_or_default().iter().chain(options.asked);
        let named = columns.chain(options.identifiers).map(String::as_str);
        let clock = options.clock.map(|clock| clock.name.as_str());
        let epochs = self.dialect.epochs.iter().flat_map(|(epoch, iso)| [*epoch, *iso]);
        roles.chain(named).chain(self.time()).chain(clock).chain(epochs)
    }

    /// Whether the cells of a CSV file are kept as they are written.
    pub(super) fn is_exact(&self, clean: &str) -> bool {
        self.is_identifier(clean) || self.options.exact.iter().any(|name| name == clean)
    }

    pub(super) fn is_identifier(&self, clean: &str) -> bool {
        matches!(self.dialect.role(clean), Some(Role::Identifier { .. }))
            || self.options.identifiers.iter().any(|name| name == clean)
    }
}

impl json::Schema for Wanted<'_> {
    fn role(&self, path: &str) -> Role {
        let name = (self.dialect.clean)(path);
        if !self.column(&name) {
            return Role::Skip;
        }
        let plain =
            if self.is_identifier(&name) { Role::Identifier { prefix: "" } } else { Role::Value };
        self.dialect.role(&name).unwrap_or(plain)
    }

    fn descend(&self, path: &str) -> bool {
        let Some(names) = self.options.columns else { return true };
        let name = (self.dialect.clean)(path);
        names.iter().any(|n| n.starts_with(&name))
            || self.time().is_some_and(|time| time.starts_with(&name))
            || self.options.clock.is_some_and(|clock| clock.name.starts_with(&name))
            || self.dialect.leads_to_list(path)
            || self.dialect.leads_to_inner(path)
    }

    fn is_list(&self, path: &str) -> bool {
        self.dialect.lists.contains(&path)
    }

    fn leads_to_list(&self, path: &str) -> bool {
        self.dialect.leads_to_list(path)
    }

    fn is_inner(&self, path: &str) -> bool {
        self.dialect.inner.contains(&path)
    }

    fn is_mark(&self, path: &str) -> bool {
        if self.dialect.marks.contains(&path) {
            return true;
        }
        // Of any table the user and the time are what only rows have.
        let clean = (self.dialect.clean)(path);
        let is_list = || self.dialect.leads_to_list(path) || self.dialect.leads_to_inner(path);
        (self.time() == Some(clean.as_str()) || self.options.identifiers.contains(&clean))
            && !is_list()
            && !self.is_inner(path)
    }

    fn most_cells(&self) -> usize {
        self.options.memory.cells()
    }

    fn is_asked(&self, path: &str) -> bool {
        self.asked(&(self.dialect.clean)(path))
    }

    fn leads_to_asked(&self, path: &str) -> bool {
        let clean = (self.dialect.clean)(path);
        self.names().any(|name| name.starts_with(&clean))
            || self.dialect.leads_to_list(path)
            || self.dialect.leads_to_inner(path)
            || self.dialect.inner.contains(&path)
    }
}

impl parquet::Choice for Wanted<'_> {
    fn is_wanted(&self, name: &str) -> bool {
        self.column(&(self.dialect.clean)(name))
    }

    fn is_asked(&self, name: &str) -> bool {
        self.asked(&(self.dialect.clean)(name))
    }

    fn identifies(&self, name: &str) -> bool {
        self.is_identifier(&(self.dialect.clean)(name))
    }

    fn envelope(&self, names: &[String]) -> Option<String> {
        self.envelope(names)
    }

    fn memory(&self) -> MemoryLimit {
        self.options.memory
    }
}
