//! What has to know when events happened, and says so before anything is learnt.

use crate::derive::Cells;
use crate::error::FeatureError;
use crate::feature_file::Features;
use arrow_array::RecordBatch;
use dfp_logs::EVENT_DT;
use dfp_logs::columns::missing_column;
use dfp_logs::texts::is_text;
use dfp_logs::time::TimeFormats;

/// Values that are looked at to find out whether a column holds times.
const LOOKED_AT: usize = 20;
/// Columns that are named.
const NAMED: usize = 3;

/// The column that says when each row happened: derived, or made by the reader.
pub fn column<'a>(features: &'a Features, rows: &RecordBatch) -> Option<&'a str> {
    let derived = features.derived_time();
    let made = [derived, Some(EVENT_DT)].into_iter().flatten();
    made.into_iter().find(|name| rows.column_by_name(name).is_some())
}

/// Refuses rows without a column of times for a stage or option that cannot do without; `purpose` is what the
/// rows are called.
///
/// # Errors
/// There is none; which columns could be it.
pub fn check(
    rows: &RecordBatch,
    features: &Features,
    needs: &str,
    purpose: &str,
) -> Result<(), FeatureError> {
    match column(features, rows) {
        Some(_) => Ok(()),
        None => Err(FeatureError::NoColumn(missing(rows, features, needs, purpose))),
    }
}

/// Says that there are no times, what needs them, and which columns could be it.
pub fn missing(rows: &RecordBatch, features: &Features, needs: &str, purpose: &str) -> String {
    let name = features.time.as_ref().map_or(EVENT_DT, |time| time.name.as_str());
    let what = format!("column of event times in the {purpose}, which {needs} needs:");
    let told = missing_column(&what, name, &rows.schema());
    let could_be: Vec<String> = columns_with_times(rows).map(|name| format!("{name:?}")).collect();
    match could_be.is_empty() {
        true => told,
        false => {
            let built_in = !features.is_own && !features.name.is_empty();
            let option = if built_in { "" } else { "--timestamp_column_name, or " };
            let names = could_be.join(", ");
            format!("{told}; times are in {names} ({option}the key time of a feature file)")
        }
    }
}

/// Columns of texts whose first values are times.
fn columns_with_times(rows: &RecordBatch) -> impl Iterator<Item = String> {
    let formats = TimeFormats::default();
    let schema = rows.schema();
    let first = rows.slice(0, rows.num_rows().min(LOOKED_AT));
    let holds_times = move |name: &str| {
        let Ok(texts) = Cells::of(&first, name).texts() else { return false };
        let texts = texts.each(|text| Some(formats.nanoseconds(text).is_some()));
        texts.iter().flatten().next().is_some() && texts.iter().flatten().all(|is_time| *is_time)
    };
    let fields = schema.fields().iter().filter(|field| is_text(field.data_type()));
    let names: Vec<String> = fields.map(|field| field.name().clone()).collect();
    names.into_iter().filter(move |name| holds_times(name)).take(NAMED)
}
