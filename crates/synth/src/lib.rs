//! Synthetic logs: users with habits, and account takeovers whose truth is known.
//!
//! A user of CloudTrail has routines (services, actions, tools, addresses, access keys that go
//! together); one of Azure, Duo or Okta has places, devices, applications and second factors. All
//! have a working day and a weekly rhythm. The truth of a takeover goes into `labels.csv`, never into
//! the logs.
//!
//! - **Same options, same bytes**, on every platform: integers only, ChaCha streams keyed by seed
//!   and user. A user's habits do not depend on how many users or rows are asked for.
//! - **Bounded memory**: a user is generated day by day; at most one day of each user is held.
//! - **Nobody's address**: all addresses are private, shared or reserved for documentation and
//!   benchmarks (RFC 1918, 6598, 5737, 2544), as are telephone numbers, domains and autonomous
//!   systems; accounts and keys are made up.
//!
//! A further log of sign-ins is one file beside `signin/azure.rs`; any other source is a
//! `activity::User` and a `write::Form` of its own, as `cloudtrail/` has them.

mod activity;
mod addresses;
mod calendar;
mod cloudtrail;
mod error;
mod kind;
mod options;
mod run;
mod signin;
mod source;
mod stable_rng;
mod summary;
mod takeover;
mod write;

#[cfg(test)]
mod tests;

pub use error::GenerateError;
pub use kind::Kind as TakeoverKind;
pub use options::GenerateOptions;
pub use source::{LogFormat, LogSource};
pub use summary::{GenerateSummary, TakeoverSummary};

/// Generates logs and labels.
///
/// # Errors
/// [`GenerateError`]; what was written before an error of the file system stays.
pub fn generate(options: &GenerateOptions) -> Result<GenerateSummary, GenerateError> {
    options.check()?;
    run::all(options)
}
