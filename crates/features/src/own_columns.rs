//! Names of the columns that a run adds to those of the log, in one place, and what becomes of them where the
//! log has a column of such a name: the log's keeps its name, and ours gets a prefix.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Schema};
use dfp_logs::columns::with_columns;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Stands before the name of a column of ours where the log has one of that name.
pub const PREFIX: &str = "dfp_";

/// The score of all scorers, and the columns that always come with it.
pub const SCORE: &str = "score";
/// The probability of a score.
pub const P_VALUE: &str = "p_value";
/// Why a row scores as it does.
pub const REASON: &str = "reason";
/// The network's score, and what it is called where it is the only one.
pub const ANOMALY_SCORE: &str = "ae_anomaly_score";
/// The scaled distance from the training rows' mean.
pub const Z_SCORE: &str = "zscore";
/// What `alert` has decided: whether a row is an alert, its rank, and the rule that suppresses it.
pub const ALERTS: [&str; 3] = ["alert", "rank", "suppressed"];
/// What `timeseries` has found.
pub const TIME_SERIES: [&str; 3] = ["ts_anomaly", "ts_score", "ts_expected"];
/// All columns of scores that are not of a single feature.
pub const OF_ROWS: [&str; 12] = [
    SCORE,
    P_VALUE,
    "score_counts",
    "score_net",
    "score_neighbours",
    "peer_share",
    REASON,
    Z_SCORE,
    ANOMALY_SCORE,
    "max_abs_z",
    "mean_abs_z",
    "model_version",
];
/// Behind the name of a feature: how surprising a cell is, and how far its loss is from the usual one.
pub const SURPRISE: &str = "_surprise";
/// See [`SURPRISE`].
pub const Z_LOSS: &str = "_z_loss";
/// Endings of all columns of a single feature.
pub const OF_FEATURES: [&str; 4] = [SURPRISE, Z_LOSS, "_loss", "_pred"];

/// What our column `name` is called in a table: it has the prefix where the log has such a column.
pub fn called(schema: &Schema, name: &str) -> String {
    let mut called = name.to_owned();
    loop {
        let prefixed = format!("{PREFIX}{called}");
        if schema.index_of(&prefixed).is_err() {
            return called;
        }
        called = prefixed;
    }
}

/// What our column `name` is to be called in a table that it is added to.
pub fn free(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut free = name.to_owned();
    while is_taken(&free) {
        free.insert_str(0, PREFIX);
    }
    free
}

/// Our name of this column without the prefix, if it is one that gave way to the log's.
pub fn without_prefix<'n>(schema: &Schema, name: &'n str) -> &'n str {
    let mut plain = name;
    while let Some(shorter) = plain.strip_prefix(PREFIX)
        && schema.index_of(shorter).is_ok()
    {
        plain = shorter;
    }
    plain
}

/// Whether a column is the log's, since ours of that name has the prefix.
pub fn gave_way(schema: &Schema, name: &str) -> bool {
    schema.index_of(&format!("{PREFIX}{name}")).is_ok()
}

/// What the columns that a run adds are called. It is decided when the first rows get them, and holds for all
/// rows of the run: an output has one column of each.
#[derive(Debug, Default)]
pub struct OwnColumns {
    called: Mutex<HashMap<String, String>>,
}

/// Columns that gave way to others of the same name, for a message.
#[derive(Debug, Default)]
pub struct GaveWay {
    /// Names of the log's columns, with what ours are called.
    pub ours: Vec<(String, String)>,
    /// Names of the log's columns that only later rows have, with what those are called.
    pub of_log: Vec<(String, String)>,
}

impl OwnColumns {
    /// `rows` with these columns behind the others, or in place of columns of stages before (`made_before`).
    /// `features` are columns that the log is known to have, though these rows may not.
    ///
    /// # Errors
    /// The columns differ in length.
    pub fn put(
        &self,
        rows: &RecordBatch,
        columns: Vec<(String, ArrayRef)>,
        made_before: &[String],
        features: &[String],
    ) -> Result<(RecordBatch, GaveWay), ArrowError> {
        let mut all = self.called.lock();
        let mut gave_way = GaveWay::default();
        let mut rows = rows.clone();
        let mut named = Vec::with_capacity(columns.len());
        for (name, values) in columns {
            let schema = rows.schema();
            let is_ours = made_before.contains(&name);
            let is_new = !all.contains_key(&name);
            let of_log = |free: &str| {
                schema.index_of(free).is_ok() || (!is_ours && features.iter().any(|f| f == free))
            };
            let called = all.entry(name.clone()).or_insert_with(|| match is_ours {
                true => name.clone(),
                false => free(&name, of_log),
            });
            if *called != name {
                gave_way.ours.push((name, called.clone()));
            } else if !is_new && !is_ours && schema.index_of(called).is_ok() {
                let other = free(&format!("log_{called}"), |free| schema.index_of(free).is_ok());
                rows = renamed(&rows, called, &other)?;
                gave_way.of_log.push((name, other));
            }
            named.push((called.clone(), values));
        }
        Ok((with_columns(&rows, named)?, gave_way))
    }
}

fn renamed(rows: &RecordBatch, from: &str, to: &str) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let fields = schema.fields().iter().map(|field| match field.name() == from {
        true => field.as_ref().clone().with_name(to),
        false => field.as_ref().clone(),
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(std::sync::Arc::new(schema), rows.columns().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Int64Array;
    use std::sync::Arc;

    fn table(names: &[&str]) -> RecordBatch {
        let cell: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        RecordBatch::try_from_iter(names.iter().map(|name| (*name, Arc::clone(&cell)))).unwrap()
    }

    fn names(rows: &RecordBatch) -> Vec<String> {
        rows.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn put(own: &OwnColumns, log: &[&str], features: &[&str]) -> Vec<String> {
        let column = |name: &str| (name.to_owned(), table(&["x"]).column(0).clone());
        let features: Vec<String> = features.iter().map(|f| (*f).to_owned()).collect();
        let columns = vec![column("score"), column("reason")];
        names(&own.put(&table(log), columns, &[], &features).unwrap().0)
    }

    #[test]
    fn ours_give_way_and_stay_where_they_went() {
        let own = OwnColumns::default();
        assert_eq!(put(&own, &["a", "reason"], &[]), ["a", "reason", "score", "dfp_reason"]);
        assert_eq!(put(&own, &["a"], &[]), ["a", "score", "dfp_reason"]);
        assert_eq!(put(&own, &["score"], &[]), ["log_score", "score", "dfp_reason"]);
        let own = OwnColumns::default();
        assert_eq!(put(&own, &["a"], &["reason"]), ["a", "score", "dfp_reason"]);
        let own = OwnColumns::default();
        let twice = put(&own, &["reason", "dfp_reason"], &[]);
        assert_eq!(twice, ["reason", "dfp_reason", "score", "dfp_dfp_reason"]);
    }

    #[test]
    fn a_stage_replaces_what_one_before_it_has_made() {
        let own = OwnColumns::default();
        let column = |name: &str| vec![(name.to_owned(), table(&["x"]).column(0).clone())];
        let (rows, _) = own.put(&table(&["score"]), column("score"), &[], &[]).unwrap();
        let made = ["score".to_owned()];
        let (rows, _) = own.put(&rows, column("score"), &made, &[]).unwrap();
        assert_eq!(names(&rows), ["score", "dfp_score"]);
    }

    #[test]
    fn ours_are_found_again() {
        let schema = table(&["reason", "dfp_reason", "dfp_other", "score"]).schema();
        assert_eq!(called(&schema, "reason"), "dfp_reason");
        assert_eq!(called(&schema, "score"), "score");
        assert_eq!(without_prefix(&schema, "dfp_reason"), "reason");
        assert_eq!(without_prefix(&schema, "dfp_other"), "dfp_other");
        assert!(gave_way(&schema, "reason") && !gave_way(&schema, "score"));
    }
}
