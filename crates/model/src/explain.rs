//! Why a row has its score: facts about each cell, and one sentence made of them.

use crate::combined::{Leaning, Scorers};
use crate::counts::Row;
use crate::encode::EncodedRows;
use crate::error::ModelError;
use crate::score;
use crate::user_model::UserModel;
use arrow_array::RecordBatch;
use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use std::fmt::Write;

/// Further features that a sentence names have at least this share.
const ALSO: f64 = 0.1;
/// And it names at most so many.
const MOST_NAMED: usize = 3;
/// Longer values are cut in sentences.
const LONGEST: usize = 100;
/// A cell without a value.
const NOTHING: &str = "nothing";

/// Why a row has its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The most telling facts in plain words.
    pub sentence: String,
    /// All features, the one that contributes most first.
    pub reasons: Vec<Reason>,
}

/// What one feature contributes to a row's score. Values are written as a person reads them: texts in
/// quotes, numbers by their bins, "nothing" for a missing one.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The feature.
    pub feature: String,
    /// What stands in the cell.
    pub observed: String,
    /// Of a number, the range that counts as one value with it; else as `observed`.
    pub value: String,
    /// How surprising the value is, in nats: beside the parents' values, and shrunk towards the peers
    /// where the user has some.
    pub surprise: f64,
    /// The cell's share of the squares that make the counts' score, 0 to 1.
    pub share: f64,
    /// How surprising the peers find it, in nats, where they have a say.
    pub peers: Option<f64>,
    /// Training rows with this value.
    pub seen: u32,
    /// Training rows.
    pub rows: u32,
    /// When it was last seen, microseconds since 1970, if the times of rows were known.
    pub last: Option<i64>,
    /// The most probable value beside `given`.
    pub expected: String,
    /// Its probability.
    pub probability: f64,
    /// The value of another feature beside which this one is most surprising.
    pub given: Option<Given>,
    /// The network's reconstruction loss of the cell.
    pub loss: f32,
    /// The loss scaled by those of the training rows.
    pub z_loss: f32,
}

/// A value beside which another one stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The other feature.
    pub feature: String,
    /// Its value in the row.
    pub value: String,
    /// Training rows with that value.
    pub rows: u32,
    /// Of these, with the explained value too.
    pub together: u32,
}

impl UserModel {
    /// Explains the rows at `at` of a table that this model has encoded. Empty for a model that has
    /// the network alone.
    ///
    /// # Errors
    /// [`ModelError::Arrow`] if a column cannot be written as text.
    ///
    /// # Panics
    /// If a row is not there, or was encoded by another model.
    pub fn explain(
        &self,
        rows: &RecordBatch,
        encoded: &EncodedRows,
        at: &[usize],
    ) -> Result<Vec<Explanation>, ModelError> {
        let Some(scorers) = self.beside() else { return Ok(Vec::new()) };
        let few = encoded.take(at);
        let losses = score::losses(self.network(), &few, self.header().config.eval_batch_size);
        let mut cells = Vec::new();
        let rows = Rows { rows, few: &few, scorers, leaning: self.leaning() };
        let all =
            at.iter().enumerate().zip(losses.chunks_exact(self.header().plan.names().count()));
        all.map(|((of_few, &row), losses)| {
            rows.most_surprising_first(of_few, &mut cells);
            let reasons = cells.iter().map(|cell| {
                let (loss, scale) = (losses[cell.feature], self.header().loss_scales[cell.feature]);
                Ok(Reason {
                    loss,
                    z_loss: scale.apply(loss),
                    ..self.reason(&rows, row, of_few, *cell)?
                })
            });
            let reasons = reasons.collect::<Result<Vec<_>, ModelError>>()?;
            let sentence = match reasons.first() {
                Some(first) => self.sentence(first, &cells),
                None => String::new(),
            };
            Ok(Explanation { sentence, reasons })
        })
        .collect()
    }

    /// Only the sentences of [`UserModel::explain`], at a small part of its cost.
    ///
    /// # Errors
    /// As [`UserModel::explain`].
    ///
    /// # Panics
    /// As [`UserModel::explain`].
    pub fn sentences(
        &self,
        rows: &RecordBatch,
        encoded: &EncodedRows,
        at: &[usize],
    ) -> Result<Vec<String>, ModelError> {
        let Some(scorers) = self.beside() else { return Ok(Vec::new()) };
        let few = encoded.take(at);
        let mut cells = Vec::new();
        let rows = Rows { rows, few: &few, scorers, leaning: self.leaning() };
        let all = at.iter().enumerate();
        all.map(|(of_few, &row)| {
            rows.most_surprising_first(of_few, &mut cells);
            let Some(first) = cells.first() else { return Ok(String::new()) };
            Ok(self.sentence(&self.reason(&rows, row, of_few, *first)?, &cells))
        })
        .collect()
    }

    fn sentence(&self, first: &Reason, cells: &[Cell]) -> String {
        let names: Vec<&str> = self.header().plan.names().collect();
        let others = cells.iter().skip(1).filter(|cell| cell.share >= ALSO);
        sentence(first, others.map(|cell| names[cell.feature]), &self.header().user)
    }

    /// All but the losses.
    fn reason(
        &self,
        rows: &Rows<'_>,
        row: usize,
        of_few: usize,
        cell: Cell,
    ) -> Result<Reason, ModelError> {
        let Cell { feature, surprise, share } = cell;
        let (plan, scorers) = (&self.header().plan, rows.scorers);
        let names: Vec<&str> = plan.names().collect();
        let values = values(rows.few, of_few, names.len());
        let facts = scorers.counts().facts(feature, values);
        let text = |feature, value| plan.value_text(scorers.coding(), feature, value);
        Ok(Reason {
            feature: names[feature].to_owned(),
            observed: plan.cell_text(feature, rows.rows, row)?,
            value: text(feature, values[feature]),
            surprise,
            share,
            peers: rows
                .leaning
                .and_then(|leaning| leaning.surprise(rows.few, of_few, Row::New, feature)),
            seen: facts.seen,
            rows: scorers.counts().rows(),
            last: facts.last,
            expected: text(feature, facts.expected),
            probability: facts.probability,
            given: facts.given.map(|given| Given {
                feature: names[given.column].to_owned(),
                value: text(given.column, given.value),
                rows: given.rows,
                together: given.together,
            }),
            loss: 0.0,
            z_loss: 0.0,
        })
    }
}

/// Rows that are explained.
struct Rows<'a> {
    /// As the log has them.
    rows: &'a RecordBatch,
    /// As they were encoded, only those.
    few: &'a EncodedRows,
    scorers: &'a Scorers,
    leaning: Option<Leaning<'a>>,
}

/// A feature's part in a row's score.
#[derive(Clone, Copy)]
struct Cell {
    feature: usize,
    /// In nats.
    surprise: f64,
    /// Of the squares' sum.
    share: f64,
}

impl Rows<'_> {
    /// Replaces `cells` by those of an encoded row.
    fn most_surprising_first(&self, of_few: usize, cells: &mut Vec<Cell>) {
        let mut surprises = Vec::new();
        self.scorers.cells(self.leaning).of_row(self.few, of_few, Row::New, &mut surprises);
        let squares: f64 = surprises.iter().map(|c| c * c).sum();
        cells.clear();
        cells.extend(surprises.into_iter().enumerate().map(|(feature, surprise)| Cell {
            feature,
            surprise,
            share: if squares > 0.0 { surprise * surprise / squares } else { 0.0 },
        }));
        cells.sort_by(|a, b| b.surprise.total_cmp(&a.surprise));
    }
}

fn values(rows: &EncodedRows, row: usize, width: usize) -> &[u32] {
    &rows.beside.values[row * width..(row + 1) * width]
}

/// The most surprising cell in words, and the names of others that are.
fn sentence<'a>(first: &Reason, others: impl Iterator<Item = &'a str>, user: &str) -> String {
    let mut text = first.in_words(user);
    let also: Vec<&str> = others.take(MOST_NAMED).collect();
    if !also.is_empty() {
        let _ = write!(text, "; also unusual: {}", also.join(", "));
    }
    text
}

impl Reason {
    fn in_words(&self, user: &str) -> String {
        // Writing to a string cannot fail.
        let mut text = self.feature.clone();
        let _ = match (self.observed.as_str(), self.value.as_str()) {
            (NOTHING, _) => write!(text, " is missing, which"),
            (observed, value) if self.seen == 0 || observed == value => {
                write!(text, " {}", cut(observed))
            }
            (observed, value) => write!(text, " {observed} ({value})"),
        };
        let whose = if user == "*" { "of all users".to_owned() } else { format!("of {user}") };
        let events = events(self.rows);
        let _ = match self.seen {
            0 => write!(text, " was never seen in {events} {whose}"),
            seen => write!(text, " was seen {} in {events} {whose}", times(seen)),
        };
        if let Some(time) = self.last.and_then(timestamp_us_to_datetime) {
            let _ = write!(text, ", last on {}", time.format("%Y-%m-%d %H:%M"));
        }
        let beside = self.given.as_ref().filter(|given| given.rows > 0);
        if let Some(given) = beside.filter(|_| self.seen > 0) {
            let with = format!("with {} {}", given.feature, cut(&given.value));
            let _ = match given.together {
                0 => write!(text, ", but never in {} {with}", events_short(given.rows)),
                n => write!(text, ", {} in {} {with}", times(n), events_short(given.rows)),
            };
        }
        if self.expected != self.value {
            let share = percent(self.probability);
            let _ = write!(text, "; usually {} ({share})", cut(&self.expected));
            if let Some(given) = beside.filter(|_| self.seen == 0) {
                let _ = match given.value.as_str() {
                    NOTHING => write!(text, " when {} is empty", given.feature),
                    value => write!(text, " when {} is {}", given.feature, cut(value)),
                };
            }
        }
        text
    }
}

fn events(rows: u32) -> String {
    format!("{} event{}", grouped(rows), if rows == 1 { "" } else { "s" })
}

fn events_short(rows: u32) -> String {
    if rows == 1 { "the one".to_owned() } else { format!("the {}", grouped(rows)) }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) }
}

/// Digits in groups of three.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `62 %`.
fn percent(p: f64) -> String {
    if p < 0.005 { "below 1 %".to_owned() } else { format!("{:.0} %", 100.0 * p) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason() -> Reason {
        Reason {
            feature: "eventName".into(),
            observed: "\"DeleteTrail\"".into(),
            value: "another value".into(),
            surprise: 9.0,
            share: 0.9,
            peers: None,
            seen: 0,
            rows: 3239,
            last: None,
            expected: "\"DescribeInstances\"".into(),
            probability: 0.617,
            given: None,
            loss: 0.0,
            z_loss: 0.0,
        }
    }

    #[test]
    fn a_value_that_was_never_seen() {
        assert_eq!(
            sentence(&reason(), std::iter::empty(), "user123"),
            "eventName \"DeleteTrail\" was never seen in 3,239 events of user123; \
             usually \"DescribeInstances\" (62 %)"
        );
        let agent =
            Given { feature: "userAgent".into(), value: "\"cli\"".into(), rows: 412, together: 0 };
        let given = Reason { given: Some(agent), ..reason() };
        assert_eq!(
            sentence(&given, ["sourceIPAddress"].into_iter(), "*"),
            "eventName \"DeleteTrail\" was never seen in 3,239 events of all users; \
             usually \"DescribeInstances\" (62 %) when userAgent is \"cli\"; \
             also unusual: sourceIPAddress"
        );
    }

    #[test]
    fn a_value_that_is_odd_beside_another() {
        let given =
            Given { feature: "userAgent".into(), value: "\"cli\"".into(), rows: 412, together: 0 };
        let seen = Reason {
            value: "\"DeleteTrail\"".into(),
            seen: 12,
            last: Some(1_630_324_800_000_000),
            given: Some(given.clone()),
            ..reason()
        };
        assert_eq!(
            seen.in_words("ann"),
            "eventName \"DeleteTrail\" was seen 12 times in 3,239 events of ann, last on \
             2021-08-30 12:00, but never in the 412 with userAgent \"cli\"; \
             usually \"DescribeInstances\" (62 %)"
        );
        let number = Reason {
            observed: "57".into(),
            value: "40 to 60".into(),
            expected: "40 to 60".into(),
            seen: 1,
            given: Some(Given { together: 1, ..given }),
            ..reason()
        };
        assert_eq!(
            number.in_words("ann"),
            "eventName 57 (40 to 60) was seen once in 3,239 events of ann, once in the 412 with \
             userAgent \"cli\""
        );
        let missing = Reason { observed: NOTHING.into(), rows: 1, ..reason() };
        assert!(
            missing.in_words("ann").starts_with(
                "eventName is missing, which was never seen in 1 event of ann; usually"
            )
        );
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([1, 999, 1000, 1_234_567].map(grouped), ["1", "999", "1,000", "1,234,567"]);
        assert_eq!([0.617, 1.0, 0.004].map(percent), ["62 %", "100 %", "below 1 %"]);
        assert_eq!(cut(&"ä".repeat(101)), format!("{}…", "ä".repeat(100)));
    }
}
