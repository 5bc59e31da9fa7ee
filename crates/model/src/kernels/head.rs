//! What follows the last matrix product: bias, losses and their gradients, one pass over a row.

use super::dispatch::for_each_level;
use super::math::{exp, max, sigmoid, sum};
use crate::encode::FeatureShape;

/// Logarithms in the binary cross-entropy are clamped here, as PyTorch's.
const LOG_FLOOR: f32 = -100.0;

/// The heads, and where their columns are in each row of a table: a logit for each bias from
/// `outputs` on, their gradients from `gradients` on, which come later in the row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads<'a> {
    pub(crate) stride: usize,
    pub(crate) outputs: usize,
    pub(crate) gradients: usize,
    pub(crate) bias: &'a [f32],
    pub(crate) shape: &'a FeatureShape,
}

/// What the rows should have been: `[rows, features]` of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets<'a> {
    pub(crate) numeric: &'a [f32],
    pub(crate) binary: &'a [f32],
    pub(crate) codes: &'a [u32],
}

/// Factor of one cell's loss in the objective, for each kind of feature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellWeights {
    pub(crate) numeric: f32,
    pub(crate) binary: f32,
    pub(crate) categorical: f32,
}

/// Loss of probability sigmoid(`logit`) for the target 0 or 1, and its derivative by the logit.
///
/// On the float32 probability, not the logit: a saturated cell has loss 100 and derivative 0, as
/// in the reference, where the two steps are PyTorch's `sigmoid` and `binary_cross_entropy`.
#[inline(always)]
fn binary_cross_entropy(logit: f32, target: f32) -> (f32, f32) {
    // A comparison instead of `max`, which would turn NaN into the floor.
    let clamped = |log: f32| if log < LOG_FLOOR { LOG_FLOOR } else { log };
    let p = sigmoid(logit);
    let loss = (target - 1.0) * clamped(libm::log1pf(-p)) - target * clamped(libm::logf(p));
    let spread = p * (1.0 - p);
    let by_probability = (p - target) / if spread < 1e-12 { 1e-12 } else { spread };
    (loss, by_probability * spread)
}

/// Cross-entropies of all categorical features of one row: losses, and the gradient by the logits.
#[inline(always)]
fn cross_entropies(
    logits: &[f32],
    gradients: &mut [f32],
    shape: &FeatureShape,
    codes: &[u32],
    weight: f32,
    losses: &mut [f32],
) {
    let mut first = 0;
    for ((n, code), loss) in shape.codes.iter().zip(codes).zip(&mut *losses) {
        let segment = &logits[first..first + n];
        let largest = max(segment);
        for (g, l) in gradients[first..first + n].iter_mut().zip(segment) {
            *g = l - largest;
        }
        *loss = largest - segment[*code as usize];
        first += n;
    }
    // One pass over all features: the segments alone are too short for vector code.
    for g in &mut gradients[..first] {
        *g = exp(*g);
    }
    first = 0;
    for ((n, code), loss) in shape.codes.iter().zip(codes).zip(losses) {
        let segment = &mut gradients[first..first + n];
        let total = sum(segment);
        *loss += libm::logf(total);
        let factor = weight / total;
        for g in &mut *segment {
            *g *= factor;
        }
        segment[*code as usize] -= weight;
        first += n;
    }
}

for_each_level! {
    /// Adds the bias to the logits, writes each cell's loss, `[rows, features]`, and the gradient
    /// of the weighted sum of losses by the logits.
    fn losses(
        table: &mut [f32],
        heads: Heads<'_>,
        targets: Targets<'_>,
        weights: CellWeights,
        losses: &mut [f32],
    ) {
        let Heads { stride, outputs: first, gradients, bias, shape } = heads;
        let (numeric, binary, features) = (shape.numeric, shape.binary, shape.features());
        let rows = table.chunks_exact_mut(stride).zip(losses.chunks_exact_mut(features));
        for (i, (row, losses)) in rows.enumerate() {
            let (outputs, gradients) = row[first..].split_at_mut(gradients - first);
            let (outputs, gradients) = (&mut outputs[..bias.len()], &mut gradients[..bias.len()]);
            for (output, b) in outputs.iter_mut().zip(bias) {
                *output += b;
            }
            let target = &targets.numeric[i * numeric..(i + 1) * numeric];
            for (f, t) in target.iter().enumerate() {
                let difference = outputs[f] - t;
                losses[f] = difference * difference;
                gradients[f] = 2.0 * weights.numeric * difference;
            }
            let target = &targets.binary[i * binary..(i + 1) * binary];
            for (f, t) in target.iter().enumerate() {
                let (loss, slope) = binary_cross_entropy(outputs[numeric + f], *t);
                losses[numeric + f] = loss;
                gradients[numeric + f] = weights.binary * slope;
            }
            let plain = numeric + binary;
            let categorical = shape.codes.len();
            cross_entropies(
                &outputs[plain..],
                &mut gradients[plain..],
                shape,
                &targets.codes[i * categorical..(i + 1) * categorical],
                weights.categorical,
                &mut losses[plain..],
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn saturated_cells_lose_100_and_teach_nothing() {
        assert_eq!(binary_cross_entropy(20.0, 0.0), (100.0, 0.0));
        assert_eq!(binary_cross_entropy(-90.0, 1.0), (100.0, 0.0));
        let (loss, slope) = binary_cross_entropy(f32::NAN, 1.0);
        assert!(loss.is_nan() && slope.is_nan());
    }

    /// Losses and gradients of one row in double precision.
    fn reference(shape: &FeatureShape, logits: &[f32], t: Targets<'_>) -> (Vec<f64>, Vec<f64>) {
        let (mut losses, mut gradients) = (Vec::new(), Vec::new());
        for (l, t) in logits.iter().zip(t.numeric) {
            losses.push(f64::from(l - t).powi(2));
            gradients.push(2.0 * f64::from(l - t));
        }
        for (l, t) in logits[shape.numeric..].iter().zip(t.binary) {
            let p = 1.0 / (1.0 + (-f64::from(*l)).exp());
            losses.push(if *t == 1.0 { -p.ln() } else { -(1.0 - p).ln() });
            gradients.push(p - f64::from(*t));
        }
        let mut rest = &logits[shape.numeric + shape.binary..];
        for (n, code) in shape.codes.iter().zip(t.codes) {
            let (segment, tail) = rest.split_at(*n);
            let total: f64 = segment.iter().map(|l| f64::from(*l).exp()).sum();
            losses.push(total.ln() - f64::from(segment[*code as usize]));
            gradients.extend(segment.iter().enumerate().map(|(k, l)| {
                f64::from(*l).exp() / total - f64::from(u8::from(k == *code as usize))
            }));
            rest = tail;
        }
        (losses, gradients)
    }

    proptest! {
        #[test]
        fn every_level_agrees_with_the_definition(
            numeric in 0_usize..4,
            binary in 0_usize..3,
            codes in prop::collection::vec((1_usize..40, 0_u32..1000), 1..5),
            logits in prop::collection::vec(-8.0_f32..8.0, 170),
        ) {
            let shape = FeatureShape { numeric, binary, codes: codes.iter().map(|c| c.0).collect() };
            let codes: Vec<u32> = codes.iter().map(|(n, code)| code % *n as u32).collect();
            let width = numeric + binary + shape.codes.iter().sum::<usize>();
            let numbers = [0.5, -1.0, 2.0];
            let flags = [1.0, 0.0];
            let targets = Targets { numeric: &numbers[..numeric], binary: &flags[..binary], codes: &codes };
            let (want, slopes) = reference(&shape, &logits[..width], targets);
            let (outputs, gradients, bias) = (0, width, &logits[..width]);
            let heads = Heads { stride: 2 * width, outputs, gradients, bias, shape: &shape };
            let weights = CellWeights { numeric: 1.0, binary: 1.0, categorical: 1.0 };
            let mut first: Option<(Vec<f32>, Vec<f32>)> = None;
            for level in Level::available() {
                let mut table = vec![0.0; 2 * width];
                let mut got = vec![0.0; shape.features()];
                losses(level, &mut table, heads, targets, weights, &mut got);
                for (f, (g, w)) in got.iter().zip(&want).enumerate() {
                    // The float32 probability of a binary cell is coarse near 1.
                    let plain = f < numeric || f >= numeric + binary;
                    let tolerance = if plain { 1e-5 } else { 1e-3 };
                    prop_assert!((f64::from(*g) - w).abs() < tolerance * w.abs().max(1.0));
                }
                for (g, w) in table[width..].iter().zip(&slopes) {
                    prop_assert!((f64::from(*g) - w).abs() < 1e-5 * w.abs().max(1.0));
                }
                let portable = first.get_or_insert_with(|| (got.clone(), table.clone()));
                prop_assert_eq!((&portable.0, &portable.1), (&got, &table));
            }
        }
    }
}
