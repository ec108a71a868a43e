//! A picture as HF's pipelines see it: the first frame, upright, red, green and blue.

#[cfg(feature = "vision-decode")]
use std::io::Cursor;

#[cfg(feature = "vision-decode")]
use image::metadata::Orientation;
#[cfg(feature = "vision-decode")]
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::error::{Error, Result};

/// Most pixels of a picture: PIL's own limit.
const MAX_PIXELS: u64 = 178_956_970;
/// Most memory that a decoder may take.
#[cfg(feature = "vision-decode")]
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// Red, green and blue of every pixel, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// Decodes PNG, JPEG, GIF or WebP, told apart by their first bytes. Of an animation the first frame is taken, EXIF's orientation is
    /// applied, grey becomes colour, transparency is dropped as PIL's `convert("RGB")` drops it. With the feature `vision-decode`.
    ///
    /// **Errors** [`Error::Picture`] for bytes that are none of these, are cut off or broken, or hold more than 178,956,970 pixels.
    #[cfg(feature = "vision-decode")]
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let wrong = |error: &dyn std::fmt::Display| Error::Picture(error.to_string());
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| wrong(&error))?;
        if reader.format().is_none() {
            return Err(Error::Picture("expected PNG, JPEG, GIF or WebP; the first bytes are of none of them".into()));
        }
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_DECODER_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(|error| wrong(&error))?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(Error::Picture(format!("{width} × {height} pixels; at most {MAX_PIXELS} are read")));
        }
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut picture = eight_bits(DynamicImage::from_decoder(decoder).map_err(|error| wrong(&error))?);
        picture.apply_orientation(orientation);
        let rgb = picture.into_rgb8();
        Self::new(rgb.width() as usize, rgb.height() as usize, rgb.into_raw())
    }

    /// A picture of pixels at hand, as a canvas or a camera gives them: three bytes each.
    ///
    /// **Errors** [`Error::Picture`] where there are not `width × height` of them.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self> {
        let pixels = width.checked_mul(height).filter(|&pixels| pixels > 0 && pixels as u64 <= MAX_PIXELS);
        match pixels {
            Some(pixels) if rgb.len() == 3 * pixels => Ok(Self { width, height, rgb }),
            _ => Err(Error::Picture(format!("expected 3 × {width} × {height} bytes, at least one pixel; found {}", rgb.len()))),
        }
    }

    /// As [`Picture::new`] from four bytes each, of which the fourth is dropped: what a browser's canvas gives.
    ///
    /// **Errors** as [`Picture::new`].
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Result<Self> {
        if !rgba.len().is_multiple_of(4) {
            return Err(Error::Picture(format!("expected four bytes of each pixel; found {}", rgba.len())));
        }
        Self::new(width, height, rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect())
    }

    /// Pixels of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

/// Sixteen bits become eight: the upper byte. PIL has it so for colour; grey of sixteen bits it cuts at 255, which makes nearly all of a picture
/// white, and is not followed here.
#[cfg(feature = "vision-decode")]
fn eight_bits(picture: DynamicImage) -> DynamicImage {
    macro_rules! upper {
        ($buffer:expr, $variant:ident) => {{
            let (width, height) = $buffer.dimensions();
            let bytes = $buffer.into_raw().into_iter().map(|number| (number >> 8) as u8).collect();
            image::ImageBuffer::from_raw(width, height, bytes).map_or_else(DynamicImage::default, DynamicImage::$variant)
        }};
    }
    match picture {
        DynamicImage::ImageLuma16(buffer) => upper!(buffer, ImageLuma8),
        DynamicImage::ImageLumaA16(buffer) => upper!(buffer, ImageLumaA8),
        DynamicImage::ImageRgb16(buffer) => upper!(buffer, ImageRgb8),
        DynamicImage::ImageRgba16(buffer) => upper!(buffer, ImageRgba8),
        other => other,
    }
}
