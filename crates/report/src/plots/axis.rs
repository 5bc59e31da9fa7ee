//! Where an axis has its marks, and what is written there.

use jiff::{Timestamp, tz::TimeZone};
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Steps that people count time in, microseconds.
const STEPS: [i64; 22] = [
    SECOND,
    5 * SECOND,
    15 * SECOND,
    30 * SECOND,
    60 * SECOND,
    5 * 60 * SECOND,
    15 * 60 * SECOND,
    30 * 60 * SECOND,
    3_600 * SECOND,
    3 * 3_600 * SECOND,
    6 * 3_600 * SECOND,
    12 * 3_600 * SECOND,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    56 * DAY,
    91 * DAY,
    182 * DAY,
    364 * DAY,
    1_820 * DAY,
];

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Microseconds since 1970.
    Time,
    /// Rows, in the order in which they came.
    Rows,
}

/// An axis with marks of its own.
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) marks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let span = self.to - self.from;
        let share = if span > 0.0 { (value - self.from) / span } else { 0.0 };
        let length = f64::from(limit.1) - f64::from(limit.0);
        limit.0 + (share.clamp(-1.0, 2.0) * length).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.marks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

/// About `wanted` round numbers from `low` to `high`.
pub fn ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return vec![low];
    }
    let raw = span / wanted.max(1) as f64;
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
    let step = step.into_iter().find(|step| *step >= raw).unwrap_or(raw);
    multiples(low, high, step)
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first + 1.0).clamp(0.0, 1_000.0) as u32;
    (0..count).map(|number| (first + f64::from(number)) * step).collect()
}

/// At most `most` round times from `low` to `high`.
pub fn time_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let step = STEPS.into_iter().map(|step| step as f64);
    let fits = |step: &f64| (high - low) / step <= most as f64;
    let step = step.clone().find(fits).unwrap_or((high - low) / most.max(1) as f64);
    multiples(low, high, step.max(1.0))
}

/// What stands at a mark, where so much lies between two of them.
pub fn time_label(at: f64, span: f64) -> String {
    let days = span / DAY as f64;
    let format = match days {
        days if days > 8.0 => "%Y-%m-%d",
        days if days > 0.02 => "%m-%d %H:%M",
        _ => "%H:%M:%S",
    };
    formatted(at as i64, format)
}

/// A time in full, UTC.
pub fn time(micros: i64) -> String {
    formatted(micros, "%Y-%m-%d %H:%M:%S")
}

fn formatted(micros: i64, format: &str) -> String {
    match Timestamp::from_microsecond(micros) {
        Ok(at) => at.to_zoned(TimeZone::UTC).strftime(format).to_string(),
        Err(_) => micros.to_string(),
    }
}

/// A number as people read it: some four digits that count.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => return "0".to_owned(),
        size if !size.is_finite() => return value.to_string(),
        size if !(1e-4..1e15).contains(&size) => return format!("{value:.2e}"),
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 10.0 => format!("{value:.2}"),
        size if size >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.6}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A whole number, its digits in groups of three.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(-1.0, 1.0, 2), [-1.0, 0.0, 1.0]);
        assert_eq!(ticks(3.0, 3.0, 5), [3.0]);
        assert!(ticks(0.0, f64::INFINITY, 5).len() == 1);
        let day = DAY as f64;
        assert_eq!(time_ticks(0.5 * day, 3.5 * day, 4), [day, 2.0 * day, 3.0 * day]);
        for span in [1.0, 3e6, 4e9, 5e12, 9e17] {
            assert!(time_ticks(7.0, 7.0 + span, 8).len() <= 9, "{span}");
        }
    }

    #[test]
    fn labels_say_what_is_between_them() {
        let at = 1_704_110_400_000_000.0;
        assert_eq!(time_label(at, 30.0 * DAY as f64), "2024-01-01");
        assert_eq!(time_label(at, DAY as f64), "01-01 12:00");
        assert_eq!(time_label(at, 1e6), "12:00:00");
        assert_eq!(time(at as i64), "2024-01-01 12:00:00");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn numbers_read_well() {
        let texts = [0.0, 0.001, 0.25, 2.5, 1_681.4, 1.2e-9, -3.0, 12.346, 3e20].map(number);
        let wanted = ["0", "0.001", "0.25", "2.5", "1681", "1.20e-9", "-3", "12.35", "3.00e20"];
        assert_eq!(texts, wanted);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
