//! Scores over time, and how many rows have which.

use super::aggregate::{Findings, Measure};
use super::run_info::Training;
use super::{Page, count, drawing, escape, scrolling};
use crate::plots::axis::{self, Counted};
use crate::plots::{Bars, Column, HistogramPlot, ScorePlot};
use maud::{Markup, html};
use serde::Serialize;

const BARS: usize = 60;

/// The drawing of a page's scores over time.
pub(super) fn plot(found: &Findings) -> ScorePlot {
    ScorePlot {
        title: "Scores over time".to_owned(),
        value: found.measure.value().to_owned(),
        counted: found.counted,
        columns: found.columns.clone(),
        threshold: (!found.chosen).then(|| found.measure.threshold()),
        height: 340,
    }
}

pub(super) fn over_time(found: &Findings) -> Result<Markup, String> {
    if found.columns.is_empty() {
        let why = if found.rows == 0 { "There are no rows." } else { "No row has a time." };
        return Ok(html! { p { (why) } });
    }
    let chart = html! {
        div #chart { (drawing("scores-drawing", &plot(found))?) }
    };
    let threshold = match found.measure {
        Measure::P(p) => format!("p-value of {}", axis::number(p)),
        Measure::Z => "z of 4".to_owned(),
    };
    let last = found.columns.len() - 1;
    Ok(html! {
        figure {
            (scrolling("Scores over time", &chart))
            figcaption {
                ul .legend {
                    li { span .key.rows {} "score range per time slot" }
                    li { span .key.alert {} "an alert among them" }
                    @if !found.chosen { li { span .key.line {} "threshold: " (threshold) } }
                    @if found.flagged.is_some_and(|rows| rows > 0) {
                        li { span .key.flag {} "rows at unusual times (timeseries)" }
                    }
                }
                @if found.counted == Counted::Rows { p { "The rows have no times; they are shown in file order." } }
                @if found.without_time > 0 {
                    p { (count(found.without_time, "row")) " without a time are not in the picture." }
                }
            }
            div .js-only.inspect {
                label for="inspect" { "Inspect a time slot" }
                input #inspect type="range" min="0" max=(last) value="0";
                output for="inspect" id="inspected" aria-live="polite" {}
            }
        }
    })
}

pub(super) fn histogram(page: &Page) -> Result<Markup, String> {
    let found = &page.findings;
    if found.bins.total() == 0 {
        return Ok(html! { p { "No row has a score." } });
    }
    let value = match found.measure {
        Measure::P(_) => "score",
        Measure::Z => "anomaly score",
    };
    let rows = found.bins.bars(BARS);
    let training = match page.run.as_ref().map(|run| &run.training) {
        Some(Training::Scores { bins, .. }) => bins.like(&rows),
        _ => Bars::default(),
    };
    let has_training = !training.bars.is_empty();
    let plot = HistogramPlot {
        title: "Histogram of scores".to_owned(),
        value: value.to_owned(),
        rows,
        training,
        height: 340,
    };
    let chart = drawing("histogram-drawing", &plot)?;
    Ok(html! {
        figure {
            (scrolling("Histogram of scores", &chart))
            figcaption {
                ul .legend {
                    li { span .key.rows {} "rows" }
                    @if has_training {
                        li { span .key.training {} "training rows that were held back, as if they were as many" }
                    }
                }
                p { (of_training(page, has_training)) }
            }
        }
    })
}

/// What is known of the training rows' scores.
fn of_training(page: &Page, drawn: bool) -> String {
    match page.run.as_ref().map(|run| &run.training) {
        Some(Training::Scores { models, without, .. }) if drawn => {
            let rest = match without {
                0 => String::new(),
                n => format!(
                    "; {} with fewer than 60 training rows held none back",
                    count(*n as u64, "model")
                ),
            };
            format!("Training rows of {}{rest}.", count(*models as u64, "model"))
        }
        Some(Training::Scores { .. }) => {
            "No model has training scores to compare with: users with fewer than 60 training rows hold none back.".to_owned()
        }
        Some(Training::Moments(moments)) => match moments.as_slice() {
            [(mean, std)] => format!(
                "Of its training rows' scores the model keeps the mean, {}, and the standard deviation, {}.",
                axis::number(*mean),
                axis::number(*std)
            ),
            all => format!(
                "Of their training rows' scores the {} models keep mean and standard deviation alone, so none are drawn.",
                axis::grouped(all.len() as u64)
            ),
        },
        None => "The training rows' scores are not in the output: to-report, as a stage of the run, draws them too."
            .to_owned(),
    }
}

#[derive(Serialize)]
struct Data {
    rows: u64,
    scored: u64,
    alerts: u64,
    users: usize,
    lowest_p: Option<f64>,
    columns: Vec<Place>,
}

/// A column of the picture: where it is, and what it says.
#[derive(Serialize)]
struct Place {
    x: f64,
    says: String,
}

/// What the page's script knows, and any other program can read.
pub(super) fn data(found: &Findings) -> serde_json::Result<Markup> {
    let plot = plot(found);
    let value = found.measure.value();
    let place = |column: &Column| {
        let from_to = match found.counted {
            Counted::Time => {
                let [from, to] = [column.from, column.to].map(|at| axis::time(at as i64));
                format!("{from} to {to} UTC")
            }
            Counted::Rows => format!(
                "rows {} to {}",
                axis::grouped(column.from as u64 + 1),
                axis::grouped(column.to as u64)
            ),
        };
        let highest = match column.bucket.range {
            Some((_, high)) => format!(", {value} up to {}", axis::number(high.into())),
            None => String::new(),
        };
        let alert = if column.bucket.alert { ", with an alert" } else { "" };
        let flagged = match column.bucket.flagged {
            0 => String::new(),
            n => format!(", {} at an unusual time", count(n, "row")),
        };
        let rows = count(column.bucket.rows, "row");
        let says = format!("{from_to}: {rows}{highest}{alert}{flagged}");
        Place { x: plot.pixel(column), says }
    };
    escape::script_data(&Data {
        rows: found.rows,
        scored: found.scored,
        alerts: found.alert_rows,
        users: found.users,
        lowest_p: found.lowest_p,
        columns: found.columns.iter().map(place).collect(),
    })
}
