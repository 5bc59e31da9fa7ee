//! What a run has to tell when it is over.

use super::Run;
use crate::error::RunError;
use crate::plan::{self, StageSettings};
use crate::train::TRAINING_DATA;
use dfp_engine::Report;
use dfp_engine::Weight;
use dfp_report::summary::Summary;
use std::sync::atomic::Ordering;

impl Run<'_> {
    /// Fewest and most steps of the models that were trained as long as our own preset asks for.
    fn steps(&self) -> Option<(usize, usize)> {
        let settings = self.train_ae()?;
        let ours =
            settings.trains() && settings.model.architecture() == plan::Architecture::Compact;
        let models = self.models.all();
        let steps = || models.iter().filter(|_| ours).map(|model| model.header().steps());
        steps().min().zip(steps().max())
    }

    /// What each stage took and handed on.
    fn tell_of_stages(&mut self, report: &Report) {
        for stage in &report.stages {
            let text = format!(
                "{}: {} rows in {} messages in, {} rows in {} messages out, busy for {:.3} s",
                stage.stage,
                stage.rows_in,
                stage.messages_in,
                stage.rows_out,
                stage.messages_out,
                stage.busy.as_secs_f64()
            );
            self.reporter.say(Weight::Debug, &text);
            let dropped = stage.dropped.iter();
            self.summary.dropped.extend(
                dropped.map(|(why, rows)| (stage.stage.clone(), *rows as usize, why.clone())),
            );
        }
    }

    pub(super) fn finish(mut self, report: &Report) -> Result<Summary, RunError> {
        let advice = match self.models.store() {
            Some(_) => {
                "the store has a live version neither of this user nor of everyone; see morpheus train"
            }
            None => "train on this user's rows, or add --use_generic_model to pipeline-ae",
        };
        for (user, rows) in self.book.without_model() {
            self.reporter.say(
                Weight::Warning,
                &format!(
                    "user {user:?} has no model: {rows} {} passed on with an empty score; {advice}",
                    if rows == 1 { "row" } else { "rows" }
                ),
            );
            self.summary.rows_without_model += rows;
        }
        let input = std::mem::take(&mut *self.input.lock());
        self.summary.interrupted = report.interrupted;
        self.summary.goes_on = self.plan.source.state_dir.is_some();
        self.summary.rows_read = input.rows;
        self.summary.users = input.users;
        self.summary.by_user = self.plan.user_column.is_some();
        self.tell_of_stages(report);
        self.summary.validations = std::mem::take(&mut *self.validations.lock());
        self.summary.rows_of_others = input.rows_of_others;
        self.summary.filtered.push(("input", input.filtered));
        self.summary.repeated = input.repeated;
        self.summary.drops_repeated = self.plan.source.drop_duplicates;
        self.summary.rows_outside = input.skipped.outside();
        self.summary.skipped.extend(input.lines("input"));
        self.summary.changed.extend(input.changes("input"));
        let learnt = self.learnt.lock();
        self.summary.skipped.extend(learnt.lines(TRAINING_DATA));
        drop(learnt);
        if self.gaps.cells() > 0 {
            let cells = self.gaps.cells();
            self.summary.skipped.push(format!(
                "input: {cells} cells that are no numbers in columns learnt as numeric"
            ));
        }
        if self.gaps.infinite() > 0 {
            let cells = self.gaps.infinite();
            let s = if cells == 1 { "" } else { "s" };
            self.summary.skipped.push(format!(
                "input: {cells} number{s} not finite, scored as the largest number there is"
            ));
        }
        if self.plan.stages.iter().any(|stage| matches!(stage, StageSettings::TimeSeries(_))) {
            let count = *self.time_series.lock();
            self.summary.time_series = Some(count);
        }
        if self.plan.stages.iter().any(|stage| matches!(stage, StageSettings::Alert(_))) {
            let mut count = self.alerts.lock();
            self.summary.alerts = Some(std::mem::take(&mut count));
        }
        self.summary.rows_scored = self.book.scored();
        self.summary.models = self.models.len();
        self.summary.failed_users = std::mem::take(&mut *self.failed.lock());
        let unusable = self.models.store().map(dfp_registry::library::Lookup::unusable);
        self.summary.failed_users.extend(unusable.unwrap_or_default());
        self.summary.unusual = self.book.unusual();
        self.summary.unlikely = self.book.unlikely();
        self.summary.steps = self.steps();
        self.summary.written = self
            .written
            .iter()
            .map(|(name, rows)| (name.clone(), rows.load(Ordering::Relaxed)))
            .collect();
        self.write_reports()?;
        Ok(self.summary)
    }
}
