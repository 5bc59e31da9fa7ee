//! What features become on real rows: `tools features --check`.

use crate::error::RunError;
use crate::plan::SourceSettings;
use crate::source::{self, ReadCount, Reading};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::Schema;
use dfp_engine::Reporter;
use dfp_features::Features;
use dfp_features::Source;
use dfp_features::derive::{Cells, Memory};
use dfp_logs::columns::missing_column;
use dfp_model::{FeaturePlan, ModelConfig};
use rayon::ThreadPoolBuilder;
use std::collections::HashMap;
use std::sync::Arc;

/// Values shown of each feature.
const EXAMPLES: usize = 3;
/// With fewer rows nothing is said about values that do not repeat.
const FEW_ROWS: usize = 20;
/// From this share of rows on, a value of its own is no coincidence.
const NEARLY_ALL: f64 = 0.9;
/// Values that only one user has say who it is if a user has no more than this many of them; where
/// there are more, they are what the user does.
const NAMES_OF_A_USER: usize = 2;

/// What is looked at.
#[derive(Debug)]
pub struct InspectOptions {
    /// The feature file.
    pub features: Features,
    /// How the logs are read.
    pub source: &'static Source,
    /// Log files, directories or patterns.
    pub logs: Vec<String>,
    /// What separates the fields of CSV files, if that is said.
    pub delimiter: Option<u8>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What was read and what was left out.
    pub count: ReadCount,
    /// The features in the order of the file.
    pub features: Vec<Facts>,
}

/// What a feature is on these rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Its column.
    pub column: String,
    /// `number`, `flag` or `category`; `none` if a model cannot use it.
    pub kind: &'static str,
    /// Different values, missing ones not counted.
    pub distinct: usize,
    /// Share of rows without a value, 0 to 1.
    pub missing: f64,
    /// The commonest values, commonest first.
    pub examples: Vec<String>,
    /// What is wrong with it.
    pub warnings: Vec<String>,
}

/// Reads the logs as a run would, and looks at every feature.
///
/// # Errors
/// No file matches or can be read; there is no column of users or times.
pub fn inspect(options: &InspectOptions, reporter: &dyn Reporter) -> Result<Inspection, RunError> {
    let pool = ThreadPoolBuilder::new()
        .build()
        .map_err(|error| RunError::Failed(format!("cannot start threads: {error}")))?;
    let features = Arc::new(options.features.clone());
    let mut settings = SourceSettings::all_of(options.source, features);
    settings.delimiter = options.delimiter;
    let files = source::find(&options.logs, true, None, false)?;
    let user = options.features.user.as_deref();
    let reading = Reading::alone(&settings, user, &pool, reporter);
    let mut memory = Memory::default();
    let (table, users) = source::read(&files, "input", &reading, &mut memory, &mut |_, _| Ok(()))?;
    let mut count = ReadCount::default();
    count.add(&table, &users);
    count.users = users.rows.len();
    let mut positions: Vec<u32> = Vec::new();
    let mut of_rows: Vec<&str> = Vec::new();
    for (user, rows) in &users.rows {
        positions.extend(rows);
        of_rows.extend(std::iter::repeat_n(user.as_ref(), rows.len()));
    }
    let positions = UInt32Array::from(positions);
    let rows = arrow_select::take::take_record_batch(&table.batch, &positions)?;
    let look = Look { rows: &rows, users: &of_rows, known: users.rows.len() };
    let kinds = Kinds::of(&options.features, &rows)?;
    let mut features = Vec::new();
    for feature in &options.features.features {
        features.push(look.at(&feature.column, &kinds)?);
    }
    Ok(Inspection { count, features })
}

/// What a model makes of the features of these rows.
struct Kinds {
    of: HashMap<String, &'static str>,
    reasons: HashMap<String, String>,
}

impl Kinds {
    fn of(features: &Features, rows: &RecordBatch) -> Result<Self, RunError> {
        let schema = rows.schema();
        let names = features.names();
        let there: Vec<usize> = (0..schema.fields().len())
            .filter(|at| names.contains(schema.field(*at).name()))
            .collect();
        let mut kinds = Self { of: HashMap::new(), reasons: HashMap::new() };
        // Nothing usable is what the facts of each feature say.
        let Ok(plan) = FeaturePlan::fit(&rows.project(&there)?, &ModelConfig::pipeline()) else {
            return Ok(kinds);
        };
        let shape = plan.shape();
        for (position, name) in plan.names().enumerate() {
            let kind = match position {
                position if position < shape.numeric => "number",
                position if position < shape.numeric + shape.binary => "flag",
                _ => "category",
            };
            kinds.of.insert(name.to_owned(), kind);
        }
        kinds.reasons.extend(plan.dropped().iter().cloned());
        Ok(kinds)
    }
}

/// Rows with the user of each.
struct Look<'a> {
    rows: &'a RecordBatch,
    users: &'a [&'a str],
    /// How many there are.
    known: usize,
}

/// A value: how many rows have it, the first of their users, and whether others have it too.
struct Value<'a> {
    rows: usize,
    user: &'a str,
    is_shared: bool,
}

impl Look<'_> {
    fn at(&self, column: &str, kinds: &Kinds) -> Result<Facts, RunError> {
        let schema = self.rows.schema();
        let texts = Cells::of(self.rows, column).texts()?;
        let mut values: HashMap<&str, Value<'_>> = HashMap::new();
        let (mut missing, mut named) = (0, 0);
        for (text, user) in texts.iter().zip(self.users) {
            let Some(text) = text else {
                missing += 1;
                continue;
            };
            named += usize::from(user.len() > 2 && text.contains(user));
            let value = values.entry(text).or_insert(Value { rows: 0, user, is_shared: false });
            value.rows += 1;
            value.is_shared |= value.user != *user;
        }
        let rows = self.users.len();
        let mut facts = Facts {
            column: column.to_owned(),
            kind: kinds.of.get(column).copied().unwrap_or("none"),
            distinct: values.len(),
            missing: missing as f64 / rows.max(1) as f64,
            examples: commonest(&values),
            warnings: Vec::new(),
        };
        facts.warnings = self.warnings(&facts, &values, rows - missing, named, &schema);
        if let Some(reason) = kinds.reasons.get(column) {
            facts.warnings.push(format!("is no feature: {reason}"));
        }
        Ok(facts)
    }

    /// `present` rows have a value, and in `named` of them it holds the name of the row's user.
    fn warnings(
        &self,
        facts: &Facts,
        values: &HashMap<&str, Value<'_>>,
        present: usize,
        named: usize,
        schema: &Schema,
    ) -> Vec<String> {
        let share = |rows: usize| rows as f64 / present.max(1) as f64;
        let mut warnings = Vec::new();
        if schema.field_with_name(&facts.column).is_err() {
            warnings
                .push(format!("is not there: {}", missing_column("column", &facts.column, schema)));
            return warnings;
        }
        if present == 0 {
            warnings.push("has no value in any row".to_owned());
        }
        if facts.distinct == 1 && present == self.users.len() {
            warnings
                .push(format!("is {:?} in all rows: it carries no information", facts.examples[0]));
            return warnings;
        }
        if facts.kind != "category" || present < FEW_ROWS {
            return warnings;
        }
        let few = facts.distinct <= NAMES_OF_A_USER * self.known;
        let of_one: usize = values.values().filter(|v| !v.is_shared).map(|value| value.rows).sum();
        if share(facts.distinct) >= NEARLY_ALL {
            warnings.push(format!(
                "has {} different values in {present} rows: nearly every row looks new",
                facts.distinct
            ));
        } else if self.known > 1 && share(named) >= NEARLY_ALL {
            warnings.push(format!(
                "holds the name of its user in {:.0} % of the rows with a value: it says who it is, not what was done",
                100.0 * share(named)
            ));
        } else if self.known > 1 && few && share(of_one) >= NEARLY_ALL {
            warnings.push(format!(
                "has values that a single user has in {:.0} % of the rows with one: it says who it is, not what was done",
                100.0 * share(of_one)
            ));
        }
        warnings
    }
}

fn commonest(values: &HashMap<&str, Value<'_>>) -> Vec<String> {
    let mut by_rows: Vec<(&str, usize)> =
        values.iter().map(|(text, value)| (*text, value.rows)).collect();
    by_rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    by_rows.iter().take(EXAMPLES).map(|(text, _)| (*text).to_owned()).collect()
}
