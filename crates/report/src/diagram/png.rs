//! The drawing as PNG.

use super::{BOX, Layout};
use crate::canvas::Canvas;
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
    let mut canvas = Canvas::new((layout.size.0 as u32, layout.size.1 as u32));
    for (corner, lines) in layout.boxes.iter().zip(boxes) {
        let Ok(()) = stage(&mut canvas, point(*corner), &lines);
    }
    for [from, to] in &layout.arrows {
        let Ok(()) = arrow(&mut canvas, point(*from), point(*to));
    }
    canvas.encoded()
}

fn point((x, y): (usize, usize)) -> Point {
    let coordinate = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    Point::new(coordinate(x), coordinate(y))
}

fn stage(canvas: &mut Canvas, corner: Point, lines: &[String; 3]) -> Result<(), Infallible> {
    let size = Size::new(BOX.0 as u32, BOX.1 as u32);
    let style = PrimitiveStyleBuilder::new();
    let style = style.fill_color(BACKGROUND).stroke_color(BORDER).stroke_width(1).build();
    RoundedRectangle::new(Rectangle::new(corner, size), CornerRadii::new(Size::new(6, 6)))
        .into_styled(style)
        .draw(canvas)?;
    for (line, words) in (0_i32..).zip(lines) {
        let font = if line == 0 { &FONT_8X13_BOLD } else { &FONT_8X13 };
        let at = corner + Point::new(BOX.0 as i32 / 2, 20 + 18 * line);
        let style = MonoTextStyle::new(font, Rgb888::BLACK);
        Text::with_alignment(words, at, style, Alignment::Center).draw(canvas)?;
    }
    Ok(())
}

fn arrow(canvas: &mut Canvas, from: Point, to: Point) -> Result<(), Infallible> {
    let line = PrimitiveStyle::with_stroke(Rgb888::BLACK, 1);
    Line::new(from, to).into_styled(line).draw(canvas)?;
    // Arrows go straight along an axis.
    let way = Point::new((to.x - from.x).signum(), (to.y - from.y).signum());
    let (back, aside) = (to - way * (2 * TIP), Point::new(way.y, way.x) * TIP);
    Triangle::new(to, back + aside, back - aside)
        .into_styled(PrimitiveStyle::with_fill(Rgb888::BLACK))
        .draw(canvas)
}
