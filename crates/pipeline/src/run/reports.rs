//! The pages about a run, written at its end.

use super::Run;
use crate::error::RunError;
use crate::plan::StageSettings;
use crate::stages;
use dfp_engine::Weight;
use dfp_report::html::aggregate::Digest;
use dfp_report::html::{Page, RunFacts};
use dfp_storage::StorageError;
use dfp_storage::names::shown;
use parking_lot::Mutex;
use std::sync::Arc;

impl Run<'_> {
    /// What gathers for the pages, in the order of the plan.
    pub(super) fn open_reports(
        &mut self,
    ) -> Result<std::vec::IntoIter<stages::ToReport>, RunError> {
        let mut opened = Vec::new();
        for stage in &self.plan.stages {
            let StageSettings::ToReport(settings) = stage else { continue };
            let path = &settings.filename;
            if dfp_storage::atomic_write::replaces(path) && !settings.overwrite {
                let exists = StorageError::Exists { path: path.clone() };
                return Err(RunError::Failed(format!("to-report: {exists}")));
            }
            let digest = Arc::new(Mutex::new(Digest::new(settings.asked)));
            self.reports.push((&**settings, Arc::clone(&digest)));
            opened.push(stages::ToReport { names: settings.names.clone(), digest });
        }
        Ok(opened.into_iter())
    }

    /// Writes the pages; one about a run that was stopped would look like one about all of it.
    pub(super) fn write_reports(&mut self) -> Result<(), RunError> {
        let seed = self
            .train_ae()
            .filter(|settings| settings.trains())
            .map(|settings| (settings.seed, settings.seed_is_drawn));
        let models = if self.reports.is_empty() { Vec::new() } else { self.models.all() };
        for (settings, digest) in std::mem::take(&mut self.reports) {
            let name = shown(&settings.filename);
            if self.summary.interrupted {
                let text = format!("to-report: the run was stopped, so {name:?} is not written");
                self.reporter.say(Weight::Warning, &text);
                continue;
            }
            let empty = Digest::new(settings.asked);
            let digest = {
                let mut shared = digest.lock();
                std::mem::replace(&mut *shared, empty)
            };
            let written = self.summary.written.iter();
            let page = Page {
                findings: digest.finish(),
                files: written.map(|(file, rows)| (file.clone(), *rows as u64)).collect(),
                run: Some(RunFacts::new(settings.plan.clone(), seed, &models, &self.summary)),
            };
            let refuse = |why: String| RunError::Failed(format!("to-report: {why}"));
            let html = page.html().map_err(refuse)?;
            dfp_storage::atomic_write::write_whole(&settings.filename, html.as_bytes())
                .map_err(|why| refuse(why.to_string()))?;
            self.summary.pages.push(name);
        }
        Ok(())
    }
}
