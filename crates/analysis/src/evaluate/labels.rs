//! The file of labels: a row for each event that is to be found.

use dfp_pipeline::RunError;
use dfp_storage::names::shown;
use dfp_storage::nearest;
use std::collections::HashMap;
use std::path::Path;

/// The column of events that `tools generate` writes.
pub(super) const EVENT: &str = "eventID";
/// The kind of a row of which the labels say none.
const LABELLED: &str = "labelled";

/// Events that are to be found.
pub(super) struct Labels {
    /// Kinds, in the order in which they come first.
    pub(super) kinds: Vec<String>,
    /// The kind's number of each event.
    pub(super) events: HashMap<String, u32>,
}

/// Reads a file of labels: a CSV file with a column of events, called as in the outputs or [`EVENT`],
/// and one of kinds, which may be absent unless it `is_expected`.
pub(super) fn read(
    path: &Path,
    event_column: &str,
    (label_column, is_expected): (&str, bool),
) -> Result<Labels, RunError> {
    let refuse = |why: String| RunError::Failed(format!("--labels: {}: {why}", shown(path)));
    let mut reader =
        csv::ReaderBuilder::new().from_path(path).map_err(|error| refuse(error.to_string()))?;
    let headers = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
    let position = |name: &str| headers.iter().position(|header| header == name);
    let absent = |name: &str| {
        let near = nearest(name, headers.iter());
        let known = match near {
            Some(near) => format!("the nearest is {near}"),
            None => format!("columns are {}", headers.iter().collect::<Vec<_>>().join(", ")),
        };
        refuse(format!("there is no column {name:?}; {known}"))
    };
    let event = position(event_column).or_else(|| position(EVENT));
    let event = event.ok_or_else(|| absent(event_column))?;
    let label = position(label_column);
    if label.is_none() && is_expected {
        return Err(absent(label_column));
    }
    let mut labels = Labels { kinds: Vec::new(), events: HashMap::new() };
    for record in reader.records() {
        let record = record.map_err(|error| refuse(error.to_string()))?;
        let name = record.get(event).unwrap_or_default();
        if name.is_empty() {
            return Err(refuse(format!(
                "line {}: the event is empty",
                record.position().map_or(0, csv::Position::line)
            )));
        }
        let kind = label.and_then(|at| record.get(at)).filter(|kind| !kind.is_empty());
        let kind = kind.unwrap_or(LABELLED);
        let at = labels.kinds.iter().position(|known| known == kind).unwrap_or_else(|| {
            labels.kinds.push(kind.to_owned());
            labels.kinds.len() - 1
        });
        labels.events.entry(name.to_owned()).or_insert(at as u32);
    }
    if labels.events.is_empty() {
        return Err(refuse("no event is labelled".to_owned()));
    }
    Ok(labels)
}
