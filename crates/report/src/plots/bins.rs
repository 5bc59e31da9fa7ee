//! How often values are where, without keeping them: for histograms.

use std::collections::BTreeMap;

/// Values counted by bins of equal width, in at most so many bins that have any. The width is the smallest power
/// of two at which they fit, so an outlier costs one bin and no resolution, and the order of values makes no difference.
#[derive(Clone, Debug)]
pub struct Bins {
    most: usize,
    /// Power of two of the width.
    power: i32,
    counts: BTreeMap<i64, u64>,
    total: u64,
}

/// The finest width: 2^-12.
const FINEST: i32 = -12;
/// Values further away are counted here: no score is, and the numbers of bins stay exact.
const FARTHEST: f64 = 1.0995e12;

/// A bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Values from here.
    pub from: f64,
    /// To before here; of the last bar of [`Bins::bars`], whatever is above `from`.
    pub to: f64,
    /// How many.
    pub count: u64,
}

/// Bars of equal width, and what is above the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bars {
    /// Without gaps.
    pub bars: Vec<Bar>,
    /// Values above the last bar, and the highest of them.
    pub above: Option<(u64, f64)>,
}

impl Bins {
    /// No values yet.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(2), power: FINEST, counts: BTreeMap::new(), total: 0 }
    }

    /// Counts a value; one that is not finite is left out.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let value = value.clamp(-FARTHEST, FARTHEST);
        self.total += 1;
        *self.counts.entry(key(value, self.power)).or_default() += 1;
        while self.counts.len() > self.most {
            self.power += 1;
            for (key, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(key >> 1).or_default() += count;
            }
        }
    }

    /// Values counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The value below which this share of the values is, to the width of a bin.
    fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share * self.total as f64).ceil() as u64;
        let mut seen = 0;
        for (key, count) in &self.counts {
            seen += count;
            if seen >= wanted {
                return Some((*key as f64 + 1.0) * width(self.power));
            }
        }
        None
    }

    /// At most `most` bars from the lowest value on. Where a few values are far above all others, the bars end
    /// before them, or all others would be in one bar.
    pub fn bars(&self, most: usize) -> Bars {
        let (Some((&lowest, _)), Some((&highest, _))) =
            (self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return Bars::default();
        };
        let unit = width(self.power);
        let (low, high) = (lowest as f64 * unit, (highest as f64 + 1.0) * unit);
        let usual = self.quantile(0.99).unwrap_or(high);
        let end = if high - low > 5.0 * (usual - low) { low + 2.5 * (usual - low) } else { high };
        let mut power = self.power;
        let span = |power: i32| key(end, power) - key(low, power) + 1;
        while span(power) > most.max(1) as i64 {
            power += 1;
        }
        let (first, last) = (key(low, power), key(low, power) + span(power) - 1);
        // The end itself begins a bar, which has no values if they all lie before it.
        let last = if end >= high && key(end, power) as f64 * width(power) >= high && last > first {
            last - 1
        } else {
            last
        };
        self.bars_of(power, first, last)
    }

    /// The same bars for other values, so that both can be compared.
    pub fn like(&self, others: &Bars) -> Bars {
        let Some(bar) = others.bars.first() else { return Bars::default() };
        let power = (bar.to - bar.from).log2().round() as i32;
        if power < self.power {
            return Bars::default();
        }
        let first = key(bar.from, power);
        self.bars_of(power, first, first + others.bars.len() as i64 - 1)
    }

    fn bars_of(&self, power: i32, first: i64, last: i64) -> Bars {
        let mut counts = vec![0; usize::try_from(last - first + 1).unwrap_or(0)];
        let mut above = None;
        let shift = power.abs_diff(self.power);
        for (key, count) in &self.counts {
            let number = key.checked_shr(shift).unwrap_or(if *key < 0 { -1 } else { 0 });
            match usize::try_from(number - first).ok() {
                Some(place) if place < counts.len() => counts[place] += count,
                Some(_) => {
                    let (sum, _) = above.unwrap_or((0, 0.0));
                    above = Some((sum + count, (*key as f64 + 1.0) * width(self.power)));
                }
                None => {}
            }
        }
        let bar = |(number, count): (i64, u64)| Bar {
            from: number as f64 * width(power),
            to: (number + 1) as f64 * width(power),
            count,
        };
        Bars { bars: (first..).zip(counts).map(bar).collect(), above }
    }
}

fn width(power: i32) -> f64 {
    2_f64.powi(power)
}

/// The bin of a value.
fn key(value: f64, power: i32) -> i64 {
    (value / width(power)).floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64], most: usize) -> Bins {
        let mut bins = Bins::new(most);
        for value in values {
            bins.add(*value);
        }
        bins
    }

    #[test]
    fn every_value_is_in_one_bar() {
        let values: Vec<f64> = (0..1_000).map(|i| f64::from(i) / 100.0).collect();
        let bars = of(&values, 4_096).bars(64);
        assert!(bars.bars.len() > 20 && bars.bars.len() <= 64, "{}", bars.bars.len());
        for bar in &bars.bars {
            let there = values.iter().filter(|value| (bar.from..bar.to).contains(*value)).count();
            assert_eq!(there as u64, bar.count, "{bar:?}");
        }
        assert_eq!(bars.above, None);
    }

    #[test]
    fn outliers_stand_above_the_bars() {
        let mut values: Vec<f64> = (0..1_000).map(|i| f64::from(i) / 1_000.0).collect();
        values.push(1_681.0);
        let bars = of(&values, 4_096).bars(64);
        assert!(bars.bars.len() > 20, "{}", bars.bars.len());
        assert_eq!(bars.bars.iter().map(|bar| bar.count).sum::<u64>(), 1_000);
        let (count, highest) = bars.above.unwrap();
        assert!(count == 1 && (highest - 1_681.0).abs() < 0.1);
    }

    #[test]
    fn one_value_equal_values_and_none() {
        assert_eq!(of(&[], 16).bars(64), Bars::default());
        for values in [vec![2.5], vec![0.0; 9], vec![-3.0, -3.0]] {
            let bars = of(&values, 16).bars(64);
            let sum: u64 = bars.bars.iter().map(|bar| bar.count).sum();
            assert_eq!((sum as usize, bars.above), (values.len(), None), "{values:?}");
        }
        assert_eq!(of(&[f64::NAN, f64::INFINITY], 16).total(), 0);
        let huge = of(&[1e300, 1.0, -1e300], 16);
        assert!(huge.bars(64).bars.len() <= 64);
    }

    #[test]
    fn other_values_by_the_same_bars() {
        let bars = of(&[0.0, 1.0, 2.0, 3.0], 4_096).bars(4);
        let others = of(&[0.1, 1.9, 1.95, 7.0], 4_096).like(&bars);
        let edges = |bars: &Bars| bars.bars.iter().map(|bar| bar.from).collect::<Vec<_>>();
        assert_eq!(edges(&others), edges(&bars));
        let inside: u64 = others.bars.iter().map(|bar| bar.count).sum();
        assert_eq!(inside + others.above.map_or(0, |(count, _)| count), 4);
    }

    proptest! {
        #[test]
        fn order_makes_no_difference(mut values in prop::collection::vec(-50.0_f64..1e6, 1..200)) {
            let one = of(&values, 32);
            values.reverse();
            let other = of(&values, 32);
            prop_assert_eq!(one.power, other.power);
            prop_assert_eq!(one.counts, other.counts);
        }
    }
}
