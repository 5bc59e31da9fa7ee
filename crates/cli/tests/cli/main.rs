//! Behaviour of the real binary, each test in a fresh directory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod absent;
mod alerts;
mod bad_input;
mod bench;
#[cfg(target_os = "linux")]
mod bounds;
#[cfg(unix)]
mod compliance;
mod counters;
mod decoding;
mod features;
mod file_identity;
mod forms;
mod generate;
mod golden_distribution;
#[cfg(unix)]
mod guide;
mod identity;
mod kept_models;
#[cfg(unix)]
mod messages;
mod numbers;
mod options;
#[cfg(unix)]
mod outputs;
mod place;
mod plans;
mod quality;
mod recommended;
mod remote;
mod report;
mod run;
mod scripts;
mod seed_job;
mod snapshots;
mod sources;

mod stages;
mod statistics;
mod store;
mod times;
mod timeseries;
mod tutorial;
mod users;
mod watching;
