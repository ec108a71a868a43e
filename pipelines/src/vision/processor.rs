//! From a picture to `pixel_values`, as preprocessor_config.json says.

use ipfs_accelerate_runtime::Tensor;
use serde::Deserialize;

use super::{Picture, Resample, resize};
use crate::error::{Error, Result};
use crate::files::ModelFiles;

const FILE: &str = "preprocessor_config.json";
/// Longest side of what goes to a model.
const MAX_SIDE: usize = 8192;

/// HF's image processors of ViT and DeiT, as they compute on PIL: resize, center crop, rescale, normalize, each where the config has it on.
///
/// HF has two forms of each. The one on torchvision resizes by another implementation; its results differ by one step of 255 here and there.
/// The form on PIL is what these models were trained and published with, and needs no Python library to be compared with.
#[derive(Clone, Debug)]
pub struct ImageProcessor {
    size: Option<(Size, Resample)>,
    crop: Option<(usize, usize)>,
    rescale: Option<f64>,
    normalize: Option<([f32; 3], [f32; 3])>,
}

/// The keys of preprocessor_config.json; absent ones are the class's own defaults.
#[derive(Deserialize)]
struct Config {
    image_processor_type: Option<String>,
    feature_extractor_type: Option<String>,
    do_resize: Option<bool>,
    size: Option<Size>,
    resample: Option<u64>,
    do_center_crop: Option<bool>,
    crop_size: Option<Size>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    do_normalize: Option<bool>,
    image_mean: Option<[f64; 3]>,
    image_std: Option<[f64; 3]>,
    do_pad: Option<bool>,
}

/// How large a picture is made.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Size {
    Exact { height: usize, width: usize },
    Within { max_height: usize, max_width: usize },
    Edges { shortest_edge: usize, longest_edge: Option<usize> },
    Square(usize),
}

impl ImageProcessor {
    /// As preprocessor_config.json says.
    ///
    /// **Errors** [`Error::MissingFile`]; [`Error::ModelFile`] for another class than ViT's and DeiT's, and for values that none of them takes.
    pub fn new(files: &ModelFiles) -> Result<Self> {
        let (file, config) = files.preprocessor("image_processor")?;
        let config: Config = serde_json::from_value(config).map_err(|error| Error::ModelFile { file, reason: error.to_string() })?;
        let class = config.image_processor_type.or(config.feature_extractor_type).unwrap_or_else(|| "ViTImageProcessor".into());
        let family = ["ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor"]
            .iter()
            .find_map(|end| class.strip_suffix(end))
            .unwrap_or(&class);
        let deit = match family {
            "ViT" => false,
            "DeiT" => true,
            _ => return Err(wrong(format!("`image_processor_type` is `{class}`; expected ViTImageProcessor or DeiTImageProcessor"))),
        };
        if config.do_pad == Some(true) {
            return Err(wrong("`do_pad` is on; ViT's and DeiT's processors do not pad".into()));
        }
        let side = if deit { 256 } else { 224 };
        let size = match config.do_resize.unwrap_or(true) {
            true => {
                let number = config.resample.unwrap_or(if deit { 3 } else { 2 });
                let filter = Resample::from_number(number).ok_or_else(|| wrong(format!("`resample` is {number}; expected 0 to 5")))?;
                Some((config.size.unwrap_or(Size::Square(side)), filter))
            }
            false => None,
        };
        let crop = match config.do_center_crop.unwrap_or(deit) {
            true => match config.crop_size.unwrap_or(Size::Square(224)) {
                Size::Exact { height, width } => Some((height, width)),
                Size::Square(side) => Some((side, side)),
                _ => return Err(wrong("`crop_size` must have `height` and `width`".into())),
            },
            false => None,
        };
        if crop.is_some_and(|(height, width)| !fits(height, width)) {
            return Err(wrong(format!("`crop_size` is {crop:?}; a side is 1 to {MAX_SIDE}")));
        }
        let normalize = match config.do_normalize.unwrap_or(true) {
            true => {
                let three = |numbers: Option<[f64; 3]>| numbers.unwrap_or([0.5; 3]).map(|number| number as f32);
                Some((three(config.image_mean), three(config.image_std)))
            }
            false => None,
        };
        if normalize.is_some_and(|(_, deviation)| deviation.contains(&0.0)) {
            return Err(wrong("`image_std` holds 0".into()));
        }
        let rescale = config.do_rescale.unwrap_or(true).then_some(config.rescale_factor.unwrap_or(1.0 / 255.0));
        Ok(Self { size, crop, rescale, normalize })
    }

    /// The picture as numbers: float32 `[3, height, width]`.
    ///
    /// **Errors** [`Error::Picture`] where the config makes the picture too large or too narrow.
    pub fn process(&self, picture: &Picture) -> Result<Tensor> {
        let mut picture = picture.clone();
        if let Some((size, filter)) = self.size {
            let (height, width) = size.of(picture.height(), picture.width());
            if !fits(height, width) {
                let (from_height, from_width) = (picture.height(), picture.width());
                return Err(Error::Picture(format!(
                    "{from_height} × {from_width} would become {height} × {width}; a side is 1 to {MAX_SIDE}"
                )));
            }
            picture = resize(&picture, width, height, filter)?;
        }
        if let Some((height, width)) = self.crop {
            picture = center_crop(&picture, height, width)?;
        }
        let (height, width) = (picture.height(), picture.width());
        let mut numbers = Vec::with_capacity(3 * height * width);
        for channel in 0..3 {
            // Bytes are few: each becomes its number once.
            let table: Vec<f32> = (0..=255u8).map(|byte| self.number(byte, channel)).collect();
            numbers.extend(picture.rgb().iter().skip(channel).step_by(3).map(|&byte| table[usize::from(byte)]));
        }
        Ok(Tensor::from_slice(&[3, height, width], &numbers)?)
    }

    fn number(&self, byte: u8, channel: usize) -> f32 {
        let number = self.rescale.map_or(f32::from(byte), |factor| (f64::from(byte) * factor) as f32);
        self.normalize.map_or(number, |(mean, deviation)| (number - mean[channel]) / deviation[channel])
    }
}

fn wrong(reason: String) -> Error {
    Error::ModelFile { file: FILE.into(), reason }
}

fn fits(height: usize, width: usize) -> bool {
    (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width)
}

impl Size {
    /// Height and width that a picture is made.
    fn of(self, height: usize, width: usize) -> (usize, usize) {
        let (tall, wide) = (height as f64, width as f64);
        match self {
            Self::Exact { height, width } => (height, width),
            Self::Square(side) => (side, side),
            Self::Within { max_height, max_width } => {
                let scale = (max_height as f64 / tall).min(max_width as f64 / wide);
                ((tall * scale) as usize, (wide * scale) as usize)
            }
            Self::Edges { shortest_edge, longest_edge } => {
                let (short, long) = (tall.min(wide), tall.max(wide));
                let (mut size, mut raw) = (shortest_edge, shortest_edge as f64);
                if let Some(longest) = longest_edge.filter(|&longest| long / short * shortest_edge as f64 > longest as f64) {
                    raw = longest as f64 * short / long;
                    size = raw.round_ties_even() as usize;
                }
                let other = (raw * long / short) as usize;
                if longest_edge.is_some() && short as usize == size {
                    (height, width)
                } else if width <= height && (longest_edge.is_none() || width < height) {
                    (other, size)
                } else {
                    (size, other)
                }
            }
        }
    }
}

/// The middle of a picture; black around it where it is smaller.
fn center_crop(picture: &Picture, height: usize, width: usize) -> Result<Picture> {
    // Rounded down, below 0 too: the larger half of the black comes first.
    let begin = |from: usize, to: usize| (from as i64 - to as i64).div_euclid(2);
    let (top, left) = (begin(picture.height(), height), begin(picture.width(), width));
    let mut rgb = vec![0; 3 * height * width];
    for (row, target) in rgb.chunks_exact_mut(3 * width).enumerate() {
        let Some(row) = usize::try_from(row as i64 + top).ok().filter(|&row| row < picture.height()) else { continue };
        for (column, pixel) in target.chunks_exact_mut(3).enumerate() {
            let Some(column) = usize::try_from(column as i64 + left).ok().filter(|&column| column < picture.width()) else { continue };
            let place = 3 * (row * picture.width() + column);
            pixel.copy_from_slice(&picture.rgb()[place..place + 3]);
        }
    }
    Picture::new(width, height, rgb)
}
