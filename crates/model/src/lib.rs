//! The mathematics of digital fingerprinting: Arrow columns in, scores out.
//!
//! A [`UserModel`] learns what one account normally does: a feature plan turns the account's log
//! rows into numbers ([`encode`]), an autoencoder learns to reconstruct them ([`net`],
//! [`train`]), and rows that it reconstructs badly are unusual ([`score`]).
//!
//! No files, sockets, clocks or async in here. Work is spread over the ambient rayon pool; the
//! bytes that come out do not depend on how many threads that pool has.

pub mod artifact;
pub mod beside;
mod calibrate;
pub mod config;
mod counts;
mod distinct;
pub mod encode;
pub mod error;
pub mod explain;
pub mod export;
pub mod habits;
pub mod header;
mod heap;
mod kernels;
pub mod measures;
mod neighbours;
pub mod net;
pub mod periodic;
mod random;
pub mod score;
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
