//! From what the network puts out back to values as they stand in the log.

use super::OTHER;
use super::plan::{BinaryValues, FeaturePlan};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray};
use std::sync::Arc;

impl FeaturePlan {
    /// Float64 column of numeric feature `feature`'s predictions, from scaled values.
    ///
    /// # Panics
    /// As the other prediction methods, if there is no such feature.
    pub fn numeric_prediction(
        &self,
        feature: usize,
        scaled: impl IntoIterator<Item = f32>,
    ) -> ArrayRef {
        let scaler = &self.numeric[feature].scaler;
        let values = scaled.into_iter().map(|z| scaler.inverse(z));
        Arc::new(Float64Array::from_iter_values(values))
    }

    /// Column of binary feature `feature`'s predictions: 1 where the probability is above one
    /// half. Booleans are not inverted, unlike in the reference. Text if text was learnt.
    pub fn binary_prediction(
        &self,
        feature: usize,
        probabilities: impl IntoIterator<Item = f32>,
    ) -> ArrayRef {
        let ones = probabilities.into_iter().map(|p| p > 0.5);
        match &self.binary[feature].values {
            BinaryValues::Truth => Arc::new(ones.map(Some).collect::<BooleanArray>()),
            BinaryValues::Texts(zero, one) => {
                let one = one.as_deref().or(zero.as_deref());
                let texts = ones.map(|is_one| if is_one { one } else { zero.as_deref() });
                Arc::new(texts.collect::<StringArray>())
            }
        }
    }

    /// Text column of categorical feature `feature`'s predictions, from one slice of logits a
    /// row, `[codes]`: the category with the largest logit, the first of equals. `_other` is
    /// predicted only by a feature that knows no category.
    pub fn category_prediction<'a>(
        &self,
        feature: usize,
        logits: impl IntoIterator<Item = &'a [f32]>,
    ) -> ArrayRef {
        let vocabulary = &self.categorical[feature].vocabulary;
        let known = vocabulary.codes() - 1;
        let texts = logits
            .into_iter()
            .map(|row| if known == 0 { OTHER } else { vocabulary.text(largest(&row[..known])) });
        Arc::new(StringArray::from_iter_values(texts))
    }

    /// Text of a code of categorical feature `feature`, `_other` for the last one.
    pub fn category(&self, feature: usize, code: u32) -> &str {
        self.categorical[feature].vocabulary.text(code)
    }
}

/// Position of the first of the largest values.
fn largest(values: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (i, &value) in (0..).zip(values) {
        if value > best.1 {
            best = (i, value);
        }
    }
    best.0
}
