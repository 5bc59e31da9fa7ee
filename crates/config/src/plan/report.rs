//! The options of `to-report`, `report` and `plot`.

use super::OptionTexts;
use super::check::Checker;
use super::results::names;
use super::values::Values;
use super::{PlanFormat, PlanSpec, plan_text};
use crate::options::{PLOT, REPORT};
use dfp_analysis::page_of_files::{PictureKind, PlotOptions, ReportOptions};
use dfp_features::Features;
use dfp_logs::EVENT_DT;
use dfp_pipeline::plan::ScoreKind;
use dfp_pipeline::plan::{SourceSettings, StageSettings, ToReport};
use dfp_report::html::aggregate::{Asked, Names};
use dfp_report::plots::PictureFormat;
use std::path::PathBuf;

/// Checks the options of `report`; the words are files that runs have written.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_report(texts: &OptionTexts, words: &[String]) -> Result<ReportOptions, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(REPORT.name, REPORT.options, texts);
    checker.outputs(&values, words);
    let html = checker.page(&values, "html");
    checker.files.add_words(REPORT.name, words);
    checker.refuse_clashes();
    let asked = asked(&values);
    match html {
        Some(html) if checker.mistakes.is_empty() => {
            Ok(ReportOptions { outputs: words.to_vec(), html, asked, names: names(&values) })
        }
        _ => Err(checker.mistakes),
    }
}

/// Checks the options of `plot`; the words are files that runs have written.
///
/// # Errors
/// Every mistake; each names the option and the value.
pub fn check_plot(texts: &OptionTexts, words: &[String]) -> Result<PlotOptions, Vec<String>> {
    let mut checker = Checker::default();
    let values = checker.values(PLOT.name, PLOT.options, texts);
    checker.outputs(&values, words);
    let output = values.path("output");
    let format = output.as_deref().and_then(PictureFormat::of);
    if let (Some(output), None) = (&output, format) {
        checker
            .mistakes
            .push(format!("plot: --output: {output:?} cannot be drawn; expected .svg, .png"));
    }
    checker.files.add_words(PLOT.name, words);
    checker.refuse_clashes();
    let kind = match values.text("kind") {
        Some("zscores") => PictureKind::ZScores,
        Some("histogram") => PictureKind::Histogram,
        _ => PictureKind::Scores,
    };
    match output.zip(format) {
        Some((output, format)) if checker.mistakes.is_empty() => Ok(PlotOptions {
            outputs: words.to_vec(),
            output,
            format,
            kind,
            user: values.text("userid_filter").map(str::to_owned),
            names: names(&values),
        }),
        _ => Err(checker.mistakes),
    }
}

fn asked(values: &Values) -> Asked {
    Asked {
        threshold: values.number("threshold").unwrap_or_default(),
        alerts: values.count("alerts").unwrap_or_default(),
    }
}

impl Checker {
    /// A page's file by its name.
    fn page(&mut self, values: &Values, option: &str) -> Option<PathBuf> {
        let path = values.path(option)?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !["html", "htm"].iter().any(|known| ending.eq_ignore_ascii_case(known)) {
            let place = values.place;
            self.mistakes.push(format!(
                "{place}: --{option}: {path:?} is no name of a page; expected .html, .htm"
            ));
        }
        if dfp_storage::files::is_address(&path) {
            let place = values.place;
            self.mistakes.push(format!(
                "{place}: --{option}: {path:?} is an address; expected a local path"
            ));
        }
        Some(path)
    }

    pub(super) fn page_of_run(
        &mut self,
        values: &Values,
        spec: &PlanSpec,
        features: &Features,
    ) -> Option<ToReport> {
        let filename = self.page(values, "filename")?;
        let times = features.derived_time().into_iter().chain([EVENT_DT]);
        Some(ToReport {
            filename,
            overwrite: values.bool("overwrite"),
            asked: asked(values),
            names: Names { times: times.map(str::to_owned).collect(), ..Names::default() },
            plan: plan_text(spec, PlanFormat::Toml),
        })
    }

    /// A page is about the scores that `add-scores` writes before it, under their names.
    pub(super) fn scores_of_reports(&mut self, stages: &mut [StageSettings]) {
        let mut written: Option<(String, Option<String>, bool)> = None;
        let mut chosen = false;
        for stage in stages {
            match stage {
                StageSettings::AddScores(settings) => {
                    let label = settings.labels.iter().find(|(_, kind)| *kind == ScoreKind::Score);
                    let name = match label {
                        Some((label, _)) => Some(format!("{}{label}", settings.prefix)),
                        // The score of all scorers has a name of its own.
                        None => settings.recommended.then(|| format!("{}score", settings.prefix)),
                    };
                    written = Some((settings.prefix.clone(), name, settings.recommended));
                }
                StageSettings::Alert(_) => chosen = true,
                StageSettings::ToReport(report) => match written.clone() {
                    Some((prefix, Some(score), with_p)) => {
                        let times = std::mem::take(&mut report.names.times);
                        report.names = Names { prefix, score, with_p, chosen, times };
                    }
                    Some((_, None, _)) => self.mistakes.push(
                        "to-report: add-scores writes no score, only its z-score; add the score's label to its --label".to_owned(),
                    ),
                    None => self.mistakes.push(
                        "to-report: rows have no scores without add-scores; put preprocess inf-ae add-scores before serialize".to_owned(),
                    ),
                },
                _ => {}
            }
        }
    }

    /// A page is written when a run is over.
    pub(super) fn reports_of_live(&mut self, source: &SourceSettings, stages: &[StageSettings]) {
        let reports = stages.iter().any(|stage| matches!(stage, StageSettings::ToReport(_)));
        let option = match (&source.watch, &source.state_dir) {
            (Some(_), _) => "--watch_directory",
            (None, Some(_)) => "--state_dir",
            (None, None) => return,
        };
        if reports {
            self.mistakes.push(format!(
                "to-report: a page is about one complete run, and {} with {option} is continuous; write the rows with to-file, and make the page of them with morpheus report",
                source.kind.stage
            ));
        }
    }
}
