//! A line as high as a word: a user's highest value over time.

use super::{Drawn, Plot, Series, palette};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters_backend::DrawingBackend;

/// The picture.
#[derive(Clone, Debug)]
pub struct Sparkline {
    /// Whose, and of what.
    pub title: String,
    /// What is to be seen.
    pub description: String,
    points: Vec<(f64, f64)>,
    /// The highest of those that are alerts.
    alert: Option<(f64, f64)>,
    across: (f64, f64),
    highest: f64,
}

const SIZE: (i32, i32) = (140, 26);

impl Sparkline {
    /// The highest values of a series, each changed as asked, between two times; `highest` is the top of the scale,
    /// so that lines can be compared.
    pub fn new(
        series: &Series,
        change: impl Fn(f32) -> f64,
        across: (f64, f64),
        highest: f64,
    ) -> Self {
        let points = series.parts().filter_map(|(start, bucket)| {
            let (_, high) = bucket.range?;
            Some(((start as f64, change(high)), bucket.alert))
        });
        let points: Vec<((f64, f64), bool)> = points.collect();
        let alerts = points.iter().filter(|(_, alert)| *alert).map(|(point, _)| *point);
        let alert = alerts.max_by(|a, b| a.1.total_cmp(&b.1));
        let points = points.into_iter().map(|(point, _)| point).collect();
        let (title, description) = (String::new(), String::new());
        Self { title, description, points, alert, across, highest }
    }

    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let (from, to) = self.across;
        let share = if to > from { (x - from) / (to - from) } else { 0.5 };
        let height = if self.highest > 0.0 { (y / self.highest).clamp(0.0, 1.0) } else { 0.0 };
        let (width, tall) = (f64::from(SIZE.0 - 6), f64::from(SIZE.1 - 6));
        let x = 3 + (share.clamp(0.0, 1.0) * width).round() as i32;
        (x, SIZE.1 - 3 - (height * tall).round() as i32)
    }
}

impl Plot for Sparkline {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn size(&self) -> (u32, u32) {
        (SIZE.0 as u32, SIZE.1 as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let line: Vec<(i32, i32)> = self.points.iter().map(|point| self.at(*point)).collect();
        match line.as_slice() {
            [single] => area.draw(&Circle::new(*single, 2, palette::ROWS.filled()))?,
            line => area.draw(&PathElement::new(line, palette::ROWS.stroke_width(1)))?,
        }
        match self.alert {
            Some(point) => area.draw(&Circle::new(self.at(point), 3, palette::ALERT.filled())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::{Point, inside};

    #[test]
    fn the_line_stays_inside_and_marks_the_highest_alert() {
        let spark = |alerts: [bool; 3]| {
            let mut series = Series::new(48);
            for ((at, value), alert) in [(0, 1.0), (50, 900.0), (100, 0.0)].into_iter().zip(alerts)
            {
                series.add(at, Point { value: Some(value), alert, flagged: false });
            }
            let plot = Sparkline::new(&series, f64::from, (0.0, 100.0), 8.0);
            inside(&plot, None).unwrap()
        };
        assert_eq!(spark([true, true, false]).matches("<circle").count(), 1);
        assert!(spark([true, true, false]).contains("cy=\"3\""), "the top");
        assert_eq!(spark([false; 3]).matches("<circle").count(), 0);
        assert!(spark([false; 3]).contains(",3 "), "{}", spark([false; 3]));
        let empty = Sparkline::new(&Series::new(4), f64::from, (0.0, 0.0), 0.0);
        assert!(inside(&empty, None).is_ok());
    }
}
