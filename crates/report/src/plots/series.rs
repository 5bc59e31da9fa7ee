//! Many values over time, kept as few buckets: what one column of pixels can show.

use std::collections::VecDeque;

/// What is known of the rows between two times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    /// Rows.
    pub rows: u64,
    /// The lowest and the highest value.
    pub range: Option<(f32, f32)>,
    /// Rows that `timeseries` has flagged.
    pub flagged: u64,
    /// There is an alert among them.
    pub alert: bool,
}

/// One row of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// What is drawn; what is no number leaves the range of its bucket as it is.
    pub value: Option<f32>,
    /// `timeseries` has flagged it.
    pub flagged: bool,
    /// It is an alert.
    pub alert: bool,
}

impl Bucket {
    fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.flagged += other.flagged;
        self.alert |= other.alert;
        self.range = match (self.range, other.range) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }
}

/// Values over a whole number, such as microseconds, in at most so many buckets of equal width. The width is the
/// smallest power of two at which they fit, so the buckets are the same in whatever order rows come, and
/// extremes are never lost.
#[derive(Clone, Debug)]
pub struct Series {
    most: usize,
    /// The width is `1 << shift`.
    shift: u32,
    /// Number of the first bucket: it begins at `first << shift`.
    first: i64,
    buckets: VecDeque<Bucket>,
}

impl Series {
    /// No values yet; at least two buckets.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2), shift: 0, first: 0, buckets: VecDeque::new() }
    }

    /// One row at `at`.
    pub fn add(&mut self, at: i64, point: Point) {
        let value = point.value.filter(|value| value.is_finite());
        let row = Bucket {
            rows: 1,
            range: value.map(|value| (value, value)),
            flagged: u64::from(point.flagged),
            alert: point.alert,
        };
        self.put(at, row);
    }

    fn put(&mut self, at: i64, bucket: Bucket) {
        if self.buckets.is_empty() {
            (self.shift, self.first) = (0, at);
            self.buckets.push_back(bucket);
            return;
        }
        let mut number = at >> self.shift;
        while self.span_with(number) > self.most as u64 {
            self.widen();
            number = at >> self.shift;
        }
        while number < self.first {
            self.buckets.push_front(Bucket::default());
            self.first -= 1;
        }
        // Within the span, which is no more than `most`.
        let place = number.abs_diff(self.first) as usize;
        if place >= self.buckets.len() {
            self.buckets.resize(place + 1, Bucket::default());
        }
        self.buckets[place].add(bucket);
    }

    /// Buckets from the first to the last, with this one among them.
    fn span_with(&self, number: i64) -> u64 {
        let last = self.first.saturating_add(self.buckets.len() as i64 - 1);
        number.max(last).abs_diff(number.min(self.first)).saturating_add(1)
    }

    fn widen(&mut self) {
        let old = std::mem::take(&mut self.buckets);
        let first = self.first >> 1;
        for (number, bucket) in (self.first..).zip(old) {
            let place = (number >> 1).abs_diff(first) as usize;
            if place == self.buckets.len() {
                self.buckets.push_back(Bucket::default());
            }
            self.buckets[place].add(bucket);
        }
        (self.shift, self.first) = (self.shift + 1, first);
    }

    /// Takes in the rows of another one, changed.
    pub fn merge(&mut self, other: &Self, change: impl Fn(Bucket) -> Bucket) {
        for (start, bucket) in other.parts() {
            self.put(start, change(*bucket));
        }
        // What came as one bucket is not to look like less.
        while self.shift < other.shift {
            self.widen();
        }
    }

    /// Where buckets begin, and what is in those that have rows.
    pub fn parts(&self) -> impl Iterator<Item = (i64, &Bucket)> {
        let starts = self.first..;
        let all = starts.zip(&self.buckets).map(|(number, bucket)| (number << self.shift, bucket));
        all.filter(|(_, bucket)| bucket.rows > 0)
    }

    /// Width of a bucket.
    pub fn width(&self) -> i64 {
        1_i64.checked_shl(self.shift).filter(|width| *width > 0).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(rows: &[(i64, f32)], most: usize) -> Series {
        let mut series = Series::new(most);
        for (at, value) in rows {
            series.add(*at, Point { value: Some(*value), alert: *value > 9.0, ..Point::default() });
        }
        series
    }

    #[test]
    fn extremes_stay_and_rows_are_counted() {
        let rows: Vec<(i64, f32)> = (0..100_000).map(|i| (i * 7, (i % 10) as f32)).collect();
        let series = of(&rows, 64);
        let parts: Vec<_> = series.parts().collect();
        assert!(parts.len() > 32 && parts.len() <= 64, "{}", parts.len());
        assert_eq!(parts.iter().map(|(_, bucket)| bucket.rows).sum::<u64>(), 100_000);
        assert!(parts.iter().all(|(_, bucket)| bucket.range == Some((0.0, 9.0))));
    }

    #[test]
    fn one_row_and_the_ends_of_all_numbers() {
        let series = of(&[(5, 1.0)], 8);
        assert_eq!((series.parts().count(), series.width()), (1, 1));
        let series = of(&[(i64::MIN, 1.0), (i64::MAX, 2.0), (0, 3.0)], 8);
        let parts: Vec<_> = series.parts().map(|(start, bucket)| (start, bucket.rows)).collect();
        assert!(parts.len() <= 8 && parts.iter().map(|(_, rows)| rows).sum::<u64>() == 3);
        assert_eq!(parts[0].0, i64::MIN);
    }

    #[test]
    fn what_is_no_number_is_a_row_without_a_value() {
        let mut series = Series::new(4);
        series.add(0, Point { value: Some(f32::NAN), ..Point::default() });
        series.add(0, Point { flagged: true, ..Point::default() });
        let parts: Vec<_> = series.parts().collect();
        assert_eq!(parts, [(0, &Bucket { rows: 2, range: None, flagged: 1, alert: false })]);
    }

    #[test]
    fn several_series_become_one() {
        let (a, b) = (of(&[(0, 1.0), (1_000, 2.0)], 8), of(&[(990, 5.0), (1_001, 0.0)], 8));
        let mut all = Series::new(8);
        for series in [&a, &b] {
            all.merge(series, |bucket| Bucket {
                range: bucket.range.map(|(low, high)| (2.0 * low, 2.0 * high)),
                ..bucket
            });
        }
        let parts: Vec<_> = all.parts().map(|(_, bucket)| *bucket).collect();
        assert_eq!(parts.iter().map(|bucket| bucket.rows).sum::<u64>(), 4);
        let highest = parts.iter().filter_map(|bucket| bucket.range).map(|(_, high)| high);
        assert_eq!(highest.fold(0.0, f32::max), 10.0);
    }

    proptest! {
        /// Any order of rows gives the same buckets.
        #[test]
        fn order_makes_no_difference(mut rows in prop::collection::vec((-5_000_i64..1 << 40, 0.0_f32..10.0), 1..60)) {
            let one = of(&rows, 16);
            rows.reverse();
            let other = of(&rows, 16);
            prop_assert_eq!(one.width(), other.width());
            prop_assert!(one.parts().eq(other.parts()));
        }
    }
}
