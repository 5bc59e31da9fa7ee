//! Log rows repeat: what is computed from an encoded row alone is computed once for all its
//! repetitions.

use crate::encode::{EncodedRows, FeatureShape};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hash, Hasher};

/// The different rows of the tables seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distinct {
    /// Each row that occurs, once, in the order of first occurrence.
    pub(crate) rows: EncodedRows,
    index: HashTable<usize>,
    // Seeded anew for every run: nobody can prepare a log whose rows collide.
    seed: DefaultHashBuilder,
}

impl Distinct {
    /// Adds the rows of `table` that are new; for each row its place in [`Distinct::rows`]. Rows are
    /// the same if all their bits are.
    ///
    /// # Panics
    /// If the table is not of this shape, or those before were of another.
    pub(crate) fn add(&mut self, table: &EncodedRows, shape: &FeatureShape) -> Vec<usize> {
        let beside = &table.beside;
        let width = |cells: usize| cells.checked_div(table.rows).unwrap_or(0);
        let widths = Widths {
            numbers: [
                shape.numeric,
                shape.binary,
                width(beside.standard.len()),
                width(table.beyond.len()),
                width(beside.beyond_peers.len()),
            ],
            codes: [shape.codes.len(), width(beside.values.len()), width(beside.of_peers.len())],
        };
        let new = Table { table, widths };
        let mut places = Vec::with_capacity(table.rows);
        for row in 0..table.rows {
            let fresh = self.rows.rows;
            let known = Table { table: &self.rows, widths };
            let place = *self
                .index
                .entry(
                    new.hash(row, &self.seed),
                    |&place| new.same(row, &known, place),
                    |&place| known.hash(place, &self.seed),
                )
                .or_insert(fresh)
                .get();
            if place == fresh {
                new.append(row, &mut self.rows);
            }
            places.push(place);
        }
        places
    }
}

/// The values at `places`, `width` at each.
pub(crate) fn spread<T: Copy>(places: &[usize], values: &[T], width: usize) -> Vec<T> {
    let mut all = Vec::with_capacity(places.len() * width);
    for place in places {
        all.extend_from_slice(&values[place * width..(place + 1) * width]);
    }
    all
}

/// Columns of each matrix of numbers, and of codes.
#[derive(Clone, Copy)]
struct Widths {
    numbers: [usize; 5],
    codes: [usize; 3],
}

/// Encoded rows with the widths of their parts.
struct Table<'a> {
    table: &'a EncodedRows,
    widths: Widths,
}

impl Table<'_> {
    fn numbers(&self, row: usize) -> impl Iterator<Item = u32> {
        let table = self.table;
        let beside = &table.beside;
        let parts =
            [&table.numeric, &table.binary, &beside.standard, &table.beyond, &beside.beyond_peers];
        let cells = parts.into_iter().zip(self.widths.numbers);
        cells
            .flat_map(move |(all, width)| &all[row * width..(row + 1) * width])
            .map(|x| x.to_bits())
    }

    fn codes(&self, row: usize) -> [&[u32]; 3] {
        let [own, values, of_peers] = self.widths.codes;
        [
            &self.table.codes[row * own..(row + 1) * own],
            &self.table.beside.values[row * values..(row + 1) * values],
            &self.table.beside.of_peers[row * of_peers..(row + 1) * of_peers],
        ]
    }

    fn hash(&self, row: usize, seed: &DefaultHashBuilder) -> u64 {
        let mut hasher = seed.build_hasher();
        self.codes(row).hash(&mut hasher);
        self.numbers(row).for_each(|bits| hasher.write_u32(bits));
        hasher.finish()
    }

    fn same(&self, row: usize, other: &Table<'_>, of_other: usize) -> bool {
        self.codes(row) == other.codes(of_other) && self.numbers(row).eq(other.numbers(of_other))
    }

    fn append(&self, row: usize, to: &mut EncodedRows) {
        let [numeric, binary, standard, beyond, beyond_peers] = self.widths.numbers;
        let [codes, values, of_peers] = self.codes(row);
        let (table, beside) = (self.table, &mut to.beside);
        to.rows += 1;
        to.numeric.extend_from_slice(&table.numeric[row * numeric..(row + 1) * numeric]);
        to.binary.extend_from_slice(&table.binary[row * binary..(row + 1) * binary]);
        to.codes.extend_from_slice(codes);
        beside
            .standard
            .extend_from_slice(&table.beside.standard[row * standard..(row + 1) * standard]);
        to.beyond.extend_from_slice(&table.beyond[row * beyond..(row + 1) * beyond]);
        let of_peers_model = &table.beside.beyond_peers;
        beside
            .beyond_peers
            .extend_from_slice(&of_peers_model[row * beyond_peers..(row + 1) * beyond_peers]);
        beside.values.extend_from_slice(values);
        beside.of_peers.extend_from_slice(of_peers);
    }
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
                ..EncodedRows::default()
            };
            let shape = FeatureShape { numeric: 1, binary: 0, codes: vec![2, 2] };
            let mut distinct = Distinct::default();
            let places = distinct.add(&table, &shape);
            prop_assert!(distinct.rows.rows <= 8);
            let numeric = spread(&places, &distinct.rows.numeric, 1);
            prop_assert!(numeric.iter().zip(&table.numeric).all(|(a, b)| a.to_bits() == b.to_bits()));
            let codes: Vec<f32> = distinct.rows.codes.iter().map(|&code| code as f32).collect();
            let want: Vec<f32> = table.codes.iter().map(|&code| code as f32).collect();
            prop_assert_eq!(spread(&places, &codes, 2), want);
            // What is known is found again.
            let known = distinct.rows.rows;
            prop_assert_eq!(distinct.add(&table, &shape), places);
            prop_assert_eq!(distinct.rows.rows, known);
        }
    }
}
