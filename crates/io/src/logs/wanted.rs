//! What a source and its options want of a file.

use super::json::{self, Role};
use super::read::{FileType, ReadOptions};
use super::{Dialect, csv, parquet};
use crate::error::IoError;
use std::path::Path;

/// pandas' name for a first column without one.
pub(super) const UNNAMED_FIRST: &str = "Unnamed: 0";

/// A source and the options of a read.
pub(super) struct Wanted<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) options: &'a ReadOptions<'a>,
}

impl Wanted<'_> {
    /// The file, if it is Parquet that is read where it is.
    pub(super) fn parquet(&self, path: &Path) -> Result<Option<parquet::Content>, IoError> {
        match self.options.file_type {
            FileType::Auto | FileType::Parquet => parquet::Content::in_place(path),
            FileType::Csv | FileType::Json => Ok(None),
        }
    }

    /// What the reader of CSV has to know.
    pub(super) fn as_csv<T>(&self, read: impl FnOnce(&csv::CsvOptions<'_>) -> T) -> T {
        let clean = self.dialect.clean;
        read(&csv::CsvOptions {
            text: &|name| self.is_identifier(&clean(name)),
            wanted: &|name| name == UNNAMED_FIRST || self.column(&clean(name)),
        })
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
            || self.dialect.required == Some(clean)
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
    }

    fn is_list(&self, path: &str) -> bool {
        self.dialect.lists.contains(&path)
    }

    fn is_inner(&self, path: &str) -> bool {
        self.dialect.inner == Some(path)
    }
}
