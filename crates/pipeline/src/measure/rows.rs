//! Made-up log rows of the seed job's shape: 14 text columns.

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use dfp_model::{EncodedRows, ModelError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Values of each column; with a code for what is unseen they make 131 outputs, as the seed job's.
pub const VALUES: [usize; 14] = [1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 11, 13, 19, 35];
/// Rows of the seed job's training log.
pub const TRAINING_ROWS: usize = 3239;

/// Rows of random values. The first rows hold every value once.
///
/// # Errors
/// None: the columns are of one length.
pub fn batch(rows: usize, seed: u64) -> Result<RecordBatch, ModelError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let columns = VALUES.iter().enumerate().map(|(column, &values)| {
        let texts = (0..rows)
            .map(|row| if row < values { row } else { rng.random_range(0..values) })
            .map(|value| Some(format!("value {value}")))
            .collect::<StringArray>();
        (format!("column {column}"), Arc::new(texts) as ArrayRef)
    });
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The first `count` of the rows over and over, in their order.
pub fn repeat(rows: &EncodedRows, count: usize) -> EncodedRows {
    let over = |width: usize| count * width.checked_div(rows.rows).unwrap_or(0);
    EncodedRows {
        rows: count,
        numeric: rows.numeric.iter().copied().cycle().take(over(rows.numeric.len())).collect(),
        binary: rows.binary.iter().copied().cycle().take(over(rows.binary.len())).collect(),
        codes: rows.codes.iter().copied().cycle().take(over(rows.codes.len())).collect(),
        ..EncodedRows::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_repeated_in_their_order() {
        let rows = EncodedRows {
            rows: 2,
            numeric: vec![1.0, 2.0],
            binary: Vec::new(),
            codes: vec![1, 2, 3, 4],
            ..EncodedRows::default()
        };
        let five = repeat(&rows, 5);
        assert_eq!((five.rows, five.binary.len()), (5, 0));
        assert_eq!(five.numeric, [1.0, 2.0, 1.0, 2.0, 1.0]);
        assert_eq!(five.codes, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]);
    }
}
