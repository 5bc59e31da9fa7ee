//! The picture as PNG: plotters draws points, the text is that of a font that comes as code, so that no font of the
//! system is needed and all machines give the same bytes.

use super::{Plot, palette};
use crate::canvas::Canvas;
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::FONT_7X13;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::renderer::TextRenderer;
use embedded_graphics::text::{Baseline, Text};
use plotters::prelude::IntoDrawingArea;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use std::convert::Infallible;

/// The bytes of a file.
pub(super) fn picture(plot: &impl Plot) -> Result<Vec<u8>, String> {
    let mut canvas = Canvas::new(plot.size());
    {
        let area = (&mut canvas).into_drawing_area();
        area.fill(&palette::PAPER)
            .and_then(|()| plot.draw(&area))
            .map_err(|why| format!("the drawing {:?} cannot be made: {why}", plot.title()))?;
    }
    Ok(canvas.encoded())
}

impl DrawingBackend for &mut Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let Size { width, height } = self.size();
        (width, height)
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(
        &mut self,
        point: BackendCoord,
        color: BackendColor,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let Some(pixel) = self.pixel(point) else { return Ok(()) };
        let (r, g, b) = color.rgb;
        for (pixel, new) in pixel.iter_mut().zip([r, g, b]) {
            let mixed = f64::from(*pixel) * (1.0 - color.alpha) + f64::from(new) * color.alpha;
            *pixel = mixed.round().clamp(0.0, 255.0) as u8;
        }
        Ok(())
    }

    /// Text stands upright whatever the style asks for.
    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        at: BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (r, g, b) = style.color().rgb;
        let font = MonoTextStyle::new(&FONT_7X13, Rgb888::new(r, g, b));
        let width = measured(text);
        let x = match style.anchor().h_pos {
            HPos::Left => at.0,
            HPos::Center => at.0 - width / 2,
            HPos::Right => at.0 - width,
        };
        let baseline = match style.anchor().v_pos {
            VPos::Top => Baseline::Top,
            VPos::Center => Baseline::Middle,
            VPos::Bottom => Baseline::Bottom,
        };
        let Ok(_) = Text::with_baseline(text, Point::new(x, at.1), font, baseline).draw(*self);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = u32::try_from(measured(text)).unwrap_or(0);
        Ok((width, FONT_7X13.character_size.height))
    }
}

fn measured(text: &str) -> i32 {
    let font = MonoTextStyle::new(&FONT_7X13, Rgb888::BLACK);
    font.measure_string(text, Point::zero(), Baseline::Top).next_position.x
}
