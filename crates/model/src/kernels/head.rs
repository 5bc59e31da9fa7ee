//! What follows the last matrix product: bias, losses and their gradients.

use super::dispatch::for_each_level;
use super::lanes::{LANES, Lane, lane_width};
use super::math::{exp_of_at_most_0, ln, sigmoid};
use crate::encode::FeatureShape;

/// Logarithms in the binary cross-entropy are clamped here, as PyTorch's.
pub(crate) const LOG_FLOOR: f32 = -100.0;

/// The heads' lanes of one panel.
#[derive(Debug)]
pub(crate) struct Heads<'a> {
    /// Numeric predictions and logits, one lane for each bias.
    pub(crate) outputs: &'a mut [Lane],
    /// The gradient by them.
    pub(crate) gradients: &'a mut [Lane],
    /// A lane for each feature.
    pub(crate) losses: &'a mut [Lane],
}

/// What the rows of a panel should have been: `[rows, features]` of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets<'a> {
    /// Rows of the panel; its further places teach nothing.
    pub(crate) rows: usize,
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

/// Cross-entropy of one categorical feature: losses, and the gradient by the logits. `codes` are of
/// the rows in order, `weights` of all places (see [`lane_width`]).
#[inline(always)]
fn cross_entropy(
    logits: &[Lane],
    gradients: &mut [Lane],
    codes: impl Iterator<Item = u32> + Clone,
    weights: &[f32],
    losses: &mut Lane,
) {
    let mut largest = [f32::NEG_INFINITY; LANES];
    for lane in logits {
        for (largest, logit) in largest.iter_mut().zip(lane) {
            *largest = if *logit > *largest { *logit } else { *largest };
        }
    }
    let mut total = [0.0_f32; LANES];
    for (gradient, lane) in gradients.iter_mut().zip(logits) {
        for i in 0..LANES {
            let power = exp_of_at_most_0(lane[i] - largest[i]);
            gradient[i] = power;
            total[i] += power;
        }
    }
    for (loss, total) in losses.iter_mut().zip(&total) {
        *loss = ln(*total);
    }
    let mut factor = [0.0_f32; LANES];
    for ((factor, weight), total) in factor.iter_mut().zip(weights).zip(&total) {
        *factor = weight / total;
    }
    for gradient in gradients.as_flattened_mut().chunks_exact_mut(weights.len()) {
        for (g, factor) in gradient.iter_mut().zip(&factor) {
            *g *= factor;
        }
    }
    for (i, code) in codes.enumerate() {
        // The difference first: large logits would leave few digits of a small loss.
        losses[i] += largest[i] - logits[code as usize][i];
        gradients[code as usize][i] -= weights[i];
    }
}

for_each_level! {
    /// Adds the bias to the outputs, writes each cell's loss, and the gradient of the weighted sum of
    /// losses by the outputs, which is 0 at places without a row.
    fn losses(
        heads: Heads<'_>,
        bias: &[f32],
        shape: &FeatureShape,
        targets: Targets<'_>,
        weights: CellWeights,
    ) {
        let Heads { outputs, gradients, losses } = heads;
        let (numeric, binary, categorical) = (shape.numeric, shape.binary, shape.codes.len());
        let flat = outputs.as_flattened_mut();
        let width = lane_width(flat, bias);
        for (lane, b) in flat.chunks_exact_mut(width).zip(bias) {
            for output in lane {
                *output += b;
            }
        }
        let cells = outputs.iter().zip(gradients.iter_mut()).zip(losses.iter_mut());
        for (f, ((outputs, gradients), losses)) in cells.enumerate().take(numeric) {
            let mut target = *outputs;
            for (target, row) in target.iter_mut().zip(targets.numeric.chunks_exact(numeric)) {
                *target = row[f];
            }
            for i in 0..LANES {
                let difference = outputs[i] - target[i];
                losses[i] = difference * difference;
                gradients[i] = 2.0 * weights.numeric * difference;
            }
        }
        for f in 0..binary {
            gradients[numeric + f] = [0.0; LANES];
            for (i, row) in targets.binary.chunks_exact(binary).enumerate() {
                let (loss, slope) = binary_cross_entropy(outputs[numeric + f][i], row[f]);
                losses[numeric + f][i] = loss;
                gradients[numeric + f][i] = weights.binary * slope;
            }
        }
        let mut of_places = [0.0; LANES];
        of_places[..targets.rows].fill(weights.categorical);
        let mut first = numeric + binary;
        for (f, n) in shape.codes.iter().enumerate() {
            cross_entropy(
                &outputs[first..first + n],
                &mut gradients[first..first + n],
                targets.codes.iter().skip(f).step_by(categorical).copied(),
                &of_places[..width],
                &mut losses[numeric + binary + f],
            );
            first += n;
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
            let targets = Targets { rows: 1, numeric: &numbers[..numeric], binary: &flags[..binary], codes: &codes };
            let (want, slopes) = reference(&shape, &logits[..width], targets);
            let weights = CellWeights { numeric: 1.0, binary: 1.0, categorical: 1.0 };
            let mut first: Option<(Vec<Lane>, Vec<Lane>)> = None;
            for level in Level::available() {
                // The logits come in as biases; the row is the only one of its panel.
                let mut outputs = vec![[0.0; LANES]; width];
                let mut gradients = vec![[f32::NAN; LANES]; width];
                let mut got = vec![[0.0; LANES]; shape.features()];
                let heads = Heads { outputs: &mut outputs, gradients: &mut gradients, losses: &mut got };
                losses(level, heads, &logits[..width], &shape, targets, weights);
                for (f, (g, w)) in got.iter().zip(&want).enumerate() {
                    // The float32 probability of a binary cell is coarse near 1.
                    let plain = f < numeric || f >= numeric + binary;
                    let tolerance = if plain { 1e-5 } else { 1e-3 };
                    prop_assert!((f64::from(g[0]) - w).abs() < tolerance * w.abs().max(1.0));
                }
                for (g, w) in gradients.iter().zip(&slopes) {
                    prop_assert!((f64::from(g[0]) - w).abs() < 1e-5 * w.abs().max(1.0));
                    prop_assert!(g[1..].iter().all(|g| *g == 0.0), "{:?}", g);
                }
                let portable = first.get_or_insert_with(|| (got.clone(), gradients.clone()));
                prop_assert_eq!((&portable.0, &portable.1), (&got, &gradients));
            }
        }

        #[test]
        fn every_level_gives_the_same_bits_for_any_values(
            rows in 0_usize..=LANES,
            odd in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38, 1e-40]),
            place in (0_usize..10, 0_usize..LANES),
        ) {
            let shape = FeatureShape { numeric: 1, binary: 1, codes: vec![1, 5, 2] };
            let codes: Vec<u32> = (0..rows as u32).flat_map(|i| [0, i % 5, i % 2]).collect();
            let (numbers, flags) = (vec![0.5; rows], vec![1.0; rows]);
            let targets = Targets { rows, numeric: &numbers, binary: &flags, codes: &codes };
            let weights = CellWeights { numeric: 0.5, binary: 0.25, categorical: 2.0 };
            let mut table: Vec<Lane> =
                (0..10).map(|l| std::array::from_fn(|i| ((l * LANES + i) as f32).sin())).collect();
            if place.1 < rows {
                table[place.0][place.1] = odd;
            }
            let bits = |lanes: &[Lane]| -> Vec<u32> {
                let normal = |v: &f32| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() };
                lanes.as_flattened().iter().map(normal).collect()
            };
            let mut first = None;
            for level in Level::available() {
                let mut outputs = table.clone();
                let mut gradients = vec![[f32::NAN; LANES]; 10];
                let mut got = vec![[0.0; LANES]; 5];
                let heads = Heads { outputs: &mut outputs, gradients: &mut gradients, losses: &mut got };
                losses(level, heads, &[0.25; 10], &shape, targets, weights);
                for gradient in &gradients {
                    prop_assert!(gradient[rows..].iter().all(|g| *g == 0.0));
                }
                let all = (bits(&outputs), bits(&gradients), bits(&got));
                prop_assert_eq!(&*first.get_or_insert_with(|| all.clone()), &all);
            }
        }
    }
}
