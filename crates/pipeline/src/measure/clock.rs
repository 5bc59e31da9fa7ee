//! Time that a busy machine does not distort, and medians.

use cpu_time::ThreadTime;
use std::time::{Duration, Instant};

/// A running measurement.
#[derive(Debug)]
pub struct Clock {
    wall: Instant,
    thread: ThreadTime,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self { wall: Instant::now(), thread: ThreadTime::now() }
    }

    /// Seconds since the start: of this thread's own time on a core where it is the only one at
    /// work, which other processes hardly lengthen, else of real time.
    pub fn seconds(&self, threads: usize) -> f64 {
        let time: Duration = if threads == 1 { self.thread.elapsed() } else { self.wall.elapsed() };
        time.as_secs_f64()
    }
}

/// The middle value, of an even number the mean of the two; NaN for none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = |at: usize| sorted.get(at).copied().unwrap_or(f64::NAN);
    (middle(sorted.len().saturating_sub(1) / 2) + middle(sorted.len() / 2)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(median(&[]).is_nan());
    }
}
