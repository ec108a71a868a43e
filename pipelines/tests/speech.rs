//! Speech recognition beside HF's `generate`, from the file of a sound to the tokens of a text.
#![cfg(feature = "audio-decode")]

use std::cell::Cell;
use std::path::{Path, PathBuf};

use ipfs_accelerate_pipelines::audio::Sound;
use ipfs_accelerate_pipelines::{Cancellation, Control, Error, LoadOptions, ModelFiles, Progress, SpeechRecognition, load};
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::weights::Checkpoint;
use ipfs_accelerate_skills::SKILLS;
use pollster::block_on;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/speech").join(name)
}

fn pipeline() -> SpeechRecognition {
    pipeline_on(Platform::Cpu).unwrap()
}

fn pipeline_on(platform: Platform) -> Result<SpeechRecognition, Error> {
    let options = LoadOptions { platform: Some(platform), ..LoadOptions::default() };
    let model = block_on(load(SKILLS, &Checkpoint::open(golden("")).unwrap(), SpeechRecognition::PIPELINE, &options))?;
    SpeechRecognition::new(model, &ModelFiles::open(golden("")).unwrap())
}

fn sound() -> Sound {
    Sound::decode(std::fs::read(golden("sound.wav")).unwrap()).unwrap()
}

fn answers() -> Value {
    serde_json::from_slice(&std::fs::read(golden("answers.json")).unwrap()).unwrap()
}

#[test]
fn texts_are_those_of_the_published_generate() {
    let mut pipeline = pipeline();
    pipeline.options.language = Some("fr".into());
    let no_timestamps = pipeline.config.no_timestamps_token_id.unwrap();
    for case in answers()["cases"].as_array().unwrap() {
        pipeline.options.timestamps = case["timestamps"] == true;
        pipeline.options.num_beams = Some(case["num_beams"].as_u64().unwrap() as usize);
        let mut seen = Vec::new();
        let transcript = block_on(pipeline.run(&sound(), Control::default(), &mut |text| seen.push(text.to_owned()))).unwrap();
        let tokens: Vec<u32> = transcript.segments.iter().flat_map(|segment| segment.tokens.clone()).collect();
        let expected: Vec<u32> = serde_json::from_value(case["tokens"].clone()).unwrap();
        // What comes after the last pair of times is heard again in a window of its own.
        let is_time = |token: &u32| *token > no_timestamps;
        let pair = (1..expected.len()).rev().find(|&place| is_time(&expected[place - 1]) && is_time(&expected[place]));
        let kept = pair.map_or(expected.len(), |place| place + 1);
        assert!(kept > 3 && tokens.starts_with(&expected[..kept]), "{tokens:?}, expected {:?}", &expected[..kept]);
        assert!(pair.is_some() || tokens.len() == kept, "{tokens:?}, expected {expected:?}");
        if case["num_beams"] == 1 && case["timestamps"] == false {
            assert_eq!(transcript.text, case["text"], "{case}");
            assert!(seen.len() > 10 && transcript.text.starts_with(seen[3].trim_end_matches('\u{fffd}')), "{seen:?}");
        }
        assert_eq!(transcript.language.as_deref(), Some("<|fr|>"));
    }
}

#[test]
fn a_language_that_is_not_named_is_heard() {
    let mut pipeline = pipeline();
    pipeline.options.max_new_tokens = Some(2);
    let transcript = block_on(pipeline.run(&sound(), Control::default(), &mut |_| ())).unwrap();
    assert_eq!(Value::from(transcript.language), answers()["language"]);
    pipeline.options.language = Some("tlh".into());
    let error = block_on(pipeline.run(&sound(), Control::default(), &mut |_| ())).unwrap_err().to_string();
    assert!(error.contains("there is no language `tlh`; languages: en, fr"), "{error}");
}

/// As many samples of the golden's sound, again and again.
fn sound_of(samples: usize) -> Sound {
    let short = sound();
    Sound { samples: short.samples.iter().copied().cycle().take(samples).collect(), ..short }
}

/// WebGPU counts what its device holds for everybody; the CPU's report is of one session, and does not see another that is left behind.
fn nothing_grows_over_twenty_windows(platform: Platform) {
    let mut pipeline = match pipeline_on(platform) {
        Err(Error::Runtime(error @ ipfs_accelerate_runtime::Error::Unavailable { .. })) => return println!("skipped: {error}"),
        pipeline => pipeline.unwrap(),
    };
    pipeline.options.language = Some("en".into());
    pipeline.options.max_new_tokens = Some(8);
    let window = (pipeline.log_mel.window_frames() as f64 * pipeline.log_mel.seconds_per_frame()) * f64::from(sound().sample_rate_hz);
    let mut run = |windows: usize| {
        let ends = Cell::new(0);
        let report = |_: Progress| ends.set(ends.get() + 1);
        let control = Control { progress: Some(&report), cancellation: None };
        let transcript = block_on(pipeline.run(&sound_of(window as usize * windows), control, &mut |_| ())).unwrap();
        assert!(ends.get() >= windows, "{} windows", ends.get());
        let held = pipeline.step_report().unwrap();
        (transcript.segments, held.allocated_bytes, held.allocations)
    };
    let (short, bytes, pieces) = run(2);
    let (long, bytes_after, pieces_after) = run(20);
    assert!(
        bytes > 0 && (bytes_after, pieces_after) == (bytes, pieces),
        "{pieces:?} pieces of {bytes} bytes, then {pieces_after:?} of {bytes_after}"
    );
    assert_eq!(long[0], short[0]);
    let again = run(2);
    assert_eq!(again, (short, bytes, pieces));
}

#[test]
fn nothing_grows_over_twenty_windows_on_the_cpu() {
    nothing_grows_over_twenty_windows(Platform::Cpu);
}

#[test]
fn nothing_grows_over_twenty_windows_on_webgpu() {
    nothing_grows_over_twenty_windows(Platform::WebGpu);
}

#[test]
fn long_sounds_are_heard_window_by_window() {
    let mut pipeline = pipeline();
    pipeline.options.language = Some("en".into());
    pipeline.options.max_new_tokens = Some(12);
    let long = sound_of(50_000);
    let transcript = block_on(pipeline.run(&long, Control::default(), &mut |_| ())).unwrap();
    assert!(transcript.segments.len() >= 3, "{:?}", transcript.segments);
    assert!(transcript.segments.is_sorted_by(|a, b| a.start <= b.start) && transcript.segments.iter().all(|segment| segment.end <= 4.2));
    let cancellation = Cancellation::default();
    let control = Control { progress: None, cancellation: Some(&cancellation) };
    let mut count = 0;
    let mut heard = |_: &str| {
        count += 1;
        if count == 5 {
            cancellation.cancel();
        }
    };
    assert!(matches!(block_on(pipeline.run(&long, control, &mut heard)), Err(Error::Cancelled)));
}

#[test]
fn a_model_that_is_loaded_again_hears_the_same() {
    let mut pipeline = pipeline();
    pipeline.options.max_new_tokens = Some(8);
    assert!(pipeline.step_report().is_none());
    let first = block_on(pipeline.run(&sound(), Control::default(), &mut |_| ())).unwrap();
    assert!(pipeline.step_report().is_some());
    // What was compiled on the device before is not used again.
    block_on(pipeline.reload()).unwrap();
    assert!(pipeline.step_report().is_none());
    assert_eq!(block_on(pipeline.run(&sound(), Control::default(), &mut |_| ())).unwrap(), first);
}
