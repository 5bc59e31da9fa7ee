//! Events that are delivered twice: rows whose event id is that of an earlier row.
//!
//! The newest ids are remembered, by their hashes, over batches and, in the state folder, over runs. Rows
//! come in the same order however they fall into batches, so the same rows are found to be repeated.

use crate::error::RunError;
use arrow_array::BooleanArray;
use arrow_array::cast::AsArray;
use dfp_connectors::state::EVENT_IDS;
use dfp_engine::{Reporter, Weight};
use dfp_features::derive::Cells;
use dfp_logs::LogTable;
use hashbrown::HashSet;
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;

/// The ids of the newest rows.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// Whether repeated rows are left out.
    drops: bool,
    /// There is an option by which they are.
    is_asked: bool,
    order: VecDeque<u64>,
    recent: HashSet<u64>,
    /// Those of the batch at hand.
    new: Vec<u64>,
    reported: bool,
}

impl Duplicates {
    /// As earlier runs have left it.
    pub fn new(drops: bool, earlier: Vec<u64>) -> Self {
        let mut duplicates = Self { drops, is_asked: true, ..Self::default() };
        for id in earlier {
            duplicates.is_repeated(id);
        }
        duplicates.new.clear();
        duplicates
    }

    /// For commands that leave no repeated row out.
    pub fn counted_only() -> Self {
        Self::default()
    }

    /// Whether repeated rows are left out.
    pub fn drops(&self) -> bool {
        self.drops
    }

    /// How many rows of a table repeat the id of an earlier one in `column`; they are left out of it if that
    /// was asked for. Rows without an id repeat none.
    ///
    /// # Errors
    /// The column cannot be printed.
    pub fn meet(&mut self, column: Option<&str>, table: &mut LogTable) -> Result<usize, RunError> {
        let Some(column) = column.filter(|name| table.batch.column_by_name(name).is_some()) else {
            return Ok(0);
        };
        let ids = Cells::of(&table.batch, column).texts()?;
        let hash = |id: &str| xxh3_64(whole(id).as_bytes());
        let ids = ids.each(|id| Some(id).filter(|id| !id.is_empty()).map(hash));
        let first: Vec<bool> =
            ids.into_iter().map(|id| !id.is_some_and(|id| self.is_repeated(id))).collect();
        let repeated = first.iter().filter(|first| !**first).count();
        if self.drops && repeated > 0 {
            let first = BooleanArray::from(first);
            table.batch = arrow_select::filter::filter_record_batch(&table.batch, &first)?;
            let labels = arrow_select::filter::filter(&table.file_rows, &first)?;
            table.file_rows = labels.as_primitive().clone();
        }
        Ok(repeated)
    }

    /// Says once that there are repeated rows of what is read for `purpose`, where they are not left out.
    pub fn report(
        &mut self,
        column: Option<&str>,
        repeated: usize,
        purpose: &str,
        reporter: &dyn Reporter,
    ) {
        if let Some(column) = column.filter(|_| repeated > 0 && !self.drops && !self.reported) {
            self.reported = true;
            let advice = match self.is_asked {
                true => "; --drop_duplicates leaves such rows out",
                false => "; they count as often as they are there",
            };
            let text = format!(
                "{purpose}: some events were delivered twice: {repeated} {} so far with the event id ({column}) of an earlier row{advice}",
                if repeated == 1 { "row" } else { "rows" }
            );
            reporter.say(Weight::Warning, &text);
        }
    }

    /// The ids that are to be remembered with the batch at hand.
    pub fn take_new(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.new)
    }

    /// Forgets the batch at hand, which could not be used.
    pub fn take_back(&mut self) {
        for id in self.new.drain(..).rev() {
            // The newest ids are last, as long as the batch has not pushed them out itself.
            if self.order.pop_back().is_some() {
                self.recent.remove(&id);
            }
        }
    }

    fn is_repeated(&mut self, id: u64) -> bool {
        if !self.recent.insert(id) {
            return true;
        }
        self.order.push_back(id);
        // Nobody may ever ask for them, and more than the newest are not remembered.
        if self.new.len() >= 2 * EVENT_IDS {
            self.new.drain(..EVENT_IDS);
        }
        self.new.push(id);
        if self.order.len() > EVENT_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
        false
    }
}

/// `5` of `5.0`: integers in a column with gaps are written so.
fn whole(id: &str) -> &str {
    let digits = id.strip_suffix(".0").filter(|digits| !digits.is_empty());
    digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;

    fn table(ids: &[Option<&str>]) -> LogTable {
        let ids: arrow_array::ArrayRef = Arc::new(StringArray::from(ids.to_vec()));
        let rows = ids.len() as i64;
        LogTable {
            more: false,
            batch: RecordBatch::try_from_iter_with_nullable([("id", ids, true)]).unwrap(),
            file_rows: Int64Array::from_iter_values(0..rows),
            skipped: Default::default(),
        }
    }

    fn meet(duplicates: &mut Duplicates, ids: &[Option<&str>]) -> (usize, Vec<i64>) {
        let mut table = table(ids);
        let repeated = duplicates.meet(Some("id"), &mut table).unwrap();
        (repeated, table.file_rows.values().to_vec())
    }

    #[test]
    fn a_repeated_id_is_counted_or_left_out_over_batches_and_runs() {
        let mut counts = Duplicates::new(false, Vec::new());
        assert_eq!(meet(&mut counts, &[Some("a"), Some("b"), Some("a")]), (1, vec![0, 1, 2]));
        let mut drops = Duplicates::new(true, counts.take_new());
        assert_eq!(
            meet(&mut drops, &[Some("b"), Some("c"), None, None, Some("")]),
            (1, vec![1, 2, 3, 4])
        );
        assert_eq!(drops.take_new().len(), 1);
        assert_eq!(drops.meet(Some("other"), &mut table(&[None])).unwrap(), 0);
        assert_eq!(drops.meet(None, &mut table(&[None])).unwrap(), 0);
    }

    #[test]
    fn a_batch_that_could_not_be_used_has_left_no_id() {
        let mut drops = Duplicates::new(true, Vec::new());
        meet(&mut drops, &[Some("a")]);
        drops.take_new();
        meet(&mut drops, &[Some("a"), Some("b")]);
        drops.take_back();
        assert_eq!(meet(&mut drops, &[Some("a"), Some("b")]), (1, vec![1]));
    }

    #[test]
    fn only_the_newest_ids_are_remembered() {
        let mut drops = Duplicates::new(true, (0..EVENT_IDS as u64 + 2).collect());
        assert_eq!(drops.recent.len(), EVENT_IDS);
        assert!(!drops.is_repeated(1) && drops.is_repeated(EVENT_IDS as u64));
    }

    #[test]
    fn ids_that_nobody_takes_do_not_pile_up() {
        let mut drops = Duplicates::new(true, Vec::new());
        assert!((0..3 * EVENT_IDS as u64).all(|id| !drops.is_repeated(id)));
        assert_eq!(drops.new.len(), 2 * EVENT_IDS);
        assert_eq!(drops.take_new().last(), Some(&(3 * EVENT_IDS as u64 - 1)));
    }
}
