//! When the events of a file happened: rows by the hour, and a sample of their times.

use dfp_storage::memory_limit::MemoryLimit;
use std::collections::BTreeMap;

/// Microseconds.
const HOUR: i64 = 3_600_000_000;
/// Of so many rows the time of one is kept at first, and of twice as many whenever there are too many.
const STRIDE: usize = 64;
const MOST_KEPT: usize = 1 << 16;
/// Logs are not packed this well.
const SUSPICIOUS: u64 = 100;

/// When a file's events happened: rows by the hour they are in, as hours since 1970; those without a readable
/// time are in [`TIMELESS_HOUR`].
pub type Hours = BTreeMap<i64, usize>;

/// The hour of rows without a readable time: after all others, since they are read last.
pub const TIMELESS_HOUR: i64 = i64::MAX / HOUR - 1;
/// The time of such rows where rows are cut by time.
pub(super) const TIMELESS: i64 = TIMELESS_HOUR * HOUR;

/// When a file's events happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// By the hour.
    pub hours: Hours,
    /// Times of single rows, one of [`stride`](Self::stride): they say where to cut within an hour.
    pub sample: Vec<i64>,
    /// How many rows there are for one of the sample.
    pub stride: usize,
    /// Bytes of the file's text, and of its rows as a table; `None` where it is short, and nobody has
    /// counted.
    pub bytes: Option<(u64, u64)>,
    rows: usize,
}

impl Times {
    /// Why a file cannot be read in parts: very many rows of the same time, which no log has, out of a few
    /// bytes.
    pub(super) fn one_time(&self, memory: MemoryLimit, length: u64) -> Option<String> {
        let (_, bytes) = self.bytes?;
        let mut sample = self.sample.clone();
        sample.retain(|time| *time < TIMELESS);
        sample.sort_unstable();
        let most = sample.chunk_by(|a, b| a == b).map(<[i64]>::len).max()?;
        let share = most as f64 / sample.len() as f64;
        let of_one_time = (bytes as f64 * share) as u64;
        let is_bomb =
            of_one_time > 2 * memory.table() && bytes > length.max(1).saturating_mul(SUSPICIOUS);
        is_bomb.then(|| {
            let rows = (self.rows as f64 * share) as u64;
            let [megabytes, unpacked] = [of_one_time, bytes].map(|bytes| bytes / 1_000_000);
            format!(
                "about {rows} rows of the same time, {megabytes} MB in memory, and {unpacked} MB out of a file of {} kB",
                length.div_ceil(1_000)
            )
        })
    }

    /// Rows of these hours.
    pub fn of(hours: Hours) -> Self {
        Self { hours, stride: 1, ..Self::default() }
    }

    pub(super) fn add(&mut self, times: &[i64]) {
        self.stride = self.stride.max(STRIDE);
        for time in times {
            *self.hours.entry(time.div_euclid(HOUR)).or_default() += 1;
            if self.rows.is_multiple_of(self.stride) {
                self.sample.push(*time);
            }
            self.rows += 1;
        }
        if self.sample.len() > MOST_KEPT {
            let mut place = 0_usize;
            self.sample.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }
}

/// Times by which rows are cut: those without a readable time are in the last slice.
pub(super) fn in_order(times: impl IntoIterator<Item = Option<i64>>) -> Vec<i64> {
    times.into_iter().map(|time| time.unwrap_or(TIMELESS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_many_times_stays_short() {
        let mut times = Times::default();
        let all: Vec<i64> = (0..10_000_000).map(|at| at * 1_000).collect();
        all.chunks(1000).for_each(|chunk| times.add(chunk));
        assert!(times.sample.len() <= MOST_KEPT && times.sample.is_sorted());
        assert_eq!(times.sample[1] - times.sample[0], times.stride as i64 * 1_000);
        let counted = times.sample.len() * times.stride;
        assert!(counted.abs_diff(10_000_000) <= times.stride, "{counted}");
        assert_eq!(times.hours.values().sum::<usize>(), 10_000_000);
    }
}
