//! How much newer rows differ from older ones, feature by feature.
//!
//! The population stability index: with p_i and q_i the shares of older and newer rows in bin i,
//!
//! ```text
//! PSI = sum over i of (q_i - p_i) ln(q_i / p_i)
//! ```
//!
//! which is the symmetric Kullback-Leibler divergence of the two (Jeffreys; Siddiqi, Credit Risk
//! Scorecards, 2006). The bins are a text's values, or tenths of the older numbers; missing values are a
//! bin of their own. Half a row is added to each bin, so that a value that one side has not is no
//! infinity. Below 0.1 is usually taken for no change, above 0.25 for a change that matters.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bins of numbers.
const TENTHS: usize = 10;

/// How much a feature has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The column.
    pub feature: String,
    /// The population stability index; 0: as before.
    pub psi: f64,
}

/// The drift of each column, the greatest first.
pub(super) fn drift(older: &RecordBatch, newer: &RecordBatch) -> Result<Vec<Drift>, ArrowError> {
    let mut all = Vec::with_capacity(older.num_columns());
    for (field, column) in older.schema().fields().iter().zip(older.columns()) {
        let Some(new) = newer.column_by_name(field.name()) else { continue };
        let psi = match column.data_type() {
            kind if kind.is_temporal() => continue,
            kind if kind.is_numeric() => psi(&tenths(column, new)?),
            _ => psi(&values(column, new)?),
        };
        all.push(Drift { feature: field.name().clone(), psi });
    }
    all.sort_by(|a, b| b.psi.total_cmp(&a.psi).then_with(|| a.feature.cmp(&b.feature)));
    Ok(all)
}

/// Rows in each bin, older and newer.
type Bins = Vec<[usize; 2]>;

fn psi(bins: &Bins) -> f64 {
    let total = |side: usize| bins.iter().map(|bin| bin[side] as f64 + 0.5).sum::<f64>();
    let totals = [total(0), total(1)];
    let share = |bin: &[usize; 2], side: usize| (bin[side] as f64 + 0.5) / totals[side];
    bins.iter()
        .map(|bin| {
            let (p, q) = (share(bin, 0), share(bin, 1));
            (q - p) * (q / p).ln()
        })
        .sum()
}

fn values(older: &ArrayRef, newer: &ArrayRef) -> Result<Bins, ArrowError> {
    let texts =
        [arrow_cast::cast(older, &DataType::Utf8)?, arrow_cast::cast(newer, &DataType::Utf8)?];
    let mut bins: BTreeMap<Option<&str>, [usize; 2]> = BTreeMap::new();
    for (side, texts) in texts.iter().enumerate() {
        for text in texts.as_string::<i32>() {
            bins.entry(text).or_default()[side] += 1;
        }
    }
    Ok(bins.into_values().collect())
}

fn tenths(older: &ArrayRef, newer: &ArrayRef) -> Result<Bins, ArrowError> {
    let number = |column: &ArrayRef| -> Result<Vec<Option<f64>>, ArrowError> {
        let numbers = arrow_cast::cast(column, &DataType::Float64)?;
        let finite = |x: Option<f64>| x.filter(|x| x.is_finite());
        Ok(numbers.as_primitive::<Float64Type>().iter().map(finite).collect())
    };
    let (older, newer) = (number(older)?, number(newer)?);
    let mut sorted: Vec<f64> = older.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..TENTHS)
        .filter_map(|tenth| sorted.get(tenth * sorted.len() / TENTHS).copied())
        .collect();
    edges.dedup();
    // The last bin is that of missing values.
    let mut bins = vec![[0; 2]; edges.len() + 2];
    for (side, numbers) in [older, newer].into_iter().enumerate() {
        for number in numbers {
            let at = number.map_or(edges.len() + 1, |x| edges.partition_point(|edge| *edge <= x));
            bins[at][side] += 1;
        }
    }
    bins.retain(|bin| *bin != [0, 0]);
    Ok(bins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn what_stays_has_none_and_what_changes_has_much() {
        let table = |texts: Vec<Option<&str>>, numbers: Vec<f64>| {
            RecordBatch::try_from_iter([
                ("city", Arc::new(StringArray::from(texts)) as ArrayRef),
                ("bytes", Arc::new(Float64Array::from(numbers)) as ArrayRef),
            ])
            .unwrap()
        };
        let cities = |a, b: usize| [vec![Some("Oslo"); a], vec![None; b]].concat();
        let numbers = |from: i32| (from..from + 100).map(f64::from).collect::<Vec<_>>();
        let older = table(cities(50, 50), numbers(0));
        let same = drift(&older, &older).unwrap();
        assert!(same.iter().all(|drift| drift.psi == 0.0), "{same:?}");
        let moved = drift(&older, &table(cities(50, 50), numbers(50))).unwrap();
        assert_eq!(moved[0].feature, "bytes");
        assert!(moved[0].psi > 0.25 && moved[1].psi == 0.0, "{moved:?}");
    }

    #[test]
    fn computed_by_hand() {
        // (50.5, 50.5) of 101 and (80.5, 20.5) of 101: 2 * (30/101) * ln(80.5/50.5) + ... by parts.
        let by_hand = (80.5_f64 - 50.5) / 101.0 * (80.5_f64 / 50.5).ln()
            + (20.5_f64 - 50.5) / 101.0 * (20.5_f64 / 50.5).ln();
        assert!((psi(&vec![[50, 80], [50, 20]]) - by_hand).abs() < 1e-12);
        assert!((by_hand - 0.40632).abs() < 1e-4, "{by_hand}");
    }
}
