//! What runs have written, read again: the rows of their outputs, and which columns mean what.

pub mod explain;
#[cfg(test)]
mod tests;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use dfp_engine::{Progress, Reporter};
use dfp_features::SOURCES;
use dfp_features::derive::{Cells, instants};
use dfp_features::feature_file::of_source;
use dfp_features::own_columns::{
    self, ALERTS, ANOMALY_SCORE, P_VALUE, REASON, SCORE, SURPRISE, Z_LOSS, Z_SCORE,
};
use dfp_features::users::Users;
use dfp_logs::columns::missing_column;
use dfp_logs::skipped::Skipped;
use dfp_logs::{EVENT_DT, ReadOptions, table};
use dfp_pipeline::RunError;
use dfp_pipeline::source;
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Columns of scores, the first that is there counts.
const SCORES: [&str; 4] = [SCORE, ANOMALY_SCORE, "reconstruct_loss", Z_SCORE];
/// Columns that identify events in the logs of our sources.
pub const EVENTS: [&str; 4] = ["eventID", "id", "txid", "uuid"];
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
    /// Columns that identify events, besides [`EVENTS`].
    pub ids: Vec<String>,
    /// Columns whose cells stay as they are written.
    pub exact: Vec<String>,
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
        let mut identifiers: Vec<String> = match &names.user {
            Some(user) => vec![user.clone()],
            None => known_users().into_iter().collect(),
        };
        identifiers.extend(names.ids.iter().cloned().chain(EVENTS.map(str::to_owned)));
        let options = ReadOptions {
            identifiers: &identifiers,
            exact: &names.exact,
            sort: false,
            ..ReadOptions::default()
        };
        let (mut files, mut rows_so_far) = (Vec::new(), 0);
        let read = dfp_logs::read(&table::DIALECT, &paths, &options, &mut |path, rows| {
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
        let results = Self::of(read.batch, files, names, read.skipped)?;
        match names.user.is_none() && results.has_rows_twice(read.file_rows.values()) {
            true => Err(RunError::Usage(vec![which_user(&[&results.user_column])])),
            false => Ok(results),
        }
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
                named("column of times (--timestamp_column_name):", time, &schema).cloned(),
            )),
            None => times_known().find(|name| schema.index_of(name).is_ok()),
        };
        if !mistakes.is_empty() {
            return Err(RunError::Usage(mistakes));
        }
        let times = match time_column.as_ref().and_then(|name| rows.column_by_name(name)) {
            // JSON lines have milliseconds since 1970.
            Some(column) if *column.data_type() == DataType::Int64 => {
                let times = column.as_primitive::<Int64Type>().iter();
                times.map(|time| time?.checked_mul(1_000_000)).collect()
            }
            Some(column) => instants(column)?,
            None => vec![None; rows.num_rows()],
        };
        let scores = numbers(&rows, &score_column)?;
        if !scores.is_empty() && scores.iter().all(|score| score.is_nan()) {
            return Err(RunError::Usage(vec![format!(
                "column of scores {score_column:?}: no cell of it is a number"
            )]));
        }
        // They are those of this score, and of no other.
        let p_value = own_columns::called(&schema, P_VALUE);
        let of_all_scorers = [&own_columns::called(&schema, SCORE), &p_value];
        let has_p_values = of_all_scorers.contains(&&score_column);
        let p_values = match schema.index_of(&p_value) {
            Ok(_) if has_p_values => Some(numbers(&rows, &p_value)?),
            _ => None,
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

    /// Why each row scores as it does, as the run has written it; a log's own reasons are others.
    ///
    /// # Errors
    /// The column cannot be read as text.
    pub fn reasons(&self) -> Result<Vec<Option<String>>, RunError> {
        match self.p_values {
            Some(_) => self.texts(&own_columns::called(&self.rows.schema(), REASON)),
            None => Ok(vec![None; self.rows.num_rows()]),
        }
    }

    /// Whether alerts have been chosen among the rows: all columns of that are there. A log's own column of one
    /// of the names stands alone.
    pub fn has_alerts(&self) -> bool {
        let schema = self.rows.schema();
        let there = |name: &&str| schema.index_of(&own_columns::called(&schema, name)).is_ok();
        ALERTS.iter().all(there)
    }

    /// Whether two rows of a user have the same number in a file: runs number the rows of each user, so
    /// these are no users. JSON lines have no such numbers.
    fn has_rows_twice(&self, numbers: &[i64]) -> bool {
        let mut ends = Vec::with_capacity(self.files.len());
        let mut end = 0;
        for (_, rows) in &self.files {
            end += rows;
            ends.push(end);
        }
        let mut seen = HashSet::new();
        self.users.rows.iter().any(|(_, rows)| {
            seen.clear();
            let mut of_file = rows.iter().map(|row| {
                let file = ends.partition_point(|end| *end <= *row as usize);
                (file, numbers[*row as usize])
            });
            of_file.any(|number| !seen.insert(number))
        })
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
            let ours = names.filter(|name| !own_columns::gave_way(&schema, name));
            let plain = ours.map(|name| own_columns::without_prefix(&schema, name));
            plain.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
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
            let name = own_columns::called(&schema, &format!("{feature}{ending}"));
            let values = numbers(&self.rows, &name)?;
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
    SOURCES.iter().filter_map(|source| of_source(source).user).collect()
}

/// Columns of times of our sources.
fn times_known() -> impl Iterator<Item = String> {
    // That of the features where it is made of others: sign-ins have no other in their outputs.
    let of_sources = SOURCES.iter().filter_map(|source| {
        let made = || of_source(source).time.map(|time| time.name);
        source.dialect.time.map(str::to_owned).or_else(made)
    });
    std::iter::once(EVENT_DT.to_owned()).chain(of_sources).chain([TIMESTAMP.to_owned()])
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
        _ => Err(which_user(&there)),
    }
}

fn which_user(there: &[&String]) -> String {
    let mut text = "the results do not say which column holds the user; name it with --userid_column_name, as in the run that wrote them".to_owned();
    if !there.is_empty() {
        let names: Vec<&str> = there.iter().map(|name| name.as_str()).collect();
        text.push_str(&format!(" (there is {})", names.join(", ")));
    }
    text
}

fn score_column(names: &Names, schema: &Schema) -> Result<String, String> {
    if let Some(score) = &names.score {
        return named("column of scores (--score_column):", score, schema).cloned();
    }
    let called = |name: &str| own_columns::called(schema, name);
    let is_there = |name: &&str| schema.index_of(&called(name)).is_ok();
    // Where there are no probabilities with it, the score may be a column of the log.
    let all = is_there(&P_VALUE);
    let known = SCORES.iter().find(|name| is_there(name) && (all || **name != SCORE));
    let known = known.or_else(|| SCORES.iter().find(|name| is_there(name)));
    known.map(|name| called(name)).ok_or_else(|| {
        format!(
            "the results have no scores: none of the columns {}; write them with add-scores, or name the column with --score_column",
            SCORES.join(", ")
        )
    })
}
