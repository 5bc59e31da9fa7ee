//! Whether a user's activity keeps its rhythm: numbers of events by bin of time in, how unusual each
//! bin is out.
//!
//! Two methods that share nothing but the counting: [`SpectralTest`] takes a window of bins apart
//! into waves, and asks which bins the strong waves do not explain; [`HourOfWeek`] learns how many
//! events each hour of the week has, and asks how probable as many as these are.
//!
//! No clock and no zone: times are seconds since 1970, in UTC.

mod bins;
mod hour_of_week;
mod negative_binomial;
mod spectral;

pub use bins::{BinMapping, bin_of, whole_second};
pub use hour_of_week::{HourOfWeek, HourVerdict, SECONDS as SECONDS_OF_HOUR};
pub use negative_binomial::ln_upper_tail;
pub use spectral::{SpectralTest, Spectrum, largest_z};
