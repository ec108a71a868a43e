//! Log-mel features, as HF's WhisperFeatureExtractor computes them.
//!
//! `x = log10(max(mel · |stft|², 1e-10))`, then `(max(x, largest - 8) + 4) / 4`: a periodic Hann window, centred frames over a reflected
//! border, triangles on Slaney's mel scale up to 8 kHz, each of area 1; the frame after the last hop is left out.

use std::f64::consts::PI;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ipfs_accelerate_runtime::Tensor;
use realfft::{RealFftPlanner, RealToComplex};
use serde::Deserialize;

use super::{Sound, resample};
use crate::error::{Error, Result};
use crate::files::ModelFiles;

/// Highest pitch of the filters, whatever the rate: the class has no key for it.
const MAX_FREQUENCY_HZ: f64 = 8000.0;

/// The features of one sound.
#[derive(Clone, Debug)]
pub struct Features {
    /// float32 `[feature_size, frames]`.
    pub input_features: Tensor,
    /// Frames that hold sound; the rest is padding.
    pub sound_frames: usize,
}

/// WhisperFeatureExtractor with its filters.
#[derive(Clone)]
pub struct LogMel {
    feature_size: usize,
    sampling_rate: u32,
    hop_length: usize,
    n_fft: usize,
    n_samples: usize,
    padding_value: f32,
    window: Vec<f64>,
    filters: Vec<Filter>,
    fft: Arc<dyn RealToComplex<f64>>,
}

/// One triangle: where it is not 0.
#[derive(Clone, Debug)]
struct Filter {
    bins: Range<usize>,
    weights: Vec<f64>,
}

/// Keys of preprocessor_config.json, with the class's own defaults.
#[derive(Deserialize)]
#[serde(default)]
struct Config {
    feature_extractor_type: String,
    feature_size: usize,
    sampling_rate: u32,
    hop_length: usize,
    chunk_length: usize,
    n_fft: usize,
    padding_value: f32,
    dither: f64,
    do_normalize: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            feature_extractor_type: "WhisperFeatureExtractor".into(),
            feature_size: 80,
            sampling_rate: 16_000,
            hop_length: 160,
            chunk_length: 30,
            n_fft: 400,
            padding_value: 0.0,
            dither: 0.0,
            do_normalize: None,
        }
    }
}

impl fmt::Debug for LogMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feature_size, sampling_rate, hop_length, n_fft, n_samples, .. } = self;
        write!(f, "LogMel({feature_size} bins, {sampling_rate} Hz, hop {hop_length}, n_fft {n_fft}, window {n_samples})")
    }
}

impl LogMel {
    /// As preprocessor_config.json says, or `feature_extractor` in processor_config.json.
    ///
    /// **Errors** [`Error::MissingFile`]; [`Error::ModelFile`] for another class, dither, normalization, and sizes out of bounds.
    pub fn new(files: &ModelFiles) -> Result<Self> {
        let (file, config) = files.preprocessor("feature_extractor")?;
        let wrong = |reason: String| Error::ModelFile { file: file.clone(), reason };
        let config: Config = serde_json::from_value(config).map_err(|error| wrong(error.to_string()))?;
        if config.feature_extractor_type != "WhisperFeatureExtractor" {
            return Err(wrong(format!(
                "`feature_extractor_type` is `{}`; expected WhisperFeatureExtractor",
                config.feature_extractor_type
            )));
        }
        if config.dither != 0.0 || config.do_normalize == Some(true) {
            return Err(wrong("`dither` and `do_normalize` are not computed here; expected 0 and false".into()));
        }
        let n_samples = config.chunk_length.saturating_mul(config.sampling_rate as usize);
        for (key, value, range) in [
            ("feature_size", config.feature_size, 1..=1024),
            ("sampling_rate", config.sampling_rate as usize, 1_000..=192_000),
            ("n_fft", config.n_fft, 2..=65_536),
            ("hop_length", config.hop_length, 1..=config.n_fft),
            ("chunk_length × sampling_rate", n_samples, config.n_fft..=1 << 26),
        ] {
            if !range.contains(&value) {
                return Err(wrong(format!("`{key}` is {value}; expected {} to {}", range.start(), range.end())));
            }
        }
        let window = (0..config.n_fft).map(|n| 0.5 - 0.5 * (2.0 * PI * n as f64 / config.n_fft as f64).cos()).collect();
        Ok(Self {
            feature_size: config.feature_size,
            sampling_rate: config.sampling_rate,
            hop_length: config.hop_length,
            n_fft: config.n_fft,
            n_samples,
            padding_value: config.padding_value,
            window,
            filters: filters(config.feature_size, config.n_fft, config.sampling_rate),
            fft: RealFftPlanner::new().plan_fft_forward(config.n_fft),
        })
    }

    /// Samples of a second that the model was trained on.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sampling_rate
    }

    /// Frames of a window: 3000 for 30 seconds.
    pub fn window_frames(&self) -> usize {
        self.n_samples / self.hop_length
    }

    /// Seconds between two frames.
    pub fn seconds_per_frame(&self) -> f64 {
        self.hop_length as f64 / f64::from(self.sampling_rate)
    }

    /// Features of a sound at any rate: cut, or padded, to one window, as HF does unless told otherwise.
    ///
    /// **Errors** those of [`resample`].
    pub fn window(&self, sound: &Sound) -> Result<Features> {
        let sound = resample(sound, self.sampling_rate)?;
        self.compute(&sound.samples[..sound.samples.len().min(self.n_samples)])
    }

    /// Features of the whole of a sound, padded to one window where it is shorter: what HF computes for long-form transcription
    /// (`truncation=False`).
    ///
    /// **Errors** those of [`resample`].
    pub fn whole(&self, sound: &Sound) -> Result<Features> {
        self.compute(&resample(sound, self.sampling_rate)?.samples)
    }

    fn compute(&self, samples: &[f32]) -> Result<Features> {
        let length = samples.len().max(self.n_samples);
        let frames = length / self.hop_length;
        let half = self.n_fft / 2;
        // The sample of a place, the borders reflected: -1 is 1.
        let at = |place: i64| {
            let place = place.unsigned_abs() as usize;
            let place = if place < length { place } else { 2 * (length - 1) - place };
            samples.get(place).copied().unwrap_or(self.padding_value)
        };
        let mut numbers = vec![0.0f32; self.feature_size * frames];
        let mut input = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut largest = f32::NEG_INFINITY;
        for frame in 0..frames {
            let start = (frame * self.hop_length) as i64 - half as i64;
            for (n, (number, weight)) in input.iter_mut().zip(&self.window).enumerate() {
                *number = f64::from(at(start + n as i64)) * weight;
            }
            // Padding is silence: nothing to transform.
            if input.iter().all(|number| *number == 0.0) {
                spectrum.fill(Default::default());
            } else if let Err(error) = self.fft.process_with_scratch(&mut input, &mut spectrum, &mut scratch) {
                return Err(Error::Sound(format!("Fourier transform: {error}")));
            }
            for (bin, filter) in self.filters.iter().enumerate() {
                let power: f64 =
                    spectrum[filter.bins.clone()].iter().zip(&filter.weights).map(|(value, weight)| value.norm_sqr() * weight).sum();
                let logarithm = power.max(1e-10).log10() as f32;
                largest = largest.max(logarithm);
                numbers[bin * frames + frame] = logarithm;
            }
        }
        numbers.iter_mut().for_each(|number| *number = (number.max(largest - 8.0) + 4.0) / 4.0);
        let sound_frames = samples.len().div_ceil(self.hop_length).min(frames);
        Ok(Features { input_features: Tensor::from_slice(&[self.feature_size, frames], &numbers)?, sound_frames })
    }
}

/// Slaney's mel scale: linear to 1 kHz, logarithmic above.
fn mel(hertz: f64) -> f64 {
    if hertz >= 1000.0 { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln() } else { 3.0 * hertz / 200.0 }
}

fn hertz(mel: f64) -> f64 {
    if mel >= 15.0 { 1000.0 * (6.4f64.ln() / 27.0 * (mel - 15.0)).exp() } else { 200.0 * mel / 3.0 }
}

fn filters(count: usize, n_fft: usize, sampling_rate: u32) -> Vec<Filter> {
    let bins = 1 + n_fft / 2;
    let top = mel(MAX_FREQUENCY_HZ);
    let edges: Vec<f64> = (0..count + 2).map(|edge| hertz(top * edge as f64 / (count + 1) as f64)).collect();
    let pitch = |bin: usize| f64::from(sampling_rate / 2) * bin as f64 / (bins - 1) as f64;
    let filter = |edges: &[f64]| {
        let weight = |bin: usize| {
            let (up, down) = ((pitch(bin) - edges[0]) / (edges[1] - edges[0]), (edges[2] - pitch(bin)) / (edges[2] - edges[1]));
            up.min(down).max(0.0) * 2.0 / (edges[2] - edges[0])
        };
        let first = (0..bins).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
        let end = (first..bins).find(|&bin| weight(bin) <= 0.0).unwrap_or(bins);
        Filter { bins: first..end, weights: (first..end).map(weight).collect() }
    };
    edges.windows(3).map(filter).collect()
}
