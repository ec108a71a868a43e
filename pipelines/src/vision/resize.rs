//! Resampling, to the bit as Pillow's `Image.resize` does it: the filter is widened when a picture shrinks, kernels are fixed-point numbers
//! of 22 bits, and what the first pass gives is rounded to bytes before the second.
//!
//! Written here because the kept libraries round elsewhere: `fast_image_resize` takes kernels of 16 bits, `image` works in floats.

use std::f64::consts::PI;

use super::Picture;
use crate::error::Result;

const PRECISION_BITS: u32 = 32 - 8 - 2;

/// PIL's filters; their numbers are those of `resample` in preprocessor_config.json.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resample {
    /// 0.
    Nearest,
    /// 1.
    Lanczos,
    /// 2.
    Bilinear,
    /// 3.
    Bicubic,
    /// 4.
    Box,
    /// 5.
    Hamming,
}

impl Resample {
    /// PIL's number.
    pub fn from_number(number: u64) -> Option<Self> {
        [Self::Nearest, Self::Lanczos, Self::Bilinear, Self::Bicubic, Self::Box, Self::Hamming].get(usize::try_from(number).ok()?).copied()
    }

    fn support(self) -> f64 {
        match self {
            Self::Nearest | Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
        match self {
            Self::Nearest | Self::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Hamming if x.abs() >= 1.0 => 0.0,
            Self::Hamming => sinc(x) * (0.54 + 0.46 * (x * PI).cos()),
            Self::Bicubic => {
                let (a, x) = (-0.5, x.abs());
                match x {
                    x if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
                    x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
                    _ => 0.0,
                }
            }
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
        }
    }
}

/// The pixels that one pixel of the result is made from, and their weights.
struct Kernel {
    first: usize,
    weights: Vec<i32>,
}

fn kernels(filter: Resample, from: usize, to: usize) -> Vec<Kernel> {
    let scale = from as f64 / to as f64;
    let widened = scale.max(1.0);
    let support = filter.support() * widened;
    let kernel = |place: usize| {
        let center = (place as f64 + 0.5) * scale;
        // As C: towards zero, then within the picture.
        let first = ((center - support + 0.5) as i64).max(0) as usize;
        let end = ((center + support + 0.5) as i64).clamp(first as i64, from as i64) as usize;
        let weights: Vec<f64> = (first..end).map(|x| filter.weight((x as f64 - center + 0.5) * (1.0 / widened))).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: f64| {
            let weight = (if sum == 0.0 { weight } else { weight / sum }) * f64::from(1 << PRECISION_BITS);
            (if weight < 0.0 { weight - 0.5 } else { weight + 0.5 }) as i32
        };
        Kernel { first, weights: weights.into_iter().map(fixed).collect() }
    };
    (0..to).map(kernel).collect()
}

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// The picture in another size.
///
/// **Errors** [`Error::Picture`](crate::Error::Picture) for a size of no pixels, or of too many.
pub fn resize(picture: &Picture, width: usize, height: usize, filter: Resample) -> Result<Picture> {
    if (width, height) == (picture.width(), picture.height()) {
        return Ok(picture.clone());
    }
    Picture::new(width, height, vec![0; if width.saturating_mul(height) <= 1 << 28 { 3 * width * height } else { 0 }])?;
    if filter == Resample::Nearest {
        return nearest(picture, width, height);
    }
    // As Pillow 13: rows first where they lose more than twice as much as columns do. Earlier ones always take columns first.
    let (fewer_rows, fewer_columns) = (picture.height() as i64 - height as i64, picture.width() as i64 - width as i64);
    if fewer_rows > 0 && fewer_rows > 2 * fewer_columns {
        return columns(&rows(picture, height, filter)?, width, filter);
    }
    rows(&columns(picture, width, filter)?, height, filter)
}

const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// The picture with this many columns.
fn columns(picture: &Picture, width: usize, filter: Resample) -> Result<Picture> {
    if width == picture.width() {
        return Ok(picture.clone());
    }
    let kernels = kernels(filter, picture.width(), width);
    let mut rgb = vec![0; 3 * width * picture.height()];
    for (row, target) in picture.rgb().chunks_exact(3 * picture.width()).zip(rgb.chunks_exact_mut(3 * width)) {
        for (kernel, pixel) in kernels.iter().zip(target.chunks_exact_mut(3)) {
            let mut sums = [HALF; 3];
            for (weight, source) in kernel.weights.iter().zip(row[3 * kernel.first..].chunks_exact(3)) {
                (0..3).for_each(|channel| sums[channel] += weight * i32::from(source[channel]));
            }
            (0..3).for_each(|channel| pixel[channel] = rounded(sums[channel]));
        }
    }
    Picture::new(width, picture.height(), rgb)
}

/// The picture with this many rows.
fn rows(picture: &Picture, height: usize, filter: Resample) -> Result<Picture> {
    if height == picture.height() {
        return Ok(picture.clone());
    }
    let length = 3 * picture.width();
    let mut rgb = vec![0; length * height];
    let mut sums = vec![0i32; length];
    for (kernel, target) in kernels(filter, picture.height(), height).iter().zip(rgb.chunks_exact_mut(length)) {
        sums.fill(HALF);
        for (weight, source) in kernel.weights.iter().zip(picture.rgb()[length * kernel.first..].chunks_exact(length)) {
            sums.iter_mut().zip(source).for_each(|(sum, byte)| *sum += weight * i32::from(*byte));
        }
        target.iter_mut().zip(&sums).for_each(|(byte, sum)| *byte = rounded(*sum));
    }
    Picture::new(picture.width(), height, rgb)
}

/// PIL's nearest pixel: steps are added up, not multiplied.
fn nearest(picture: &Picture, width: usize, height: usize) -> Result<Picture> {
    let places = |from: usize, to: usize| -> Vec<usize> {
        let step = from as f64 / to as f64;
        let mut place = step * 0.5;
        let mut next = || {
            let found = (place as usize).min(from - 1);
            place += step;
            found
        };
        (0..to).map(|_| next()).collect()
    };
    let columns = places(picture.width(), width);
    let mut rgb = Vec::with_capacity(3 * width * height);
    for row in places(picture.height(), height) {
        let row = &picture.rgb()[3 * row * picture.width()..];
        columns.iter().for_each(|&column| rgb.extend_from_slice(&row[3 * column..3 * column + 3]));
    }
    Picture::new(width, height, rgb)
}
