//! A sound as samples of one channel.

use super::resample::{MAX_RATE_HZ, MIN_RATE_HZ};
use crate::error::{Error, Result};

/// Most samples of one channel, 1 GiB of them: 93 minutes at 48 kHz. A file of a few kilobytes can stand for more silence than memory holds.
pub(super) const MAX_SAMPLES: usize = 1 << 28;
const MAX_CHANNELS: usize = 64;

/// Samples of one channel, -1 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Samples of a second.
    pub sample_rate_hz: u32,
    /// The samples.
    pub samples: Vec<f32>,
    /// Packets that could not be decoded and were left out; players pass over them too.
    pub skipped_packets: usize,
}

impl Sound {
    /// A sound of samples at hand, as a browser decodes them; channels are mixed to their mean.
    ///
    /// **Errors** [`Error::Sound`] for no samples or more than 2²⁸, channels of different lengths, numbers that are not finite, a rate outside
    /// 1 kHz to 192 kHz.
    pub fn from_channels(sample_rate_hz: u32, channels: &[Vec<f32>]) -> Result<Self> {
        let length = channels.first().map_or(0, Vec::len);
        checked(sample_rate_hz, channels.len())?;
        if length == 0 || length > MAX_SAMPLES || channels.iter().any(|channel| channel.len() != length) {
            let found: Vec<usize> = channels.iter().map(Vec::len).collect();
            return Err(wrong(format!("expected channels of one length, 1 to {MAX_SAMPLES} samples; found {found:?}")));
        }
        let mean = |place: usize| channels.iter().map(|channel| channel[place]).sum::<f32>() / channels.len() as f32;
        let samples: Vec<f32> = (0..length).map(mean).collect();
        match samples.iter().position(|sample| !sample.is_finite()) {
            Some(place) => Err(wrong(format!("sample {place} is {}", samples[place]))),
            None => Ok(Self { sample_rate_hz, samples, skipped_packets: 0 }),
        }
    }

    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate_hz.max(1))
    }
}

/// **Errors** a rate or a count of channels that is out of bounds.
pub(super) fn checked(rate: u32, channels: usize) -> Result<()> {
    if (MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate) && (1..=MAX_CHANNELS).contains(&channels) {
        return Ok(());
    }
    let bounds = format!("1 to {MAX_CHANNELS} of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are read");
    Err(wrong(format!("{channels} channels of {rate} Hz; {bounds}")))
}

pub(super) fn wrong(reason: impl std::fmt::Display) -> Error {
    Error::Sound(reason.to_string())
}
