//! What every verb over a pipeline takes, and how it opens the model.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use ipfs_accelerate::pipelines::{Control, ModelFiles, Progress, load};
use ipfs_accelerate::{AnyModel, Checkpoint, DeviceOptions, LoadOptions, LoadReport, Platform, skills};

use super::run::platform;

#[derive(clap::Args)]
pub(crate) struct ModelArguments {
    /// Folder as HF publishes it: config.json, model.safetensors, tokenizer.json or preprocessor_config.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) weights: PathBuf,
    /// cpu, webgpu or webnn, and nothing else; without it the first that is there.
    #[arg(long, visible_alias = "hardware", value_parser = platform)]
    platform: Option<Platform>,
    /// Threads of the CPU; all if absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Part of the name of the WebGPU adapter to use.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Machine-readable output.
    #[arg(long)]
    pub(crate) json: bool,
}

impl ModelArguments {
    /// The model with the head that serves the task, and the files beside it.
    pub(super) fn open(&self, pipeline: &str) -> Result<(Box<dyn AnyModel>, ModelFiles), Box<dyn std::error::Error>> {
        let options = LoadOptions {
            platform: self.platform,
            device: DeviceOptions { threads: self.threads, adapter: self.adapter.clone(), ..DeviceOptions::default() },
            ..LoadOptions::default()
        };
        let checkpoint = Checkpoint::open(&self.weights)?;
        let files = ModelFiles::open(&self.weights)?;
        Ok((pollster::block_on(load(skills::SKILLS, &checkpoint, pipeline, &options))?, files))
    }

    /// Runs with a bar on the terminal, where there is one.
    pub(super) fn with_progress<T>(&self, total: usize, what: &str, run: impl FnOnce(Control<'_>) -> T) -> T {
        let bar = if total > 1 { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        let progress = |progress: Progress| bar.set_position(progress.done as u64);
        let result = run(Control { progress: Some(&progress), cancellation: None });
        bar.finish_and_clear();
        result
    }
}

/// Where it was computed, in one line.
pub(super) fn place(load: &LoadReport) -> String {
    format!("{} on {}: {} ({})", load.head, load.platform, load.device, load.precision)
}

/// The lines of the standard input where no argument is given.
pub(super) fn texts(given: &[String]) -> std::io::Result<Vec<String>> {
    if given.is_empty() { std::io::stdin().lines().collect() } else { Ok(given.to_vec()) }
}
