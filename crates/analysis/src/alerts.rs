//! Alerts among rows that have been written: `morpheus alerts`.

use crate::results::{Names, Results};
use arrow_array::UInt32Array;
use arrow_select::take::take_record_batch;
use dfp_alerts::{
    AlertColumns, AlertCount, AlertSettings, Decider, Row, Verdict, most_unusual_first,
};
use dfp_connectors::sinks;
use dfp_engine::Reporter;
use dfp_features::own_columns::{self, Z_SCORE};
use dfp_logs::columns::with_columns;
use dfp_pipeline::RunError;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// What is chosen among, how, and where it goes.
#[derive(Debug)]
pub struct Options {
    /// Files, directories or patterns.
    pub outputs: Vec<String>,
    /// Which columns mean what.
    pub names: Names,
    /// How alerts are chosen; with `only`, alerts alone are written.
    pub alert: AlertSettings,
    /// Where rows are written, and whether a file there is replaced.
    pub output: Option<(PathBuf, bool)>,
}

/// The rows with what became of them.
#[derive(Debug)]
pub struct Chosen {
    /// All rows.
    pub results: Results,
    /// The rows that are alerts, in the order of time, the most unusual of a time first.
    pub alerts: Vec<usize>,
    /// How many there are, and what is not told.
    pub count: AlertCount,
    /// Rows written.
    pub written: usize,
}

/// Reads outputs, decides their rows all together, and writes them if asked.
///
/// # Errors
/// See [`Results::read`]; rows have no p-values where they are needed; the file cannot be written.
pub fn choose(options: &Options, reporter: &dyn Reporter) -> Result<Chosen, RunError> {
    let mut names = options.names.clone();
    // Rules compare what is written.
    names.exact.extend(options.alert.suppress.columns());
    let results = Results::read(&options.outputs, &names, reporter)?;
    let surprises = surprises(&results, options)?;
    if options.alert.needs_times() && results.times.iter().all(Option::is_none) {
        return Err(RunError::Usage(vec![match &results.time_column {
            Some(column) => format!("--alerts_per_day needs times, and no cell of {column:?} is one"),
            None => "--alerts_per_day needs times, and the results have no column of them; name it with --timestamp_column_name".to_owned(),
        }]));
    }
    let newest = results.times.iter().flatten().max().copied();
    let newest = newest.unwrap_or_else(|| dfp_features::period::now().saturating_mul(1_000));
    let rules = &options.alert.suppress;
    let (mut rows, mut applies, mut expired) = (Vec::new(), Vec::new(), Vec::new());
    // Rows are held against the rules user by user; `of` leads back to their places.
    let mut of: Vec<usize> = Vec::new();
    for (user, places) in &results.users.rows {
        let table = take_record_batch(&results.rows, &UInt32Array::from(places.clone()))?;
        let times: Vec<i64> =
            places.iter().map(|at| results.times[*at as usize].unwrap_or(newest)).collect();
        let reading = rules.hold(user, &table, &times, reporter)?;
        for ((place, time), rule) in places.iter().zip(times).zip(&reading.applies) {
            let (surprise, score) = (surprises[*place as usize], results.scores[*place as usize]);
            let suppressed = rule.is_some();
            rows.push(Row { user: Arc::clone(user), time, surprise, score, suppressed });
            of.push(*place as usize);
        }
        applies.extend(reading.applies);
        expired.extend(reading.expired);
    }
    let verdicts = Decider::new(options.alert.policy).decide(&rows, true);
    let mut count = AlertCount::default();
    for (at, (row, verdict)) in rows.iter().zip(&verdicts).enumerate() {
        count.see(row, *verdict, &options.alert.suppress, applies[at], expired[at]);
        count.timeless += usize::from(results.times[of[at]].is_none());
    }
    let mut alerts: Vec<usize> = most_unusual_first(&rows);
    let mut columns = AlertColumns::new(results.rows.num_rows());
    for (rank, at) in (1..).zip(&alerts) {
        columns.rank[of[*at]] = Some(rank);
    }
    for (at, verdict) in verdicts.iter().enumerate() {
        columns.enter(of[at], &rows[at], *verdict, rules, applies[at]);
    }
    alerts.retain(|at| verdicts[*at] == Verdict::Alert);
    alerts.sort_by_key(|at| rows[*at].time);
    let alerts: Vec<usize> = alerts.into_iter().map(|at| of[at]).collect();
    let written = write(options, &results, columns, &alerts)?;
    Ok(Chosen { results, alerts, count, written })
}

/// How unusual each row is, by the numbers that there are.
fn surprises(results: &Results, options: &Options) -> Result<Vec<f64>, RunError> {
    if let Some(p_values) = &results.p_values {
        return Ok(p_values.iter().map(|p| -p.ln()).collect());
    }
    if options.alert.needs_p_values() {
        return Err(RunError::Usage(vec![
            "the results have no p-values (inf-ae --scorer recommended writes them); choose the highest scores by --alerts_per_day".to_owned(),
        ]));
    }
    match results.numbers(&own_columns::called(&results.rows.schema(), Z_SCORE))? {
        _ if options.names.score.is_some() => Ok(results.scores.clone()),
        Some(z_scores) => Ok(z_scores),
        None if results.users.rows.len() <= 1 => Ok(results.scores.clone()),
        None => Err(RunError::Usage(vec![format!(
            "scores of different users in column {:?} cannot be compared, and the results have no column {Z_SCORE:?}; write it with add-scores --label={Z_SCORE}, or choose among the scores all the same with --score_column={}",
            results.score_column, results.score_column
        )])),
    }
}

fn write(
    options: &Options,
    results: &Results,
    columns: AlertColumns,
    alerts: &[usize],
) -> Result<usize, RunError> {
    let Some((path, overwrite)) = &options.output else { return Ok(0) };
    let schema = results.rows.schema();
    // What an earlier choice has written is replaced; a log's own column of one of the names is not.
    let chosen_before = results.has_alerts();
    let named = columns.arrays().into_iter().map(|(name, values)| match chosen_before {
        true => (own_columns::called(&schema, &name), values),
        false => (own_columns::free(&name, |free| schema.index_of(free).is_ok()), values),
    });
    let mut rows = with_columns(&results.rows, named.collect::<Vec<_>>())?;
    // User by user, as runs write them; rows without one stand last.
    let mut places: Vec<u32> =
        results.users.rows.iter().flat_map(|(_, rows)| rows).copied().collect();
    let known: HashSet<u32> = places.iter().copied().collect();
    places.extend((0..rows.num_rows() as u32).filter(|row| !known.contains(row)));
    if options.alert.only {
        let alerts: HashSet<u32> = alerts.iter().map(|at| *at as u32).collect();
        places.retain(|row| alerts.contains(row));
    }
    rows = take_record_batch(&rows, &UInt32Array::from(places))?;
    let mut sink = sinks::create(path, None, *overwrite, false)?;
    sink.write(&rows)?;
    sink.commit()?;
    Ok(rows.num_rows())
}
