//! How often two columns' values stood in one row: only pairs that did, by the parent's value.

use crate::memory_size::Heap;

/// Rows of pairs of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pairs {
    /// Where the pairs of each value of the parent begin, and their number.
    starts: Vec<u32>,
    /// The column's values beside each value of the parent, ascending.
    values: Vec<u32>,
    rows: Vec<u32>,
}

impl Heap for Pairs {
    fn heap(&self) -> usize {
        self.starts.heap() + self.values.heap() + self.rows.heap()
    }
}

impl Pairs {
    /// Counts the pairs (parent's value, value) of all rows; `of_parent` values of the parent.
    pub(super) fn count(pairs: impl Iterator<Item = (u32, u32)>, of_parent: usize) -> Self {
        let mut keys: Vec<u64> =
            pairs.map(|(parent, value)| u64::from(parent) << 32 | u64::from(value)).collect();
        keys.sort_unstable();
        let mut counted = Self { starts: vec![0; of_parent + 1], values: vec![], rows: vec![] };
        for run in keys.chunk_by(|a, b| a == b) {
            counted.values.push(run[0] as u32);
            counted.rows.push(run.len() as u32);
            counted.starts[(run[0] >> 32) as usize + 1] += 1;
        }
        for at in 1..counted.starts.len() {
            counted.starts[at] += counted.starts[at - 1];
        }
        counted
    }

    /// Number of different pairs.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Rows with both values.
    pub(super) fn rows(&self, parent: u32, value: u32) -> u32 {
        let at = self.range(parent);
        match self.values[at.clone()].binary_search(&value) {
            Ok(place) => self.rows[at.start + place],
            Err(_) => 0,
        }
    }

    /// The values that were seen beside this one of the parent.
    pub(super) fn beside(&self, parent: u32) -> &[u32] {
        &self.values[self.range(parent)]
    }

    fn range(&self, parent: u32) -> std::ops::Range<usize> {
        self.starts[parent as usize] as usize..self.starts[parent as usize + 1] as usize
    }

    /// Puts starts, values and rows behind `words`.
    pub(super) fn store(&self, words: &mut Vec<u32>) {
        for part in [&self.starts, &self.values, &self.rows] {
            words.extend_from_slice(part);
        }
    }

    /// Takes `count` pairs off the front of `words`; `None` if they cannot be pairs of columns whose
    /// values have so many rows.
    pub(super) fn restore(
        words: &mut &[u32],
        of_parent: &[u32],
        of_column: &[u32],
        count: usize,
    ) -> Option<Self> {
        let mut take = |many: usize| {
            let (front, rest) = words.split_at_checked(many)?;
            *words = rest;
            Some(front.to_vec())
        };
        let pairs =
            Self { starts: take(of_parent.len() + 1)?, values: take(count)?, rows: take(count)? };
        let ends = pairs.starts.first() == Some(&0) && pairs.starts.last() == Some(&(count as u32));
        if !ends || !pairs.starts.is_sorted() || u32::try_from(count).is_err() {
            return None;
        }
        let of_value = |(&value, &rows): (&u32, &u32)| {
            of_column.get(value as usize).is_some_and(|&all| rows <= all)
        };
        if !pairs.values.iter().zip(&pairs.rows).all(of_value) {
            return None;
        }
        let beside = |(parent, &all): (u32, &u32)| {
            let at = pairs.range(parent);
            let together: u64 = pairs.rows[at.clone()].iter().copied().map(u64::from).sum();
            pairs.values[at].windows(2).all(|pair| pair[0] < pair[1]) && together == u64::from(all)
        };
        (0..).zip(of_parent).all(beside).then_some(pairs)
    }
}
