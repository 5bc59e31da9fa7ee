//! A picture of pixels, and its bytes as PNG: what drawings and plots are painted on.

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use std::convert::Infallible;

/// White, until something is drawn.
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    /// Red, green and blue of each pixel, row by row.
    pixels: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new((width, height): (u32, u32)) -> Self {
        Self { width, height, pixels: vec![u8::MAX; 3 * width as usize * height as usize] }
    }

    /// Red, green and blue of a pixel; what lies outside is not drawn.
    pub(crate) fn pixel(&mut self, (x, y): (i32, i32)) -> Option<&mut [u8]> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        let first = 3 * (y as usize * self.width as usize + x as usize);
        (x < self.width && y < self.height).then(|| &mut self.pixels[first..first + 3])
    }

    /// The bytes of a file.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
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
        Size::new(self.width, self.height)
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
            if let Some(pixel) = self.pixel((at.x, at.y)) {
                pixel.copy_from_slice(&[color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}
