//! The 13 activations: value and derivative, fused with the bias.

use super::dispatch::for_each_level;
use super::math::{exp_minus_one, sigmoid, tanh};
use crate::config::Activation;
use std::ops::Range;

const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;
/// PyTorch's functional `rrelu` outside training, which the reference always uses: (1/8 + 1/3)/2.
const RRELU_SLOPE: f32 = 0.229_166_67;
const LEAKY_SLOPE: f32 = 0.01;
const HARDSHRINK: f32 = 0.5;

/// The activation at `x`. A NaN stays one: divergence must be seen.
#[inline(always)]
fn value(kind: Activation, x: f32) -> f32 {
    match kind {
        Activation::Relu => {
            if x < 0.0 {
                0.0
            } else {
                x
            }
        }
        Activation::LeakyRelu => {
            if x < 0.0 {
                LEAKY_SLOPE * x
            } else {
                x
            }
        }
        Activation::Rrelu => {
            if x < 0.0 {
                RRELU_SLOPE * x
            } else {
                x
            }
        }
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => tanh(x),
        Activation::Selu => {
            if x > 0.0 {
                SELU_SCALE * x
            } else {
                SELU_SCALE * SELU_ALPHA * exp_minus_one(x)
            }
        }
        Activation::Hardtanh => x.clamp(-1.0, 1.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Elu | Activation::Celu => {
            if x > 0.0 {
                x
            } else {
                exp_minus_one(x)
            }
        }
        Activation::Hardshrink => {
            if x.abs() <= HARDSHRINK {
                0.0
            } else {
                x
            }
        }
        Activation::Tanhshrink => x - tanh(x),
        Activation::Softsign => x / (1.0 + x.abs()),
    }
}

/// The derivative at `x`, where `y` = [`value`]; only tanhshrink looks at `x`.
#[inline(always)]
fn slope(kind: Activation, x: f32, y: f32) -> f32 {
    let step = |condition: bool| if condition { 1.0 } else { 0.0 };
    match kind {
        Activation::Relu => step(y > 0.0),
        Activation::LeakyRelu => {
            if y > 0.0 {
                1.0
            } else {
                LEAKY_SLOPE
            }
        }
        Activation::Rrelu => {
            if y > 0.0 {
                1.0
            } else {
                RRELU_SLOPE
            }
        }
        Activation::Sigmoid => y * (1.0 - y),
        Activation::Tanh => 1.0 - y * y,
        Activation::Selu => {
            if y > 0.0 {
                SELU_SCALE
            } else {
                y + SELU_SCALE * SELU_ALPHA
            }
        }
        Activation::Hardtanh => step(y > -1.0 && y < 1.0),
        Activation::Relu6 => step(y > 0.0 && y < 6.0),
        Activation::Elu | Activation::Celu => {
            if y > 0.0 {
                1.0
            } else {
                y + 1.0
            }
        }
        Activation::Hardshrink => step(y != 0.0),
        Activation::Tanhshrink => (x - y) * (x - y),
        Activation::Softsign => (1.0 - y.abs()) * (1.0 - y.abs()),
    }
}

/// Runs `$loop` with `$kind` as a constant in each arm, so that the loop holds no branch on it.
macro_rules! specialised {
    ($of:expr, |$kind:ident| $loop:expr) => {
        specialised!(@ $of, $kind, $loop, LeakyRelu, Relu, Sigmoid, Tanh, Selu, Hardtanh, Relu6, Elu,
            Celu, Rrelu, Hardshrink, Tanhshrink, Softsign)
    };
    (@ $of:expr, $kind:ident, $loop:expr, $($name:ident),*) => {
        match $of {
            $(Activation::$name => { const $kind: Activation = Activation::$name; $loop })*
        }
    };
}

for_each_level! {
    /// In each row of `table` (`stride` wide): columns = activation(columns + bias).
    fn activate(kind: Activation, table: &mut [f32], stride: usize, columns: Range<usize>, bias: &[f32]) {
        specialised!(kind, |KIND| for row in table.chunks_exact_mut(stride) {
            for (y, b) in row[columns.clone()].iter_mut().zip(bias) {
                *y = value(KIND, *y + b);
            }
        });
    }

    /// As [`activate`], also writing the derivative to the columns from `slopes` on, which follow
    /// `columns`.
    fn activate_with_slope(kind: Activation, table: &mut [f32], stride: usize, columns: Range<usize>, slopes: usize, bias: &[f32]) {
        specialised!(kind, |KIND| for row in table.chunks_exact_mut(stride) {
            let (values, rest) = row[columns.start..].split_at_mut(slopes - columns.start);
            for ((y, b), s) in values[..columns.len()].iter_mut().zip(bias).zip(rest) {
                let x = *y + b;
                *y = value(KIND, x);
                *s = slope(KIND, x, *y);
            }
        });
    }

    /// In each row: the columns from `deltas` on, which follow `columns`, are multiplied by the
    /// derivative, got from the activation's value in `columns`. Not for tanhshrink, whose value
    /// does not tell its derivative.
    fn chain(kind: Activation, table: &mut [f32], stride: usize, columns: Range<usize>, deltas: usize) {
        specialised!(kind, |KIND| for row in table.chunks_exact_mut(stride) {
            let (values, rest) = row[columns.start..].split_at_mut(deltas - columns.start);
            for (y, d) in values[..columns.len()].iter().zip(rest) {
                *d *= slope(KIND, 0.0, *y);
            }
        });
    }

    /// In each row: the columns from `deltas` on, which follow `slopes`, are multiplied by them.
    fn chain_slopes(table: &mut [f32], stride: usize, slopes: Range<usize>, deltas: usize) {
        for row in table.chunks_exact_mut(stride) {
            let (values, rest) = row[slopes.start..].split_at_mut(deltas - slopes.start);
            for (s, d) in values[..slopes.len()].iter().zip(rest) {
                *d *= s;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use proptest::prelude::*;

    const ALL: [Activation; 13] = [
        Activation::LeakyRelu,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Selu,
        Activation::Hardtanh,
        Activation::Relu6,
        Activation::Elu,
        Activation::Celu,
        Activation::Rrelu,
        Activation::Hardshrink,
        Activation::Tanhshrink,
        Activation::Softsign,
    ];

    fn special() -> impl Strategy<Value = f32> {
        prop_oneof![
            8 => -30.0_f32..30.0,
            1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-40]),
        ]
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        // The sign and payload of a NaN are not specified.
        values.iter().map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }).collect()
    }

    proptest! {
        #[test]
        fn every_level_gives_the_bits_of_the_definition(
            values in prop::collection::vec(special(), 0..70), bias in -1.0_f32..1.0,
        ) {
            let n = values.len();
            let stride = 3 * n + 1;
            let mut start = values;
            start.resize(stride, 1.5);
            let bias = vec![bias; n];
            for kind in ALL {
                let y: Vec<f32> = (0..n).map(|i| value(kind, start[i] + bias[i])).collect();
                let s: Vec<f32> = (0..n).map(|i| slope(kind, start[i] + bias[i], y[i])).collect();
                for level in Level::available() {
                    let mut plain = start.clone();
                    activate(level, kind, &mut plain, stride, 0..n, &bias);
                    prop_assert_eq!(bits(&plain[..n]), bits(&y));
                    let mut table = start.clone();
                    activate_with_slope(level, kind, &mut table, stride, 0..n, n, &bias);
                    prop_assert_eq!(bits(&table[..n]), bits(&y));
                    prop_assert_eq!(bits(&table[n..2 * n]), bits(&s));
                    chain_slopes(level, &mut table, stride, n..2 * n, 2 * n);
                    let want: Vec<f32> = s.iter().map(|s| 1.5 * s).collect();
                    prop_assert_eq!(bits(&table[2 * n..3 * n]), bits(&want));
                    if kind != Activation::Tanhshrink {
                        chain(level, kind, &mut plain, stride, 0..n, n);
                        prop_assert_eq!(bits(&plain[n..2 * n]), bits(&want));
                    }
                    prop_assert_eq!(plain[3 * n], 1.5);
                }
            }
        }

        #[test]
        fn slopes_are_difference_quotients(x in -5.0_f32..5.0) {
            // Kinks: the quotient across them is neither slope.
            prop_assume!([0.0, 1.0, -1.0, 6.0, 0.5, -0.5].iter().all(|kink: &f32| (x - kink).abs() > 0.02));
            for kind in ALL {
                let quotient = (value(kind, x + 0.01) - value(kind, x - 0.01)) / 0.02;
                prop_assert!((slope(kind, x, value(kind, x)) - quotient).abs() < 1e-3, "{kind:?} at {x}");
            }
        }
    }
}
