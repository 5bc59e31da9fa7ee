//! Deciding what each column becomes, and applying the decision to batches.

use super::canonical::canonical;
use super::cells::{NotNumbers, each_canonical_text, each_number, each_truth, is_text};
use super::outliers::SetAside;
use super::range::Range;
use super::scale::{FittedScaler, mean};
use super::vocabulary::{Vocabulary, count_texts};
use super::{EncodedRows, FeatureShape};
use crate::config::{Beyond, ModelConfig, Scaler, Typing};
use crate::error::ModelError;
use crate::memory_size::Heap;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Rows that one task encodes: a few cache-sized blocks of output.
const ROWS_PER_TASK: usize = 16_384;

/// Which columns a model reads and what each becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturePlan {
    pub(super) numeric: Vec<NumericFeature>,
    pub(super) binary: Vec<BinaryFeature>,
    pub(super) categorical: Vec<CategoricalFeature>,
    dropped: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<SetAside>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumericFeature {
    pub(super) column: String,
    /// What a missing value is taken for: the mean of the training values.
    pub(super) fill: f64,
    pub(super) scaler: FittedScaler,
    /// Where numbers end for the scaler; `None` if they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) range: Option<Range>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BinaryFeature {
    pub(super) column: String,
    pub(super) values: BinaryValues,
}

/// What 0 and 1 stand for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BinaryValues {
    /// False and true.
    Truth,
    /// The commonest text, if any, and the other one, if there are two. Missing and unseen are 0.
    Texts(Option<String>, Option<String>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CategoricalFeature {
    pub(super) column: String,
    pub(super) vocabulary: Vocabulary,
    /// Training rows with each text of the vocabulary; empty if that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counts: Vec<u32>,
}

/// What one training column becomes.
enum Decision {
    Numeric { feature: NumericFeature, integer: bool },
    Binary(BinaryFeature),
    Categorical(CategoricalFeature),
    Dropped(String),
}

impl Heap for FeaturePlan {
    fn heap(&self) -> usize {
        let Self { numeric, binary, categorical, dropped, set_aside } = self;
        numeric.heap() + binary.heap() + categorical.heap() + dropped.heap() + set_aside.heap()
    }
}

impl Heap for NumericFeature {
    fn heap(&self) -> usize {
        self.column.heap() + self.scaler.heap()
    }
}

impl Heap for BinaryFeature {
    fn heap(&self) -> usize {
        let values = match &self.values {
            BinaryValues::Truth => 0,
            BinaryValues::Texts(zero, one) => zero.heap() + one.heap(),
        };
        self.column.heap() + values
    }
}

impl Heap for CategoricalFeature {
    fn heap(&self) -> usize {
        self.column.heap() + self.vocabulary.heap() + self.counts.heap()
    }
}

impl FeaturePlan {
    /// Decides kinds, vocabularies and scalers from training rows; every column is a candidate.
    ///
    /// Numbers: what is missing or not finite does not count. Text: a category needs
    /// `config.min_cats` rows; codes fall with the count, equal counts keep the order of first
    /// appearance. What is the same event in another form of file is one category: [`canonical`](super::canonical).
    ///
    /// # Errors
    /// [`ModelError::Unusable`] if there are no rows or no column that can be a feature.
    pub fn fit(rows: &RecordBatch, config: &ModelConfig) -> Result<Self, ModelError> {
        if rows.num_rows() == 0 {
            return Err(ModelError::Unusable("there are no rows to learn from".into()));
        }
        let schema = rows.schema();
        let mut names = HashSet::new();
        let repeated: Vec<bool> =
            schema.fields().iter().map(|field| !names.insert(field.name().as_str())).collect();
        let decisions: Vec<Decision> = (0..rows.num_columns())
            .into_par_iter()
            .map(|i| {
                if repeated[i] {
                    return Ok(Decision::Dropped("another column has the same name".into()));
                }
                decide(schema.field(i).name(), rows.column(i), config)
            })
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<_, ModelError>>()?;

        let mut plan = Self {
            numeric: vec![],
            binary: vec![],
            categorical: vec![],
            dropped: vec![],
            set_aside: vec![],
        };
        let (mut floats, mut booleans) = (Vec::new(), Vec::new());
        for (field, decision) in schema.fields().iter().zip(decisions) {
            match decision {
                Decision::Numeric { feature, integer: true } => plan.numeric.push(feature),
                Decision::Numeric { feature, integer: false } => floats.push(feature),
                // Binary text (22.06) comes before the boolean columns.
                Decision::Binary(feature) if feature.values == BinaryValues::Truth => {
                    booleans.push(feature);
                }
                Decision::Binary(feature) => plan.binary.push(feature),
                Decision::Categorical(feature) => plan.categorical.push(feature),
                Decision::Dropped(reason) => plan.dropped.push((field.name().clone(), reason)),
            }
        }
        plan.numeric.append(&mut floats);
        plan.binary.append(&mut booleans);
        if plan.names().next().is_none() {
            return Err(ModelError::Unusable(plan.nothing_left()));
        }
        Ok(plan)
    }

    /// Encodes rows, reusing the memory of `into`. Columns are found by name, in any order; other
    /// columns are ignored.
    ///
    /// | feature | cells |
    /// |---|---|
    /// | numeric | numbers, booleans (0 and 1), text that reads as a number; missing becomes the training mean, infinite the largest number of its sign |
    /// | binary | booleans; `true` in any case and 1 are 1, everything else and missing 0 |
    /// | categorical | text as it is written, else as it is [learnt](super::canonical); anything else by its canonical text: 5.0 is `5`, true is `True` |
    ///
    /// # Errors
    /// [`ModelError::MissingColumn`]; [`ModelError::Cell`] for the first text in a numeric feature
    /// that is not a number. `into` is then unspecified.
    pub fn encode(&self, rows: &RecordBatch, into: &mut EncodedRows) -> Result<(), ModelError> {
        let columns = self.find_columns(rows)?;
        into.reset(rows.num_rows(), &self.shape());
        let ranged = self.numeric.iter().any(|feature| feature.range.is_some());
        into.beyond.clear();
        into.beyond.resize(if ranged { into.numeric.len() } else { 0 }, 0.0);
        let tasks = split_rows(into);
        let done: Vec<Result<(), ModelError>> =
            tasks.into_par_iter().map(|task| self.encode_task(&columns, task)).collect();
        // The first error in row order, whichever thread met one first.
        done.into_iter().collect()
    }

    /// How many features of each kind, and how many codes.
    pub fn shape(&self) -> FeatureShape {
        FeatureShape {
            numeric: self.numeric.len(),
            binary: self.binary.len(),
            codes: self.categorical.iter().map(|f| f.vocabulary.codes()).collect(),
        }
    }

    /// Names of the features, numeric, binary, categorical.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let numeric = self.numeric.iter().map(|f| f.column.as_str());
        let binary = self.binary.iter().map(|f| f.column.as_str());
        let categorical = self.categorical.iter().map(|f| f.column.as_str());
        numeric.chain(binary).chain(categorical)
    }

    /// Names of the categorical features.
    pub fn categorical(&self) -> impl Iterator<Item = &str> {
        self.categorical.iter().map(|feature| feature.column.as_str())
    }

    /// Names of the columns that rows must have; a feature is called like its column.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.names()
    }

    /// The categories that have a code of their own in the feature of this name, in the order of their codes,
    /// and in how many training rows each was seen; models of files before version 4 do not know that. `None` if there
    /// is no such categorical feature.
    pub fn categories(&self, name: &str) -> Option<impl Iterator<Item = (&str, Option<u32>)>> {
        let feature = self.categorical.iter().find(|feature| feature.column == name)?;
        let counts = feature.counts.iter().copied().map(Some).chain(std::iter::repeat(None));
        Some(feature.vocabulary.texts().iter().map(String::as_str).zip(counts))
    }

    /// The mean of a numeric feature's training values, by its place among all features.
    pub(crate) fn mean(&self, feature: usize) -> Option<f64> {
        self.numeric.get(feature).map(|feature| feature.fill)
    }

    /// Whether the counts of categories, where there are any, can be those of so many rows.
    pub(crate) fn counts_fit(&self, rows: usize) -> bool {
        self.categorical.iter().all(|CategoricalFeature { vocabulary, counts, .. }| {
            let total: u64 = counts.iter().copied().map(u64::from).sum();
            (counts.is_empty() || counts.len() == vocabulary.texts().len()) && total <= rows as u64
        })
    }

    /// Training cells that were not learnt, since they are far beyond all others of their column.
    pub fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// Remembers what was set aside of the training rows.
    pub(crate) fn remember(&mut self, set_aside: Vec<SetAside>) {
        self.set_aside = set_aside;
    }

    /// Training columns that became no feature, each with the reason.
    pub fn dropped(&self) -> &[(String, String)] {
        &self.dropped
    }

    fn nothing_left(&self) -> String {
        let mut message =
            String::from("no column can be a feature; numbers, booleans and text are");
        for (n, (column, reason)) in self.dropped.iter().enumerate() {
            if n == 3 {
                message += &format!("; and {} more", self.dropped.len() - n);
                break;
            }
            message += &format!("; {column:?}: {reason}");
        }
        message
    }

    pub(super) fn find_columns(&self, rows: &RecordBatch) -> Result<Columns, ModelError> {
        let find = |name: &str| {
            let column = rows.column_by_name(name).cloned();
            column.ok_or_else(|| ModelError::MissingColumn(name.to_owned()))
        };
        Ok(Columns {
            numeric: self.numeric.iter().map(|f| find(&f.column)).collect::<Result<_, _>>()?,
            binary: self.binary.iter().map(|f| find(&f.column)).collect::<Result<_, _>>()?,
            categorical: self
                .categorical
                .iter()
                .map(|f| find(&f.column))
                .collect::<Result<_, _>>()?,
        })
    }

    fn encode_task(&self, columns: &Columns, task: Task<'_>) -> Result<(), ModelError> {
        let Task { first_row, rows, numeric, beyond, binary, codes } = task;
        let width = self.numeric.len();
        for (j, (feature, column)) in self.numeric.iter().zip(&columns.numeric).enumerate() {
            let filled = feature.scaler.transform(feature.fill);
            each_number(&column.slice(first_row, rows), |row, x| {
                let nearest = |x| feature.range.map_or(x, |range| range.nearest(x));
                numeric[row * width + j] =
                    x.map_or(filled, |x| feature.scaler.transform(nearest(x)));
                if let (Some(x), Some(range)) = (x, feature.range) {
                    beyond[row * width + j] = range.beyond(x);
                }
            })
            .map_err(|e| feature.not_numbers(e, first_row))?;
        }
        for (j, (feature, column)) in self.binary.iter().zip(&columns.binary).enumerate() {
            let mut cells = binary.iter_mut().skip(j).step_by(self.binary.len());
            feature.values.each(&column.slice(first_row, rows), |truth| {
                if let Some(cell) = cells.next() {
                    *cell = f32::from(truth);
                }
            })?;
        }
        for (j, (feature, column)) in self.categorical.iter().zip(&columns.categorical).enumerate()
        {
            let mut cells = codes.iter_mut().skip(j).step_by(self.categorical.len());
            let vocabulary = &feature.vocabulary;
            let code = |text: &str| vocabulary.code(text);
            each_canonical_text(
                &column.slice(first_row, rows),
                vocabulary.other(),
                code,
                |_, code| {
                    if let Some(cell) = cells.next() {
                        *cell = code;
                    }
                },
            )?;
        }
        Ok(())
    }
}

impl NumericFeature {
    pub(super) fn not_numbers(&self, error: NotNumbers, first_row: usize) -> ModelError {
        match error {
            NotNumbers::Arrow(error) => error.into(),
            NotNumbers::Cell { row, value } => {
                ModelError::Cell { column: self.column.clone(), row: first_row + row, value }
            }
        }
    }
}

impl BinaryValues {
    fn each(&self, array: &ArrayRef, mut put: impl FnMut(bool)) -> Result<(), ModelError> {
        match self {
            Self::Truth => each_truth(array, |_, truth| put(truth))?,
            Self::Texts(_, one) => {
                let is_one = |text: &str| match one.as_deref() {
                    Some(one) => {
                        one == text || canonical(text).as_deref() == canonical(one).as_deref()
                    }
                    None => false,
                };
                each_canonical_text(array, false, is_one, |_, truth| put(truth))?;
            }
        }
        Ok(())
    }
}

fn decide(name: &str, array: &ArrayRef, config: &ModelConfig) -> Result<Decision, ModelError> {
    let column = name.to_owned();
    let data_type = array.data_type();
    Ok(match data_type {
        _ if data_type.is_integer() || data_type.is_floating() => {
            let scaler = config.scaler_overrides.get(name).copied().unwrap_or(config.scaler);
            decide_numeric(column, array, scaler, config.beyond)?
        }
        DataType::Boolean => {
            Decision::Binary(BinaryFeature { column, values: BinaryValues::Truth })
        }
        _ if is_text(data_type) => decide_text(column, array, config)?,
        DataType::Null => Decision::Dropped("it has no values".into()),
        other => {
            Decision::Dropped(format!("its type is {other}; numbers, booleans and text are read"))
        }
    })
}

fn decide_numeric(
    column: String,
    array: &ArrayRef,
    scaler: Scaler,
    beyond: Beyond,
) -> Result<Decision, ModelError> {
    let mut values = Vec::with_capacity(array.len());
    // What is infinite is the largest number here.
    let finite = |x: Option<f64>| x.filter(|x| x.abs() < f64::MAX);
    each_number(array, |_, x| values.extend(finite(x))).map_err(|e| match e {
        NotNumbers::Arrow(error) => ModelError::from(error),
        NotNumbers::Cell { row, value } => ModelError::Cell { column: column.clone(), row, value },
    })?;
    if values.is_empty() {
        return Ok(Decision::Dropped("it has no finite number".into()));
    }
    let fill = mean(values.iter().copied());
    values.sort_unstable_by(f64::total_cmp);
    Ok(match FittedScaler::fit(scaler, &values) {
        Some(scaler) if fill.is_finite() => Decision::Numeric {
            feature: NumericFeature {
                column,
                fill,
                scaler,
                range: match beyond {
                    Beyond::Scaled => None,
                    Beyond::Distance => Range::new(values[0], values[values.len() - 1]),
                },
            },
            integer: array.data_type().is_integer(),
        },
        _ => Decision::Dropped("its values are too large to be scaled".into()),
    })
}

fn decide_text(
    column: String,
    array: &ArrayRef,
    config: &ModelConfig,
) -> Result<Decision, ModelError> {
    let counted = count_texts(array);
    if config.typing == Typing::V2206 && counted.len() < 3 {
        let mut texts = counted.into_iter().map(|(text, _)| text.into_owned());
        let values = BinaryValues::Texts(texts.next(), texts.next());
        return Ok(Decision::Binary(BinaryFeature { column, values }));
    }
    let (kept, counts): (Vec<String>, Vec<u32>) = counted
        .into_iter()
        .take_while(|(_, count)| *count >= config.min_cats)
        .map(|(text, count)| (text.into_owned(), u32::try_from(count).unwrap_or(u32::MAX)))
        .unzip();
    let vocabulary = Vocabulary::try_from(kept).map_err(ModelError::Unusable)?;
    Ok(Decision::Categorical(CategoricalFeature { column, vocabulary, counts }))
}

/// The arrays of a plan's features.
pub(super) struct Columns {
    pub(super) numeric: Vec<ArrayRef>,
    pub(super) binary: Vec<ArrayRef>,
    pub(super) categorical: Vec<ArrayRef>,
}

/// A run of rows and where their cells go.
struct Task<'a> {
    first_row: usize,
    rows: usize,
    numeric: &'a mut [f32],
    /// Empty where no feature has a range.
    beyond: &'a mut [f32],
    binary: &'a mut [f32],
    codes: &'a mut [u32],
}

/// Cuts a table into runs of [`ROWS_PER_TASK`] rows.
fn split_rows(table: &mut EncodedRows) -> Vec<Task<'_>> {
    let EncodedRows { rows, numeric, beyond, binary, codes, beside: _ } = table;
    let total = *rows;
    let widths = (numeric.len(), binary.len(), codes.len(), beyond.len());
    let (mut numeric, mut binary, mut codes) =
        (numeric.as_mut_slice(), binary.as_mut_slice(), codes.as_mut_slice());
    let mut beyond = beyond.as_mut_slice();
    (0..total)
        .step_by(ROWS_PER_TASK)
        .map(|first_row| {
            let rows = ROWS_PER_TASK.min(total - first_row);
            Task {
                first_row,
                rows,
                numeric: take_front(&mut numeric, widths.0 / total * rows),
                beyond: take_front(&mut beyond, widths.3 / total * rows),
                binary: take_front(&mut binary, widths.1 / total * rows),
                codes: take_front(&mut codes, widths.2 / total * rows),
            }
        })
        .collect()
}

fn take_front<'a, T>(rest: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let (front, back) = std::mem::take(rest).split_at_mut(count);
    *rest = back;
    front
}
