//! What is made of the logs: the check of `--features` and what is typed beside it.

use super::OptionTexts;
use super::check::Checker;
use super::values::Values;
use crate::features::{self, Features, InspectOptions};
use crate::options::{AUTOENCODER, FEATURES};
use crate::sources::Source;
use dfp_io::logs::time::TimeColumn;
use std::sync::Arc;

/// Checks the options and words of `tools features --check`.
///
/// # Errors
/// Every mistake; each names the option or word.
pub fn check_inspection(
    texts: &OptionTexts,
    logs: &[String],
) -> Result<InspectOptions, Vec<String>> {
    let mut checker = Checker::default();
    let place = FEATURES.name;
    let values = checker.values(place, FEATURES.options, texts);
    if logs.is_empty() {
        checker
            .mistakes
            .push(format!("{place}: --check needs logs to read: files, directories or patterns"));
    }
    let read = features::find(&values.owned("check"));
    let mistakes = read.as_ref().err().into_iter().flatten();
    checker.mistakes.extend(mistakes.map(|why| format!("{place}: --check: {why}")));
    let Ok(features) = read else { return Err(checker.mistakes) };
    let stage = values.text("source").map(str::to_owned).or_else(|| features.source.clone());
    let Some(source) = stage.as_deref().and_then(Source::of) else {
        checker.mistakes.push(format!(
            "{place}: --source is required: {} does not say which source's logs it is made for",
            features.name
        ));
        return Err(checker.mistakes);
    };
    let features = features.with_clean_names(|name| source.clean(name));
    if features.user.is_none() {
        checker.mistakes.push(format!(
            "{place}: --check: {} names no column of users: user = \"...\"",
            features.name
        ));
    }
    if features.features.is_empty() {
        checker.mistakes.push(format!("{place}: --check: {} names no features", features.name));
    }
    match checker.mistakes.is_empty() {
        true => {
            Ok(InspectOptions { features: features.without_unused(), source, logs: logs.to_vec() })
        }
        false => Err(checker.mistakes),
    }
}

impl Checker {
    /// What is made of the logs: the feature file or the source's own, and what was typed in place of it.
    pub(super) fn features(&mut self, typed: &Values, kind: &'static Source) -> Arc<Features> {
        let place = AUTOENCODER.name;
        let (file, list) = (typed.text("features"), typed.text("columns_file"));
        if file.is_some() && list.is_some() {
            self.mistakes.push(format!(
                "{place}: --features and --columns_file both say which columns are features; leave one of the two out"
            ));
        }
        let read = file.map(features::find);
        if let Some(Err(mistakes)) = &read {
            self.mistakes.extend(mistakes.iter().map(|why| format!("{place}: --features: {why}")));
        }
        let is_read = matches!(read, Some(Ok(_)));
        let read =
            read.and_then(Result::ok).map(|read| read.with_clean_names(|name| kind.clean(name)));
        let mut features = read.unwrap_or_else(|| kind.features());
        if let Some(source) = features.source.as_ref().filter(|source| **source != kind.stage.name)
        {
            self.mistakes.push(format!(
                "{place}: --features: {} is made for the logs of {source}, and these are read by {}",
                features.name, kind.stage.name
            ));
        }
        if let Some(columns) = list.map(features::columns::columns) {
            match columns {
                Ok(columns) => {
                    let listed = features.with_features(columns);
                    features = listed.with_clean_names(|column| kind.clean(column));
                }
                Err(why) => self.mistakes.push(format!("{place}: --columns_file: {why}")),
            }
        } else if features.features.is_empty() && file.is_none() {
            self.mistakes.push(format!(
                "{place}: --columns_file is required with {}: which columns are features, one a line (or --features, a feature file)",
                kind.stage.name
            ));
        } else if features.features.is_empty() && is_read {
            self.mistakes.push(format!("{place}: --features: {} names no features", features.name));
        }
        features.user =
            typed.text("userid_column_name").map(|name| kind.clean(name)).or(features.user);
        if features.user.is_none() && (is_read || file.is_none()) {
            self.mistakes.push(format!(
                "{place}: --userid_column_name is required with {}: the column that tells users apart",
                kind.stage.name
            ));
        }
        self.time_column(typed.text("timestamp_column_name"), is_read, kind, &mut features);
        Arc::new(features.without_unused())
    }

    /// A column of event times that was typed goes before the file's; a source that knows its own keeps it.
    fn time_column(
        &mut self,
        name: Option<&str>,
        has_file: bool,
        kind: &Source,
        features: &mut Features,
    ) {
        let of_any_table = kind.features.is_none();
        if name.is_some() && !has_file && !of_any_table {
            self.notes.push(format!(
                "--timestamp_column_name of {} has no effect: {} knows its own column of times",
                AUTOENCODER.name, kind.stage.name
            ));
            return;
        }
        let named = name.or((of_any_table && features.time.is_none()).then_some("timestamp"));
        if let Some(name) = named {
            let formats = features.time.take().map(|time| time.formats).unwrap_or_default();
            features.time = Some(TimeColumn { name: kind.clean(name), formats });
        }
    }
}
