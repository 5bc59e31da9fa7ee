//! Log rows to numbers: column kinds, vocabularies, scalers; fitted once, then applied once to
//! each batch into a reused buffer.
//!
//! Order everywhere (inputs, losses, results): numeric features (all integer columns in table
//! order, then all float columns), binary features, categorical features in table order.

/// Rows as the network reads them. All matrices are row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EncodedRows {
    /// Number of rows.
    pub rows: usize,
    /// Scaled numeric features, `[rows, numeric features]`.
    pub numeric: Vec<f32>,
    /// Binary features as 0 or 1, `[rows, binary features]`.
    pub binary: Vec<f32>,
    /// Category codes, `[rows, categorical features]`; the last code of a feature is `_other`.
    pub codes: Vec<u32>,
}

/// How many features of each kind, and how many codes each categorical feature has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureShape {
    /// Numeric features.
    pub numeric: usize,
    /// Binary features.
    pub binary: usize,
    /// Codes of each categorical feature, `_other` included.
    pub codes: Vec<usize>,
}

/// Which columns a model reads and what each becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct FeaturePlan {}
