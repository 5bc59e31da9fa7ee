//! Pictures of scores, drawn by plotters: as SVG for pages and browsers, as PNG for everything else. What is drawn
//! is bounded: rows come as buckets ([`Series`]) and bins ([`Bins`]), never one by one.

pub mod axis;
mod bins;
mod curves;
mod heat;
mod histogram;
mod png;
mod scores;
mod series;
mod spark;

pub use bins::{Bar, Bars, Bins};
pub use curves::Curves;
pub use heat::HeatMap;
pub use histogram::HistogramPlot;
pub use scores::{Column, ScorePlot};
pub use series::{Bucket, Point, Series};
pub use spark::Sparkline;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters_backend::DrawingBackend;
use std::path::Path;

/// Colours by what they mean. A page finds them in the drawing and puts its own in their places, so no two
/// are equal.
pub mod palette {
    use plotters::style::RGBColor;

    /// Text and axes.
    pub const INK: RGBColor = RGBColor(0x1B, 0x27, 0x33);
    /// Lines of the mesh.
    pub const GRID: RGBColor = RGBColor(0xD5, 0xDC, 0xE4);
    /// Rows.
    pub const ROWS: RGBColor = RGBColor(0x2F, 0x6D, 0xB5);
    /// Alerts.
    pub const ALERT: RGBColor = RGBColor(0xC2, 0x33, 0x1C);
    /// The threshold.
    pub const THRESHOLD: RGBColor = RGBColor(0xC2, 0x33, 0x1B);
    /// What `timeseries` has flagged.
    pub const FLAG: RGBColor = RGBColor(0x8A, 0x5A, 0x00);
    /// Training rows.
    pub const TRAINING: RGBColor = RGBColor(0x7A, 0x87, 0x94);
    /// What a drawing stands on.
    pub const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
}

/// Height of text in pixels.
const TEXT: i32 = 15;

/// A drawing that could not be made.
pub type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Something that can be drawn.
pub trait Plot {
    /// What it shows, in a few words.
    fn title(&self) -> String;
    /// What is to be seen, for those who do not see it.
    fn description(&self) -> String;
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);
    /// Draws it.
    ///
    /// # Errors
    /// Those of the backend.
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB>;
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// For browsers.
    Svg,
    /// For everything else.
    Png,
}

impl PictureFormat {
    /// The format that a file's name tells.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "svg" => Some(Self::Svg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}

/// The file's bytes.
///
/// # Errors
/// What could not be drawn.
pub fn picture(plot: &impl Plot, format: PictureFormat) -> Result<Vec<u8>, String> {
    match format {
        PictureFormat::Svg => {
            let (width, height) = plot.size();
            let inside = inside(plot, Some(palette::PAPER))?;
            let markup = maud::html! {
                svg xmlns="http://www.w3.org/2000/svg" role="img" width=(width) height=(height)
                    viewBox={ "0 0 " (width) " " (height) } {
                    title { (plot.title()) }
                    desc { (plot.description()) }
                    (maud::PreEscaped(inside))
                }
            };
            Ok(markup.into_string().into_bytes())
        }
        PictureFormat::Png => png::picture(plot),
    }
}

/// What stands between the tags of an SVG; texts in it are escaped by plotters.
///
/// # Errors
/// What could not be drawn.
pub fn inside(plot: &impl Plot, paper: Option<RGBColor>) -> Result<String, String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, plot.size()).into_drawing_area();
        let fill = paper.map_or(Ok(()), |paper| area.fill(&paper));
        fill.and_then(|()| plot.draw(&area))
            .and_then(|()| area.present())
            .map_err(|why| format!("the drawing {:?} cannot be made: {why}", plot.title()))?;
    }
    let inside = text.find('>').map(|end| &text[end + 1..]);
    let inside = inside.and_then(|inside| inside.trim_end().strip_suffix("</svg>"));
    inside.map(|inside| inside.trim().to_owned()).ok_or_else(|| {
        format!("the drawing {:?} cannot be made: it is not one element", plot.title())
    })
}

fn text(color: RGBColor) -> TextStyle<'static> {
    ("sans-serif", TEXT).into_font().color(&color)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl Plot for Named {
        fn title(&self) -> String {
            self.0.to_owned()
        }
        fn description(&self) -> String {
            self.0.to_owned()
        }
        fn size(&self) -> (u32, u32) {
            (200, 60)
        }
        fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
            area.draw(&Text::new(self.0, (5, 5), text(palette::INK)))?;
            area.draw(&Rectangle::new([(5, 30), (100, 50)], palette::ROWS.filled()))
        }
    }

    #[test]
    fn texts_cannot_end_their_element() {
        let hostile = "</text></svg><script>alert('x')</script><img src=x onerror=\"y\">&";
        let bytes = picture(&Named(hostile), PictureFormat::Svg).unwrap();
        let svg = String::from_utf8(bytes).unwrap();
        for tag in ["<script", "<img", "</svg><"] {
            assert!(!svg.contains(tag), "{svg}");
        }
        assert_eq!(svg.matches("&lt;script&gt;").count(), 3, "title, description and text");
        assert!(svg.contains("role=\"img\"") && svg.matches("<svg").count() == 1);
    }

    #[test]
    fn a_png_has_text_and_shapes_in_it() {
        let png = picture(&Named("Zoë 李"), PictureFormat::Png).unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let has = |color: RGBColor| pixels.chunks(3).any(|p| p == [color.0, color.1, color.2]);
        assert!(has(palette::INK) && has(palette::ROWS) && has(palette::PAPER));
    }

    #[test]
    fn the_name_tells_the_format() {
        let of = |name: &str| PictureFormat::of(Path::new(name));
        assert_eq!(of("a.SVG"), Some(PictureFormat::Svg));
        assert_eq!((of("a.png"), of("a.gif")), (Some(PictureFormat::Png), None));
    }
}
