//! `add-scores`: writes scores into columns, and by option what each feature contributed.

use super::ResultColumns;
use crate::message::Message;
use crate::plan::{self, Details};
use arrow_array::{ArrayRef, Float64Array, StringArray, new_null_array};
use arrow_schema::DataType;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_model::RowScore;
use dfp_model::score::FeatureScores;
use std::sync::Arc;

/// The stage.
#[derive(Clone)]
pub struct AddScores {
    /// Its options.
    pub settings: plan::AddScores,
    /// Names of the feature columns; those that the log has are written in the log's order.
    pub columns: Vec<String>,
    /// What the reason says where there is no model; it says nothing if this is `None`.
    pub no_model: Option<&'static str>,
    /// Where its columns go.
    pub results: ResultColumns,
}

impl AddScores {
    fn new_columns(&self, message: &Message) -> Vec<(String, ArrayRef)> {
        let rows = message.rows.num_rows();
        let mut columns = Vec::new();
        for (label, kind) in &self.settings.labels {
            let values = message.scores.as_ref().map(|scores| scores.of(*kind));
            columns.push((label.clone(), column(values, rows)));
        }
        if self.settings.details > Details::None {
            let schema = message.rows.schema();
            let features = message.scores.as_ref().and_then(|scores| scores.features.as_ref());
            for field in schema.fields().iter().filter(|field| self.columns.contains(field.name()))
            {
                columns.extend(self.of_feature(field.name(), field.data_type(), features, rows));
            }
            columns
                .push(("max_abs_z".into(), column(features.map(|f| f.max_abs_z.as_slice()), rows)));
            columns.push((
                "mean_abs_z".into(),
                column(features.map(|f| f.mean_abs_z.as_slice()), rows),
            ));
        }
        if self.settings.model_version {
            let version =
                message.scores.as_ref().and_then(|scores| scores.model_version.as_deref());
            let versions: StringArray = (0..rows).map(|_| version).collect();
            columns.push(("model_version".to_owned(), Arc::new(versions)));
        }
        if self.settings.recommended {
            self.of_all_scorers(message, &mut columns);
        }
        for (name, _) in &mut columns {
            name.insert_str(0, &self.settings.prefix);
        }
        columns
    }

    /// The score of all scorers, its parts and its reasons.
    fn of_all_scorers(&self, message: &Message, columns: &mut Vec<(String, ArrayRef)>) {
        let rows = message.rows.num_rows();
        let scores = message.scores.as_ref().filter(|scores| scores.combined.len() == rows);
        let of = |part: fn(&RowScore) -> Option<f64>| -> ArrayRef {
            match scores {
                Some(scores) => {
                    Arc::new(scores.combined.iter().map(part).collect::<Float64Array>())
                }
                None => new_null_array(&DataType::Float64, rows),
            }
        };
        let parts: [(&str, ArrayRef); 6] = [
            ("score", of(|row| Some(f64::from(row.score)))),
            ("p_value", of(|row| Some(row.p_value))),
            ("score_counts", of(|row| Some(f64::from(row.counts)))),
            ("score_net", of(|row| row.net.map(f64::from))),
            ("score_neighbours", of(|row| row.neighbours.map(f64::from))),
            ("peer_share", of(|row| Some(f64::from(row.peers)))),
        ];
        columns.extend(parts.map(|(name, values)| (name.to_owned(), values)));
        if self.settings.surprises {
            let schema = message.rows.schema();
            let surprises = scores.and_then(|scores| scores.surprises.as_ref());
            for field in schema.fields().iter().filter(|field| self.columns.contains(field.name()))
            {
                let of_feature = surprises.and_then(|surprises| {
                    let width = surprises.names.len();
                    let at = surprises.names.iter().position(|name| name == field.name())?;
                    let cells = surprises.values.iter().skip(at).step_by(width);
                    Some(cells.copied().collect::<Vec<f32>>())
                });
                let name = format!("{}_surprise", field.name());
                columns.push((name, column(of_feature.as_deref(), rows)));
            }
        }
        let reason = |row: usize| {
            let Some(scores) = scores else { return self.no_model };
            let wanted = scores.combined[row].p_value <= self.settings.reasons
                || scores.alerts.contains(&row);
            scores.reasons.get(&row).filter(|_| wanted).map(String::as_str)
        };
        let reasons: StringArray = (0..rows).map(reason).collect();
        columns.push(("reason".to_owned(), Arc::new(reasons)));
    }

    /// What a model without this feature, or no model at all, cannot say is empty.
    fn of_feature(
        &self,
        name: &str,
        data_type: &DataType,
        scores: Option<&FeatureScores>,
        rows: usize,
    ) -> Vec<(String, ArrayRef)> {
        let known = scores.and_then(|s| s.names.iter().position(|n| n == name).map(|at| (s, at)));
        let strided = |matrix: fn(&FeatureScores) -> &[f32]| {
            let values = known.map(|(scores, at)| {
                matrix(scores)
                    .iter()
                    .skip(at)
                    .step_by(scores.names.len())
                    .copied()
                    .collect::<Vec<_>>()
            });
            column(values.as_deref(), rows)
        };
        let mut columns = Vec::new();
        if self.settings.details == Details::All {
            let prediction_type = prediction_type(data_type);
            let prediction = known
                .and_then(|(scores, at)| {
                    arrow_cast::cast(&scores.predictions[at], &prediction_type).ok()
                })
                .unwrap_or_else(|| new_null_array(&prediction_type, rows));
            columns.push((format!("{name}_pred"), prediction));
            columns.push((format!("{name}_loss"), strided(|s| &s.loss)));
        }
        columns.push((format!("{name}_z_loss"), strided(|s| &s.z_loss)));
        columns
    }
}

/// float32 results widened, as the peer writes them; empty without a model.
fn column(values: Option<&[f32]>, rows: usize) -> ArrayRef {
    match values {
        Some(values) => {
            Arc::new(Float64Array::from_iter_values(values.iter().map(|&x| f64::from(x))))
        }
        None => new_null_array(&DataType::Float64, rows),
    }
}

/// One type for all users' predictions of a column, whatever kind it is to a user's model.
fn prediction_type(column: &DataType) -> DataType {
    match column {
        DataType::Boolean => DataType::Boolean,
        number if number.is_numeric() => DataType::Float64,
        _ => DataType::Utf8,
    }
}

impl Stage<Message> for AddScores {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let columns = self.new_columns(&message);
        message.rows = self.results.put(&message.rows, columns)?;
        out.emit(message);
        Ok(())
    }
}
