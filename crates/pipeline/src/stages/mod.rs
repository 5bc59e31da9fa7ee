//! The stages after the source: one file each.

mod add_class;
mod add_scores;
mod alert;
mod checkpoint;
mod debug_timestamps;
mod deserialize;
mod dropna;
mod filter;
mod inference;
mod monitor;
mod preprocess;
mod result_columns;
mod score_stats;
mod serialize;
mod timeseries;
mod to_file;
mod to_report;
mod train_ae;
mod trigger;
mod validate;

pub use add_class::AddClass;
pub use add_scores::AddScores;
pub use alert::{Alert, Surroundings};
pub use checkpoint::Remember;
pub use debug_timestamps::Stamp;
pub use deserialize::Deserialize;
pub use dropna::DropNa;
pub use filter::Filter;
pub use inference::{Inference, Recommended};
pub use monitor::Monitor;
pub use preprocess::Preprocess;
pub use result_columns::ResultColumns;
pub use score_stats::ScoreStats;
pub use serialize::Serialize;
pub use timeseries::TimeSeries;
pub use to_file::ToFile;
pub use to_report::{SharedDigest, ToReport};
pub use train_ae::{Around, OnMessages, TrainAe, no_model};
pub use trigger::Trigger;
pub use validate::Validate;

use crate::error::RunError;
use crate::message::Message;
use dfp_features::derive;
use dfp_logs::EVENT_DT;
use dfp_logs::columns::missing_column;

/// When the events of a message's rows happened, nanoseconds since 1970; a time in the future is a mistake
/// of some clock, and is none. `derived` is the derived column of event times, if it is one; else the reader has made one.
fn event_times(
    message: &Message,
    derived: Option<&str>,
    stage: &str,
) -> Result<Vec<Option<i64>>, RunError> {
    let column = derived
        .and_then(|name| message.rows.column_by_name(name))
        .or_else(|| message.rows.column_by_name(EVENT_DT));
    let Some(column) = column else {
        // Whole inputs without one are refused before they come here.
        let name = derived.unwrap_or(EVENT_DT);
        let what =
            format!("column of event times, which {stage} needs (key time of a feature file):");
        return Err(RunError::Failed(missing_column(&what, name, &message.rows.schema())));
    };
    let future = derive::beginning_of_the_future();
    let times = derive::instants(column)?.into_iter();
    Ok(times.map(|time| time.filter(|time| *time < future)).collect())
}
