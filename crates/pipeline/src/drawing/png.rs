//! The drawing as PNG.

use super::{BOX, Layout};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::{FONT_8X13, FONT_8X13_BOLD};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{
    CornerRadii, Line, PrimitiveStyle, PrimitiveStyleBuilder, Rectangle, RoundedRectangle, Triangle,
};
use embedded_graphics::text::{Alignment, Text};
use std::convert::Infallible;

const BACKGROUND: Rgb888 = Rgb888::new(0xee, 0xf3, 0xfa);
const BORDER: Rgb888 = Rgb888::new(0x33, 0x44, 0x55);
/// Length of an arrow's tip, and half of its width.
const TIP: i32 = 4;

/// The bytes of a file: boxes with these lines.
pub(super) fn drawing(layout: &Layout, boxes: impl Iterator<Item = [String; 3]>) -> Vec<u8> {
    let mut canvas = Canvas::new(layout.size);
    for (corner, lines) in layout.boxes.iter().zip(boxes) {
        let Ok(()) = canvas.stage(point(*corner), &lines);
    }
    for [from, to] in &layout.arrows {
        let Ok(()) = canvas.arrow(point(*from), point(*to));
    }
    canvas.encoded()
}

fn point((x, y): (usize, usize)) -> Point {
    let coordinate = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    Point::new(coordinate(x), coordinate(y))
}

/// White, until something is drawn.
struct Canvas {
    width: usize,
    height: usize,
    /// Red, green and blue of each pixel, row by row.
    pixels: Vec<u8>,
}

impl Canvas {
    fn new((width, height): (usize, usize)) -> Self {
        Self { width, height, pixels: vec![u8::MAX; 3 * width * height] }
    }

    fn stage(&mut self, corner: Point, lines: &[String; 3]) -> Result<(), Infallible> {
        let size = Size::new(BOX.0 as u32, BOX.1 as u32);
        let style = PrimitiveStyleBuilder::new();
        let style = style.fill_color(BACKGROUND).stroke_color(BORDER).stroke_width(1).build();
        RoundedRectangle::new(Rectangle::new(corner, size), CornerRadii::new(Size::new(6, 6)))
            .into_styled(style)
            .draw(self)?;
        for (line, words) in (0_i32..).zip(lines) {
            let font = if line == 0 { &FONT_8X13_BOLD } else { &FONT_8X13 };
            let at = corner + Point::new(BOX.0 as i32 / 2, 20 + 18 * line);
            let style = MonoTextStyle::new(font, Rgb888::BLACK);
            Text::with_alignment(words, at, style, Alignment::Center).draw(self)?;
        }
        Ok(())
    }

    fn arrow(&mut self, from: Point, to: Point) -> Result<(), Infallible> {
        let line = PrimitiveStyle::with_stroke(Rgb888::BLACK, 1);
        Line::new(from, to).into_styled(line).draw(self)?;
        // Arrows go straight along an axis.
        let way = Point::new((to.x - from.x).signum(), (to.y - from.y).signum());
        let (back, aside) = (to - way * (2 * TIP), Point::new(way.y, way.x) * TIP);
        Triangle::new(to, back + aside, back - aside)
            .into_styled(PrimitiveStyle::with_fill(Rgb888::BLACK))
            .draw(self)
    }

    fn encoded(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut file, size(self.width), size(self.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.pixels)?;
            writer.finish()
        });
        // Memory takes all bytes, and there are as many as the size says.
        debug_assert!(written.is_ok(), "{written:?}");
        file
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, color) in pixels {
            // What lies outside is not drawn.
            let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else { continue };
            if x < self.width && y < self.height {
                let first = 3 * (y * self.width + x);
                self.pixels[first..first + 3].copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}
