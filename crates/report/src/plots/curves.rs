//! Losses over epochs: one line a model, or for many models their middle, lowest and highest.

use super::axis::{self, Axis};
use super::{Drawn, Plot, palette, text};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters_backend::DrawingBackend;

/// The picture.
#[derive(Clone, Debug)]
pub struct Curves {
    /// What it shows.
    pub title: String,
    /// Of each model the mean loss of each epoch.
    losses: Vec<Vec<f64>>,
}

/// More models than this are not told apart.
const SINGLE: usize = 8;

impl Curves {
    /// Losses of models, of each epoch the mean; what is no number is left out.
    pub fn new(title: &str, losses: impl IntoIterator<Item = Vec<f64>>) -> Self {
        let finite = |of: &Vec<f64>| !of.is_empty() && of.iter().all(|loss| loss.is_finite());
        Self { title: title.to_owned(), losses: losses.into_iter().filter(finite).collect() }
    }

    /// There is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.losses.is_empty()
    }

    fn epochs(&self) -> usize {
        self.losses.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The lowest, the middle and the highest loss of each epoch, over the models that had it.
    fn spread(&self) -> Vec<[f64; 3]> {
        let of_epoch = |epoch: usize| {
            let mut all: Vec<f64> =
                self.losses.iter().filter_map(|of| of.get(epoch)).copied().collect();
            all.sort_by(f64::total_cmp);
            let at = |place: usize| all.get(place).copied().unwrap_or_default();
            [at(0), at(all.len() / 2), at(all.len().saturating_sub(1))]
        };
        (0..self.epochs()).map(of_epoch).collect()
    }
}

fn line(values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
    (1..).map(f64::from).zip(values).collect()
}

impl Plot for Curves {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn description(&self) -> String {
        let spread = self.spread();
        let [first, last] = [spread.first(), spread.last()]
            .map(|of| axis::number(of.map_or(0.0, |[_, middle, _]| *middle)));
        format!(
            "mean training loss of {} models over up to {} epochs; the middle one goes from {first} to {last}",
            axis::grouped(self.losses.len() as u64),
            self.epochs()
        )
    }

    fn size(&self) -> (u32, u32) {
        (960, 280)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let spread = self.spread();
        let highest = spread.iter().map(|[_, _, high]| *high).fold(0.0, f64::max).max(1e-9);
        let epochs = (self.epochs() as f64).max(1.0);
        let right = if epochs > 1.0 { epochs } else { 2.0 };
        let marks = axis::ticks(1.0, right, 8).into_iter().filter(|mark| mark.fract() == 0.0);
        area.draw(&Text::new("mean training loss", (8, 6), text(palette::INK)))?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(30)
            .margin_right(40)
            .x_label_area_size(54)
            .y_label_area_size(64)
            .build_cartesian_2d(
                Axis { from: 1.0, to: right, marks: marks.collect() },
                Axis { from: 0.0, to: 1.05 * highest, marks: axis::ticks(0.0, highest, 5) },
            )?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(palette::GRID)
            .axis_style(palette::INK)
            .label_style(text(palette::INK))
            .axis_desc_style(text(palette::INK))
            .x_desc("epoch")
            .x_label_formatter(&|value| axis::number(*value))
            .y_label_formatter(&|value| axis::number(*value))
            .draw()?;
        let style = palette::ROWS.stroke_width(2);
        if self.losses.len() <= SINGLE {
            for losses in &self.losses {
                chart.draw_series(LineSeries::new(line(losses.iter().copied()), style))?;
            }
            return Ok(());
        }
        let upper = line(spread.iter().map(|[_, _, high]| *high));
        let lower = line(spread.iter().map(|[low, _, _]| *low));
        let band: Vec<(f64, f64)> = upper.into_iter().chain(lower.into_iter().rev()).collect();
        chart.plotting_area().draw(&Polygon::new(band, palette::ROWS.mix(0.25).filled()))?;
        chart.draw_series(LineSeries::new(
            line(spread.iter().map(|[_, middle, _]| *middle)),
            style,
        ))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::{PictureFormat, picture};

    #[test]
    fn few_models_have_lines_and_many_a_band() {
        let losses = |models: usize| (0..models).map(|m| vec![3.0 + m as f64, 2.0, 1.0]);
        let few = Curves::new("Loss", losses(3));
        let svg =
            |plot: &Curves| String::from_utf8(picture(plot, PictureFormat::Svg).unwrap()).unwrap();
        let lines = |plot: &Curves| svg(plot).matches("stroke=\"#2F6DB5\"").count();
        assert_eq!((lines(&few), few.description().contains("3 models")), (3, true));
        let many = Curves::new("Loss", losses(20).chain([vec![f64::NAN], vec![]]));
        assert_eq!(svg(&many).matches("<polygon").count(), 1);
        assert!(many.description().contains("20 models over up to 3 epochs"));
        assert!(Curves::new("Loss", [vec![]]).is_empty());
        assert!(!svg(&Curves::new("Loss", [vec![0.0]])).is_empty());
    }
}
