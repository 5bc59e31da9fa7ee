//! Reading a sample of the files.

use super::names;
use dfp_features::period::{Period, duration};
use dfp_storage::files::Stamp;
use rand::seq::index;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};

/// Which files of many are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// Each file with this probability.
    Share(f64),
    /// This many files.
    Count(usize),
    /// The first file of each period, by the time in its name, else that of its last change.
    FirstOf(Period),
}

impl Sampling {
    /// Reads a number below 1, a whole number, or a period.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.parse::<f64>() {
            Ok(share) if share > 0.0 && share < 1.0 => Some(Self::Share(share)),
            Ok(_) => text.parse().ok().filter(|count| *count > 0).map(Self::Count),
            Err(_) => Period::parse(text).map(Self::FirstOf).or_else(|| {
                let every = i64::try_from(duration(text)?.as_micros()).ok()?;
                (every > 0).then_some(Self::FirstOf(Period::Every(every)))
            }),
        }
    }

    /// The sample of `files`, in their order; the same for the same seed and files.
    pub fn of(self, files: Vec<PathBuf>, seed: u64) -> Vec<PathBuf> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        match self {
            Self::Share(share) => files.into_iter().filter(|_| random.random_bool(share)).collect(),
            Self::Count(count) if count >= files.len() => files,
            Self::Count(count) => {
                let mut chosen = index::sample(&mut random, files.len(), count).into_vec();
                chosen.sort_unstable();
                chosen.into_iter().filter_map(|at| files.get(at).cloned()).collect()
            }
            Self::FirstOf(period) => {
                let mut timed: Vec<(i64, PathBuf)> =
                    files.into_iter().map(|path| (time(&path), path)).collect();
                timed.sort();
                timed.dedup_by_key(|(time, _)| period.around(*time).0);
                let mut first: Vec<PathBuf> = timed.into_iter().map(|(_, path)| path).collect();
                first.sort_unstable();
                first
            }
        }
    }
}

fn time(path: &Path) -> i64 {
    let changed = || i64::try_from(Stamp::of(path).modified_ns / 1_000).unwrap_or(i64::MAX);
    names::time(path).unwrap_or_else(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<PathBuf> {
        let name = |i: usize| format!("2024-01-{:02}T{:02}_00.json", 1 + i / 24, i % 24).into();
        (0..240).map(name).collect()
    }

    #[test]
    fn a_sample_is_a_share_a_count_or_the_first_of_each_period() {
        let share = Sampling::parse("0.25").unwrap().of(files(), 1);
        assert!((30..=90).contains(&share.len()) && share.is_sorted(), "{}", share.len());
        assert_eq!(Sampling::parse("0.25").unwrap().of(files(), 1), share);
        assert_ne!(Sampling::parse("0.25").unwrap().of(files(), 2), share);
        let count = Sampling::parse("7").unwrap().of(files(), 1);
        assert!(count.len() == 7 && count.is_sorted());
        assert_eq!(Sampling::parse("1000").unwrap().of(files(), 1), files());
        let days = Sampling::parse("D").unwrap().of(files(), 1);
        let first: Vec<PathBuf> = files().into_iter().step_by(24).collect();
        assert_eq!(days, first);
        assert_eq!(
            Sampling::parse("7h"),
            Some(Sampling::FirstOf(Period::Every(7 * super::super::HOUR)))
        );
        for refused in ["0", "-1", "1.5", "often", ""] {
            assert_eq!(Sampling::parse(refused), None, "{refused}");
        }
    }
}
