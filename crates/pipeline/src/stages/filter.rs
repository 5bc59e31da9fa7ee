//! `filter`: keeps the rows that are above a threshold.

use crate::message::Message;
use crate::plan::{self, FilterBy};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Float64Array};
use arrow_schema::DataType;
use dfp_engine::{BoxError, Outlet, Stage};
use dfp_logs::columns::missing_column;
use std::borrow::Cow;

/// The stage.
pub struct Filter {
    /// Its options.
    pub settings: plan::Filter,
}

/// What becomes of the rows of a message.
#[derive(Debug, Default)]
struct Verdict {
    /// Positions of those that are kept.
    kept: Vec<u32>,
    /// Rows left out, and why.
    dropped: Vec<(usize, Cow<'static, str>)>,
}

impl Filter {
    fn judge(&self, message: &Message) -> Result<Verdict, BoxError> {
        let threshold = self.settings.threshold;
        match &self.settings.by {
            FilterBy::Results(kinds) => {
                let Some(scores) = &message.scores else {
                    let rows = message.rows.num_rows();
                    return Ok(Verdict {
                        dropped: vec![(rows, "without a score".into())],
                        ..Verdict::default()
                    });
                };
                let results: Vec<&[f32]> = kinds.iter().map(|kind| scores.of(*kind)).collect();
                let is_above = |row: &u32| {
                    results.iter().any(|values| f64::from(values[*row as usize]) > threshold)
                };
                let kept: Vec<u32> = (0..message.rows.num_rows() as u32).filter(is_above).collect();
                let below = message.rows.num_rows() - kept.len();
                Ok(Verdict { kept, dropped: vec![(below, not_above(threshold))] })
            }
            FilterBy::Column(column) => of_column(message, column, threshold),
        }
    }
}

fn not_above(threshold: f64) -> Cow<'static, str> {
    format!("not above {threshold}").into()
}

fn of_column(message: &Message, name: &str, threshold: f64) -> Result<Verdict, BoxError> {
    let column = message.rows.column_by_name(name).ok_or_else(|| {
        missing_column("column to filter by (--field_name):", name, &message.rows.schema())
    })?;
    // A text that is no number is missing from now on, and so is a missing value.
    let numbers = arrow_cast::cast(column, &DataType::Float64)?;
    let numbers: &Float64Array = numbers.as_primitive::<Float64Type>();
    let absent = numbers.iter().filter(|value| value.is_none_or(f64::is_nan)).count();
    let is_above =
        |row: &u32| numbers.is_valid(*row as usize) && numbers.value(*row as usize) > threshold;
    let kept: Vec<u32> = (0..numbers.len() as u32).filter(is_above).collect();
    let below = numbers.len() - absent - kept.len();
    let no_number = format!("no number in column {name:?}");
    Ok(Verdict { kept, dropped: vec![(below, not_above(threshold)), (absent, no_number.into())] })
}

/// The runs of positions that follow one another, as first position and the one behind the last.
fn runs(positions: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &position in positions {
        match runs.last_mut() {
            Some((_, end)) if *end == position => *end += 1,
            _ => runs.push((position, position + 1)),
        }
    }
    runs
}

impl Stage<Message> for Filter {
    fn process(&mut self, mut message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
        let Verdict { kept, dropped } = self.judge(&message)?;
        for (rows, reason) in dropped {
            out.drop_rows(rows, reason);
        }
        // A message of which nothing is kept goes on empty: it may carry a receipt, and an output
        // without rows has its columns all the same.
        let runs = match self.settings.copy {
            _ if kept.len() == message.rows.num_rows() => {
                out.emit(message);
                return Ok(());
            }
            true => Vec::new(),
            false => runs(&kept),
        };
        let Some(((first, end), before)) = runs.split_last() else {
            out.emit(message.only(&kept)?);
            return Ok(());
        };
        let receipt = message.receipt.take();
        for (first, end) in before {
            out.emit(message.part(*first, *end)?);
        }
        out.emit(Message { receipt, ..message.part(*first, *end)? });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{BatchAck, RowScores};
    use crate::plan::ScoreKind;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use dfp_engine::{Options, Pipeline, Source, Stop};
    use parking_lot::Mutex;
    use std::sync::Arc;

    struct One(Option<Message>);

    impl Source<Message> for One {
        fn next(&mut self) -> Result<Option<Message>, BoxError> {
            Ok(self.0.take())
        }
    }

    struct Seen(Arc<Mutex<Vec<Message>>>);

    impl Stage<Message> for Seen {
        fn process(&mut self, message: Message, out: &mut Outlet<Message>) -> Result<(), BoxError> {
            self.0.lock().push(message.clone());
            out.emit(message);
            Ok(())
        }
    }

    fn message(scores: Option<(Vec<f32>, Vec<f32>)>) -> Message {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 2, 3, 4]));
        let probs: ArrayRef =
            Arc::new(StringArray::from(vec![Some("0.5"), Some("1"), None, Some("x"), Some("9")]));
        let rows = RecordBatch::try_from_iter([("", numbers), ("probs", probs)]).unwrap();
        let scores = scores.map(|(anomaly_score, zscore)| RowScores {
            anomaly_score,
            zscore,
            model_version: None,
            features: None,
            combined: Vec::new(),
            reasons: std::collections::BTreeMap::new(),
            alerts: std::collections::BTreeSet::new(),
            surprises: None,
        });
        let receipt = Some(Arc::new(BatchAck::default()));
        Message { scores, receipt, ..Message::new(Arc::from("ann"), rows) }
    }

    /// The numbers of a message's rows, and whether it has a receipt.
    type Passed = (Vec<i64>, bool);

    /// What comes out, and what was dropped.
    fn filtered(message: Message, by: FilterBy, copy: bool) -> (Vec<Passed>, Vec<(String, u64)>) {
        let settings = plan::Filter { by, threshold: 0.5, copy };
        let seen = Arc::default();
        let report = Pipeline::new("source", Box::new(One(Some(message))))
            .stage("filter", Box::new(Filter { settings }))
            .stage("seen", Box::new(Seen(Arc::clone(&seen))))
            .run(&Options { edge_buffer_size: 2, num_threads: 1 }, &Stop::new())
            .unwrap();
        let numbers = |message: &Message| {
            let column = message.rows.column(0).as_primitive::<arrow_array::types::Int64Type>();
            assert_eq!(&*message.user, "ann");
            let scores = message.scores.as_ref().map(|s| s.zscore.len());
            assert!(scores.is_none_or(|scores| scores == column.len()));
            (column.values().to_vec(), message.receipt.is_some())
        };
        let out = seen.lock().iter().map(numbers).collect();
        (out, report.stages[1].dropped.clone().into_iter().collect())
    }

    const BOTH: [ScoreKind; 2] = [ScoreKind::Score, ScoreKind::ZScore];

    #[test]
    fn any_result_above_keeps_a_row_and_one_that_is_equal_or_not_a_number_does_not() {
        let scores = (vec![0.5, 0.6, f32::NAN, 0.1, 0.2], vec![0.0, 0.0, f32::NAN, 0.7, 0.5]);
        let below = |rows| vec![("not above 0.5".to_owned(), rows)];
        let results = FilterBy::Results(BOTH.to_vec());
        let (out, dropped) = filtered(message(Some(scores.clone())), results.clone(), true);
        assert_eq!((out, dropped), (vec![(vec![1, 3], true)], below(3)));
        let (out, dropped) = filtered(message(Some(scores.clone())), results, false);
        assert_eq!(out, [(vec![1], false), (vec![3], true)], "the receipt is with the last");
        assert_eq!(dropped, below(3));
        let one = FilterBy::Results(vec![ScoreKind::Score]);
        assert_eq!(filtered(message(Some(scores)), one, true).0, [(vec![1], true)]);
    }

    #[test]
    fn a_message_of_which_nothing_is_kept_goes_on_empty_with_its_receipt() {
        for copy in [true, false] {
            let (out, dropped) = filtered(message(None), FilterBy::Results(BOTH.to_vec()), copy);
            assert_eq!(out, [(vec![], true)]);
            assert_eq!(dropped, [("without a score".to_owned(), 5)]);
        }
    }

    #[test]
    fn a_column_is_read_as_numbers() {
        let (out, dropped) = filtered(message(None), FilterBy::Column("probs".into()), true);
        assert_eq!(out, [(vec![1, 4], true)]);
        let expected = [("no number in column \"probs\"", 2), ("not above 0.5", 1)];
        assert_eq!(dropped, expected.map(|(reason, rows)| (reason.to_owned(), rows)));
    }

    #[test]
    fn positions_that_follow_one_another_are_a_run() {
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[0, 1, 3, 5, 6, 7]), [(0, 2), (3, 4), (5, 8)]);
    }
}
