//! What a plan does with a cell, for whoever says the same in another language.

use super::gauss_rank;
use super::plan::{BinaryValues, FeaturePlan};
use super::scale::{self, FittedScaler, Linear};

/// Scaled numbers grow with the logarithm from here on, above and below 0,
pub(crate) const LARGEST: f64 = scale::LARGEST;
/// and so much for a factor of e.
pub(crate) const LARGE_STEP: f64 = scale::LARGE_STEP;
/// Numbers this near to the first or last quantile have rank 0 or 1.
pub(crate) const EDGE: f64 = gauss_rank::EDGE;

/// One feature, read from the column that it is called like.
pub(crate) struct Feature<'a> {
    pub(crate) column: &'a str,
    pub(crate) kind: Kind<'a>,
}

/// What becomes of a cell.
pub(crate) enum Kind<'a> {
    /// `fill` is read for what is missing.
    Numeric { fill: f64, scaling: Scaling<'a>, range: Option<Ends> },
    /// Of text, what 0 and 1 stand for, if anything; of booleans nothing.
    Binary { texts: Option<[Option<&'a str>; 2]> },
    /// Texts in the order of their codes; the next code is `_other`.
    Categorical { texts: &'a [String] },
}

/// What the network reads of numbers beyond the range is its end; ln(1 + distance / width) is added to the root
/// of the loss.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) width: f64,
}

/// How a number is scaled.
pub(crate) enum Scaling<'a> {
    /// (x - centre) / scale.
    Linear { centre: f64, scale: f64 },
    /// The normal score of the rank among quantiles. A number's rank is the mean of two straight
    /// lines' heights: from the last quantile at or below it, and from the first at or above it.
    GaussRank {
        quantiles: &'a [f64],
        /// Of each quantile.
        ranks: Vec<f64>,
        /// Rank a unit of value, from each quantile to the next one.
        slopes: Vec<f64>,
    },
    /// The number itself.
    None,
}

impl FeaturePlan {
    /// All features: numeric, binary, categorical.
    pub(crate) fn features(&self) -> impl Iterator<Item = Feature<'_>> {
        let numeric = self.numeric.iter().map(|f| Feature {
            column: &f.column,
            kind: Kind::Numeric {
                fill: f.fill,
                scaling: f.scaler.scaling(),
                range: f.range.map(|range| {
                    let (low, high) = range.ends();
                    Ends { low, high, width: range.width() }
                }),
            },
        });
        let binary = self.binary.iter().map(|f| Feature {
            column: &f.column,
            kind: Kind::Binary {
                texts: match &f.values {
                    BinaryValues::Truth => None,
                    BinaryValues::Texts(zero, one) => Some([zero.as_deref(), one.as_deref()]),
                },
            },
        });
        let categorical = self.categorical.iter().map(|f| Feature {
            column: &f.column,
            kind: Kind::Categorical { texts: f.vocabulary.texts() },
        });
        numeric.chain(binary).chain(categorical)
    }
}

impl FittedScaler {
    fn scaling(&self) -> Scaling<'_> {
        match self {
            Self::Linear(Linear { centre, scale }) => {
                Scaling::Linear { centre: *centre, scale: *scale }
            }
            Self::GaussRank(scaler) => {
                let (ranks, slopes) = scaler.ranks_and_slopes();
                Scaling::GaussRank { quantiles: scaler.quantiles(), ranks, slopes }
            }
            Self::None => Scaling::None,
        }
    }
}
