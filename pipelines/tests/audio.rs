//! Sounds beside HF's WhisperFeatureExtractor, and decoders on files of this project.
#![cfg(feature = "audio-decode")]

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use ipfs_accelerate_pipelines::audio::{LogMel, Sound, resample};
use ipfs_accelerate_pipelines::{Error, ModelFiles};
use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::weights::read_tensors;
use serde_json::{Value, json};

/// Of features that lie between -1 and 2. HF computes in float32, this crate in float64.
const TOLERANCE: f32 = 1e-4;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/audio").join(name)
}

fn tensors(name: &str) -> BTreeMap<String, Tensor> {
    read_tensors(golden(name)).unwrap()
}

fn sound(name: &str) -> Sound {
    let samples = tensors("sounds.safetensors")[&format!("sounds/{name}")].as_slice::<f32>().unwrap().to_vec();
    Sound { sample_rate_hz: 16_000, samples, skipped_packets: 0 }
}

fn log_mel(config: &Value) -> Result<LogMel, Error> {
    LogMel::new(&ModelFiles::from_bytes([("preprocessor_config.json".to_owned(), config.to_string().into_bytes())]))
}

#[test]
fn features_are_the_published_ones() {
    let answers: Value = serde_json::from_slice(&std::fs::read(golden("answers.json")).unwrap()).unwrap();
    let features = tensors("features.safetensors");
    assert!(features.len() >= 15);
    let mut far = Vec::new();
    for (name, expected) in &features {
        let [config, kind, of] = name.split('/').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let log_mel = log_mel(&answers["configs"][config]).unwrap();
        let found = if kind == "whole" { log_mel.whole(&sound(of)) } else { log_mel.window(&sound(of)) }.unwrap().input_features;
        // Of thirty seconds every ninth frame was kept.
        let (frames, step) = (found.shape()[1], if config == "whole" { 9 } else { 1 });
        assert_eq!([found.shape()[0], frames.div_ceil(step)], expected.shape(), "{name}");
        let kept = found.as_slice::<f32>().unwrap().chunks_exact(frames).flat_map(|bin| bin.iter().step_by(step));
        let distance = kept.zip(expected.as_slice::<f32>().unwrap()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        far.push((name.clone(), distance));
    }
    println!("{far:#?}");
    for (name, distance) in far {
        assert!(distance <= TOLERANCE, "{name}: {distance}");
    }
}

#[test]
fn frames_say_how_much_is_sound() {
    let log_mel = log_mel(&json!({})).unwrap();
    assert_eq!((log_mel.window_frames(), log_mel.sample_rate_hz()), (3000, 16_000));
    let features = log_mel.window(&Sound { sample_rate_hz: 16_000, samples: vec![0.5; 16_001], skipped_packets: 0 }).unwrap();
    assert_eq!((features.sound_frames, features.input_features.shape()), (101, &[80, 3000][..]));
}

#[test]
fn files_of_every_width_are_read() {
    let expected = &sound("tone").samples[..800];
    for (name, most) in [("8.wav", 0.01), ("16.wav", 1e-4), ("24.wav", 1e-6), ("32.wav", 1e-6), ("float.wav", 0.0)] {
        let found = Sound::decode(std::fs::read(golden(name)).unwrap()).unwrap();
        assert_eq!((found.sample_rate_hz, found.samples.len(), found.skipped_packets), (16_000, 800, 0), "{name}");
        let far = found.samples.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far <= most, "{name}: {far}");
    }
    // The right channel is minus half of the left one.
    let mono = Sound::decode(std::fs::read(golden("stereo.wav")).unwrap()).unwrap();
    let far = mono.samples.iter().zip(expected).map(|(a, b)| (a - 0.25 * b).abs()).fold(0.0, f32::max);
    assert!(mono.samples.len() == 800 && far <= 1e-4, "{far}");
}

#[test]
fn compressed_files_are_decoded_as_libsndfile_decodes_them() {
    let decoded = tensors("decoded.safetensors");
    assert_eq!(decoded.len(), 4);
    for (name, expected) in &decoded {
        let (found, expected) = (Sound::decode(std::fs::read(golden(name)).unwrap()).unwrap(), expected.as_slice::<f32>().unwrap());
        assert_eq!((found.sample_rate_hz, found.skipped_packets), (44_100, 0), "{name}");
        // An MP3 begins with the delay of its coder; whether it is cut off is the decoder's choice.
        let shift = if name == "tone.mp3" { best_shift(&found.samples, expected) } else { 0 };
        assert!(
            (found.samples.len() + shift).abs_diff(expected.len()) <= if name == "tone.mp3" { 2400 } else { 0 },
            "{name}: {}",
            found.samples.len()
        );
        let far = found.samples.iter().zip(&expected[shift..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{name}: {} of {} samples, shift {shift}, {far}", found.samples.len(), expected.len());
        assert!(far <= if name.ends_with(".flac") { 1e-6 } else { 1e-4 }, "{name}: {far}");
    }
}

/// By how many samples `expected` comes later.
fn best_shift(found: &[f32], expected: &[f32]) -> usize {
    let far = |shift: usize| found[2_000..4_000].iter().zip(&expected[2_000 + shift..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    (0..2_400).min_by(|&a, &b| far(a).total_cmp(&far(b))).unwrap()
}

fn tone(rate: u32, hertz: f64, seconds: f64) -> Sound {
    let samples = (0..(f64::from(rate) * seconds) as usize).map(|n| (0.5 * (TAU * hertz * n as f64 / f64::from(rate)).sin()) as f32);
    Sound { sample_rate_hz: rate, samples: samples.collect(), skipped_packets: 0 }
}

#[test]
fn resampled_tones_are_the_tones_themselves() {
    let mut worst = 0.0f32;
    for rate in [8_000, 11_025, 22_050, 24_000, 44_100, 48_000, 96_000] {
        for hertz in [100.0, 440.0, 3_000.0, 7_000.0] {
            if hertz > 0.45 * f64::from(rate.min(16_000)) {
                continue;
            }
            let (found, expected) = (resample(&tone(rate, hertz, 0.5), 16_000).unwrap(), tone(16_000, hertz, 0.5));
            assert!(found.samples.len().abs_diff(8_000) <= 1, "{rate}: {} samples", found.samples.len());
            let middle = 800..7_200;
            let far = found.samples[middle.clone()].iter().zip(&expected.samples[middle]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            worst = worst.max(far);
            assert!(far <= 1e-5, "{hertz} Hz at {rate} Hz: {far}");
        }
    }
    println!("largest distance {worst}");
    // What the lower rate cannot hold is gone, not folded down.
    for hertz in [9_000.0, 12_000.0, 20_000.0] {
        let found = resample(&tone(44_100, hertz, 0.5), 16_000).unwrap();
        let loudest = found.samples[800..7_200].iter().fold(0.0f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loudest <= 1e-4, "{hertz} Hz: {loudest}");
    }
    assert!(resample(&tone(16_000, 440.0, 0.1), 10).is_err());
    assert!(resample(&Sound { sample_rate_hz: u32::MAX, samples: vec![0.0], skipped_packets: 0 }, 16_000).is_err());
}

#[test]
fn broken_sounds_are_errors() {
    let says = |bytes: &[u8], words: &str| {
        let error = Sound::decode(bytes.to_vec()).unwrap_err().to_string();
        assert!(error.starts_with("sound: ") && error.contains(words), "`{error}` lacks `{words}`");
    };
    says(b"", "expected WAV, FLAC, MP3 or Ogg Vorbis");
    says(b"hello, world, this is no sound at all", "expected WAV, FLAC, MP3 or Ogg Vorbis");
    let whole = std::fs::read(golden("16.wav")).unwrap();
    says(&whole[..44], "");
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for name in ["tone.flac", "tone.ogg", "tone.mp3"] {
        let whole = std::fs::read(golden(name)).unwrap();
        assert!(Sound::decode(whole[..whole.len() / 20].to_vec()).is_err_and(|error| matches!(error, Error::Sound(_))), "{name}");
        for round in 0..200 {
            let mut bytes = whole.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = (state >> 33) as usize % (8 * bytes.len().min(if round % 2 == 0 { 200 } else { usize::MAX }));
                bytes[place / 8] ^= 1 << (place % 8);
            }
            if let Ok(sound) = Sound::decode(bytes) {
                assert!(sound.samples.len() <= 1 << 28 && sound.sample_rate_hz > 0);
            }
        }
    }
    for name in ["16.wav", "float.wav", "24.wav"] {
        let whole = std::fs::read(golden(name)).unwrap();
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // The header above all: the rest is any samples.
                let place = (state >> 33) as usize % (8 * 64);
                bytes[place / 8] ^= 1 << (place % 8);
            }
            let _ = Sound::decode(bytes);
        }
        for length in 0..whole.len().min(200) {
            let _ = Sound::decode(whole[..length].to_vec());
        }
    }
}

#[test]
fn configs_that_cannot_be_followed_are_errors() {
    let says = |config: Value, words: &str| {
        let error = log_mel(&config).unwrap_err().to_string();
        assert!(error.contains(words), "`{error}` lacks `{words}`");
    };
    says(json!({"feature_extractor_type": "Wav2Vec2FeatureExtractor"}), "expected WhisperFeatureExtractor");
    says(json!({"dither": 0.1}), "`dither`");
    says(json!({"n_fft": 1}), "`n_fft` is 1; expected 2 to 65536");
    says(json!({"hop_length": 0}), "`hop_length`");
    says(json!({"chunk_length": 1_000_000_000_000_000u64}), "`chunk_length × sampling_rate`");
    says(json!({"feature_size": "many"}), "preprocessor_config.json");
    assert!(LogMel::new(&ModelFiles::default()).unwrap_err().to_string().contains("`preprocessor_config.json` is missing"));
    let nested = json!({"feature_extractor": {"feature_size": 128}}).to_string().into_bytes();
    assert!(LogMel::new(&ModelFiles::from_bytes([("processor_config.json".to_owned(), nested)])).is_ok());
}

#[test]
fn samples_at_hand_are_mixed_and_checked() {
    let sound = Sound::from_channels(48_000, &[vec![1.0, 0.0, 0.5], vec![0.0, -1.0, 0.5]]).unwrap();
    assert_eq!((sound.sample_rate_hz, sound.samples.as_slice()), (48_000, &[0.5, -0.5, 0.5][..]));
    let says = |rate: u32, channels: &[Vec<f32>], words: &str| {
        let error = Sound::from_channels(rate, channels).unwrap_err().to_string();
        assert!(error.contains(words), "`{error}` lacks `{words}`");
    };
    says(48_000, &[], "0 channels");
    says(48_000, &[vec![]], "found [0]");
    says(48_000, &[vec![0.0], vec![0.0, 1.0]], "found [1, 2]");
    says(48_000, &[vec![0.0, f32::NAN]], "sample 1 is NaN");
    says(999, &[vec![0.0]], "999 Hz");
    says(48_000, &vec![vec![0.0]; 65], "65 channels");
}
