//! What cells are to the counts: one of few values a feature.
//!
//! | feature | values |
//! |---|---|
//! | categorical | each text of the vocabulary, missing, unseen |
//! | binary | false, true, missing, unseen |
//! | numeric | bins between quantiles of the training values, missing |
//!
//! Missing and unseen are never one value: a cell that is empty as usual is not news, a text that
//! nobody has used is.

use super::canonical::canonical;
use super::cells::{each_canonical_text, each_number};
use super::gauss_rank::quantile;
use super::plan::{BinaryValues, FeaturePlan};
use super::{EncodedRows, OTHER};
use crate::error::ModelError;
use crate::memory_size::Heap;
use arrow_array::{Array, ArrayRef, RecordBatch};
use serde::{Deserialize, Serialize};

/// A numeric feature with at most this many different values has a bin for each.
const FEW_VALUES: usize = 16;
/// Further quantiles at both ends, each only where it has two rows beyond it.
const TAILS: [f64; 6] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04];
/// Standardised values end here.
const FARTHEST: f64 = 12.0;
/// Codes of a binary feature.
const BINARY: [&str; 4] = ["False", "True", "missing", OTHER];

/// How numeric features become values; the other kinds need the plan alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ValueCoding {
    numeric: Vec<NumericValues>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NumericValues {
    bins: Bins,
    mean: f64,
    deviation: f64,
}

/// Bins of numbers. A training value never falls into the first or the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredBins", into = "StoredBins")]
enum Bins {
    /// A bin for each of these values, and one between two of them, below and above all.
    Each(Vec<f64>),
    /// Below the first, between two, above the last; the last edge belongs to the bin below it.
    Between(Vec<f64>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredBins {
    Each(Vec<f64>),
    Between(Vec<f64>),
}

impl TryFrom<StoredBins> for Bins {
    type Error = &'static str;

    fn try_from(stored: StoredBins) -> Result<Self, Self::Error> {
        let (StoredBins::Each(edges) | StoredBins::Between(edges)) = &stored;
        let ascend = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if edges.is_empty() || !ascend || edges.iter().any(|edge| !edge.is_finite()) {
            return Err("edges of bins must be finite and ascending");
        }
        Ok(match stored {
            StoredBins::Each(edges) => Self::Each(edges),
            StoredBins::Between(edges) => Self::Between(edges),
        })
    }
}

impl From<Bins> for StoredBins {
    fn from(bins: Bins) -> Self {
        match bins {
            Bins::Each(edges) => Self::Each(edges),
            Bins::Between(edges) => Self::Between(edges),
        }
    }
}

impl Heap for ValueCoding {
    fn heap(&self) -> usize {
        self.numeric.heap()
    }
}

impl Heap for NumericValues {
    fn heap(&self) -> usize {
        let (Bins::Each(edges) | Bins::Between(edges)) = &self.bins;
        edges.heap()
    }
}

impl Bins {
    /// `sorted`: finite values, ascending, at least one.
    fn fit(sorted: &[f64]) -> Self {
        let mut distinct = sorted.to_vec();
        distinct.dedup();
        if distinct.len() <= FEW_VALUES {
            return Self::Each(distinct);
        }
        let rows = sorted.len() as f64;
        let tails = TAILS.into_iter().filter(|level| level * rows >= 2.0);
        let tails = tails.flat_map(|level| [level, 1.0 - level]);
        let mut levels: Vec<f64> = (0..=16).map(|i| f64::from(i) / 16.0).chain(tails).collect();
        levels.sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f64> = levels.iter().map(|level| quantile(sorted, *level)).collect();
        // Rounding can put a quantile just below its predecessor.
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        Self::Between(edges)
    }

    /// Number of bins.
    fn len(&self) -> u32 {
        match self {
            Self::Each(values) => 2 * values.len() as u32 + 1,
            Self::Between(edges) => edges.len() as u32 + 1,
        }
    }

    fn of(&self, x: f64) -> u32 {
        match self {
            Self::Each(values) => {
                let below = values.partition_point(|&value| value < x);
                2 * below as u32 + u32::from(values.get(below) == Some(&x))
            }
            Self::Between(edges) => match edges.last() {
                Some(&last) if x == last => edges.len() as u32 - 1,
                _ => edges.partition_point(|&edge| edge <= x) as u32,
            },
        }
    }

    fn text(&self, bin: u32) -> String {
        let (edges, at) = match self {
            Self::Each(values) if bin % 2 == 1 => {
                return values.get(bin as usize / 2).map_or_else(String::new, f64::to_string);
            }
            Self::Each(values) => (values, bin as usize / 2),
            Self::Between(edges) => (edges, bin as usize),
        };
        match (at.checked_sub(1).and_then(|below| edges.get(below)), edges.get(at)) {
            (Some(from), Some(to)) => format!("{from} to {to}"),
            (None, Some(to)) => format!("below {to}"),
            (Some(from), None) => format!("above {from}"),
            (None, None) => String::new(),
        }
    }
}

impl FeaturePlan {
    /// Learns the bins of numeric features from the rows that the plan was made of.
    pub(crate) fn fit_values(&self, rows: &RecordBatch) -> Result<ValueCoding, ModelError> {
        let columns = self.find_columns(rows)?;
        let numeric = self.numeric.iter().zip(&columns.numeric).map(|(feature, column)| {
            let mut values = Vec::with_capacity(column.len());
            each_number(column, |_, x| values.extend(x)).map_err(|e| feature.not_numbers(e, 0))?;
            values.sort_unstable_by(f64::total_cmp);
            if values.is_empty() {
                values.push(feature.fill);
            }
            let mean = feature.fill;
            let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
            let deviation = (squares / values.len() as f64).sqrt();
            let usable = deviation.is_finite() && deviation > 0.0;
            Ok(NumericValues {
                bins: Bins::fit(&values),
                mean,
                deviation: if usable { deviation } else { 1.0 },
            })
        });
        Ok(ValueCoding { numeric: numeric.collect::<Result<_, ModelError>>()? })
    }

    /// Puts the values of rows into `into`, which holds these rows already as the network reads
    /// them. `standard`: also the standardised numbers.
    pub(crate) fn encode_values(
        &self,
        coding: &ValueCoding,
        rows: &RecordBatch,
        standard: bool,
        into: &mut EncodedRows,
    ) -> Result<(), ModelError> {
        let columns = self.find_columns(rows)?;
        let (numeric, binary) = (self.numeric.len(), self.binary.len());
        let features = self.names().count();
        let values = &mut into.beside.values;
        values.clear();
        values.resize(rows.num_rows() * features, 0);
        let numbers = &mut into.beside.standard;
        numbers.clear();
        numbers.resize(if standard { rows.num_rows() * numeric } else { 0 }, 0.0);
        for (j, (feature, column)) in self.numeric.iter().zip(&columns.numeric).enumerate() {
            let Some(coding) = coding.numeric.get(j) else { continue };
            each_number(column, |row, x| {
                values[row * features + j] = x.map_or(coding.bins.len(), |x| coding.bins.of(x));
                if let (true, Some(x)) = (standard, x) {
                    let z = (x - coding.mean) / coding.deviation;
                    numbers[row * numeric + j] = z.clamp(-FARTHEST, FARTHEST) as f32;
                }
            })
            .map_err(|e| feature.not_numbers(e, 0))?;
        }
        for (j, (feature, column)) in self.binary.iter().zip(&columns.binary).enumerate() {
            let read = |text: &str| feature.values.value(text);
            let at = numeric + j;
            each_canonical_text(column, 2, read, |row, value| values[row * features + at] = value)?;
        }
        let width = self.categorical.len();
        for (j, (feature, column)) in self.categorical.iter().zip(&columns.categorical).enumerate()
        {
            let (at, other) = (numeric + binary + j, feature.vocabulary.other());
            let mut unknown = false;
            for (row, code) in into.codes.iter().skip(j).step_by(width).enumerate() {
                values[row * features + at] = *code;
                unknown |= *code == other;
            }
            if unknown {
                each_canonical_text(
                    column,
                    0,
                    |text| u32::from(canonical(text).is_some()),
                    |row, add| {
                        let value = &mut values[row * features + at];
                        *value += if *value == other { add } else { 0 };
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Number of values of each feature. `None` if the coding is of other features.
    pub(crate) fn value_counts(&self, coding: &ValueCoding) -> Option<Vec<usize>> {
        if coding.numeric.len() != self.numeric.len() {
            return None;
        }
        let numeric = coding.numeric.iter().map(|numeric| numeric.bins.len() as usize + 1);
        let binary = self.binary.iter().map(|_| BINARY.len());
        let categorical = self.categorical.iter().map(|f| f.vocabulary.codes() + 1);
        Some(numeric.chain(binary).chain(categorical).collect())
    }

    /// Whether the statistics of the coding are usable numbers.
    pub(crate) fn accepts(&self, coding: &ValueCoding) -> bool {
        coding
            .numeric
            .iter()
            .all(|n| n.mean.is_finite() && n.deviation.is_finite() && n.deviation > 0.0)
    }

    /// A value as a person reads it, texts in quotes.
    pub(crate) fn value_text(&self, coding: &ValueCoding, feature: usize, value: u32) -> String {
        if let Some(numeric) = coding.numeric.get(feature) {
            let bins = &numeric.bins;
            return if value < bins.len() { bins.text(value) } else { "nothing".to_owned() };
        }
        let feature = feature - self.numeric.len();
        if let Some(binary) = self.binary.get(feature) {
            return binary.values.text(value);
        }
        match self.categorical.get(feature - self.binary.len()) {
            Some(f) if value < f.vocabulary.other() => format!("{:?}", f.vocabulary.text(value)),
            Some(f) if value == f.vocabulary.other() => "nothing".to_owned(),
            _ => "another value".to_owned(),
        }
    }

    /// What stands in the cell of a feature as a person reads it: texts in quotes, numbers and
    /// booleans as they are, "nothing" if it is missing.
    pub(crate) fn cell_text(
        &self,
        feature: usize,
        rows: &RecordBatch,
        row: usize,
    ) -> Result<String, ModelError> {
        let name = self.names().nth(feature).unwrap_or_default();
        let column: ArrayRef = match rows.column_by_name(name) {
            Some(column) if row < column.len() => column.slice(row, 1),
            // What new rows do not have counts as missing.
            _ => return Ok("nothing".to_owned()),
        };
        let mut text = "nothing".to_owned();
        let quoted = feature >= self.numeric.len() + self.binary.len();
        each_canonical_text(
            &column,
            (),
            |cell| {
                if let Some(cell) = canonical(cell) {
                    text = if quoted { format!("{cell:?}") } else { cell.into_owned() };
                }
            },
            |_, ()| {},
        )?;
        Ok(text)
    }
}

impl BinaryValues {
    fn value(&self, text: &str) -> u32 {
        match self {
            Self::Truth => match canonical(text).as_deref() {
                Some("True" | "1") => 1,
                Some("False" | "0") => 0,
                Some(_) => 3,
                None => 2,
            },
            Self::Texts(zero, one) => {
                let is = |learnt: &Option<String>, text: &str| learnt.as_deref() == Some(text);
                match canonical(text) {
                    _ if is(zero, text) => 0,
                    _ if is(one, text) => 1,
                    Some(text) if is(zero, &text) => 0,
                    Some(text) if is(one, &text) => 1,
                    Some(_) => 3,
                    None => 2,
                }
            }
        }
    }

    fn text(&self, value: u32) -> String {
        match (value, self) {
            (0, Self::Texts(Some(text), _)) | (1, Self::Texts(_, Some(text))) => {
                format!("{text:?}")
            }
            (0 | 1, Self::Truth) => BINARY[value as usize].to_owned(),
            (2, _) => "nothing".to_owned(),
            _ => "another value".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModelConfig;
    use arrow_array::{BooleanArray, Float64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn few_numbers_have_a_bin_each_and_empty_ones_between() {
        let bins = Bins::fit(&[1.0, 1.0, 3.0]);
        assert_eq!(bins.len(), 5);
        assert_eq!([0.5, 1.0, 2.0, 3.0, 4.0].map(|x| bins.of(x)), [0, 1, 2, 3, 4]);
        assert_eq!([0, 1, 2, 4].map(|bin| bins.text(bin)), ["below 1", "1", "1 to 3", "above 3"]);
    }

    #[test]
    fn many_numbers_are_cut_at_sixteenths_and_in_the_tails() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        let bins = Bins::fit(&sorted);
        // 17 sixteenths, and .02 and .04 with their mirrors, which have two of 101 rows beyond.
        let Bins::Between(edges) = &bins else { panic!("{bins:?}") };
        assert_eq!(edges.len(), 21);
        assert_eq!(edges[..4], [0.0, 2.0, 4.0, 6.25]);
        assert_eq!(
            [-1.0, 0.0, 1.9, 2.0, 99.0, 100.0, 101.0].map(|x| bins.of(x)),
            [0, 1, 1, 2, 20, 20, 21]
        );
        assert_eq!(bins.len(), 22);
        assert_eq!(bins.text(1), "0 to 2");
    }

    #[test]
    fn missing_and_unseen_are_two_values() {
        let rows = RecordBatch::try_from_iter([
            ("n", Arc::new(Float64Array::from(vec![Some(1.0), None, Some(3.0)])) as ArrayRef),
            ("b", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("c", Arc::new(StringArray::from(vec![Some("x"), None, Some("y")]))),
        ])
        .unwrap();
        let plan = FeaturePlan::fit(&rows, &ModelConfig::compact(3)).unwrap();
        let coding = plan.fit_values(&rows).unwrap();
        assert_eq!(plan.value_counts(&coding).unwrap(), [6, 4, 4]);
        let mut encoded = EncodedRows::default();
        plan.encode(&rows, &mut encoded).unwrap();
        plan.encode_values(&coding, &rows, true, &mut encoded).unwrap();
        assert_eq!(encoded.beside.values, [1, 1, 0, 5, 2, 2, 3, 0, 1]);
        assert_eq!(encoded.beside.standard, [-1.0, 0.0, 1.0]);
        let new = RecordBatch::try_from_iter([
            ("n", Arc::new(Float64Array::from(vec![Some(1e9), None])) as ArrayRef),
            ("b", Arc::new(StringArray::from(vec!["perhaps", "true"]))),
            ("c", Arc::new(StringArray::from(vec![Some("z"), None]))),
        ])
        .unwrap();
        plan.encode(&new, &mut encoded).unwrap();
        plan.encode_values(&coding, &new, true, &mut encoded).unwrap();
        assert_eq!(encoded.beside.values, [4, 3, 3, 5, 1, 2]);
        assert_eq!(encoded.beside.standard, [12.0, 0.0]);
        assert_eq!(plan.value_text(&coding, 2, 0), "\"x\"");
        assert_eq!(plan.cell_text(2, &new, 0).unwrap(), "\"z\"");
        assert_eq!(plan.cell_text(0, &new, 1).unwrap(), "nothing");
    }
}
