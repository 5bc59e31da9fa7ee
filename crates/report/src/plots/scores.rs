//! Scores over time, or over the rows' numbers: for each column of pixels the lowest and the highest.

use super::axis::{self, Axis, Counted};
use super::{Bucket, Drawn, Plot, Series, palette, text};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters_backend::DrawingBackend;

/// Rows side by side that become one mark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Where it begins and ends on the axis.
    pub from: f64,
    /// See `from`.
    pub to: f64,
    /// What is in it.
    pub bucket: Bucket,
}

/// The picture.
#[derive(Clone, Debug)]
pub struct ScorePlot {
    /// Whose scores.
    pub title: String,
    /// What is drawn.
    pub value: String,
    /// What the axis counts.
    pub counted: Counted,
    /// In order.
    pub columns: Vec<Column>,
    /// Where alerts begin.
    pub threshold: Option<f64>,
    /// Height in pixels.
    pub height: u32,
}

/// Width of the picture.
const WIDTH: u32 = 960;
/// Room for labels at the left, and for half of one at the right.
const LEFT: u32 = 56;
const RIGHT: u32 = 40;
/// Room for what `timeseries` has flagged, below the scores, as a share of the height.
const STRIP: f64 = 0.06;

impl Column {
    /// The columns of a series.
    pub fn all(series: &Series) -> Vec<Self> {
        let width = series.width() as f64;
        let parts = series.parts();
        parts
            .map(|(start, bucket)| Self {
                from: start as f64,
                to: start as f64 + width,
                bucket: *bucket,
            })
            .collect()
    }
}

impl ScorePlot {
    /// Where a column is in the picture, in pixels from its left.
    pub fn pixel(&self, column: &Column) -> f64 {
        let (from, to) = self.across();
        let width = f64::from(WIDTH - LEFT - RIGHT);
        let middle = f64::midpoint(column.from, column.to).clamp(from, to);
        (f64::from(LEFT) + width * (middle - from) / (to - from)).round()
    }

    /// The axis from its first to its last column.
    fn across(&self) -> (f64, f64) {
        let from = self.columns.first().map_or(0.0, |column| column.from);
        let to = self.columns.last().map_or(1.0, |column| column.to);
        // A single row stands in the middle of some time.
        if to - from > 2.0 { (from, to) } else { (from - 1e6, to + 1e6) }
    }

    fn values(&self) -> (f64, f64) {
        let ranges = self.columns.iter().filter_map(|column| column.bucket.range);
        let (low, high) = ranges
            .fold((0.0, f64::from(f32::MIN_POSITIVE)), |all: (f64, f64), of| {
                (all.0.min(f64::from(of.0)), all.1.max(f64::from(of.1)))
            });
        let high = self.threshold.map_or(high, |threshold| high.max(1.15 * threshold));
        let margin = 0.05 * (high - low);
        (if low < 0.0 { low - margin } else { low }, high + margin)
    }

    fn flagged(&self) -> u64 {
        self.columns.iter().map(|column| column.bucket.flagged).sum()
    }
}

impl Plot for ScorePlot {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn description(&self) -> String {
        let rows: u64 = self.columns.iter().map(|column| column.bucket.rows).sum();
        let (from, to) = self.across();
        let from_to = match self.counted {
            Counted::Time => {
                format!("from {} to {} UTC", axis::time(from as i64), axis::time(to as i64))
            }
            Counted::Rows => "in the order in which they came".to_owned(),
        };
        let ranges = self.columns.iter().filter_map(|column| column.bucket.range);
        let highest = ranges.map(|(_, high)| f64::from(high)).fold(f64::NEG_INFINITY, f64::max);
        let mut words = format!("{} of {} rows {from_to}", self.value, axis::grouped(rows));
        if highest.is_finite() {
            words += &format!("; the highest is {}", axis::number(highest));
        }
        if let Some(threshold) = self.threshold {
            words += &format!("; the line of the threshold is at {}", axis::number(threshold));
        }
        if self.flagged() > 0 {
            words += &format!("; {} rows are flagged by their time", axis::grouped(self.flagged()));
        }
        words
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH, self.height)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let ((from, to), (low, high)) = (self.across(), self.values());
        let marks = match self.counted {
            Counted::Time => axis::time_ticks(from, to, 7),
            Counted::Rows => axis::ticks(from.max(0.0), to, 7),
        };
        let apart = marks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(to - from);
        let label = |at: &f64| match self.counted {
            Counted::Time => axis::time_label(*at, 8.0 * apart),
            Counted::Rows => axis::grouped(*at as u64),
        };
        let has_strip = self.flagged() > 0;
        let bottom = if has_strip { low - STRIP * (high - low) } else { low };
        let values = axis::ticks(low, high, 5);
        area.draw(&Text::new(self.value.clone(), (8, 6), text(palette::INK)))?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(30)
            .margin_right(RIGHT)
            .x_label_area_size(30)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(
                Axis { from, to, marks },
                Axis { from: bottom, to: high, marks: values },
            )?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(palette::GRID)
            .axis_style(palette::INK)
            .label_style(text(palette::INK))
            .x_label_formatter(&label)
            .y_label_formatter(&|value| axis::number(*value))
            .draw()?;
        let plotting = chart.plotting_area();
        let (right, floor) = (plotting.get_x_axis_pixel_range(), plotting.get_y_axis_pixel_range());
        let pixel = (to - from) / f64::from((right.end - right.start).max(1));
        let unit = (high - bottom) / f64::from((floor.end - floor.start).max(1));
        for column in &self.columns {
            let Some((lowest, highest)) = column.bucket.range.map(|r| (r.0.into(), r.1.into()))
            else {
                continue;
            };
            // A mark is never thinner than can be seen.
            let end = column.to.max(column.from + 2.0 * pixel);
            let top = f64::max(highest, lowest + 2.0 * unit);
            let mark = [(column.from, lowest), (end, top)];
            plotting.draw(&Rectangle::new(mark, palette::ROWS.filled()))?;
            if column.bucket.alert {
                let at = (f64::midpoint(column.from, end), highest);
                plotting.draw(&Circle::new(at, 3, palette::ALERT.filled()))?;
            }
        }
        for column in self.columns.iter().filter(|column| column.bucket.flagged > 0) {
            let end = column.to.max(column.from + 3.0 * pixel);
            let top = low - 0.2 * (low - bottom);
            let mark = [(column.from, bottom), (end, top)];
            plotting.draw(&Rectangle::new(mark, palette::FLAG.filled()))?;
        }
        if let Some(threshold) = self.threshold {
            let line = [(from, threshold), (to, threshold)];
            plotting.draw(&PathElement::new(line, palette::THRESHOLD.stroke_width(2)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::{PictureFormat, Point, picture};

    fn plot(rows: &[(i64, f32)]) -> ScorePlot {
        let mut series = Series::new(600);
        for (at, value) in rows {
            let alert = *value > 4.0;
            series.add(*at, Point { value: Some(*value), alert, flagged: false });
        }
        ScorePlot {
            title: "Scores".into(),
            value: "z".into(),
            counted: Counted::Time,
            columns: Column::all(&series),
            threshold: Some(4.0),
            height: 320,
        }
    }

    #[test]
    fn many_rows_are_few_marks_and_alerts_are_seen() {
        let rows: Vec<(i64, f32)> =
            (0..100_000).map(|i| (i * 60_000_000, if i == 500 { 9.0 } else { 1.0 })).collect();
        let svg = picture(&plot(&rows), PictureFormat::Svg).unwrap();
        let svg = String::from_utf8(svg).unwrap();
        assert!(svg.matches("<rect").count() <= 601 && svg.len() < 200_000, "{}", svg.len());
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("z of 100,000 rows from 1970-01-01"), "{}", &svg[..500]);
        assert!(svg.contains("the highest is 9; the line of the threshold is at 4"));
    }

    #[test]
    fn no_rows_one_row_and_equal_values_are_drawn() {
        for rows in [vec![], vec![(5, 0.0)], vec![(5, 2.0), (5, 2.0)], vec![(0, -1.0), (9, 5.0)]] {
            for format in [PictureFormat::Svg, PictureFormat::Png] {
                assert!(!picture(&plot(&rows), format).unwrap().is_empty(), "{rows:?}");
            }
        }
    }
}
