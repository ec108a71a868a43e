//! Sound: decoded, mixed to one channel, resampled, and turned into the log-mel features that Whisper reads.

#[cfg(feature = "audio-decode")]
mod decode;
mod features;
mod resample;
mod sound;

pub use features::{Features, LogMel};
pub use resample::resample;
pub use sound::Sound;
