//! Files of sounds.

use std::io::Cursor;

use symphonia::core::audio::sample::Sample;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::Sound;
use super::sound::{MAX_SAMPLES, checked, wrong};
use crate::error::Result;

impl Sound {
    /// Decodes WAV, FLAC, MP3 or Ogg Vorbis, told apart by their bytes. Channels are mixed to their mean.
    ///
    /// **Errors** [`Error::Sound`] for bytes that are none of these, end in the middle, hold no samples or more than 2²⁸, change their rate,
    /// or have a rate outside 1 kHz to 192 kHz.
    ///
    /// With the feature `audio-decode`. A decoder that panics on broken bytes (symphonia's reader of WAV does, in builds that check arithmetic) is
    /// such an error too. A browser has decoders of its own: [`Sound::from_channels`].
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
            checked(rate, channels)?;
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
}
