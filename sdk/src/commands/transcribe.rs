//! `ipfs-accelerate transcribe`

use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;

use ipfs_accelerate::pipelines::audio::Sound;
use ipfs_accelerate::pipelines::{Error, SpeechOptions, SpeechRecognition};
use serde_json::json;

use super::Outcome;
use super::model::{ModelArguments, place};

/// WAV, FLAC, MP3 or Ogg Vorbis of any rate and length. The text is shown as it is written.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ipfs-accelerate transcribe --weights whisper-tiny/ sound.wav --timestamps")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// The sound.
    sound: PathBuf,
    /// Its language, such as en; heard if absent.
    #[arg(long)]
    language: Option<String>,
    /// transcribe, or translate to English.
    #[arg(long)]
    task: Option<String>,
    /// Show the time of each segment; sounds of more than one window always have them.
    #[arg(long)]
    timestamps: bool,
    /// Texts followed at once; 1 is greedy, and the only one that is shown as it is written.
    #[arg(long)]
    num_beams: Option<usize>,
    /// Most tokens of each window.
    #[arg(long)]
    max_new_tokens: Option<usize>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let path = arguments.sound.display().to_string();
    let bytes = std::fs::read(&arguments.sound).map_err(|source| Error::Io { path: path.clone(), source })?;
    let sound = Sound::decode(bytes).map_err(|error| format!("{path}: {error}"))?;
    let (model, files) = arguments.model.open(SpeechRecognition::PIPELINE)?;
    let mut pipeline = SpeechRecognition::new(model, &files)?;
    pipeline.options = SpeechOptions {
        language: arguments.language.clone(),
        task: arguments.task.clone(),
        timestamps: arguments.timestamps,
        num_beams: arguments.num_beams,
        max_new_tokens: arguments.max_new_tokens,
    };
    if !arguments.model.json {
        println!("{}", place(pipeline.model().report()));
    }
    let shown = Cell::new(0);
    let show = !arguments.model.json && !arguments.timestamps;
    let mut heard = |text: &str| {
        // What follows what is shown already; a letter in two tokens may change its last character.
        if let (true, Some(more)) = (show && !text.ends_with('\u{fffd}'), text.get(shown.get()..)) {
            print!("{more}");
            let _ = std::io::stdout().flush();
            shown.set(text.len());
        }
    };
    let transcript =
        arguments.model.with_progress(1, "listening", |control| pollster::block_on(pipeline.run(&sound, control, &mut heard)))?;
    if arguments.model.json {
        let skipped = sound.skipped_packets;
        println!(
            "{:#}",
            json!({ "load": pipeline.model().report(), "seconds": sound.seconds(), "skipped_packets": skipped, "transcript": transcript })
        );
        return Ok(());
    }
    if show {
        println!("{}", transcript.text.get(shown.get()..).unwrap_or_default());
    } else {
        for segment in &transcript.segments {
            println!("[{:7.2} → {:7.2}] {}", segment.start, segment.end, segment.text.trim());
        }
    }
    if sound.skipped_packets > 0 {
        eprintln!("warning: {} packets of the sound could not be decoded", sound.skipped_packets);
    }
    Ok(())
}
