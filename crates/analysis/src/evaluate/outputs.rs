//! `morpheus evaluate`: outputs of runs against labels.

use super::judged::{Judged, Row, Span, days};
use super::labels::{self, Labels};
use super::{Budgets, Evaluation, evaluate};
use crate::results::{EVENTS, Names, Results};
use dfp_engine::Reporter;
use dfp_features::own_columns::{self, P_VALUE};
use dfp_logs::columns::missing_column;
use dfp_pipeline::RunError;
use dfp_pipeline::source::ReadCount;
use rayon::ThreadPoolBuilder;
use serde::Serialize;
use std::collections::HashSet;
use std::path::PathBuf;

/// What is asked for; `None` stands for the columns that there are.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the command's options, described in the table")]
pub struct EvaluateOptions {
    pub outputs: Vec<String>,
    pub labels: PathBuf,
    pub event_column: Option<String>,
    pub label_column: String,
    pub label_column_is_typed: bool,
    pub score_column: Option<String>,
    pub user_column: Option<String>,
    pub time_column: Option<String>,
    pub budgets: Budgets,
    pub seed: u64,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluated {
    /// What was read, and left out while reading.
    #[serde(skip)]
    pub count: ReadCount,
    /// The columns that were used.
    pub columns: UsedColumns,
    /// Labelled events.
    pub labelled_events: usize,
    /// Of these, the ones that are in no output.
    pub absent_events: usize,
    /// The measures.
    pub evaluation: Evaluation,
}

/// The columns of the outputs that were used.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct UsedColumns {
    pub user: String,
    pub time: String,
    pub event: String,
    pub score: String,
}

/// Reads outputs and labels, and measures.
///
/// # Errors
/// No file matches or can be read, a column is not there, a score is no number.
pub fn evaluate_outputs(
    options: &EvaluateOptions,
    reporter: &dyn Reporter,
) -> Result<Evaluated, RunError> {
    let pool = ThreadPoolBuilder::new()
        .build()
        .map_err(|error| RunError::Failed(format!("cannot start threads: {error}")))?;
    let names = Names {
        user: options.user_column.clone(),
        time: options.time_column.clone(),
        score: options.score_column.clone(),
        // Identifiers are compared as they are written.
        ids: options.event_column.iter().cloned().collect(),
        exact: Vec::new(),
    };
    let results = pool.install(|| Results::read(&options.outputs, &names, reporter))?;
    let columns = columns(options, &results)?;
    let is_expected = options.label_column_is_typed;
    let labels =
        labels::read(&options.labels, &columns.event, (&options.label_column, is_expected))?;
    let (judged, found) = judged(&results, &columns, &labels)?;
    let count = ReadCount {
        rows: results.rows.num_rows(),
        users: judged.users.len(),
        files: results.files.len(),
        without_user: results.users.without_user,
        skipped: results.skipped,
        ..ReadCount::default()
    };
    Ok(Evaluated {
        count,
        columns,
        labelled_events: labels.events.len(),
        absent_events: labels.events.len() - found,
        evaluation: pool.install(|| evaluate(&judged, &options.budgets, options.seed)),
    })
}

/// The columns that are used; what was typed is there.
fn columns(options: &EvaluateOptions, results: &Results) -> Result<UsedColumns, RunError> {
    let schema = results.rows.schema();
    let is_there = |name: &str| schema.index_of(name).is_ok();
    let event = match &options.event_column {
        Some(name) if is_there(name) => Ok(name.clone()),
        Some(name) => Err(missing_column("column of events (--event_column):", name, &schema)),
        None => EVENTS.into_iter().find(|name| is_there(name)).map(str::to_owned).ok_or_else(|| {
            format!(
                "the results do not name events: none of the columns {}; say with --event_column which one does",
                EVENTS.join(", ")
            )
        }),
    };
    let time = results.time_column.clone().ok_or_else(|| {
        "the results have no column of times, by which days are counted; name it with --timestamp_column_name"
            .to_owned()
    });
    match (time, event) {
        (Ok(time), Ok(event)) => Ok(UsedColumns {
            user: results.user_column.clone(),
            time,
            event,
            score: results.score_column.clone(),
        }),
        (time, event) => {
            Err(RunError::Usage([time.err(), event.err()].into_iter().flatten().collect()))
        }
    }
}

/// The rows with their truth, and how many labelled events are among them.
fn judged(
    results: &Results,
    columns: &UsedColumns,
    labels: &Labels,
) -> Result<(Judged, usize), RunError> {
    let is_low = columns.score == own_columns::called(&results.rows.schema(), P_VALUE);
    let events = results.texts(&columns.event)?;
    let p_value = |row: usize| {
        results.p_values.as_ref().map(|p_values| p_values[row]).filter(|p_value| !p_value.is_nan())
    };
    let mut judged = Judged { kinds: labels.kinds.clone(), ..Judged::default() };
    let mut found = HashSet::new();
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for (number, (user, rows)) in (0_u32..).zip(&results.users.rows) {
        judged.users.push(user.clone());
        for row in rows.iter().map(|row| *row as usize) {
            if let Some(time) = results.times[row] {
                (first, last) = (first.min(time), last.max(time));
            }
            let event = events[row].as_deref().and_then(|name| labels.events.get_key_value(name));
            found.extend(event.map(|(name, _)| name.as_str()));
            let score = results.scores[row];
            judged.rows.push(Row {
                user: number,
                part: 0,
                day: results.times[row].map_or(i64::MIN, dfp_alerts::day),
                score: if is_low { -score } else { score },
                p_value: p_value(row),
                kind: event.map(|(_, kind)| *kind),
            });
        }
    }
    if first > last {
        return Err(RunError::Failed(format!(
            "no row has a readable time in column {:?}; expected ISO 8601",
            columns.time
        )));
    }
    // Everybody was looked at for as long as the outputs reach.
    let span = days(first.div_euclid(1_000), last.div_euclid(1_000));
    let of_user = |user| Span { user, part: 0, days: span };
    judged.spans = (0..judged.users.len() as u32).map(of_user).collect();
    judged.part_days = vec![span];
    Ok((judged, found.len()))
}
