//! The check of the sources.

use super::check::Checker;
use super::values::Values;
use dfp_connectors::sinks::Format;
use dfp_features::Features;
use dfp_features::Source;
use dfp_features::period::now;
use dfp_logs::{ALWAYS, FileType};
use dfp_pipeline::batches::{Rules, Sampling};
use dfp_pipeline::plan::{SourceSettings, StageSettings, WatchSettings};
use dfp_storage::memory_limit::MemoryLimit;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What separates the fields of CSV files, if that is said.
pub(super) fn delimiter(values: &Values) -> Option<u8> {
    values.text("delimiter")?.bytes().next()
}

impl Checker {
    /// Checks the options of a source; `run` are those of the command before.
    pub(super) fn source(
        &mut self,
        values: &Values,
        run: &Values,
        kind: &'static Source,
        features: Arc<Features>,
    ) -> SourceSettings {
        if values.integer("max_files") == Some(0) {
            self.mistakes.push(format!(
                "{}: --max_files: \"0\" would read nothing; expected 1 or more, or -1 for all",
                kind.stage
            ));
        }
        self.files.outputs_are_known = values.text("state_dir").is_some();
        let period = values.period("period");
        let by_name = values.text("period_by") == Some("file");
        if by_name && period.is_none() {
            self.mistakes
                .push(format!("{}: --period_by: there is no --period to go by", kind.stage));
        }
        let memory =
            run.bytes("memory_limit").map_or_else(MemoryLimit::default, MemoryLimit::of_bytes);
        SourceSettings {
            kind,
            features,
            input_globs: values.texts("input_glob").into_iter().map(str::to_owned).collect(),
            max_files: values.count("max_files"),
            file_type: match values.text("file-type") {
                Some("csv") => FileType::Csv,
                Some("json") => FileType::Json,
                Some("parquet") => FileType::Parquet,
                _ => FileType::Auto,
            },
            delimiter: delimiter(values),
            repeat: values.count("repeat").unwrap_or(1),
            recursive: values.bool("recursive"),
            allow_no_files: values.bool("allow_no_files"),
            between: self.between(values),
            rules: Rules {
                period,
                by_name,
                bytes: values.seed("batch_megabytes").unwrap_or(1).saturating_mul(1 << 20),
                memory: memory.table(),
            },
            sampling: self.sampling(values, run),
            watch: self.watch(values),
            state_dir: values.path("state_dir"),
            rebuild_state: self.rebuild(values),
            drop_duplicates: values.bool("drop_duplicates"),
            memory,
        }
    }

    /// The times asked for: two of start, end and duration, or one of them.
    fn between(&mut self, values: &Values) -> Range<i64> {
        let (start, end) = (values.instant("start_time"), values.instant("end_time"));
        let length = values
            .duration("duration")
            .map(|length| i64::try_from(length.as_micros()).unwrap_or(i64::MAX));
        let (start, end) = match (start, end, length) {
            (Some(_), Some(_), Some(_)) => {
                self.mistakes.push(format!(
                    "{}: --duration: --start_time and --end_time say it already; leave one of the three out",
                    values.place
                ));
                return ALWAYS;
            }
            (Some(start), None, Some(length)) => (start, start.saturating_add(length)),
            (None, Some(end), Some(length)) => (end.saturating_sub(length), end),
            // What happens while a run watches is of now too, so there is no end.
            (None, None, Some(length)) => (now().saturating_sub(length), ALWAYS.end),
            (start, end, None) => (start.unwrap_or(ALWAYS.start), end.unwrap_or(ALWAYS.end)),
        };
        if start >= end {
            self.mistakes.push(format!(
                "{}: --end_time is not after --start_time: no row could be read",
                values.place
            ));
        }
        start..end
    }

    fn rebuild(&mut self, values: &Values) -> bool {
        let rebuild = values.bool("rebuild_state");
        if rebuild && values.text("state_dir").is_none() {
            self.mistakes.push(format!(
                "{}: --rebuild_state: there is no --state_dir to rebuild",
                values.place
            ));
        }
        rebuild
    }

    fn sampling(&mut self, values: &Values, run: &Values) -> Option<(Sampling, u64)> {
        let text = values.text("sampling")?;
        let sampling = Sampling::parse(text);
        if sampling.is_none() {
            self.mistakes.push(format!(
                "{}: --sampling: {text:?} is no sample of files; expected a share below 1 (0.1), a number of files (20), a period (1h, D)",
                values.place
            ));
        }
        if values.bool("watch_directory") {
            self.mistakes.push(format!(
                "{}: --sampling: files that are still to come cannot be drawn from; leave out --watch_directory",
                values.place
            ));
        }
        Some((sampling?, run.seed("manual_seed").unwrap_or_default()))
    }

    fn watch(&mut self, values: &Values) -> Option<WatchSettings> {
        let lateness = values.duration("lateness").unwrap_or_default();
        let watching = values.bool("watch_directory");
        if lateness > Duration::ZERO && !(watching && values.period("period").is_some()) {
            self.mistakes.push(format!(
                "{}: --lateness is about --watch_directory with --period: without them nothing waits",
                values.place
            ));
        }
        if watching && values.count("repeat").unwrap_or(1) > 1 {
            self.mistakes.push(format!(
                "{}: --repeat: files that arrive one after the other cannot be repeated; leave out --watch_directory",
                values.place
            ));
        }
        watching.then(|| WatchSettings {
            interval: Duration::try_from_secs_f64(values.number("batch_timeout").unwrap_or(5.0))
                .unwrap_or(Duration::MAX),
            settle: values.duration("settle").unwrap_or_default(),
            lateness,
        })
    }

    /// Refuses outputs that cannot be appended to where the source goes on.
    pub(super) fn outputs_of_live(&mut self, source: &SourceSettings, stages: &[StageSettings]) {
        if !source.is_live() {
            return;
        }
        for stage in stages {
            if let StageSettings::ToFile(file) = stage
                && file.format == Format::Parquet
            {
                self.mistakes.push(format!(
                    "to-file: --filename: {:?}: Parquet cannot be appended to, as --watch_directory and --state_dir do; expected .csv, .json, .jsonlines, .jsonl",
                    file.filename
                ));
            }
        }
    }
}
