//! What is made of the logs: the check of `--features` and what is typed beside it.

use super::OptionTexts;
use super::check::Checker;
use super::source::delimiter;
use super::values::Values;
use crate::options::{AUTOENCODER, FEATURES, OTHER};
use dfp_features::Features;
use dfp_features::Source;
use dfp_features::feature_file;
use dfp_logs::time::{TimeColumn, TimeFormats};
use dfp_pipeline::inspect::InspectOptions;
use std::sync::Arc;

/// The column of event times of a table, if there is one of this name.
const TIME_OF_ANY_TABLE: &str = "timestamp";

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
    let read = feature_file::find(&values.owned("check"));
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
    let features = match of_source(features, source, None) {
        Ok(features) => features,
        Err(why) => {
            checker.mistakes.push(format!("{place}: --check: {why}"));
            return Err(checker.mistakes);
        }
    };
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
        true => Ok(InspectOptions {
            features: features.without_unused(),
            source,
            logs: logs.to_vec(),
            delimiter: delimiter(&values),
        }),
        false => Err(checker.mistakes),
    }
}

impl Checker {
    /// What is made of the logs: the feature file or the source's own, and what was typed in place of it.
    pub(super) fn features(&mut self, typed: &Values, kind: &'static Source) -> Arc<Features> {
        let place = AUTOENCODER.name;
        let list = typed.text("columns_file");
        let Ok(file) = self.feature_file(typed, kind) else {
            return Arc::new(feature_file::of_source(kind));
        };
        let has_file = file.is_some();
        let time = self.typed_time(typed, kind, has_file);
        let mut features =
            match of_source(file.unwrap_or_else(|| feature_file::of_source(kind)), kind, time) {
                Ok(features) => features,
                Err(why) => {
                    self.mistakes.push(format!("{place}: --features: {why}"));
                    return Arc::new(feature_file::of_source(kind));
                }
            };
        match list.map(feature_file::column_lists::columns) {
            Some(Ok(columns)) => {
                let listed = features.with_features(columns);
                features = listed.with_clean_names(|column| kind.clean(column));
            }
            Some(Err(why)) => self.mistakes.push(format!("{place}: --columns_file: {why}")),
            None if !features.features.is_empty() => {}
            None if has_file => self
                .mistakes
                .push(format!("{place}: --features: {} names no features", features.name)),
            None => self.mistakes.push(format!(
                "{place}: --columns_file is required with {}: which columns are features, one a line (or --features, a feature file)",
                kind.stage
            )),
        }
        let user = typed.text("userid_column_name").map(|name| kind.clean(name));
        features.user = user.or(features.user);
        if features.user.is_none() {
            self.mistakes.push(format!(
                "{place}: --userid_column_name is required with {}: the column with the user",
                kind.stage
            ));
        }
        Arc::new(features.without_unused())
    }

    /// Nothing is made of the logs of `pipeline-other`; their times put rows in order.
    pub(super) fn times_alone(&mut self, typed: &Values, kind: &'static Source) -> Arc<Features> {
        let of_source = feature_file::of_source(kind);
        let typed = typed.text("timestamp_column_name");
        let time = typed.map(|name| TimeColumn {
            name: kind.clean(name),
            formats: TimeFormats::default(),
            expected: true,
        });
        if typed.is_some() && kind.features.is_some() {
            self.notes.push(format!(
                "--timestamp_column_name of {} has no effect: {} knows its own column of times",
                OTHER.name, kind.stage
            ));
        }
        let time = of_source.time.or(time);
        Arc::new(Features { time, ..Features::of_any_table() })
    }

    /// The file of `--features`, if it was typed; nothing more can be said if there are mistakes.
    fn feature_file(&mut self, typed: &Values, kind: &Source) -> Result<Option<Features>, ()> {
        let place = AUTOENCODER.name;
        let Some(name) = typed.text("features") else { return Ok(None) };
        if typed.text("columns_file").is_some() {
            self.mistakes.push(format!(
                "{place}: --features and --columns_file both say which columns are features; leave one of the two out"
            ));
        }
        let features = feature_file::find(name).map_err(|mistakes| {
            self.mistakes.extend(mistakes.iter().map(|why| format!("{place}: --features: {why}")));
        })?;
        match &features.source {
            Some(source) if source != kind.stage => self.mistakes.push(format!(
                "{place}: --features: {name} is made for the logs of {source}, and these are read by {}",
                kind.stage
            )),
            _ => {}
        }
        Ok(Some(features))
    }

    /// The column of event times that was typed; a source that knows its own keeps it.
    fn typed_time<'a>(
        &mut self,
        typed: &'a Values,
        kind: &Source,
        has_file: bool,
    ) -> Option<&'a str> {
        let name = typed.text("timestamp_column_name")?;
        if has_file || kind.features.is_none() {
            return Some(name);
        }
        self.notes.push(format!(
            "--timestamp_column_name of {} has no effect: {} knows its own column of times",
            AUTOENCODER.name, kind.stage
        ));
        None
    }
}

/// The features as those of a source's logs: columns are called as its reader calls them, and there is
/// a column of times if one is needed. `time` goes before the file's.
fn of_source(features: Features, kind: &Source, time: Option<&str>) -> Result<Features, String> {
    let mut features = features.with_clean_names(|name| kind.clean(name));
    let any_table = features.time.is_none() && kind.features.is_none();
    if let Some(name) = time.or(any_table.then_some(TIME_OF_ANY_TABLE)) {
        let formats = features.time.take().map(|time| time.formats).unwrap_or_default();
        features.time =
            Some(TimeColumn { name: kind.clean(name), formats, expected: time.is_some() });
    }
    if features.counts() && features.time.is_none() && kind.dialect.time.is_none() {
        return Err(format!(
            "{} counts events in the order of time, and names no column of times: time = \"...\"",
            features.name
        ));
    }
    Ok(features)
}
