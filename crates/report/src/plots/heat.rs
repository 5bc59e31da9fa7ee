//! What each feature contributed to each of some rows.

use super::{Drawn, Plot, palette, text};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters_backend::DrawingBackend;

/// The picture: a line a row, a column a feature.
#[derive(Clone, Debug)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// What is to be seen in it.
    pub description: String,
    /// What stands before each line.
    pub rows: Vec<String>,
    /// What stands above each column.
    pub columns: Vec<String>,
    /// `[rows, columns]`; `None` where nothing is known.
    pub values: Vec<Option<f64>>,
}

const CELL: (i32, i32) = (28, 20);
const LEFT: i32 = 190;
const TOP: i32 = 170;
/// Longer names are cut.
const LONGEST: usize = 24;

impl HeatMap {
    fn highest(&self) -> f64 {
        self.values.iter().flatten().copied().fold(0.0, f64::max)
    }
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

impl Plot for HeatMap {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn size(&self) -> (u32, u32) {
        let size = |count: usize, cell: i32| u32::try_from(count).unwrap_or(0) * cell as u32;
        let width = LEFT as u32 + size(self.columns.len(), CELL.0) + 60;
        (width, TOP as u32 + size(self.rows.len(), CELL.1) + 10)
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        let highest = self.highest();
        let left = |column: usize| LEFT + CELL.0 * i32::try_from(column).unwrap_or(0);
        let top = |row: usize| TOP + CELL.1 * i32::try_from(row).unwrap_or(0);
        for (column, name) in self.columns.iter().enumerate() {
            let style = text(palette::INK)
                .transform(FontTransform::Rotate270)
                .pos(Pos::new(HPos::Left, VPos::Center));
            let at = (left(column) + CELL.0 / 2, TOP - 6);
            area.draw(&Text::new(cut(name), at, style))?;
        }
        for (row, name) in self.rows.iter().enumerate() {
            let style = text(palette::INK).pos(Pos::new(HPos::Right, VPos::Center));
            let at = (LEFT - 8, top(row) + CELL.1 / 2);
            area.draw(&Text::new(cut(name), at, style))?;
        }
        for (number, value) in self.values.iter().enumerate() {
            let Some(value) = value else { continue };
            let (row, column) = (number / self.columns.len(), number % self.columns.len());
            let share = if highest > 0.0 { (value / highest).clamp(0.0, 1.0) } else { 0.0 };
            let (x, y) = (left(column), top(row));
            let cell = [(x, y), (x + CELL.0 - 1, y + CELL.1 - 1)];
            let frame = Rectangle::new(cell, palette::GRID.stroke_width(1));
            area.draw(&frame)?;
            if share > 0.02 {
                area.draw(&Rectangle::new(cell, palette::ALERT.mix(share).filled()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::{PictureFormat, picture};

    #[test]
    fn the_largest_contribution_is_the_darkest() {
        let map = HeatMap {
            title: "Contributions".into(),
            description: "two rows".into(),
            rows: vec!["1 ann".into(), "2 bob".into()],
            columns: vec!["eventName".into(), "a".repeat(90)],
            values: vec![Some(8.0), Some(2.0), None, Some(0.0)],
        };
        let svg = String::from_utf8(picture(&map, PictureFormat::Svg).unwrap()).unwrap();
        let cells: Vec<&str> =
            svg.lines().filter(|line| line.contains("fill=\"#C2331C\"")).collect();
        assert_eq!(cells.len(), 2);
        assert!(cells[0].contains("opacity=\"1\"") && cells[1].contains("opacity=\"0.25\""));
        assert!(svg.contains(&format!("{}…", "a".repeat(LONGEST))));
    }
}
