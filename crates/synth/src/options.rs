//! What to generate, and whether that can be.

use std::path::PathBuf;

use jiff::civil::Date;

use super::error::GenerateError;
use super::kind::Kind;
use super::source::{LogFormat, LogSource};

/// What to generate, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Gets `training/`, `validation/` and `labels.csv`; made if it is not there.
    pub output_dir: PathBuf,
    /// Number of users, called `user123`, `user124` and so on, at example.com
    /// where the log has addresses.
    pub users: u32,
    /// Days of history and new activity together, divided as the rows are; at least 2.
    pub days: u32,
    /// Rows of history of each user; at least 1.
    pub training_rows: u32,
    /// Rows of habitual new activity of each user; at least 1. Rows of takeovers come on top.
    pub new_rows: u32,
    /// How many users are taken over, once each, in the new activity.
    pub takeovers: u32,
    /// Rows of each takeover; at least 1.
    pub takeover_rows: u32,
    /// What kinds of takeovers there are; each is one of them, at random. Empty: the source's usual
    /// ones.
    pub takeover_kinds: Vec<Kind>,
    /// Seed of everything random.
    pub seed: u64,
    /// First day of the history.
    pub start: Date,
    /// Whose logs.
    pub source: LogSource,
    /// Write into a directory that has files in it. Files of the same name are replaced, all others
    /// stay as they are.
    pub overwrite: bool,
}

impl GenerateOptions {
    /// CloudTrail of one user over 90 days, of which 19 are new activity with one takeover of six rows.
    #[must_use]
    pub fn new(output_dir: impl Into<PathBuf>) -> Self {
        Self {
            output_dir: output_dir.into(),
            users: 1,
            days: 90,
            training_rows: 3200,
            new_rows: 850,
            takeovers: 1,
            takeover_rows: 6,
            takeover_kinds: Vec::new(),
            seed: 42,
            start: jiff::civil::date(2024, 1, 1),
            source: LogSource::CloudTrail(LogFormat::Csv),
            overwrite: false,
        }
    }

    /// Days of history, and of new activity: as the rows, but at least one each.
    pub(super) fn split_days(&self) -> (u32, u32) {
        let rows = u64::from(self.training_rows) + u64::from(self.new_rows);
        let new = (u64::from(self.days) * u64::from(self.new_rows) + rows / 2) / rows.max(1);
        let new = u32::try_from(new).unwrap_or(u32::MAX).clamp(1, self.days - 1);
        (self.days - new, new)
    }

    /// The kinds that takeovers are of.
    pub(super) fn kinds(&self) -> &[Kind] {
        match self.takeover_kinds.as_slice() {
            [] => self.source.usual_kinds(),
            kinds => kinds,
        }
    }

    /// Whether logs can be made so.
    ///
    /// # Errors
    /// The first value that is out of range.
    pub fn check(&self) -> Result<(), GenerateError> {
        let least = [
            ("users", self.users, 1),
            ("days", self.days, 2),
            ("training_rows", self.training_rows, 1),
            ("new_rows", self.new_rows, 1),
            ("takeover_rows", self.takeover_rows, 1),
        ];
        for (option, value, least) in least {
            if value < least {
                return Err(GenerateError::TooSmall { option, value, least });
            }
        }
        if self.takeovers > self.users {
            return Err(GenerateError::TooManyTakeovers {
                takeovers: self.takeovers,
                users: self.users,
            });
        }
        let accepted = self.source.kinds();
        if let Some(&kind) = self.takeover_kinds.iter().find(|kind| !accepted.contains(kind)) {
            return Err(GenerateError::Kind { kind, source_name: self.source });
        }
        // Far below what a calendar holds; beyond it, dates would have five digits.
        if self.days > 36_525 || !(1970..=9800).contains(&self.start.year()) {
            return Err(GenerateError::Dates { start: self.start, days: self.days });
        }
        Ok(())
    }
}
