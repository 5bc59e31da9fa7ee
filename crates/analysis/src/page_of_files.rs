//! Pages and pictures of files that runs have written.

use crate::results::{self, Results};
use dfp_engine::Reporter;
use dfp_pipeline::RunError;
use dfp_pipeline::source::ReadCount;
use dfp_report::html::Page;
use dfp_report::html::aggregate::{Asked, Digest, Names, UNUSUAL_Z, View};
use dfp_report::plots::axis::Counted;
use dfp_report::plots::{
    self, Bars, Bins, Column, HistogramPlot, PictureFormat, Point, ScorePlot, Series,
};
use dfp_report::summary::TooFew;
use dfp_storage::names::shown;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows that are looked at together.
const ROWS: usize = 8_192;

/// What is asked of `report`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportOptions {
    /// Files that runs have written, or patterns of them.
    pub outputs: Vec<String>,
    /// The page.
    pub html: PathBuf,
    /// What is an alert, and how many are shown.
    pub asked: Asked,
    /// What columns are called; what is not named is looked for.
    pub names: results::Names,
}

/// What is asked of `plot`.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotOptions {
    /// Files that runs have written, or patterns of them.
    pub outputs: Vec<String>,
    /// The picture.
    pub output: PathBuf,
    /// How it is written.
    pub format: PictureFormat,
    /// What it shows.
    pub kind: PictureKind,
    /// Only this user.
    pub user: Option<String>,
    /// What columns are called; what is not named is looked for.
    pub names: results::Names,
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// The score of each row.
    Scores,
    /// Its z over the rows of its user.
    ZScores,
    /// How many rows have which score.
    Histogram,
}

/// What was made of how many rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Rows read.
    pub rows: u64,
    /// Rows that are alerts, if they are told apart.
    pub alerts: Option<u64>,
    /// Users and rows of which none can be one.
    pub too_few: (u64, u64),
    /// Files and rows that were skipped while reading, one line a reason.
    pub skipped: Vec<String>,
}

/// Writes a page about files that runs have written.
///
/// # Errors
/// The files cannot be read, or a column cannot be told; the page cannot be written.
pub fn report(options: &ReportOptions, reporter: &dyn Reporter) -> Result<Made, RunError> {
    let results = Results::read(&options.outputs, &options.names, reporter)?;
    let users = users_of(&results);
    let names = Names {
        chosen: results.has_alerts(),
        score: results.score_column.clone(),
        with_p: results.p_values.is_some(),
        ..Names::default()
    };
    let mut digest = Digest::new(options.asked);
    for start in (0..users.len()).step_by(ROWS) {
        let rows = start..users.len().min(start + ROWS);
        let batch = results.rows.slice(start, rows.len());
        let times = results.time_column.as_ref().map(|_| micros(&results.times[rows.clone()]));
        let view = View::of_rows(users[rows].to_vec(), times, &batch, &names)?;
        digest.add(&view)?;
    }
    let files = results.files.iter();
    let findings = digest.finish();
    let made = Made {
        rows: findings.rows,
        alerts: Some(findings.alert_rows),
        too_few: findings.too_few,
        skipped: skipped(&results),
    };
    let page = Page {
        findings,
        files: files.map(|(path, rows)| (shown(path), *rows as u64)).collect(),
        run: None,
    };
    let html = page.html().map_err(RunError::Failed)?;
    dfp_storage::atomic_write::write_whole(&options.html, html.as_bytes())?;
    Ok(made)
}

/// Draws what files that runs have written hold.
///
/// # Errors
/// The files cannot be read, or a column cannot be told; nobody has the name that was asked for; the picture cannot
/// be written.
pub fn plot(options: &PlotOptions, reporter: &dyn Reporter) -> Result<Made, RunError> {
    let mut results = Results::read(&options.outputs, &options.names, reporter)?;
    let users = std::mem::take(&mut results.users).only(options.user.as_deref(), "results")?;
    let of_user = users.rows.iter().map(|(_, rows)| rows.as_slice());
    let of_user: Vec<&[u32]> = of_user.collect();
    let rows: usize = of_user.iter().map(|rows| rows.len()).sum();
    let of_whom = match (&options.user, users.rows.len()) {
        (Some(user), _) => format!(" of {user}"),
        (None, 1) => String::new(),
        (None, n) => format!(" of {}", dfp_report::html::count(n as u64, "user")),
    };
    let bytes = match options.kind {
        PictureKind::Histogram => {
            let mut bins = Bins::new(8_192);
            for row in of_user.iter().copied().flatten() {
                bins.add(results.scores[*row as usize]);
            }
            let plot = HistogramPlot {
                title: format!("Histogram of scores{of_whom}"),
                value: results.score_column.clone(),
                rows: bins.bars(60),
                training: Bars::default(),
                height: 420,
            };
            plots::picture(&plot, options.format)
        }
        kind => plots::picture(&scores(&results, &of_user, kind, &of_whom), options.format),
    };
    dfp_storage::atomic_write::write_whole(&options.output, &bytes.map_err(RunError::Failed)?)?;
    let too_few = match options.kind {
        PictureKind::ZScores => too_few(&results, &of_user),
        _ => (0, 0),
    };
    Ok(Made { rows: rows as u64, alerts: None, too_few, skipped: skipped(&results) })
}

/// Users, and their rows, of which none can have a z above 4.
fn too_few(results: &Results, of_user: &[&[u32]]) -> (u64, u64) {
    let scored = |rows: &&[u32]| {
        rows.iter().filter(|row| results.scores[**row as usize].is_finite()).count()
    };
    let few = of_user.iter().map(scored).filter(|rows| *rows > 0 && *rows < TooFew::LEAST);
    few.fold((0, 0), |sum, rows| (sum.0 + 1, sum.1 + rows as u64))
}

/// Scores of users' rows, or their z, over time; over their numbers where there are no times.
fn scores(results: &Results, of_user: &[&[u32]], kind: PictureKind, of_whom: &str) -> ScorePlot {
    let counted = match results.time_column {
        Some(_) => Counted::Time,
        None => Counted::Rows,
    };
    let mut series = Series::new(600);
    for rows in of_user {
        let of_rows = rows.iter().map(|row| results.scores[*row as usize]);
        let spread = (kind == PictureKind::ZScores).then(|| Spread::of(of_rows.clone()));
        for (row, score) in rows.iter().zip(of_rows) {
            let value = spread.map_or(score, |spread| spread.z(score));
            let at = match counted {
                Counted::Time => results.times[*row as usize].map(|time| time.div_euclid(1_000)),
                Counted::Rows => Some(i64::from(*row)),
            };
            let alert = spread.is_some() && value > UNUSUAL_Z;
            if let Some(at) = at {
                series.add(at, Point { value: Some(value as f32), alert, flagged: false });
            }
        }
    }
    let value = match kind {
        PictureKind::ZScores => format!("z of {}", results.score_column),
        _ => results.score_column.clone(),
    };
    ScorePlot {
        title: format!("{value}{of_whom}"),
        value: format!("{value}{of_whom}"),
        counted,
        columns: Column::all(&series),
        threshold: (kind == PictureKind::ZScores).then_some(UNUSUAL_Z),
        height: 420,
    }
}

/// Mean and sample standard deviation.
#[derive(Clone, Copy, Debug)]
struct Spread {
    mean: f64,
    std: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let values = values.filter(|value| value.is_finite());
        let rows = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / rows.max(1.0);
        let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
        Self { mean, std: (squares / (rows - 1.0).max(1.0)).sqrt() }
    }

    fn z(self, value: f64) -> f64 {
        if self.std > 0.0 { (value - self.mean) / self.std } else { 0.0 }
    }
}

fn users_of(results: &Results) -> Vec<Arc<str>> {
    let nobody: Arc<str> = Arc::from("");
    let users = results.user_of_rows().into_iter();
    users.map(|user| user.unwrap_or_else(|| Arc::clone(&nobody))).collect()
}

/// What could not be read.
fn skipped(results: &Results) -> Vec<String> {
    let count = ReadCount { skipped: results.skipped.clone(), ..ReadCount::default() };
    count.lines("results")
}

fn micros(times: &[Option<i64>]) -> Vec<Option<i64>> {
    times.iter().map(|time| time.map(|time| time.div_euclid(1_000))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_is_that_of_the_rows_that_have_a_score() {
        let spread = Spread::of([1.0, f64::NAN, 2.0, 3.0].into_iter());
        assert_eq!([1.0, 2.0, 3.0].map(|value| spread.z(value)), [-1.0, 0.0, 1.0]);
        assert!(spread.z(f64::NAN).is_nan());
        assert_eq!(Spread::of([5.0].into_iter()).z(5.0), 0.0);
        assert_eq!(Spread::of(std::iter::empty()).z(1.0), 0.0);
    }
}
