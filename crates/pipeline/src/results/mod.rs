//! What runs have written, read again: the rows of their outputs, and which columns mean what.

#[cfg(test)]
mod tests;

use crate::derive::{Cells, instants};
use crate::error::RunError;
use crate::report::{Progress, Reporter};
use crate::source;
use crate::sources::SOURCES;
use crate::users::{Users, missing_column};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use dfp_io::logs::skipped::Skipped;
use dfp_io::logs::{self, EVENT_DT, ReadOptions, table};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The column of the probabilities that the recommended scorers give.
pub const P_VALUE: &str = "p_value";
/// Columns of scores, the first that is there counts.
const SCORES: [&str; 3] = ["score", "ae_anomaly_score", "reconstruct_loss"];
/// What [`Results::surprises`] looks for.
const SURPRISE: &str = "_surprise";
const Z_LOSS: &str = "_z_loss";
/// A column of times that no source of ours names.
const TIMESTAMP: &str = "timestamp";

/// Which columns of the files mean what; what is not named is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The column that tells users apart.
    pub user: Option<String>,
    /// The column of times.
    pub time: Option<String>,
    /// The column of scores.
    pub score: Option<String>,
}

/// The rows of one or several outputs.
#[derive(Debug)]
pub struct Results {
    /// All columns of all rows, in the order of the files.
    pub rows: RecordBatch,
    /// The files, with the rows of each.
    pub files: Vec<(PathBuf, usize)>,
    /// Users in order of first appearance, with their rows.
    pub users: Users,
    /// The column of users.
    pub user_column: String,
    /// Nanoseconds since 1970 of each row; all are `None` where there is no column of times.
    pub times: Vec<Option<i64>>,
    /// The column of times, if there is one.
    pub time_column: Option<String>,
    /// The score of each row, higher is more unusual; NaN where there is none.
    pub scores: Vec<f64>,
    /// The column of scores.
    pub score_column: String,
    /// The probability of each row, NaN where there is none; `None` without the recommended scorers.
    pub p_values: Option<Vec<f64>>,
    /// What could not be read.
    pub skipped: Skipped,
}

/// How much each feature contributes to rows' scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// What the numbers are: `surprise` in nats, or `z_loss` in standard deviations of the loss.
    pub unit: &'static str,
    /// Each feature with a number a row; NaN where there is none.
    pub features: Vec<(String, Vec<f64>)>,
}

impl Results {
    /// Reads the files that any of `globs` names.
    ///
    /// # Errors
    /// [`RunError::Usage`] if a pattern names no file or a column cannot be told;
    /// [`RunError::NoRows`] if no file has a row; a column that was named is not there.
    pub fn read(
        globs: &[String],
        names: &Names,
        reporter: &dyn Reporter,
    ) -> Result<Self, RunError> {
        let paths = source::find(globs, true, None, false)?;
        let identifiers: Vec<String> = match &names.user {
            Some(user) => vec![user.clone()],
            None => known_users().into_iter().collect(),
        };
        let options =
            ReadOptions { identifiers: &identifiers, sort: false, ..ReadOptions::default() };
        let (mut files, mut rows_so_far) = (Vec::new(), 0);
        let read = logs::read(&table::DIALECT, &paths, &options, &mut |path, rows| {
            files.push((path.to_owned(), rows));
            rows_so_far += rows;
            reporter.progress(Progress::Read {
                purpose: "results",
                files_done: files.len(),
                files: paths.len(),
                rows: rows_so_far,
            });
        });
        reporter.phase_over();
        let read = read?;
        source::check_skipped(&read.skipped, "results", false, reporter)?;
        Self::of(read.batch, files, names, read.skipped)
    }

    /// Tells which columns of a table mean what.
    fn of(
        rows: RecordBatch,
        files: Vec<(PathBuf, usize)>,
        names: &Names,
        skipped: Skipped,
    ) -> Result<Self, RunError> {
        let schema = rows.schema();
        let mut mistakes = Vec::new();
        let mut note = |found: Result<String, String>| {
            found.map_err(|mistake| mistakes.push(mistake)).unwrap_or_default()
        };
        let user_column = note(user_column(names, &schema));
        let score_column = note(score_column(names, &schema));
        let time_column = match &names.time {
            Some(time) => Some(note(
                named("column of times (--timestamp_column_name):", time, &schema)
                    .map(Clone::clone),
            )),
            None => times_known().find(|name| schema.index_of(name).is_ok()),
        };
        if !mistakes.is_empty() {
            return Err(RunError::Usage(mistakes));
        }
        let times = match time_column.as_ref().and_then(|name| rows.column_by_name(name)) {
            Some(column) => instants(column)?,
            None => vec![None; rows.num_rows()],
        };
        let scores = numbers(&rows, &score_column)?;
        let p_values = match schema.index_of(P_VALUE) {
            Ok(_) => Some(numbers(&rows, P_VALUE)?),
            Err(_) => None,
        };
        let users = Users::of(&rows, &user_column, "results")?;
        Ok(Self {
            rows,
            files,
            users,
            user_column,
            times,
            time_column,
            scores,
            score_column,
            p_values,
            skipped,
        })
    }

    /// The user of each row, `None` for a row without one.
    pub fn user_of_rows(&self) -> Vec<Option<Arc<str>>> {
        let mut of_rows = vec![None; self.rows.num_rows()];
        for (user, rows) in &self.users.rows {
            for row in rows {
                of_rows[*row as usize] = Some(Arc::clone(user));
            }
        }
        of_rows
    }

    /// A column as numbers, NaN where a cell is none; `None` if there is no such column.
    ///
    /// # Errors
    /// The column cannot be read as numbers.
    pub fn numbers(&self, column: &str) -> Result<Option<Vec<f64>>, RunError> {
        match self.rows.column_by_name(column) {
            Some(_) => numbers(&self.rows, column).map(Some),
            None => Ok(None),
        }
    }

    /// A column as texts; all are missing if there is no such column.
    ///
    /// # Errors
    /// The column cannot be read as text.
    pub fn texts(&self, column: &str) -> Result<Vec<Option<String>>, RunError> {
        let texts = Cells::of(&self.rows, column).texts()?;
        Ok(texts.iter().map(|text| text.map(str::to_owned)).collect())
    }

    /// How much each feature contributes: surprises if the files have them (`add-scores --surprises`),
    /// else scaled losses (`--details`), else nothing.
    ///
    /// # Errors
    /// A column cannot be read as numbers.
    pub fn contributions(&self) -> Result<Contributions, RunError> {
        let schema = self.rows.schema();
        let of = |ending: &str| -> Vec<String> {
            let names = schema.fields().iter().map(|field| field.name());
            names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
        };
        let (ending, mut features) = (SURPRISE, of(SURPRISE));
        let (ending, unit) = match features.is_empty() {
            false => (ending, "surprise"),
            true => {
                features = of(Z_LOSS);
                (Z_LOSS, "z_loss")
            }
        };
        let columns = features.into_iter().map(|feature| {
            let values = numbers(&self.rows, &format!("{feature}{ending}"))?;
            Ok((feature, values))
        });
        Ok(Contributions { unit, features: columns.collect::<Result<_, RunError>>()? })
    }
}

/// NaN where a cell is missing or no number.
fn numbers(rows: &RecordBatch, column: &str) -> Result<Vec<f64>, RunError> {
    let Some(array) = rows.column_by_name(column) else { return Ok(Vec::new()) };
    let array = arrow_cast::cast(array, &DataType::Float64)?;
    let array = array.as_primitive::<Float64Type>();
    if array.null_count() == 0 {
        return Ok(array.values().to_vec());
    }
    Ok(array.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

fn named<'a>(what: &str, name: &'a String, schema: &Schema) -> Result<&'a String, String> {
    match schema.index_of(name) {
        Ok(_) => Ok(name),
        Err(_) => Err(missing_column(what, name, schema)),
    }
}

/// Columns of users of our sources.
fn known_users() -> BTreeSet<String> {
    SOURCES.iter().filter_map(|source| source.features().user).collect()
}

/// Columns of times of our sources.
fn times_known() -> impl Iterator<Item = String> {
    let of_sources = SOURCES.iter().filter_map(|source| source.dialect.time);
    std::iter::once(EVENT_DT).chain(of_sources).chain([TIMESTAMP]).map(str::to_owned)
}

fn user_column(names: &Names, schema: &Schema) -> Result<String, String> {
    const WHAT: &str = "column of users (--userid_column_name):";
    if let Some(user) = &names.user {
        return named(WHAT, user, schema).cloned();
    }
    let known = known_users();
    let there: Vec<&String> = known.iter().filter(|name| schema.index_of(name).is_ok()).collect();
    match there[..] {
        [user] => Ok(user.clone()),
        _ => Err(format!(
            "the results do not say which of their columns tells users apart; name it with --userid_column_name, as in the run that wrote them{}",
            match there.is_empty() {
                true => String::new(),
                false => format!(
                    ": {}",
                    there.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
                ),
            }
        )),
    }
}

fn score_column(names: &Names, schema: &Schema) -> Result<String, String> {
    if let Some(score) = &names.score {
        return named("column of scores (--score_column):", score, schema).cloned();
    }
    let known = SCORES.iter().find(|name| schema.index_of(name).is_ok());
    known.map(|name| (*name).to_owned()).ok_or_else(|| {
        format!(
            "the results have no scores: none of the columns {}; write them with add-scores, or name the column with --score_column",
            SCORES.join(", ")
        )
    })
}
