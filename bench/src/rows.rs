//! Made-up log rows of the seed job's shape: 14 text columns.

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use dfp_model::ModelError;
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
