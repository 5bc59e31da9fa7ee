//! Rows as a run writes them, seen by the names of their columns.

use crate::error::ReportError;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow_schema::DataType;
use dfp_features::derive::{self, Cells, Texts};
use dfp_features::own_columns::{
    self, ALERTS, OF_FEATURES, OF_ROWS, P_VALUE, REASON, SCORE, TIME_SERIES,
};
use dfp_logs::EVENT_DT;
use dfp_logs::columns::{FILE_ROW, INDEX, missing_column};
use std::sync::Arc;

/// Longer texts are cut: a page is for people.
const LONGEST: usize = 400;

/// What the columns are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Stands before the names of all columns of scores.
    pub prefix: String,
    /// Column of the score, with its prefix.
    pub score: String,
    /// Rows may have p-values.
    pub with_p: bool,
    /// The stage `alert` has chosen the alerts.
    pub chosen: bool,
    /// Columns that may hold the event times; the first that is there.
    pub times: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            score: own_columns::ANOMALY_SCORE.to_owned(),
            with_p: true,
            chosen: false,
            times: vec![EVENT_DT.to_owned()],
        }
    }
}

/// Whose rows they are.
enum Whose {
    One(Arc<str>),
    Each(Vec<Arc<str>>),
}

/// Some rows.
pub struct View {
    /// How many.
    pub rows: usize,
    batch: RecordBatch,
    whose: Whose,
    pub(super) times: Option<Vec<Option<i64>>>,
    score: Option<Float64Array>,
    pub(super) p_values: Option<Float64Array>,
    pub(super) flagged: Option<BooleanArray>,
    /// What `alert` has chosen, if it was there.
    pub(super) chosen: Option<BooleanArray>,
    file_rows: Option<Int64Array>,
    reasons: Option<Texts>,
    /// Features with their contributions.
    pub(super) parts: Vec<(String, Float64Array)>,
    pub(super) parts_name: &'static str,
    prefix: String,
    score_name: String,
}

/// Endings of what a feature contributed, the better one first.
const PARTS: [(&str, &str); 2] =
    [(own_columns::SURPRISE, "surprise, in nats"), (own_columns::Z_LOSS, "z of the loss")];
fn numbers(batch: &RecordBatch, name: &str) -> Result<Option<Float64Array>, ReportError> {
    let Some(column) = batch.column_by_name(name) else { return Ok(None) };
    let cast = arrow_cast::cast(column, &DataType::Float64)?;
    Ok(Some(cast.as_primitive::<Float64Type>().clone()))
}

/// Yes or no; text as runs write it.
fn flags(batch: &RecordBatch, name: &str) -> Result<Option<BooleanArray>, ReportError> {
    let Some(column) = batch.column_by_name(name) else { return Ok(None) };
    Ok(Some(arrow_cast::cast(column, &DataType::Boolean)?.as_boolean().clone()))
}

fn is_set(flags: Option<&BooleanArray>, row: usize) -> bool {
    flags.is_some_and(|flags| flags.is_valid(row) && flags.value(row))
}

impl View {
    /// Rows of one user.
    ///
    /// # Errors
    /// There is no score among their columns.
    pub fn of_user(
        user: &Arc<str>,
        batch: &RecordBatch,
        names: &Names,
    ) -> Result<Self, ReportError> {
        let named = names.times.iter().find_map(|name| batch.column_by_name(name));
        let micros = |time: i64| time.div_euclid(1_000);
        let times = named.map(derive::instants).transpose()?;
        let times = times.map(|all| all.into_iter().map(|time| time.map(micros)).collect());
        Self::new(Whose::One(Arc::clone(user)), times, batch, names)
    }

    /// Rows of any users, each named, with their times in microseconds since 1970.
    ///
    /// # Errors
    /// There is no score among their columns.
    pub fn of_rows(
        users: Vec<Arc<str>>,
        times: Option<Vec<Option<i64>>>,
        batch: &RecordBatch,
        names: &Names,
    ) -> Result<Self, ReportError> {
        Self::new(Whose::Each(users), times, batch, names)
    }

    fn new(
        whose: Whose,
        times: Option<Vec<Option<i64>>>,
        batch: &RecordBatch,
        names: &Names,
    ) -> Result<Self, ReportError> {
        let schema = batch.schema();
        let called = |name: &str| own_columns::called(&schema, name);
        let made = |name: &str| called(&format!("{}{name}", names.prefix));
        let p_values = match names.with_p {
            true => numbers(batch, &made(P_VALUE))?,
            false => None,
        };
        let score_name = match p_values {
            Some(_) => made(SCORE),
            None => called(&names.score),
        };
        let score = numbers(batch, &score_name)?;
        if score.is_none() && p_values.is_none() {
            let what = "column of scores:";
            return Err(ReportError::NoScores(missing_column(what, &score_name, &batch.schema())));
        }
        // A log's own columns of these names stand alone.
        let reasons = match p_values {
            Some(_) if batch.column_by_name(&made(REASON)).is_some() => {
                Some(Cells::of(batch, &made(REASON)).texts()?)
            }
            _ => None,
        };
        let tested = TIME_SERIES.iter().all(|name| batch.column_by_name(&called(name)).is_some());
        let flagged = if tested { flags(batch, &called(TIME_SERIES[0]))? } else { None };
        let chosen = if names.chosen { flags(batch, &called(ALERTS[0]))? } else { None };
        let file_rows = match batch.column_by_name(&called(FILE_ROW)) {
            Some(column) => {
                let cast = arrow_cast::cast(column, &DataType::Int64)?;
                Some(cast.as_primitive::<Int64Type>().clone())
            }
            None => None,
        };
        let (parts, parts_name) = parts(batch, &names.prefix)?;
        // A clock that is wrong would leave no room for all others.
        let future = derive::beginning_of_the_future().div_euclid(1_000);
        let times = times.map(|times| {
            times.into_iter().map(|time| time.filter(|time| *time < future)).collect()
        });
        Ok(Self {
            rows: batch.num_rows(),
            batch: batch.clone(),
            whose,
            times,
            score,
            p_values,
            flagged,
            chosen,
            file_rows,
            reasons,
            parts,
            parts_name,
            prefix: names.prefix.clone(),
            score_name,
        })
    }

    pub(super) fn user(&self, row: usize) -> &Arc<str> {
        match &self.whose {
            Whose::One(user) => user,
            Whose::Each(users) => &users[row],
        }
    }

    pub(super) fn time(&self, row: usize) -> Option<i64> {
        self.times.as_ref().and_then(|times| times.get(row).copied().flatten())
    }

    pub(super) fn score(&self, row: usize) -> Option<f64> {
        number(self.score.as_ref(), row)
    }

    pub(super) fn p_value(&self, row: usize) -> Option<f64> {
        number(self.p_values.as_ref(), row)
    }

    pub(super) fn is_flagged(&self, row: usize) -> bool {
        is_set(self.flagged.as_ref(), row)
    }

    pub(super) fn is_chosen(&self, row: usize) -> bool {
        is_set(self.chosen.as_ref(), row)
    }

    pub(super) fn file_row(&self, row: usize) -> Option<i64> {
        self.file_rows.as_ref().filter(|rows| rows.is_valid(row)).map(|rows| rows.value(row))
    }

    pub(super) fn reason(&self, row: usize) -> Option<String> {
        let text = self.reasons.as_ref()?.get(row)?;
        (!text.is_empty()).then(|| cut(text))
    }

    pub(super) fn part(&self, name: &str, row: usize) -> Option<f64> {
        let (_, values) = self.parts.iter().find(|(known, _)| known == name)?;
        number(Some(values), row).map(f64::abs)
    }

    /// A cell as text; `None` if it is missing.
    pub(super) fn cell(&self, name: &str, row: usize) -> Option<String> {
        let column = self.batch.column_by_name(name).filter(|column| !column.is_null(row))?;
        let one = RecordBatch::try_from_iter([("", column.slice(row, 1))]).ok()?;
        Cells::of(&one, "").texts().ok()?.get(0).map(cut)
    }

    /// The log's own columns, and how many of their cells are missing.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&str, u64)> {
        let fields = self.batch.schema_ref().fields().iter().zip(self.batch.columns());
        let own = fields.filter(|(field, _)| !self.is_made(field.name()));
        own.map(|(field, column)| (field.name().as_str(), column.logical_null_count() as u64))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.batch.column_by_name(name).is_some()
    }

    fn is_made(&self, name: &str) -> bool {
        let schema = self.batch.schema_ref();
        if own_columns::gave_way(schema, name) {
            return false;
        }
        if [INDEX, EVENT_DT, self.score_name.as_str()].contains(&name) {
            return true;
        }
        let name = own_columns::without_prefix(schema, name);
        if name == FILE_ROW || TIME_SERIES.contains(&name) {
            return true;
        }
        let Some(name) = name.strip_prefix(&self.prefix) else { return false };
        let of_feature = |ending: &str| {
            let feature = name.strip_suffix(ending);
            feature.is_some_and(|feature| self.batch.column_by_name(feature).is_some())
        };
        OF_ROWS.contains(&name) || ALERTS.contains(&name) || OF_FEATURES.into_iter().any(of_feature)
    }
}

fn number(values: Option<&Float64Array>, row: usize) -> Option<f64> {
    let values = values.filter(|values| values.is_valid(row))?;
    Some(values.value(row)).filter(|value| !value.is_nan())
}

type Parts = Vec<(String, Float64Array)>;

fn parts(batch: &RecordBatch, prefix: &str) -> Result<(Parts, &'static str), ReportError> {
    for (ending, name) in PARTS {
        let schema = batch.schema();
        let ours = schema.fields().iter();
        let ours = ours.filter(|field| !own_columns::gave_way(&schema, field.name()));
        let columns = ours.filter_map(|field| {
            let name = own_columns::without_prefix(&schema, field.name());
            let feature = name.strip_prefix(prefix)?.strip_suffix(ending)?;
            Some((feature.to_owned(), field.name().clone()))
        });
        let mut parts = Vec::new();
        for (feature, column) in columns {
            if let Some(values) = numbers(batch, &column)? {
                parts.push((feature, values));
            }
        }
        if !parts.is_empty() {
            return Ok((parts, name));
        }
    }
    Ok((Vec::new(), ""))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
