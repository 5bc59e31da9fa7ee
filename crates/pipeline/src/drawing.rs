//! Drawings of a pipeline: one box a stage, with its rows and rate after the run.

use crate::options::VIZ_DIRECTIONS;
use dfp_flow::{Report, StageReport};
use std::fmt::Write;
use std::path::{Path, PathBuf};

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
            Some("dot" | "gv") => Ok(Self::Dot),
            _ => Err(format!(
                "{name:?} cannot be drawn; accepted: .svg, and .dot or .gv, of which Graphviz makes any other (dot -Tpng)"
            )),
        }
    }
}

impl Drawing {
    /// The drawing's text.
    pub fn text(&self, report: &Report) -> String {
        match self.format {
            DrawingFormat::Dot => self.dot(report),
            DrawingFormat::Svg => self.svg(report),
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

    /// A chain needs no layout: boxes of one size, side by side or one above the other.
    fn svg(&self, report: &Report) -> String {
        const BOX: (usize, usize) = (210, 66);
        const GAP: usize = 40;
        const EDGE: usize = 10;
        let stages = report.stages.len();
        let across = matches!(self.direction.as_str(), "LR" | "RL");
        let step = GAP + if across { BOX.0 } else { BOX.1 };
        let long = (stages * step).saturating_sub(GAP) + 2 * EDGE;
        let (width, height) =
            if across { (long, BOX.1 + 2 * EDGE) } else { (BOX.0 + 2 * EDGE, long) };
        let backwards = matches!(self.direction.as_str(), "RL" | "BT");
        let place = |number: usize| {
            let nth = if backwards { stages - 1 - number } else { number };
            let along = EDGE + nth * step;
            if across { (along, EDGE) } else { (EDGE, along) }
        };
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n\
             <defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
        );
        for (number, stage) in report.stages.iter().enumerate() {
            let (x, y) = place(number);
            let _ = writeln!(
                text,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#eef3fa\" stroke=\"#345\"/>",
                BOX.0, BOX.1
            );
            for (line, words) in lines(number, stage).iter().enumerate() {
                let weight = if line == 0 { " font-weight=\"bold\"" } else { "" };
                let (x, y) = (x + BOX.0 / 2, y + 20 + 18 * line);
                let _ =
                    writeln!(text, "<text x=\"{x}\" y=\"{y}\"{weight}>{}</text>", escaped(words));
            }
            if number > 0 {
                let ((from_x, from_y), middle) = (place(number - 1), (BOX.0 / 2, BOX.1 / 2));
                let (x1, y1, x2, y2) = match (across, backwards) {
                    (true, false) => (from_x + BOX.0, from_y + middle.1, x, y + middle.1),
                    (true, true) => (from_x, from_y + middle.1, x + BOX.0, y + middle.1),
                    (false, false) => (from_x + middle.0, from_y + BOX.1, x + middle.0, y),
                    (false, true) => (from_x + middle.0, from_y, x + middle.0, y + BOX.1),
                };
                let _ = writeln!(
                    text,
                    "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"black\" marker-end=\"url(#tip)\"/>"
                );
            }
        }
        text.push_str("</svg>\n");
        text
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The direction of a drawing where none is asked for.
pub(crate) fn direction(typed: Option<&str>) -> String {
    typed.unwrap_or(VIZ_DIRECTIONS[1]).to_owned()
}
