//! One row of an output, explained: `morpheus explain`.

use super::{EVENTS, Names, Results};
use arrow_array::{Array, UInt32Array};
use arrow_select::take::take_record_batch;
use dfp_engine::Reporter;
use dfp_features::derive::Cells;
use dfp_features::own_columns;
use dfp_logs::columns::FILE_ROW;
use dfp_model::artifact::Limits;
use dfp_model::explain::Reason;
use dfp_model::user_model::UserModel;
use dfp_pipeline::RunError;
use dfp_pipeline::encoding::Encoder;
use dfp_registry::model_set;
use dfp_storage::names::shown;
use std::path::PathBuf;
use std::sync::Arc;

/// Numbers that tell how a row scored, in the order in which they are told.
const NUMBERS: [&str; 9] = [
    "score",
    "p_value",
    "score_counts",
    "score_net",
    "score_neighbours",
    "peer_share",
    "rank",
    "ae_anomaly_score",
    "zscore",
];
/// Candidates named where several rows fit.
const NAMED: usize = 10;
/// Features of the event before that are shown.
const OF_BEFORE: usize = 3;

/// What is to be explained.
#[derive(Debug)]
pub struct Options {
    /// Files, directories or patterns.
    pub outputs: Vec<String>,
    /// Which columns mean what.
    pub names: Names,
    /// Which row.
    pub which: Which,
    /// Only among the rows of this user.
    pub user: Option<String>,
    /// The models that the rows were scored with.
    pub models: Option<PathBuf>,
    /// What a model file may ask of the machine.
    pub limits: Limits,
    /// The name of everyone's model.
    pub generic_user: String,
}

/// Which row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this number in its log (`_index_`).
    Row(i64),
    /// The one with this text in the column, or in one of the columns that identify events.
    Event(String, Option<String>),
}

/// A feature, its value and how much it contributes.
pub type Written = (String, String, f64);

/// A row and why it scores as it does.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The user.
    pub user: String,
    /// Number of the row in its log.
    pub file_row: Option<i64>,
    /// Nanoseconds since 1970.
    pub time: Option<i64>,
    /// Names and values of what the row scores.
    pub numbers: Vec<(String, f64)>,
    /// One sentence.
    pub sentence: Option<String>,
    /// All that the model knows of each feature, the most telling first; empty without a model.
    pub reasons: Vec<Reason>,
    /// Without a model: features with values and contributions as the output has them, the greatest
    /// first, and the unit.
    pub written: (Vec<Written>, &'static str),
    /// The model is that of all users.
    pub is_generic: bool,
    /// The user's event before this one.
    pub before: Option<Before>,
    /// A file or row could not be read.
    pub is_incomplete: bool,
}

/// The event before.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// Number of the row in its log.
    pub file_row: Option<i64>,
    /// Nanoseconds from it to the explained one.
    pub earlier: Option<i64>,
    /// Values of the features that tell most of the explained row.
    pub values: Vec<(String, String)>,
}

/// Finds a row and explains it.
///
/// # Errors
/// See [`Results::read`]; no row or several fit; the model cannot be read, or is none with counts.
pub fn explain(options: &Options, reporter: &Arc<dyn Reporter>) -> Result<Explained, RunError> {
    let models = match &options.models {
        Some(path) => model_set::read(path, &options.limits)?,
        None => Vec::new(),
    };
    let mut names = options.names.clone();
    // Categories are compared as they were scored: digits stay as they are.
    names.exact.extend(models.iter().flat_map(categories));
    if let Which::Event(_, column) = &options.which {
        names.ids.extend(column.iter().cloned());
    }
    let results = Results::read(&options.outputs, &names, reporter.as_ref())?;
    let found = Found::new(&results, options)?;
    let mut explained = Explained {
        user: found.user.to_string(),
        file_row: file_rows(&results)?[found.row],
        time: results.times[found.row],
        numbers: numbers(&results, found.row)?,
        sentence: results.reasons()?.swap_remove(found.row),
        reasons: Vec::new(),
        written: found.written(&results)?,
        is_generic: false,
        before: None,
        is_incomplete: !results.skipped.has_all_rows(),
    };
    if let Some(path) = &options.models {
        let own = |model: &&UserModel| *model.header().user == *found.user;
        let generic = |model: &&UserModel| model.header().user == options.generic_user;
        let Some(model) = models.iter().find(own).or_else(|| models.iter().find(generic)) else {
            return Err(RunError::Failed(format!(
                "{} has no model of user {:?}",
                shown(path),
                found.user
            )));
        };
        if !model.is_recommended() {
            return Err(RunError::Failed(format!(
                "{}: the model of user {:?} was trained without counts, which explanations are made of; train it with --scorer recommended of inf-ae",
                shown(path),
                model.header().user
            )));
        }
        explained.is_generic = model.header().user == options.generic_user;
        found.ask(model, &results, reporter, &mut explained)?;
    }
    explained.before = found.before(&results, &explained)?;
    Ok(explained)
}

/// The columns that a model reads as categories.
fn categories(model: &UserModel) -> impl Iterator<Item = String> {
    model.header().plan.categorical().map(str::to_owned)
}

/// The row that was asked for.
struct Found<'a> {
    user: Arc<str>,
    /// Its place among all rows.
    row: usize,
    /// Places of the user's rows.
    of_user: &'a [u32],
}

impl<'a> Found<'a> {
    fn new(results: &'a Results, options: &Options) -> Result<Self, RunError> {
        let (fits, what): (Vec<bool>, String) = match &options.which {
            Which::Row(number) => {
                let numbers = file_rows(results)?;
                (
                    numbers.iter().map(|row| *row == Some(*number)).collect(),
                    format!("{number} in column \"{FILE_ROW}\""),
                )
            }
            Which::Event(id, column) => {
                let schema = results.rows.schema();
                let known = EVENTS.iter().find(|name| schema.index_of(name).is_ok());
                let Some(column) = column.as_deref().or(known.copied()) else {
                    return Err(RunError::Usage(vec![format!(
                        "the results have no column of identifiers: none of {}; name it with --event_column",
                        EVENTS.join(", ")
                    )]));
                };
                if schema.index_of(column).is_err() {
                    let what = "column of identifiers (--event_column):";
                    return Err(RunError::Usage(vec![dfp_logs::columns::missing_column(
                        what, column, &schema,
                    )]));
                }
                let texts = results.texts(column)?;
                let fits = texts.iter().map(|text| text.as_ref() == Some(id)).collect();
                (fits, format!("{id:?} in column {column:?}"))
            }
        };
        let mut found = Vec::new();
        for (user, rows) in &results.users.rows {
            if options.user.as_ref().is_none_or(|wanted| **wanted == **user) {
                let of_user = rows.iter().filter(|row| fits[**row as usize]);
                found.extend(of_user.map(|row| (user, *row as usize, rows)));
            }
        }
        let of = options.user.as_ref().map(|user| format!(" of user {user:?}")).unwrap_or_default();
        match found[..] {
            [(user, row, of_user)] => Ok(Self { user: Arc::clone(user), row, of_user }),
            [] => Err(RunError::Failed(format!("no row{of} has {what}"))),
            _ => {
                let mut users: Vec<&str> = found.iter().map(|(user, ..)| &***user).collect();
                users.dedup();
                users.truncate(NAMED);
                Err(RunError::Failed(format!(
                    "{} rows{of} have {what}: of {}; name one with --userid_filter, --event or a single output",
                    found.len(),
                    users.join(", ")
                )))
            }
        }
    }

    /// What the model knows of the row.
    fn ask(
        &self,
        model: &UserModel,
        results: &Results,
        reporter: &Arc<dyn Reporter>,
        explained: &mut Explained,
    ) -> Result<(), RunError> {
        let rows = take_record_batch(&results.rows, &UInt32Array::from(vec![self.row as u32]))?;
        let encoded = Encoder::alone(reporter)
            .encode(&self.user, model, &rows)
            .map_err(|error| RunError::Failed(error.to_string()))?;
        if let Some(explanation) = model.explain(&rows, &encoded, &[0])?.pop() {
            explained.sentence = Some(explanation.sentence);
            explained.reasons = explanation.reasons;
        }
        Ok(())
    }

    /// What the output says of each feature.
    fn written(&self, results: &Results) -> Result<(Vec<Written>, &'static str), RunError> {
        let contributions = results.contributions()?;
        let mut features = Vec::new();
        for (feature, values) in contributions.features {
            let value = values[self.row];
            if !value.is_nan() {
                let observed = cell(results, &feature, self.row)?;
                features.push((feature, observed, value));
            }
        }
        features.sort_by(|a, b| b.2.total_cmp(&a.2));
        Ok((features, contributions.unit))
    }

    /// The latest of the user's rows that is not later.
    fn before(&self, results: &Results, explained: &Explained) -> Result<Option<Before>, RunError> {
        let time = results.times[self.row];
        let earlier = |row: &&u32| {
            let at = results.times[**row as usize];
            (at, **row as usize) < (time, self.row)
        };
        let order = |row: &&u32| (results.times[**row as usize], **row);
        let Some(row) = self.of_user.iter().filter(earlier).max_by_key(order) else {
            return Ok(None);
        };
        let row = *row as usize;
        let features = match explained.reasons.is_empty() {
            false => explained.reasons.iter().map(|reason| &reason.feature).collect::<Vec<_>>(),
            true => explained.written.0.iter().map(|(feature, ..)| feature).collect(),
        };
        let values = features.into_iter().take(OF_BEFORE);
        let values = values.map(|feature| Ok((feature.clone(), cell(results, feature, row)?)));
        Ok(Some(Before {
            file_row: file_rows(results)?[row],
            earlier: time.zip(results.times[row]).map(|(time, before)| time - before),
            values: values.collect::<Result<_, RunError>>()?,
        }))
    }
}

fn numbers(results: &Results, row: usize) -> Result<Vec<(String, f64)>, RunError> {
    let mut numbers = Vec::new();
    for name in NUMBERS {
        // A log's own score or rank is none of ours.
        let is_ours = match name {
            "rank" => results.has_alerts(),
            own_columns::ANOMALY_SCORE | own_columns::Z_SCORE => true,
            _ => results.p_values.is_some(),
        };
        if !is_ours {
            continue;
        }
        let called = own_columns::called(&results.rows.schema(), name);
        let value = results.numbers(&called)?.map(|values| values[row]);
        numbers.extend(value.filter(|value| !value.is_nan()).map(|value| (name.to_owned(), value)));
    }
    let score =
        own_columns::without_prefix(&results.rows.schema(), &results.score_column).to_owned();
    if !numbers.iter().any(|(name, _)| *name == score) {
        numbers.insert(0, (results.score_column.clone(), results.scores[row]));
    }
    Ok(numbers)
}

/// Numbers of rows in their logs.
fn file_rows(results: &Results) -> Result<Vec<Option<i64>>, RunError> {
    let numbers = results.numbers(&own_columns::called(&results.rows.schema(), FILE_ROW))?;
    Ok(match numbers {
        Some(numbers) => numbers.iter().map(|n| (!n.is_nan()).then_some(*n as i64)).collect(),
        None => vec![None; results.rows.num_rows()],
    })
}

/// A cell as a person reads it: texts in quotes.
fn cell(results: &Results, column: &str, row: usize) -> Result<String, RunError> {
    let Some(array) = results.rows.column_by_name(column) else {
        return Ok("nothing".to_owned());
    };
    let is_text = dfp_logs::texts::is_text(array.data_type());
    let cells = Cells::of(&results.rows.slice(row, 1), column).texts()?;
    let text = cells.iter().next().flatten().map(str::to_owned);
    Ok(match text {
        Some(text) if is_text => format!("{text:?}"),
        Some(text) => text,
        None => "nothing".to_owned(),
    })
}
