//! What can go wrong in the model, always about one user's rows or one model file.

/// An error of one user's training or scoring. Messages start with the cause, quote the value and
/// say what would be accepted.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is nothing to learn from or to score.
    #[error("{0}")]
    Unusable(String),
    /// An option has a value that the mathematics cannot take.
    #[error("{option} cannot be {value:?}: {accepted}")]
    Config {
        /// The option's name as in [`crate::ModelConfig`].
        option: &'static str,
        /// The value given.
        value: String,
        /// What would be accepted.
        accepted: String,
    },
    /// A column needed by the model is not in the rows.
    #[error("feature column {0:?} is missing from the rows to be scored")]
    MissingColumn(String),
    /// A cell does not fit its feature's kind, which was fixed when the model was trained.
    #[error(
        "row {row}: {value:?} in column {column:?} is not a number; the model learnt this column as numeric"
    )]
    Cell {
        /// The column.
        column: String,
        /// Row number in the batch, from 0.
        row: usize,
        /// The value as text.
        value: String,
    },
    /// Training produced a loss that is not a number.
    #[error("training did not converge: {0}")]
    Diverged(String),
    /// The caller asked to stop.
    #[error("training was interrupted")]
    Interrupted,
    /// A model file cannot be used.
    #[error("{0}")]
    Artifact(String),
    /// An Arrow operation failed.
    #[error(transparent)]
    Arrow(#[from] arrow_schema::ArrowError),
}
