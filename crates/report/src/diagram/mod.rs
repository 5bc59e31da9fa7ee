//! Drawings of a pipeline: one box a stage, with its rows and rate after the run.

mod png;
mod svg;

use dfp_engine::{Report, StageReport};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Where the arrows of a drawing go.
pub const VIZ_DIRECTIONS: [&str; 4] = ["BT", "LR", "RL", "TB"];

/// Where and how a run is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The file.
    pub file: PathBuf,
    /// What its name asks for.
    pub format: DrawingFormat,
    /// One of [`VIZ_DIRECTIONS`]: where the arrows go, from left to right in `LR`.
    pub direction: String,
}

/// How a drawing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawingFormat {
    /// For Graphviz.
    Dot,
    /// For browsers.
    Svg,
    /// For everything else.
    Png,
}

impl DrawingFormat {
    /// The format that a file's name tells.
    ///
    /// # Errors
    /// What is accepted instead.
    pub fn of(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            Some("dot" | "gv") => Ok(Self::Dot),
            _ => Err(format!(
                "{name:?} cannot be drawn; expected .svg, .png, and .dot or .gv, of which Graphviz makes any other (dot -Tpdf)"
            )),
        }
    }
}

impl Drawing {
    /// The file's bytes.
    pub fn bytes(&self, report: &Report) -> Vec<u8> {
        let boxes = || report.stages.iter().enumerate().map(|(number, stage)| lines(number, stage));
        let layout = Layout::new(report.stages.len(), &self.direction);
        match self.format {
            DrawingFormat::Dot => self.dot(report).into_bytes(),
            DrawingFormat::Svg => svg::drawing(&layout, boxes()).into_bytes(),
            DrawingFormat::Png => png::drawing(&layout, boxes()),
        }
    }

    fn dot(&self, report: &Report) -> String {
        let mut text =
            format!("digraph pipeline {{\n  rankdir={};\n  node [shape=box];\n", self.direction);
        for (number, stage) in report.stages.iter().enumerate() {
            let [name, rows, rate] = lines(number, stage);
            let _ = writeln!(
                text,
                "  s{number} [label=\"{}\\n{rows}\\n{rate}\"];",
                name.replace('"', "\\\"")
            );
        }
        for number in 1..report.stages.len() {
            let rows = report.stages[number].rows_in;
            let _ = writeln!(text, "  s{} -> s{number} [label=\"{rows}\"];", number - 1);
        }
        text.push_str("}\n");
        text
    }
}

/// Width and height of a box.
const BOX: (usize, usize) = (210, 66);
const GAP: usize = 40;
const EDGE: usize = 10;

/// Where everything is, in pixels from the upper left.
struct Layout {
    size: (usize, usize),
    /// Upper left corners.
    boxes: Vec<(usize, usize)>,
    /// From, to.
    arrows: Vec<[(usize, usize); 2]>,
}

impl Layout {
    /// A chain needs no search for places: boxes of one size, side by side or one above the other.
    fn new(stages: usize, direction: &str) -> Self {
        let across = matches!(direction, "LR" | "RL");
        let backwards = matches!(direction, "RL" | "BT");
        let step = GAP + if across { BOX.0 } else { BOX.1 };
        let long = (stages * step).saturating_sub(GAP) + 2 * EDGE;
        let size = if across { (long, BOX.1 + 2 * EDGE) } else { (BOX.0 + 2 * EDGE, long) };
        let place = |number: usize| {
            let nth = if backwards { stages - 1 - number } else { number };
            let along = EDGE + nth * step;
            if across { (along, EDGE) } else { (EDGE, along) }
        };
        let (first, second) = if across {
            ((BOX.0, BOX.1 / 2), (0, BOX.1 / 2))
        } else {
            ((BOX.0 / 2, BOX.1), (BOX.0 / 2, 0))
        };
        let (out, into) = if backwards { (second, first) } else { (first, second) };
        let boxes: Vec<_> = (0..stages).map(place).collect();
        let arrows = boxes.windows(2).map(|pair| {
            [(pair[0].0 + out.0, pair[0].1 + out.1), (pair[1].0 + into.0, pair[1].1 + into.1)]
        });
        Self { size, arrows: arrows.collect(), boxes }
    }
}

/// What stands in a box: name and number, rows, rate while it worked.
fn lines(number: usize, stage: &StageReport) -> [String; 3] {
    let dropped: u64 = stage.dropped.values().sum();
    let rows = match (number, dropped) {
        (0, _) => format!("{} rows read", stage.rows_out),
        (_, 0) => format!("{} rows", stage.rows_out),
        _ => format!("{} of {} rows", stage.rows_out, stage.rows_in),
    };
    let seconds = stage.busy.as_secs_f64();
    let rate = stage.rows_in.max(stage.rows_out) as f64 / seconds.max(1e-9);
    [format!("{}-{number}", stage.stage), rows, format!("{rate:.0} rows/s, {seconds:.3} s")]
}

/// The direction of a drawing where none is asked for.
#[must_use]
pub fn direction(typed: Option<&str>) -> String {
    typed.unwrap_or(VIZ_DIRECTIONS[1]).to_owned()
}
