//! Values of options, read by the table.

use crate::options::Value;
use dfp_features::period::Period;
use dfp_model::artifact::Limits;
use dfp_storage::names;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Checked values of one command or stage, defaults filled in.
pub(super) struct Values {
    /// The command or stage.
    pub(super) place: &'static str,
    pub(super) given: BTreeMap<&'static str, Vec<Value>>,
}

impl Values {
    pub(super) fn last(&self, name: &str) -> Option<&Value> {
        self.given.get(name).and_then(|values| values.last())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.last(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(names::path)
    }

    pub(super) fn owned(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let values = self.given.get(name).map(Vec::as_slice).unwrap_or_default();
        values
            .iter()
            .filter_map(|value| match value {
                Value::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.last(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A count; the table keeps negative numbers out, except -1 for "no limit".
    pub(super) fn count(&self, name: &str) -> Option<usize> {
        self.integer(name).and_then(|number| usize::try_from(number).ok())
    }

    /// `--model_file_limit`.
    pub(super) fn model_limits(&self) -> Limits {
        let bytes = self.count("model_file_limit").map(|megabytes| megabytes as u64 * 1_000_000);
        bytes.map_or_else(Limits::default, Limits::of_bytes)
    }

    pub(super) fn seed(&self, name: &str) -> Option<u64> {
        self.integer(name).and_then(|number| u64::try_from(number).ok())
    }

    pub(super) fn bytes(&self, name: &str) -> Option<u64> {
        match self.last(name) {
            Some(Value::Bytes(bytes)) => Some(*bytes),
            _ => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.last(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn widths(&self, name: &str) -> Option<Vec<usize>> {
        match self.last(name) {
            Some(Value::Widths(widths)) => Some(widths.clone()),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        match self.last(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    /// Microseconds since 1970.
    pub(super) fn instant(&self, name: &str) -> Option<i64> {
        match self.last(name) {
            Some(Value::Instant(instant)) => Some(*instant),
            _ => None,
        }
    }

    pub(super) fn period(&self, name: &str) -> Option<Period> {
        match self.last(name) {
            Some(Value::Period(period)) => Some(*period),
            _ => None,
        }
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        matches!(self.last(name), Some(Value::Bool(true)))
    }
}
