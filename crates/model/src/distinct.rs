//! Log rows repeat: what is computed from an encoded row alone is computed once for all its
//! repetitions.

use crate::encode::{EncodedRows, FeatureShape};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hash, Hasher};

/// The different rows of a table, and where each row of the table is among them.
#[derive(Clone, Debug)]
pub(crate) struct Distinct {
    /// Each row that occurs, once, in the order of first occurrence.
    pub(crate) rows: EncodedRows,
    /// For each row of the table its place in `rows`.
    pub(crate) places: Vec<usize>,
}

impl Distinct {
    /// Rows are the same if all their bits are.
    ///
    /// # Panics
    /// If the table is not of this shape.
    pub(crate) fn of(table: &EncodedRows, shape: &FeatureShape) -> Self {
        let all = Table { table, widths: [shape.numeric, shape.binary, shape.codes.len()] };
        let (mut firsts, mut places) = (Vec::new(), Vec::with_capacity(table.rows));
        // Seeded anew for every run: nobody can prepare a log whose rows collide.
        let seed = DefaultHashBuilder::default();
        let mut index: HashTable<usize> = HashTable::new();
        for row in 0..table.rows {
            let place = index
                .entry(
                    all.hash(row, &seed),
                    |&place| all.same(row, firsts[place]),
                    |&place| all.hash(firsts[place], &seed),
                )
                .or_insert_with(|| firsts.len());
            places.push(*place.get());
            if *place.get() == firsts.len() {
                firsts.push(row);
            }
        }
        Self { rows: all.select(&firsts), places }
    }

    /// The values of all rows of the table from those of the distinct rows, `width` a row.
    pub(crate) fn spread(&self, values: &[f32], width: usize) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.places.len() * width);
        for place in &self.places {
            all.extend_from_slice(&values[place * width..(place + 1) * width]);
        }
        all
    }
}

/// Encoded rows with the widths of their numeric, binary and categorical parts.
struct Table<'a> {
    table: &'a EncodedRows,
    widths: [usize; 3],
}

impl Table<'_> {
    fn numbers(&self, row: usize) -> impl Iterator<Item = u32> {
        let [numeric, binary, _] = self.widths;
        let numeric = &self.table.numeric[row * numeric..(row + 1) * numeric];
        let binary = &self.table.binary[row * binary..(row + 1) * binary];
        numeric.iter().chain(binary).map(|value| value.to_bits())
    }

    fn codes(&self, row: usize) -> &[u32] {
        let width = self.widths[2];
        &self.table.codes[row * width..(row + 1) * width]
    }

    fn hash(&self, row: usize, seed: &DefaultHashBuilder) -> u64 {
        let mut hasher = seed.build_hasher();
        self.codes(row).hash(&mut hasher);
        self.numbers(row).for_each(|bits| hasher.write_u32(bits));
        hasher.finish()
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.codes(a) == self.codes(b) && self.numbers(a).eq(self.numbers(b))
    }

    fn select(&self, rows: &[usize]) -> EncodedRows {
        let [numeric, binary, codes] = self.widths;
        EncodedRows {
            rows: rows.len(),
            numeric: gather(&self.table.numeric, numeric, rows),
            binary: gather(&self.table.binary, binary, rows),
            codes: gather(&self.table.codes, codes, rows),
        }
    }
}

fn gather<T: Copy>(values: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    rows.iter().flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spreading_gives_the_table_back(
            rows in prop::collection::vec((0..2_i32, 0..2_u32, 0..2_u32), 0..40),
        ) {
            let table = EncodedRows {
                rows: rows.len(),
                numeric: rows.iter().map(|row| if row.0 == 0 { -0.0 } else { 0.0 }).collect(),
                binary: Vec::new(),
                codes: rows.iter().flat_map(|row| [row.1, row.2]).collect(),
            };
            let shape = FeatureShape { numeric: 1, binary: 0, codes: vec![2, 2] };
            let distinct = Distinct::of(&table, &shape);
            prop_assert!(distinct.rows.rows <= 8);
            let numeric = distinct.spread(&distinct.rows.numeric, 1);
            prop_assert!(numeric.iter().zip(&table.numeric).all(|(a, b)| a.to_bits() == b.to_bits()));
            let codes: Vec<f32> = distinct.rows.codes.iter().map(|&code| code as f32).collect();
            let want: Vec<f32> = table.codes.iter().map(|&code| code as f32).collect();
            prop_assert_eq!(distinct.spread(&codes, 2), want);
        }
    }
}
