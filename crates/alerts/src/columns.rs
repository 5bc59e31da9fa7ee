//! What has been decided, as columns of the rows.

use crate::row::{Row, Verdict};
use crate::suppress::Rules;
use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use dfp_features::own_columns::ALERTS;
use std::sync::Arc;

/// The columns that say what has been decided, in the order of the rows.
#[derive(Clone, Debug, Default)]
pub struct AlertColumns {
    /// `None` for a row that was not scored.
    pub alert: Vec<Option<bool>>,
    /// 1 is the most unusual row of what was decided together.
    pub rank: Vec<Option<i64>>,
    /// The rule because of which a row is not told.
    pub suppressed: Vec<Option<String>>,
}

impl AlertColumns {
    /// No row has been decided.
    pub fn new(rows: usize) -> Self {
        Self { alert: vec![None; rows], rank: vec![None; rows], suppressed: vec![None; rows] }
    }

    /// Enters a row. `applies` is the rule that applies to it.
    pub fn enter(
        &mut self,
        at: usize,
        row: &Row,
        verdict: Verdict,
        rules: &Rules,
        applies: Option<usize>,
    ) {
        self.alert[at] = (!row.surprise.is_nan()).then_some(verdict == Verdict::Alert);
        let rule = applies.filter(|_| verdict == Verdict::Suppressed);
        self.suppressed[at] = rule.map(|rule| rules.rules[rule].in_words());
    }

    /// Names and values.
    pub fn arrays(self) -> Vec<(String, ArrayRef)> {
        let arrays: [ArrayRef; 3] = [
            Arc::new(BooleanArray::from(self.alert)),
            Arc::new(Int64Array::from(self.rank)),
            Arc::new(StringArray::from(self.suppressed)),
        ];
        ALERTS.map(str::to_owned).into_iter().zip(arrays).collect()
    }
}
