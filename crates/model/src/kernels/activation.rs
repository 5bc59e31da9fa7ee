//! The 13 activations: value and derivative, fused with the bias.

use super::dispatch::for_each_level;
use super::lanes::{Lane, lane_width};
use super::math::{exp_minus_one, sigmoid, tanh};
use crate::config::Activation;

pub(crate) const SELU_SCALE: f32 = 1.050_701;
pub(crate) const SELU_ALPHA: f32 = 1.673_263_2;
/// PyTorch's functional `rrelu` outside training, which the reference always uses: (1/8 + 1/3)/2.
pub(crate) const RRELU_SLOPE: f32 = 0.229_166_67;
pub(crate) const LEAKY_SLOPE: f32 = 0.01;
pub(crate) const HARDSHRINK: f32 = 0.5;

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
    /// values = activation(values + bias), a bias for each lane.
    fn activate(kind: Activation, values: &mut [Lane], bias: &[f32]) {
        let values = values.as_flattened_mut();
        let width = lane_width(values, bias);
        specialised!(kind, |KIND| for (lane, b) in values.chunks_exact_mut(width).zip(bias) {
            for y in lane {
                *y = value(KIND, *y + b);
            }
        });
    }

    /// As [`activate`], also writing the derivative.
    fn activate_with_slope(kind: Activation, values: &mut [Lane], slopes: &mut [Lane], bias: &[f32]) {
        let (values, slopes) = (values.as_flattened_mut(), slopes.as_flattened_mut());
        let width = lane_width(values, bias);
        let lanes = values.chunks_exact_mut(width).zip(slopes.chunks_exact_mut(width));
        specialised!(kind, |KIND| for ((lane, slopes), b) in lanes.zip(bias) {
            for (y, s) in lane.iter_mut().zip(slopes) {
                let x = *y + b;
                *y = value(KIND, x);
                *s = slope(KIND, x, *y);
            }
        });
    }

    /// Multiplies `deltas` by the derivative, got from the activation's values. Not for
    /// tanhshrink, whose value does not tell its derivative.
    fn chain(kind: Activation, values: &[Lane], deltas: &mut [Lane]) {
        let cells = values.as_flattened().iter().zip(deltas.as_flattened_mut());
        specialised!(kind, |KIND| for (y, d) in cells {
            *d *= slope(KIND, 0.0, *y);
        });
    }

    /// Multiplies `deltas` by `slopes`.
    fn chain_slopes(slopes: &[Lane], deltas: &mut [Lane]) {
        for (s, d) in slopes.as_flattened().iter().zip(deltas.as_flattened_mut()) {
            *d *= s;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::super::lanes::LANES;
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

    fn bits(values: &[Lane]) -> Vec<u32> {
        // The sign and payload of a NaN are not specified.
        values
            .as_flattened()
            .iter()
            .map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() })
            .collect()
    }

    proptest! {
        #[test]
        fn every_level_gives_the_bits_of_the_definition(
            start in prop::collection::vec(prop::collection::vec(special(), LANES), 0..5),
            bias in -1.0_f32..1.0,
        ) {
            let start: Vec<Lane> = start.iter().map(|v| std::array::from_fn(|i| v[i])).collect();
            let map = |lanes: &[Lane], f: &dyn Fn(f32) -> f32| -> Vec<Lane> {
                lanes.iter().map(|lane| lane.map(f)).collect()
            };
            let biases = vec![bias; start.len()];
            for kind in ALL {
                let y = map(&start, &|x| value(kind, x + bias));
                let s = map(&start, &|x| slope(kind, x + bias, value(kind, x + bias)));
                let want = map(&s, &|s| 1.5 * s);
                for level in Level::available() {
                    let mut plain = start.clone();
                    activate(level, kind, &mut plain, &biases);
                    prop_assert_eq!(bits(&plain), bits(&y));
                    let (mut values, mut slopes) = (start.clone(), start.clone());
                    activate_with_slope(level, kind, &mut values, &mut slopes, &biases);
                    prop_assert_eq!(bits(&values), bits(&y));
                    prop_assert_eq!(bits(&slopes), bits(&s));
                    let mut deltas = vec![[1.5; LANES]; start.len()];
                    chain_slopes(level, &slopes, &mut deltas);
                    prop_assert_eq!(bits(&deltas), bits(&want));
                    if kind != Activation::Tanhshrink {
                        let mut deltas = vec![[1.5; LANES]; start.len()];
                        chain(level, kind, &plain, &mut deltas);
                        prop_assert_eq!(bits(&deltas), bits(&want));
                    }
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
