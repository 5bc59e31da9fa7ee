//! The drawing as SVG.

use super::{BOX, Layout};
use std::fmt::Write;

/// The text of a file: boxes with these lines.
pub(super) fn drawing(layout: &Layout, boxes: impl Iterator<Item = [String; 3]>) -> String {
    let (width, height) = layout.size;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n\
         <defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for ((x, y), lines) in layout.boxes.iter().zip(boxes) {
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#eef3fa\" stroke=\"#345\"/>",
            BOX.0, BOX.1
        );
        for (line, words) in lines.iter().enumerate() {
            let weight = if line == 0 { " font-weight=\"bold\"" } else { "" };
            let (x, y) = (x + BOX.0 / 2, y + 20 + 18 * line);
            let _ = writeln!(text, "<text x=\"{x}\" y=\"{y}\"{weight}>{}</text>", escaped(words));
        }
    }
    for [(x1, y1), (x2, y2)] in &layout.arrows {
        let _ = writeln!(
            text,
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"black\" marker-end=\"url(#tip)\"/>"
        );
    }
    text.push_str("</svg>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
