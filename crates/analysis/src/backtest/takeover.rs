//! The kinds of takeovers, and which rows each is made of.

use super::inject::Taken;
use super::log::Log;
use dfp_features::derive::Cells;
use dfp_pipeline::RunError;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::{HashMap, HashSet};

/// Rows of others that a takeover's odd rows are chosen from.
const CANDIDATES: usize = 256;
/// A value that fewer of a user's rows have is rare.
const RARE: f64 = 0.01;
/// Numbers with more different values than this are compared by ranges, as many.
const RANGES: usize = 16;
/// Hours that a takeover at unusual hours lasts at most.
const NIGHT: usize = 2;

/// A kind of takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Consecutive rows of another user.
    Masquerade,
    /// Rows of other users with values that are new or rare for this one.
    NovelActions,
    /// Rows of the user at hours at which the user hardly does anything.
    UnusualHours,
    /// One odd row, again and again.
    Repeated,
    /// Other rows of the user of the same time: nothing is there to be found.
    Control,
}

impl Kind {
    /// All kinds, by their words.
    pub const ALL: [(&'static str, Self); 5] = [
        ("masquerade", Self::Masquerade),
        ("novel_actions", Self::NovelActions),
        ("unusual_hours", Self::UnusualHours),
        ("repeated", Self::Repeated),
        ("control", Self::Control),
    ];

    /// Its word.
    pub fn label(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(label, _)| label)
    }

    /// The kind of a word.
    pub fn of_label(label: &str) -> Option<Self> {
        Self::ALL.iter().find(|(word, _)| *word == label).map(|(_, kind)| *kind)
    }

    /// The kinds that are there to be found.
    pub fn takeovers() -> Vec<Self> {
        Self::ALL.iter().map(|(_, kind)| *kind).filter(|kind| *kind != Self::Control).collect()
    }
}

/// What a takeover of a user is made from.
pub(super) struct Victim<'a> {
    /// The user's rows before the fold, oldest first.
    pub(super) learnt: &'a [u32],
    /// The user's rows of the fold.
    pub(super) scored: &'a [u32],
    /// The rows of each of the others, oldest first.
    pub(super) others: &'a [&'a [u32]],
    /// When each row of the log happened, in microseconds since 1970.
    pub(super) times: &'a [i64],
    /// What rows do.
    pub(super) values: &'a Values,
}

impl Victim<'_> {
    /// What takes the places of `block`, consecutive rows of the user: one for each.
    ///
    /// # Errors
    /// Why there is nothing of this kind.
    pub(super) fn taken(
        &self,
        kind: Kind,
        block: &[u32],
        random: &mut ChaCha8Rng,
    ) -> Result<Vec<Taken>, String> {
        match kind {
            Kind::Masquerade => {
                let other = self.other(random)?;
                let rows = consecutive(other, block.len(), random);
                Ok(of_others(block, rows.iter().copied()))
            }
            Kind::NovelActions => {
                let odd = self.odd_rows(random)?;
                Ok(of_others(block, odd.into_iter().cycle()))
            }
            Kind::Repeated if self.others.is_empty() => {
                let row = self.rarest_of(self.learnt).first().copied();
                let row = row.ok_or_else(|| "the user has no row to repeat".to_owned())?;
                Ok(own(block, std::iter::repeat(row)))
            }
            Kind::Repeated => {
                let odd = self.odd_rows(random)?;
                let row = odd[random.random_range(0..odd.len().min(block.len()))];
                Ok(of_others(block, std::iter::repeat(row)))
            }
            Kind::UnusualHours => Ok(self.at_night(block, random)),
            Kind::Control => {
                let rows = consecutive(self.scored, block.len(), random);
                Ok(own(block, rows.iter().copied()))
            }
        }
    }

    fn other(&self, random: &mut ChaCha8Rng) -> Result<&[u32], String> {
        match self.others.len() {
            0 => Err("there is no other user in the log whose rows could be taken".to_owned()),
            others => Ok(self.others[random.random_range(0..others)]),
        }
    }

    /// Rows of others with values that are rare or new for the user, the oddest first.
    fn odd_rows(&self, random: &mut ChaCha8Rng) -> Result<Vec<u32>, String> {
        let mut candidates = Vec::with_capacity(CANDIDATES);
        for _ in 0..CANDIDATES {
            let other = self.other(random)?;
            candidates.push(other[random.random_range(0..other.len())]);
        }
        candidates.sort_unstable();
        candidates.dedup();
        let odd = self.rarest_of(&candidates);
        match odd.is_empty() {
            true => Err("what others do is usual for the user".to_owned()),
            false => Ok(odd),
        }
    }

    /// Those of `rows` with a value that is rare or new for the user (for rows of the user, those of its
    /// rarest values), the oddest first. Rows that do the same count once.
    fn rarest_of(&self, rows: &[u32]) -> Vec<u32> {
        let known = self.values.counts(self.learnt);
        let learnt = self.learnt.len() as f64;
        let mut seen = HashSet::new();
        let mut odd: Vec<(f64, u32)> = Vec::new();
        for &row in rows {
            let counts: Vec<f64> = self
                .values
                .of(row)
                .zip(&known)
                .map(|(value, known)| f64::from(known.get(&value).copied().unwrap_or_default()))
                .collect();
            let surprise: f64 =
                counts.iter().map(|count| -((count + 0.5) / (learnt + 1.0)).ln()).sum();
            let is_rare = counts.iter().any(|count| *count <= RARE * learnt);
            if is_rare && seen.insert(self.values.of(row).collect::<Vec<u32>>()) {
                odd.push((surprise, row));
            }
        }
        odd.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        odd.into_iter().map(|(_, row)| row).collect()
    }

    /// The rows themselves, moved on their day to the hours of least activity.
    fn at_night(&self, block: &[u32], random: &mut ChaCha8Rng) -> Vec<Taken> {
        const HOUR: i64 = 3_600_000_000;
        const DAY: i64 = 24 * HOUR;
        let mut active = [0_u32; 24];
        for row in self.learnt {
            active[(self.times[*row as usize].rem_euclid(DAY) / HOUR) as usize] += 1;
        }
        let of_night =
            |start: usize| (start..start + NIGHT).map(|hour| active[hour % 24]).sum::<u32>();
        let start =
            (0..=24 - NIGHT).min_by_key(|start| of_night(*start)).unwrap_or_default() as i64;
        let mut minutes: Vec<i64> =
            block.iter().map(|_| random.random_range(0..NIGHT as i64 * HOUR)).collect();
        minutes.sort_unstable();
        // On the day of the first row; a takeover is one visit.
        let day = block.first().map_or(0, |row| self.times[*row as usize].div_euclid(DAY)) * DAY;
        let mut first = day + start * HOUR;
        let time = |row: Option<&u32>| row.map(|row| self.times[*row as usize]);
        if time(self.scored.first()).is_some_and(|from| first < from) {
            first += DAY;
        }
        if time(self.scored.last()).is_some_and(|to| first > to) {
            first -= DAY;
        }
        let moved = block.iter().zip(minutes);
        // Whole seconds, as most logs have.
        let whole = |time: i64| time.div_euclid(1_000_000) * 1_000_000;
        moved
            .map(|(&row, minute)| Taken {
                row,
                content: row,
                is_foreign: false,
                time: Some(whole(first + minute)),
            })
            .collect()
    }
}

fn of_others(block: &[u32], contents: impl Iterator<Item = u32>) -> Vec<Taken> {
    let rows = block.iter().zip(contents);
    rows.map(|(&row, content)| Taken { row, content, is_foreign: true, time: None }).collect()
}

fn own(block: &[u32], contents: impl Iterator<Item = u32>) -> Vec<Taken> {
    let rows = block.iter().zip(contents);
    rows.map(|(&row, content)| Taken { row, content, is_foreign: false, time: None }).collect()
}

/// `wanted` consecutive rows, or all.
fn consecutive<'a>(rows: &'a [u32], wanted: usize, random: &mut ChaCha8Rng) -> &'a [u32] {
    let wanted = wanted.min(rows.len());
    let start = random.random_range(0..=rows.len() - wanted);
    &rows[start..start + wanted]
}

/// What rows do: a number for each value of each column.
pub(super) struct Values {
    /// `[columns][rows]`; 0 is missing.
    codes: Vec<Vec<u32>>,
}

impl Values {
    pub(super) fn new(log: &Log, columns: impl Iterator<Item = usize>) -> Result<Self, RunError> {
        let batch = &log.table.batch;
        let codes = columns.map(|at| {
            let array = batch.column(at);
            if array.data_type().is_numeric() {
                let numbers = arrow_cast::cast(array, &arrow_schema::DataType::Float64)?;
                let numbers: &arrow_array::Float64Array =
                    arrow_array::cast::AsArray::as_primitive(&numbers);
                return Ok(of_numbers(numbers));
            }
            let texts = Cells::of(batch, batch.schema().field(at).name()).texts()?;
            let mut known: HashMap<&str, u32> = HashMap::new();
            let codes = texts.iter().map(|text| match text {
                None => 0,
                Some(text) => {
                    let next = known.len() as u32 + 1;
                    *known.entry(text).or_insert(next)
                }
            });
            Ok(codes.collect())
        });
        Ok(Self { codes: codes.collect::<Result<_, RunError>>()? })
    }

    fn of(&self, row: u32) -> impl Iterator<Item = u32> {
        self.codes.iter().map(move |column| column[row as usize])
    }

    /// How many of these rows have each value, by column.
    fn counts(&self, rows: &[u32]) -> Vec<HashMap<u32, u32>> {
        let of_column = |column: &Vec<u32>| {
            let mut counts = HashMap::new();
            rows.iter().for_each(|row| *counts.entry(column[*row as usize]).or_insert(0) += 1);
            counts
        };
        self.codes.iter().map(of_column).collect()
    }
}

/// Numbers by value if there are few, else by ranges of equally many rows.
fn of_numbers(numbers: &arrow_array::Float64Array) -> Vec<u32> {
    let mut sorted: Vec<f64> = numbers.iter().flatten().filter(|x| !x.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let all = sorted.len();
    let mut edges = sorted.clone();
    edges.dedup();
    if edges.len() > RANGES {
        edges = (1..RANGES).map(|range| sorted[range * all / RANGES]).collect();
        edges.dedup();
    }
    let code = |number: f64| edges.partition_point(|edge| *edge <= number) as u32 + 1;
    numbers.iter().map(|number| number.filter(|x| !x.is_nan()).map_or(0, code)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Float64Array;

    #[test]
    fn words_and_kinds_are_the_same() {
        for (word, kind) in Kind::ALL {
            assert_eq!((Kind::of_label(word), kind.label()), (Some(kind), word));
        }
        assert_eq!(Kind::of_label("other"), None);
        assert_eq!(Kind::takeovers().len(), 4);
    }

    #[test]
    fn few_numbers_are_values_and_many_are_ranges() {
        let few = of_numbers(&Float64Array::from(vec![Some(2.0), None, Some(1.0), Some(2.0)]));
        assert_eq!((few[0] == few[3], few[0] == few[2], few[1]), (true, false, 0));
        let many = of_numbers(&Float64Array::from_iter_values((0..1_000).map(f64::from)));
        let ranges: HashSet<u32> = many.iter().copied().collect();
        assert_eq!(ranges.len(), RANGES);
        assert!(many.is_sorted());
    }
}
