//! The mathematics of digital fingerprinting: Arrow columns in, scores out.
//!
//! A [`UserModel`] learns what one account normally does: a feature plan turns the account's log
//! rows into numbers ([`encode`]), an autoencoder learns to reconstruct them ([`net`],
//! [`train`]), and rows that it reconstructs badly are unusual ([`score`]).
//!
//! No files, sockets, clocks or async in here. Work is spread over the ambient rayon pool; the
//! bytes that come out do not depend on how many threads that pool has.

pub mod artifact;
mod calibrate;
pub mod combined;
pub mod config;
mod counts;
pub mod encode;
pub mod error;
pub mod explain;
pub mod export;
pub mod header;
mod kernels;
mod memory_size;
mod neighbours;
pub mod net;
pub mod periodic;
pub mod profile;
mod random;
pub mod ranking_metrics;
pub mod score;
mod score_cache;
pub mod times;
pub mod train;
pub mod user_model;

pub use config::ModelConfig;
pub use encode::{EncodedRows, FeaturePlan};
pub use error::ModelError;
pub use explain::{Explanation, Reason};
pub use header::ModelHeader;
pub use kernels::instruction_set;
pub use score::{FeatureScores, RowScore, Scores};
pub use times::{UNKNOWN_TIME, Window};
pub use train::EpochReport;
pub use user_model::{ScoreMemory, TrainingData, UserModel};
