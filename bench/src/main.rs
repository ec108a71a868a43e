//! `ipfs-accelerate-bench MODEL CHECKPOINT --platform P`: prints one JSON object with the cold steps and parity, then one for every line it
//! reads: `{"event": "run", "ms"}`. So its caller alternates it with a peer.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use ipfs_accelerate_bench::{Failure, Reference, Subject};
use ipfs_accelerate_pipelines::ModelFiles;
use ipfs_accelerate_runtime::model::LoadOptions;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::DeviceOptions;
use ipfs_accelerate_runtime::weights::{Checkpoint, read_tensors};
use serde_json::{Value, json};

/// Measures a checkpoint on one platform, a run for every line that it reads.
#[derive(Parser)]
struct Arguments {
    /// Family of the model, such as bert.
    model: String,
    /// Folder with config.json and weights as HF publishes them.
    checkpoint: PathBuf,
    /// Folder with inputs.safetensors and outputs.safetensors [default: the checkpoint's]
    #[arg(long)]
    reference: Option<PathBuf>,
    /// cpu or webgpu.
    #[arg(long)]
    platform: String,
    /// Threads of the CPU; all if absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Part of the name of the WebGPU adapter to use.
    #[arg(long)]
    adapter: Option<String>,
    /// Largest absolute distance from the reference.
    #[arg(long, default_value_t = 2e-4)]
    tolerance: f32,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match pollster::block_on(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print(&failure.to_json());
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let platform = Platform::from_name(&arguments.platform)
        .ok_or_else(|| Failure::Failed(format!("there is no platform `{}`", arguments.platform)))?;
    let folder: &Path = arguments.reference.as_deref().unwrap_or(&arguments.checkpoint);
    let reference = Reference {
        checkpoint: Checkpoint::open(&arguments.checkpoint)?,
        files: ModelFiles::open(&arguments.checkpoint)?,
        inputs: read_tensors(folder.join("inputs.safetensors"))?,
        outputs: read_tensors(folder.join("outputs.safetensors"))?,
    };
    let device = DeviceOptions { threads: arguments.threads, adapter: arguments.adapter.clone(), ..DeviceOptions::default() };
    let options = LoadOptions { platform: Some(platform), device, ..LoadOptions::default() };
    let (mut subject, start) = Subject::start(&arguments.model, reference, &options, arguments.tolerance).await?;
    let mut event = json!(start);
    event["event"] = "start".into();
    print(&event);
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        print(&json!({ "event": "run", "ms": subject.run().await? }));
    }
    Ok(())
}

fn print(event: &Value) {
    // A caller that went away wants to hear no more.
    let mut output = std::io::stdout();
    let _ = writeln!(output, "{event}").and_then(|()| output.flush());
}
