//! How many rows have which score.

use super::axis::{self, Axis};
use super::{Bar, Bars, Drawn, Plot, palette, text};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters_backend::DrawingBackend;

/// The picture.
#[derive(Clone, Debug)]
pub struct HistogramPlot {
    /// Whose scores.
    pub title: String,
    /// What is counted.
    pub value: String,
    /// The rows.
    pub rows: Bars,
    /// The training rows, in the same bars; empty if their scores are not known.
    pub training: Bars,
    /// Height in pixels.
    pub height: u32,
}

const WIDTH: u32 = 960;

impl HistogramPlot {
    fn total(bars: &Bars) -> u64 {
        let inside: u64 = bars.bars.iter().map(|bar| bar.count).sum();
        inside + bars.above.map_or(0, |(count, _)| count)
    }

    /// Training rows, as if they were as many as the rows.
    fn scale(&self) -> f64 {
        match Self::total(&self.training) {
            0 => 0.0,
            training => Self::total(&self.rows) as f64 / training as f64,
        }
    }
}

/// Counts go over several powers of ten, and single rows are to be seen.
fn height(count: f64) -> f64 {
    (count + 1.0).log10()
}

impl Plot for HistogramPlot {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn description(&self) -> String {
        let bars = &self.rows.bars;
        let mut words =
            format!("{} of {} rows", self.value, axis::grouped(Self::total(&self.rows)));
        if let Some(most) = bars.iter().max_by_key(|bar| bar.count) {
            let [from, to] = [most.from, most.to].map(axis::number);
            words += &format!("; the most, {}, are from {from} to {to}", axis::grouped(most.count));
        }
        if let Some((count, highest)) = self.rows.above {
            let highest = axis::number(highest);
            words += &format!("; {} further to the right, up to {highest}", axis::grouped(count));
        }
        if !self.training.bars.is_empty() {
            let training = axis::grouped(Self::total(&self.training));
            words += &format!("; behind them those of {training} training rows");
        }
        words
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH, self.height)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let bars = &self.rows.bars;
        let from = bars.first().map_or(0.0, |bar| bar.from);
        let to = bars.last().map_or(1.0, |bar| bar.to);
        let scale = self.scale();
        let behind = self.training.bars.iter().map(|bar| bar.count as f64 * scale);
        let most =
            bars.iter().map(|bar| bar.count as f64).chain(behind.clone()).fold(1.0, f64::max);
        let marks =
            (0..12).map(|power| 10_f64.powi(power)).take_while(|count| *count <= 2.0 * most);
        let marks: Vec<f64> = marks.map(height).collect();
        let top = 1.08 * height(most);
        let heading = match self.rows.above {
            Some((count, highest)) => format!(
                "rows (log scale); {} above {}, up to {}",
                axis::grouped(count),
                axis::number(to),
                axis::number(highest)
            ),
            None => "rows (log scale)".to_owned(),
        };
        area.draw(&Text::new(heading, (8, 6), text(palette::INK)))?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(30)
            .margin_right(40)
            .x_label_area_size(54)
            .y_label_area_size(72)
            .build_cartesian_2d(
                Axis { from, to, marks: axis::ticks(from, to, 8) },
                Axis { from: 0.0, to: top, marks },
            )?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(palette::GRID)
            .axis_style(palette::INK)
            .label_style(text(palette::INK))
            .axis_desc_style(text(palette::INK))
            .x_desc(self.value.as_str())
            .x_label_formatter(&|value| axis::number(*value))
            .y_label_formatter(
                &|at| axis::grouped((10_f64.powf(*at) - 1.0).round().max(0.0) as u64),
            )
            .draw()?;
        let plotting = chart.plotting_area();
        let mark = |bar: &Bar, count: f64| [(bar.from, 0.0), (bar.to, height(count))];
        for (bar, count) in self.training.bars.iter().zip(behind) {
            if count > 0.0 {
                let fill = palette::TRAINING.mix(0.45).filled();
                plotting.draw(&Rectangle::new(mark(bar, count), fill))?;
            }
        }
        for bar in bars.iter().filter(|bar| bar.count > 0) {
            let inset = 0.14 * (bar.to - bar.from);
            let bar = Bar { from: bar.from + inset, to: bar.to - inset, ..*bar };
            let shape = Rectangle::new(mark(&bar, bar.count as f64), palette::ROWS.filled());
            plotting.draw(&shape)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::{Bins, PictureFormat, picture};

    fn bins(values: impl IntoIterator<Item = f64>) -> Bins {
        let mut bins = Bins::new(4_096);
        values.into_iter().for_each(|value| bins.add(value));
        bins
    }

    fn plot(rows: Bars, training: Bars) -> HistogramPlot {
        let (title, value) = ("Histogram".to_owned(), "score".to_owned());
        HistogramPlot { title, value, rows, training, height: 320 }
    }

    #[test]
    fn the_bars_are_told_and_drawn_with_those_of_training_behind() {
        let rows = bins((0..1_000).map(|i| f64::from(i % 10)).chain([900.0])).bars(60);
        let training = bins((0..500).map(|i| f64::from(i % 5))).like(&rows);
        let plot = plot(rows, training);
        let words = plot.description();
        assert!(words.contains("score of 1,001 rows") && words.contains("; 1 further"), "{words}");
        assert!(words.ends_with("behind them those of 500 training rows"), "{words}");
        let svg = String::from_utf8(picture(&plot, PictureFormat::Svg).unwrap()).unwrap();
        assert!(svg.contains("#7A8794") && svg.contains("#2F6DB5"));
    }

    #[test]
    fn no_rows_and_one_row_are_drawn() {
        for values in [vec![], vec![1.0], vec![0.0; 3]] {
            let plot = plot(bins(values).bars(60), Bars::default());
            for format in [PictureFormat::Svg, PictureFormat::Png] {
                assert!(!picture(&plot, format).unwrap().is_empty());
            }
        }
    }
}
