//! Why rows cannot be told of.

use arrow_schema::ArrowError;
use dfp_features::FeatureError;

/// Why rows cannot be told of.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is no column of scores: what it could be.
    #[error("{0}")]
    NoScores(String),
    /// Rows whose alerts were chosen, among others.
    #[error(
        "some rows have a column alert and others have none: what is an alert would not be the same for all of them"
    )]
    SomeChosen,
    /// Rows with p-values, among others.
    #[error(
        "some rows have a column p_value and others have none: they come from runs with different scorers, and one page cannot hold both"
    )]
    SomeWithP,
    /// A column cannot be read.
    #[error(transparent)]
    Column(#[from] FeatureError),
    /// A column cannot be cast.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}
