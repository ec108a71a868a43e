//! A sound as samples of one channel.

use std::io::Cursor;

use symphonia::core::audio::sample::Sample;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::resample::{MAX_RATE_HZ, MIN_RATE_HZ};
use crate::error::{Error, Result};

/// Most samples of one channel, 1 GiB of them: 93 minutes at 48 kHz. A file of a few kilobytes can stand for more silence than memory holds.
const MAX_SAMPLES: usize = 1 << 28;
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
    /// Decodes WAV, FLAC, MP3 or Ogg Vorbis, told apart by their bytes. Channels are mixed to their mean.
    ///
    /// **Errors** [`Error::Sound`] for bytes that are none of these, end in the middle, hold no samples or more than 2²⁸, change their rate,
    /// or have a rate outside 1 kHz to 192 kHz.
    ///
    /// A decoder that panics on broken bytes (symphonia's reader of WAV does, in builds that check arithmetic) is such an error too. A browser
    /// has decoders of its own: give it the bytes, and make a [`Sound`] of the samples.
    pub fn decode(bytes: Vec<u8>) -> Result<Self> {
        std::panic::catch_unwind(|| Self::decode_unguarded(bytes)).unwrap_or_else(|_| Err(wrong("the decoder failed on these bytes")))
    }

    fn decode_unguarded(bytes: Vec<u8>) -> Result<Self> {
        let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
        let probe = symphonia::default::get_probe();
        let mut format =
            probe.probe(&Hint::new(), source, FormatOptions::default(), MetadataOptions::default()).map_err(|error| match error {
                Symphonia::Unsupported(_) | Symphonia::IoError(_) => {
                    wrong("expected WAV, FLAC, MP3 or Ogg Vorbis; the bytes are of none of them")
                }
                error => wrong(error),
            })?;
        let track = format.default_track(TrackType::Audio).ok_or_else(|| wrong("the file has no track of sound"))?;
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        let parameters = parameters.ok_or_else(|| wrong("the file does not say how its sound is coded"))?;
        let mut decoder =
            symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default()).map_err(wrong)?;
        let id = track.id;
        let mut sound = Self { sample_rate_hz: 0, samples: Vec::new(), skipped_packets: 0 };
        let mut packets = 0;
        let mut interleaved: Vec<f32> = Vec::new();
        loop {
            let packet = match format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(Symphonia::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(wrong(format!("the file ends in the middle, after {:.1} seconds", sound.seconds())));
                }
                Err(error) => return Err(wrong(error)),
            };
            if packet.track_id != id {
                continue;
            }
            packets += 1;
            let decoded = match decoder.decode(&packet) {
                Ok(decoded) => decoded,
                Err(Symphonia::DecodeError(_)) => {
                    sound.skipped_packets += 1;
                    continue;
                }
                Err(error) => return Err(wrong(error)),
            };
            let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().count());
            if !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate) || !(1..=MAX_CHANNELS).contains(&channels) {
                return Err(wrong(format!(
                    "{channels} channels of {rate} Hz; 1 to {MAX_CHANNELS} of {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are read"
                )));
            }
            if sound.sample_rate_hz != rate && sound.sample_rate_hz != 0 {
                return Err(wrong(format!("the rate changes from {} to {rate} Hz", sound.sample_rate_hz)));
            }
            sound.sample_rate_hz = rate;
            if sound.samples.len() + decoded.frames() > MAX_SAMPLES {
                return Err(wrong(format!("longer than {MAX_SAMPLES} samples; cut it into parts")));
            }
            interleaved.resize(decoded.samples_interleaved(), f32::MID);
            decoded.copy_to_slice_interleaved(&mut interleaved);
            let mean = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
            sound.samples.extend(interleaved.chunks_exact(channels).map(mean));
        }
        if sound.samples.is_empty() {
            return Err(wrong("the file holds no samples"));
        }
        if 2 * sound.skipped_packets > packets {
            return Err(wrong(format!("{} of {packets} packets cannot be decoded", sound.skipped_packets)));
        }
        Ok(sound)
    }

    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate_hz.max(1))
    }
}

fn wrong(reason: impl std::fmt::Display) -> Error {
    Error::Sound(reason.to_string())
}
