//! What a run opens before it reads: outputs, and what rows are compared with.

use super::Run;
use crate::error::RunError;
use crate::plan::StageSettings;
use crate::{source, stages};
use dfp_connectors::state::{Commit, OutputMark, StateDir};
use dfp_storage::StorageError;
use dfp_storage::atomic_write::{identity, replaces};
use dfp_storage::names::shown;
use std::path::Path;
use std::sync::Arc;

impl Run<'_> {
    /// Whether a file that no earlier run has written is one that this run would read.
    fn is_input(&self, output: &Path) -> Result<bool, RunError> {
        let same = identity(output).filter(|_| replaces(output));
        if same.is_none() {
            return Ok(false);
        }
        let source = &self.plan.source;
        let files = source::find(&source.input_globs, source.recursive, None, true)?;
        Ok(files.iter().any(|file| identity(file) == same))
    }

    /// How far the outputs have been written. New ones are put down before they are made, so that a
    /// run that was killed at once finds its own files.
    fn claim_outputs(&self, state: &StateDir) -> Result<Vec<OutputMark>, RunError> {
        let known = state.outputs()?;
        let mut marks = Vec::new();
        for stage in &self.plan.stages {
            let StageSettings::ToFile(settings) = stage else { continue };
            let path = dfp_storage::names::absolute(&settings.filename);
            match known.iter().find(|mark| mark.path == path) {
                Some(mark) if path.exists() => marks.push(mark.clone()),
                // It was moved away, as log rotation does: it is begun anew.
                Some(_) => marks.push(OutputMark { path, ..OutputMark::default() }),
                None if self.is_input(&path)? => {
                    return Err(RunError::Usage(vec![format!(
                        "to-file: --filename: {:?} is read too, and would be written over; name another file",
                        shown(&settings.filename)
                    )]));
                }
                None if replaces(&settings.filename) && !settings.overwrite => {
                    let exists = StorageError::Exists { path: settings.filename.clone() };
                    return Err(RunError::Failed(format!("to-file: {exists}")));
                }
                None => marks.push(OutputMark { path, ..OutputMark::default() }),
            }
        }
        state.commit(&Commit { outputs: &marks, ..Commit::default() })?;
        Ok(marks)
    }

    /// Opens every output, in the order of the plan.
    pub(super) fn open_sinks(
        &mut self,
        state: Option<&StateDir>,
    ) -> Result<std::vec::IntoIter<stages::ToFile>, RunError> {
        let marks = match state {
            Some(state) => self.claim_outputs(state)?,
            None => Vec::new(),
        };
        if let Some(mark) = marks.iter().find(|mark| !mark.columns.is_empty()) {
            self.resumed = Some(mark.schema()?);
        }
        let mut sinks = Vec::new();
        for stage in &self.plan.stages {
            if let StageSettings::ToFile(settings) = stage {
                let rows = Arc::default();
                self.written.push((shown(&settings.filename), Arc::clone(&rows)));
                let sink = if self.plan.source.is_live() {
                    let path = dfp_storage::names::absolute(&settings.filename);
                    let mark = marks.iter().find(|mark| mark.path == path);
                    stages::ToFile::append(settings, mark, rows)
                } else {
                    stages::ToFile::open(settings, rows)
                };
                sinks.push(sink.map_err(|error| RunError::Failed(format!("to-file: {error}")))?);
            }
        }
        Ok(sinks.into_iter())
    }

    /// Reads what rows are to be compared with, in the order of the plan.
    pub(super) fn open_validations(
        &self,
    ) -> Result<std::vec::IntoIter<stages::Validate>, RunError> {
        let mut opened = Vec::new();
        for stage in &self.plan.stages {
            if let StageSettings::Validate(settings) = stage {
                let (user, strict) = (self.plan.user_column.as_deref(), self.plan.strict);
                let (reporter, found) = (&self.reporter, &self.validations);
                let open = || stages::Validate::open(settings, user, strict, reporter, found);
                opened.push(self.pool.install(open)?);
            }
        }
        Ok(opened.into_iter())
    }
}
