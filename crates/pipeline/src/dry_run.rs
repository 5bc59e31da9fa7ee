//! What a run would do, found out without running: `plan check` and `tools doctor`.

use crate::error::RunError;
use crate::plan::{Plan, SourceSettings, StageSettings};
use crate::source::{self, Reading};
use dfp_engine::Reporter;
use dfp_features::derive::Memory;
use dfp_features::event_times;
use dfp_storage::atomic_write::{real, replaces};
use dfp_storage::files::is_address;
use dfp_storage::names::shown;
use rayon::ThreadPoolBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Preflight {
    /// What is as it should be: what it is about, and what was found.
    pub facts: Vec<(&'static str, String)>,
    /// Why the run would not start, or would do nothing.
    pub problems: Vec<String>,
}

/// Looks at the files that a plan names, and reads the smallest file of input as a sample.
///
/// # Errors
/// Threads cannot be started.
pub fn look(plan: &Plan, reporter: &dyn Reporter) -> Result<Preflight, RunError> {
    let mut found = Preflight::default();
    let files = found.files("input", &plan.source.input_globs, &plan.source);
    if let Some(smallest) = files.iter().min_by_key(|file| length(file)) {
        found.sample(plan, smallest, reporter)?;
    }
    for stage in &plan.stages {
        match stage {
            StageSettings::TrainAe(settings) => {
                if let Some(path) = &settings.pretrained_filename {
                    found.readable("models", path);
                } else if let Some(glob) = &settings.train_data_glob {
                    found.files("training", std::slice::from_ref(glob), &plan.source);
                }
                if let Some(path) = &settings.models_output_filename {
                    found.writable(path);
                }
            }
            StageSettings::ToReport(settings) => {
                if replaces(&settings.filename) && !settings.overwrite {
                    found.problems.push(format!(
                        "to-report: {:?} exists; --overwrite replaces it",
                        shown(&settings.filename)
                    ));
                }
                found.writable(&settings.filename);
            }
            StageSettings::ToFile(settings) => {
                if replaces(&settings.filename)
                    && !settings.overwrite
                    && plan.source.state_dir.is_none()
                {
                    found.problems.push(format!(
                        "to-file: {:?} exists; --overwrite replaces it",
                        shown(&settings.filename)
                    ));
                }
                found.writable(&settings.filename);
            }
            _ => {}
        }
    }
    if let Some(directory) = &plan.source.state_dir {
        found.writable(&directory.join("state.redb"));
    }
    Ok(found)
}

impl Preflight {
    fn files(
        &mut self,
        what: &'static str,
        globs: &[String],
        source: &SourceSettings,
    ) -> Vec<PathBuf> {
        // A run that watches may begin with nothing.
        let may_be_none = what == "input" && (source.allow_no_files || source.watch.is_some());
        let files = match source::find(globs, source.recursive, None, may_be_none) {
            Ok(files) => files,
            Err(error) => {
                self.problems.push(format!("{what}: {error}"));
                return Vec::new();
            }
        };
        let (readable, broken): (Vec<_>, Vec<_>) = files
            .into_iter()
            .map(|file| {
                let opened = if is_address(&file) { Ok(()) } else { File::open(&file).map(drop) };
                (opened, file)
            })
            .partition(|(opened, _)| opened.is_ok());
        for (opened, file) in &broken {
            if let Err(why) = opened {
                self.problems.push(format!("{what}: {}: {why}", shown(file)));
            }
        }
        let files: Vec<PathBuf> = readable.into_iter().map(|(_, file)| file).collect();
        let bytes: u64 = files.iter().map(|file| length(file)).sum();
        self.facts.push((what, format!("{}, {bytes} bytes", count(files.len(), "file"))));
        files
    }

    fn sample(
        &mut self,
        plan: &Plan,
        file: &Path,
        reporter: &dyn Reporter,
    ) -> Result<(), RunError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(plan.compute_threads)
            .build()
            .map_err(|error| RunError::Failed(format!("cannot start threads: {error}")))?;
        let settings = SourceSettings { repeat: 1, ..plan.source.clone() };
        let user = plan.user_column.as_deref();
        let reading = Reading::alone(&settings, user, &pool, reporter);
        let files = [file.to_owned()];
        let read =
            source::read(&files, "sample", &reading, &mut Memory::default(), &mut |_, _| Ok(()));
        let (table, users) = match read {
            Ok(read) => read,
            Err(error) => {
                self.problems.push(format!("sample {}: {error}", shown(file)));
                return Ok(());
            }
        };
        self.facts.push((
            "sample",
            format!(
                "{}: {} of {}",
                shown(file),
                count(table.batch.num_rows(), "row"),
                count(users.rows.len(), "user")
            ),
        ));
        if let Some(needs) = plan.times_needed_by()
            && let Err(why) =
                event_times::check(&table.batch, &plan.source.features, needs, "sample")
        {
            self.problems.push(why.to_string());
        }
        if let Some(user) = &plan.user_filter {
            let rows = users
                .rows
                .iter()
                .find(|(name, _)| **name == **user)
                .map_or(0, |(_, rows)| rows.len());
            self.facts.push(("user", format!("{user:?}: {} in the sample", count(rows, "row"))));
        }
        let schema = table.batch.schema();
        let (there, absent): (Vec<&String>, Vec<&String>) =
            plan.columns.iter().partition(|name| schema.index_of(name).is_ok());
        let mut line = format!("{} of {} features are there", there.len(), plan.columns.len());
        if !absent.is_empty() {
            let names: Vec<&str> = absent.iter().map(|name| name.as_str()).collect();
            line = format!("{line}; not in the sample: {}", names.join(", "));
        }
        self.facts.push(("columns", line));
        if there.is_empty() && !plan.columns.is_empty() {
            self.problems.push(format!(
                "none of the {} feature columns is in {}",
                plan.columns.len(),
                shown(file)
            ));
        }
        Ok(())
    }

    fn readable(&mut self, what: &'static str, path: &Path) {
        match File::open(path) {
            Ok(_) => self.facts.push((what, format!("{} can be read", shown(path)))),
            Err(why) => self.problems.push(format!("{what}: {}: {why}", shown(path))),
        }
    }

    /// Outputs make their directories: the nearest one that exists must take files.
    fn writable(&mut self, path: &Path) {
        // A pipe or device is opened by the run.
        if path.exists() && !path.is_dir() && !replaces(path) {
            self.facts.push(("output", format!("{} is written in place", shown(path))));
            return;
        }
        let whole = real(path);
        let Some(directory) = whole.ancestors().skip(1).find(|directory| directory.exists()) else {
            return;
        };
        match tempfile::tempfile_in(directory) {
            Ok(_) => self.facts.push(("output", format!("{} can be written", shown(path)))),
            Err(why) => self.problems.push(format!("output: {}: {why}", shown(path))),
        }
    }
}

fn length(file: &Path) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
