//! `morpheus evaluate`: outputs of runs against labels.

use super::judged::{Judged, Row, Span, days};
use super::labels::{self, Labels};
use super::{Budgets, Evaluation, evaluate};
use crate::derive::{self, Cells};
use crate::error::RunError;
use crate::report::Reporter;
use crate::source::{self, ReadCount};
use crate::sources::SOURCES;
use crate::users::{Users, missing_column};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use dfp_io::logs::{self, EVENT_DT, LogTable, ReadOptions};
use rayon::ThreadPoolBuilder;
use serde::Serialize;
use std::path::PathBuf;

/// Columns that name events, in the order in which they are looked for.
const EVENTS: [&str; 4] = [labels::EVENT, "id", "txid", "uuid"];
/// Columns of scores, likewise.
const SCORES: [&str; 2] = ["score", "ae_anomaly_score"];
/// Columns of times, likewise.
const TIMES: [&str; 6] =
    [EVENT_DT, "eventTime", "createdDateTime", "isotimestamp", "published", "timestamp"];
/// The one column of scores that is low where a row is unusual.
const P_VALUE: &str = "p_value";

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
    let files = source::find(&options.outputs, true, None, false)?;
    // Numbers that name somebody or something keep their digits.
    let typed = [&options.user_column, &options.event_column].into_iter().flatten().cloned();
    let known = SOURCES.iter().filter_map(|source| source.features().user);
    let identifiers: Vec<String> = typed.chain(known).chain(EVENTS.map(str::to_owned)).collect();
    let read = ReadOptions { identifiers: &identifiers, sort: false, ..ReadOptions::default() };
    let dialect = &logs::table::DIALECT;
    let table = pool.install(|| logs::read(dialect, &files, &read, &mut |_, _| {}))?;
    source::check_skipped(&table.skipped, "outputs", false, reporter)?;
    let columns = UsedColumns::of(options, &table.batch.schema())?;
    let is_expected = options.label_column_is_typed;
    let labels =
        labels::read(&options.labels, &columns.event, (&options.label_column, is_expected))?;
    let (judged, found, users) = judged(&table.batch, &columns, &labels)?;
    let mut count = ReadCount { files: files.len(), ..ReadCount::default() };
    count.add(&LogTable { batch: table.batch.slice(0, judged.rows.len()), ..table }, &users);
    count.users = judged.users.len();
    Ok(Evaluated {
        count,
        columns,
        labelled_events: labels.events.len(),
        absent_events: labels.events.len() - found,
        evaluation: pool.install(|| evaluate(&judged, &options.budgets, options.seed)),
    })
}

impl UsedColumns {
    fn of(options: &EvaluateOptions, schema: &Schema) -> Result<Self, RunError> {
        let is_there = |name: &str| schema.field_with_name(name).is_ok();
        // What was typed has to be there; else the first that is.
        let used = |option: &str, typed: &Option<String>, known: &[String]| match typed {
            Some(name) if is_there(name) => Ok(name.clone()),
            Some(name) => {
                Err(missing_column(&format!("column in the outputs for --{option}:"), name, schema))
            }
            None => known.iter().find(|name| is_there(name)).cloned().ok_or_else(|| {
                format!("--{option} is required: the outputs have none of {}", known.join(", "))
            }),
        };
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let users: Vec<String> =
            SOURCES.iter().filter_map(|source| source.features().user).collect();
        let user = used("userid_column_name", &options.user_column, &users);
        let time = used("timestamp_column_name", &options.time_column, &owned(&TIMES));
        let event = used("event_column", &options.event_column, &owned(&EVENTS));
        let score = used("score_column", &options.score_column, &owned(&SCORES));
        match (user, time, event, score) {
            (Ok(user), Ok(time), Ok(event), Ok(score)) => Ok(Self { user, time, event, score }),
            (user, time, event, score) => {
                let all = [user.err(), time.err(), event.err(), score.err()];
                Err(RunError::Usage(all.into_iter().flatten().collect()))
            }
        }
    }
}

/// The rows with their truth, how many labelled events are among them, and whose rows they are.
fn judged(
    batch: &RecordBatch,
    columns: &UsedColumns,
    labels: &Labels,
) -> Result<(Judged, usize, Users), RunError> {
    let users = Users::of(batch, &columns.user, "outputs")?;
    let scores = numbers(batch, &columns.score)?;
    let p_values = match batch.column_by_name(P_VALUE) {
        Some(_) => numbers(batch, P_VALUE)?,
        None => vec![None; batch.num_rows()],
    };
    let is_low = columns.score == P_VALUE;
    let texts = Cells::of(batch, &columns.event).texts()?;
    let events: Vec<Option<&str>> = texts.iter().collect();
    let times = batch.column_by_name(&columns.time).map(derive::instants).transpose()?;
    let times = times.unwrap_or_default();
    let mut judged = Judged { kinds: labels.kinds.clone(), ..Judged::default() };
    let mut found = std::collections::HashSet::new();
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for (number, (user, rows)) in (0_u32..).zip(&users.rows) {
        judged.users.push(user.clone());
        for &row in rows {
            let at = row as usize;
            if let Some(time) = times[at] {
                (first, last) = (first.min(time), last.max(time));
            }
            let event = events[at].and_then(|name| labels.events.get_key_value(name));
            found.extend(event.map(|(name, _)| name.as_str()));
            let score = scores[at].map_or(f64::NAN, |score| if is_low { -score } else { score });
            let kind = event.map(|(_, kind)| *kind);
            judged.rows.push(Row { user: number, part: 0, score, p_value: p_values[at], kind });
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
    let found = found.len();
    Ok((judged, found, users))
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<Option<f64>>, RunError> {
    let Some(column) = batch.column_by_name(name) else { return Ok(Vec::new()) };
    if !column.data_type().is_numeric() && column.logical_null_count() < column.len() {
        return Err(RunError::Failed(format!(
            "column {name:?} of the outputs does not hold numbers"
        )));
    }
    let cast = arrow_cast::cast(column, &DataType::Float64)?;
    Ok(cast.as_primitive::<Float64Type>().iter().collect())
}
