//! The optimisers' update of weights, one pass over weights, gradients and state.

use super::dispatch::for_each_level;

/// One step's rule with all its factors, the same for every weight. PyTorch's `SGD` and `Adam`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Update {
    /// w -= rate · (g + decay · w)
    Sgd { rate: f32, decay: f32 },
    /// As `Sgd` on a running sum of gradients, the first state. On the `first` step the sum is the
    /// gradient itself, without `fresh`, which is 1 - dampening.
    Momentum { rate: f32, decay: f32, momentum: f32, fresh: f32, nesterov: bool, first: bool },
    /// w -= rate · m / (√v / root + 1e-8), with running means m of gradients and v of their squares.
    Adam {
        rate: f32,
        decay: f32,
        fresh: f32,
        keep: f32,
        fresh_square: f32,
        root: f32,
        amsgrad: bool,
    },
}

/// Added to Adam's denominator, PyTorch's default.
const EPSILON: f32 = 1e-8;

for_each_level! {
    /// Moves `weights` against `gradients`. The states hold a value a weight where the rule needs
    /// them (momentum: the first; Adam: two; AMSGrad: three) and are empty where not.
    fn apply(update: Update, weights: &mut [f32], gradients: &[f32], states: [&mut [f32]; 3]) {
        let [first_state, second_state, third_state] = states;
        match update {
            Update::Sgd { rate, decay: 0.0 } => {
                for (w, g) in weights.iter_mut().zip(gradients) {
                    *w -= rate * g;
                }
            }
            Update::Sgd { rate, decay } => {
                for (w, g) in weights.iter_mut().zip(gradients) {
                    *w -= rate * (g + decay * *w);
                }
            }
            Update::Momentum { rate, decay, momentum, fresh, nesterov, first } => {
                let (keep, fresh) = if first { (0.0, 1.0) } else { (momentum, fresh) };
                let (by_gradient, by_sum) = if nesterov { (1.0, momentum) } else { (0.0, 1.0) };
                for ((w, g), sum) in weights.iter_mut().zip(gradients).zip(first_state) {
                    let g = g + decay * *w;
                    *sum = keep * *sum + fresh * g;
                    *w -= rate * (by_gradient * g + by_sum * *sum);
                }
            }
            Update::Adam { rate, decay, fresh, keep, fresh_square, root, amsgrad: false } => {
                let state = first_state.iter_mut().zip(second_state);
                for ((w, g), (m, v)) in weights.iter_mut().zip(gradients).zip(state) {
                    let g = g + decay * *w;
                    *m += fresh * (g - *m);
                    *v = keep * *v + fresh_square * g * g;
                    *w -= rate * *m / (v.sqrt() / root + EPSILON);
                }
            }
            Update::Adam { rate, decay, fresh, keep, fresh_square, root, amsgrad: true } => {
                let state = first_state.iter_mut().zip(second_state).zip(third_state);
                for ((w, g), ((m, v), largest)) in weights.iter_mut().zip(gradients).zip(state) {
                    let g = g + decay * *w;
                    *m += fresh * (g - *m);
                    *v = keep * *v + fresh_square * g * g;
                    *largest = if *v > *largest { *v } else { *largest };
                    *w -= rate * *m / (largest.sqrt() / root + EPSILON);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use proptest::prelude::*;

    const RULES: [Update; 6] = [
        Update::Sgd { rate: 0.1, decay: 0.0 },
        Update::Sgd { rate: 0.1, decay: 0.3 },
        Update::Momentum {
            rate: 0.1,
            decay: 0.1,
            momentum: 0.9,
            fresh: 0.7,
            nesterov: false,
            first: true,
        },
        Update::Momentum {
            rate: 0.1,
            decay: 0.0,
            momentum: 0.9,
            fresh: 1.0,
            nesterov: true,
            first: false,
        },
        Update::Adam {
            rate: 0.1,
            decay: 0.1,
            fresh: 0.1,
            keep: 0.9,
            fresh_square: 0.1,
            root: 0.5,
            amsgrad: false,
        },
        Update::Adam {
            rate: 0.1,
            decay: 0.0,
            fresh: 0.1,
            keep: 0.9,
            fresh_square: 0.1,
            root: 0.5,
            amsgrad: true,
        },
    ];

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }).collect()
    }

    proptest! {
        #[test]
        fn every_level_gives_the_same_bits(
            g in prop::collection::vec(prop_oneof![
                9 => -3.0_f32..3.0,
                1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, 0.0, 1e-40]),
            ], 0..70),
        ) {
            for rule in RULES {
                let mut portable = None;
                for level in Level::available() {
                    let mut w = vec![0.5; g.len()];
                    let mut s = [vec![0.25; g.len()], vec![0.125; g.len()], vec![0.5; g.len()]];
                    let [a, b, c] = &mut s;
                    apply(level, rule, &mut w, &g, [a, b, c]);
                    let got = (bits(&w), s.each_ref().map(|s| bits(s)));
                    prop_assert_eq!(&*portable.get_or_insert_with(|| got.clone()), &got);
                }
            }
        }
    }
}
