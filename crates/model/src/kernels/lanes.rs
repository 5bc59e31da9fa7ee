//! Batches side by side: a column of a table is kept for 32 rows at once.

use super::dispatch::for_each_level;

/// Rows of a panel: two registers of the widest instruction set.
pub(crate) const LANES: usize = 32;

/// The values of one column in the rows of a panel.
pub(crate) type Lane = [f32; LANES];

/// Values of a lane, got from the lengths: if a compiler knows that they are 32, it makes vectors
/// across lanes, with a gather for each.
#[inline(always)]
pub(super) fn lane_width(values: &[f32], bias: &[f32]) -> usize {
    (values.len() / bias.len().max(1)).max(1)
}

for_each_level! {
    /// `into[i]` = sum of lane `first + i` of every panel of `stride` lanes: rows in order first,
    /// then the 32 places in order.
    fn sums(table: &[Lane], stride: usize, first: usize, into: &mut [f32]) {
        for (i, sum) in into.iter_mut().enumerate() {
            let mut total = [0.0; LANES];
            for panel in table.chunks_exact(stride) {
                for (total, value) in total.iter_mut().zip(&panel[first + i]) {
                    *total += value;
                }
            }
            *sum = total.iter().sum();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Level;
    use super::*;
    use proptest::prelude::*;

    pub(in crate::kernels) fn numbers(lanes: usize, x: f32) -> Vec<Lane> {
        (0..lanes).map(|l| std::array::from_fn(|i| (x * (l * LANES + i) as f32).sin())).collect()
    }

    proptest! {
        #[test]
        fn every_level_adds_in_the_same_order(stride in 1_usize..9, panels in 0_usize..5, x in -1.0_f32..1.0) {
            let table = numbers(stride * panels, x);
            let first = stride / 2;
            let want: Vec<f32> = (first..stride).map(|lane| {
                let place = |i: usize| table.chunks(stride).fold(0.0, |total, panel| total + panel[lane][i]);
                (0..LANES).map(place).sum()
            }).collect();
            for level in Level::available() {
                let mut got = vec![f32::NAN; stride - first];
                sums(level, &table, stride, first, &mut got);
                prop_assert_eq!(&got, &want);
            }
        }
    }
}
