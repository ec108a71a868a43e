//! From one rate of samples to another: a sinc under a Kaiser window, in exact steps of the ratio of the rates.
//!
//! Written here because the kept library (rubato 5, its Fourier resampler) moves a sound by half a sample where the length of its filter is odd.

use std::f64::consts::PI;

use super::Sound;
use crate::error::{Error, Result};

/// Lowest rate that is read.
pub(super) const MIN_RATE_HZ: u32 = 1_000;
/// Highest rate that is read.
pub(super) const MAX_RATE_HZ: u32 = 192_000;
/// Zeros of the sinc on each side.
const ZEROS: f64 = 64.0;
/// Where the filter has fallen to a half, of half the lower rate: what it passes ends at 0.9, what it stops begins at 1.
const CUTOFF: f64 = 0.95;
/// Shape of the Kaiser window: what is stopped is 100 dB down.
const BETA: f64 = 10.0;

/// The sound at another rate: what lies above half of the lower rate is cut off, the rest stays in place and as loud as it was. A sine below
/// nine tenths of that half comes out within 1e-5 of itself, away from the ends.
///
/// **Errors** [`Error::Sound`] for a rate outside 1 kHz to 192 kHz.
pub fn resample(sound: &Sound, sample_rate_hz: u32) -> Result<Sound> {
    if sound.sample_rate_hz == sample_rate_hz {
        return Ok(sound.clone());
    }
    for rate in [sound.sample_rate_hz, sample_rate_hz] {
        if !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate) {
            return Err(Error::Sound(format!("{rate} Hz; a rate is {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")));
        }
    }
    let divisor = gcd(sound.sample_rate_hz, sample_rate_hz);
    let (from, to) = ((sound.sample_rate_hz / divisor) as usize, (sample_rate_hz / divisor) as usize);
    let scale = (to as f64 / from as f64).min(1.0) * CUTOFF;
    let half = (ZEROS / scale).ceil() as usize;
    // One filter for each place between two samples that occurs.
    let filter = |phase: usize| -> Vec<f32> {
        let offset = phase as f64 / to as f64;
        let weight = |tap: usize| {
            let x = tap as f64 - (half - 1) as f64 - offset;
            let window = bessel(BETA * (1.0 - (x / half as f64).powi(2)).max(0.0).sqrt()) / bessel(BETA);
            let sinc = if x == 0.0 { 1.0 } else { (PI * scale * x).sin() / (PI * scale * x) };
            sinc * window
        };
        let weights: Vec<f64> = (0..2 * half).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| (weight / sum) as f32).collect()
    };
    let count = (sound.samples.len() as u128 * to as u128).div_ceil(from as u128) as usize;
    let filters: Vec<Vec<f32>> = (0..to.min(count)).map(|n| filter(n * from % to)).collect();
    let samples = (0..count).map(|n| {
        // The sample at or before the place, which the tap `half - 1` falls on.
        let start = (n as u128 * from as u128 / to as u128) as i64 - (half as i64 - 1);
        let filter = &filters[n % to];
        let skipped = (-start).clamp(0, filter.len() as i64) as usize;
        let rest = sound.samples.get((start + skipped as i64) as usize..).unwrap_or_default();
        filter[skipped..].iter().zip(rest).map(|(weight, sample)| weight * sample).sum()
    });
    Ok(Sound { sample_rate_hz, samples: samples.collect(), skipped_packets: sound.skipped_packets })
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The modified Bessel function of order 0.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..50 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}
