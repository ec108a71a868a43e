//! Sound: decoded, mixed to one channel, resampled, and turned into the log-mel features that Whisper reads.

mod features;
mod resample;
mod sound;

pub use features::{Features, LogMel};
pub use resample::resample;
pub use sound::Sound;
