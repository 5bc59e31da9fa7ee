//! `inf-pytorch`: scores encoded rows with their user's model.

use crate::message::{FILE_ROW, INDEX, Message, RowScores};
use crate::models::Models;
use crate::report::{Progress, Reporter, Unusual, UnusualRow};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use dfp_flow::{BoxError, Outlet, Stage};
use dfp_model::{ScoreMemory, UserModel};
use rayon::ThreadPool;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The stage.
#[derive(Clone)]
pub struct Inference {
    /// The models of the run.
    pub models: Arc<Models>,
    /// Where the arithmetic runs.
    pub pool: Arc<ThreadPool>,
    /// Whether a later stage writes losses and predictions by feature.
    pub with_features: bool,
    /// Whether a user without a model ends the run.
    pub strict: bool,
    /// What the run's summary says about scores.
    pub book: Arc<ScoreBook>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// The scores of the model used last: a user's messages come one after the other.
    pub memory: Option<(Arc<UserModel>, ScoreMemory)>,
}

impl Stage<Message> for Inference {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        if let Some((model, encoded)) = self.models.of(&message.user).zip(message.encoded.as_ref())
        {
            message.scores = Some(self.pool.install(|| {
                if self.with_features {
                    let scores = model.score_features(encoded);
                    RowScores {
                        anomaly_score: scores.anomaly_score.clone(),
                        zscore: scores.zscore.clone(),
                        features: Some(scores),
                    }
                } else {
                    let memory = match &mut self.memory {
                        Some((of, memory)) if Arc::ptr_eq(of, &model) => memory,
                        other => &mut other.insert((Arc::clone(&model), ScoreMemory::default())).1,
                    };
                    let scores = model.score_with(memory, encoded);
                    RowScores {
                        anomaly_score: scores.anomaly_score,
                        zscore: scores.zscore,
                        features: None,
                    }
                }
            }));
        }
        if self.strict && message.scores.is_none() {
            return Err(format!("--strict: user {:?} has no model", message.user).into());
        }
        self.book.enter(&message, self.reporter.as_ref());
        out.emit(message);
        Ok(())
    }

    fn worker(&self) -> Option<Box<dyn Stage<Message>>> {
        Some(Box::new(self.clone()))
    }
}

/// The scores of a run, for its summary: 24 bytes a row.
#[derive(Debug, Default)]
pub struct ScoreBook {
    users: Mutex<BTreeMap<Arc<str>, Vec<Entry>>>,
    without_model: Mutex<BTreeMap<Arc<str>, usize>>,
    scored: AtomicUsize,
    total: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: i64,
    file_row: i64,
    score: f32,
}

/// A z above this is unusual, as in the course that made the score known.
const UNUSUAL_Z: f64 = 4.0;
const TOP: usize = 5;

impl ScoreBook {
    /// Rows that will come, for progress displays.
    pub fn expect(&self, rows: usize) {
        self.total.fetch_add(rows, Ordering::Relaxed);
    }

    fn enter(&self, message: &Message, reporter: &dyn Reporter) {
        let Some(scores) = &message.scores else {
            let mut users = self.without_model.lock().unwrap_or_else(PoisonError::into_inner);
            *users.entry(Arc::clone(&message.user)).or_default() += message.rows.num_rows();
            return;
        };
        let numbers = |name| {
            message.rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>())
        };
        let (Some(index), Some(file_rows)) = (numbers(INDEX), numbers(FILE_ROW)) else { return };
        let entries = index.values().iter().zip(file_rows.values()).zip(&scores.anomaly_score);
        let entries = entries.map(|((&index, &file_row), &score)| Entry { index, file_row, score });
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.entry(Arc::clone(&message.user)).or_default().extend(entries);
        drop(users);
        let rows = message.rows.num_rows();
        let rows = self.scored.fetch_add(rows, Ordering::Relaxed) + rows;
        reporter.progress(Progress::Scored { rows, total: self.total.load(Ordering::Relaxed) });
    }

    /// Rows scored.
    pub fn scored(&self) -> usize {
        self.scored.load(Ordering::Relaxed)
    }

    /// Users without a model, with their rows.
    pub fn without_model(&self) -> Vec<(Arc<str>, usize)> {
        let users = self.without_model.lock().unwrap_or_else(PoisonError::into_inner);
        users.iter().map(|(user, rows)| (Arc::clone(user), *rows)).collect()
    }

    /// The rows that stand out among their user's rows.
    pub fn unusual(&self) -> Unusual {
        let mut unusual = Unusual::default();
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        for (user, entries) in users.iter_mut() {
            // Workers enter messages in any order; sums need a fixed one.
            entries.sort_by_key(|entry| entry.index);
            for (entry, z) in entries.iter().zip(z_values(entries)) {
                unusual.above_four += usize::from(z > UNUSUAL_Z);
                unusual.top.push(UnusualRow {
                    user: user.to_string(),
                    file_row: entry.file_row,
                    score: entry.score,
                    z,
                });
            }
            unusual.top.sort_by(|a, b| b.z.total_cmp(&a.z));
            unusual.top.truncate(TOP);
        }
        unusual
    }
}

/// (score - mean) / sample standard deviation, `[entries]`; 0 where that is not defined.
fn z_values(entries: &[Entry]) -> impl Iterator<Item = f64> {
    let scores = entries.iter().map(|entry| f64::from(entry.score));
    let n = entries.len() as f64;
    let mean = scores.clone().sum::<f64>() / n;
    let deviation =
        (scores.clone().map(|score| (score - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    scores.map(move |score| if deviation > 0.0 { (score - mean) / deviation } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_is_over_the_rows_of_the_run_with_the_sample_deviation() {
        let entry = |score| Entry { index: 0, file_row: 0, score };
        let z: Vec<f64> = z_values(&[entry(1.0), entry(2.0), entry(3.0)]).collect();
        assert_eq!(z, [-1.0, 0.0, 1.0]);
        assert_eq!(z_values(&[entry(1.0)]).collect::<Vec<_>>(), [0.0]);
        assert_eq!(z_values(&[entry(1.0), entry(1.0)]).collect::<Vec<_>>(), [0.0, 0.0]);
    }
}
