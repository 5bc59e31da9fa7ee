//! The stages after the source: one file each.

mod add_scores;
mod inference;
mod monitor;
mod preprocess;
mod remember;
mod score_book;
mod serialize;
mod stamp;
mod to_file;
mod train_ae;

pub use add_scores::AddScores;
pub use inference::Inference;
pub use monitor::Monitor;
pub use preprocess::{Gaps, Preprocess};
pub use remember::Remember;
pub use score_book::ScoreBook;
pub use serialize::Serialize;
pub use stamp::Stamp;
pub use to_file::{ToFile, absolute};
pub use train_ae::{OnMessages, TrainAe, no_model};
