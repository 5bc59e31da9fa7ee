//! The stages after the source: one file each.

mod add_class;
mod add_scores;
mod deserialize;
mod dropna;
mod filter;
mod inference;
mod monitor;
mod preprocess;
mod remember;
mod result_columns;
mod score_book;
mod serialize;
mod stamp;
mod timeseries;
mod to_file;
mod train_ae;
mod trigger;
mod validate;

pub use add_class::AddClass;
pub use add_scores::AddScores;
pub use deserialize::Deserialize;
pub use dropna::DropNa;
pub use filter::Filter;
pub use inference::{Inference, Recommended};
pub use monitor::Monitor;
pub use preprocess::{Gaps, Preprocess};
pub use remember::Remember;
pub use result_columns::ResultColumns;
pub use score_book::ScoreBook;
pub use serialize::Serialize;
pub use stamp::Stamp;
pub use timeseries::TimeSeries;
pub use to_file::{ToFile, absolute};
pub use train_ae::{OnMessages, TrainAe, no_model};
pub use trigger::Trigger;
pub use validate::{Outcome, Validate};
