//! Sums over the rows of a table.

use super::dispatch::for_each_level;

for_each_level! {
    /// `into` = sum over the rows of the columns from `first` on, added from the first row down.
    fn column_sums(table: &[f32], stride: usize, first: usize, into: &mut [f32]) {
        /// Columns kept in registers while the rows go by.
        const BLOCK: usize = 64;
        for (block, sums) in into.chunks_mut(BLOCK).enumerate() {
            let first = first + block * BLOCK;
            let mut totals = [0.0_f32; BLOCK];
            for row in table.chunks_exact(stride) {
                for (total, value) in totals.iter_mut().zip(&row[first..first + sums.len()]) {
                    *total += value;
                }
            }
            sums.copy_from_slice(&totals[..sums.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_level_adds_in_row_order(width in 0_usize..140, rows in 0_usize..20, x in -1.0_f32..1.0) {
            let stride = width + 3;
            let table: Vec<f32> = (0..rows * stride).map(|i| (x * i as f32).sin()).collect();
            let want: Vec<f32> = (0..width)
                .map(|c| table.chunks(stride).fold(0.0, |total, row| total + row[2 + c]))
                .collect();
            for level in Level::available() {
                let mut got = vec![f32::NAN; width];
                column_sums(level, &table, stride, 2, &mut got);
                prop_assert_eq!(&got, &want);
            }
        }
    }
}
