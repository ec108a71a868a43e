//! Times a checkpoint natively, alternating with PyTorch and ONNX Runtime in the same run: medians and ratios.

use std::path::PathBuf;

use serde_json::Value;

use crate::shell::{Result, cargo, command, root, run as run_command};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Checkpoint folder of real size; `xtask/oracle/reference.py` makes one with inputs.
    #[arg(long)]
    checkpoint: PathBuf,
    /// Virtual environment with PyTorch, as `cargo xtask goldens` makes it.
    #[arg(long, default_value = "target/oracle")]
    venv: PathBuf,
    /// Platform of ours.
    #[arg(long, default_value = "cpu")]
    platform: String,
    /// Engines to hold it against.
    #[arg(long, value_delimiter = ',', default_value = "pytorch,onnxruntime")]
    against: Vec<String>,
    /// Threads of both sides.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Turns; each side runs once a turn.
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// Timed runs of a turn.
    #[arg(long, default_value_t = 10)]
    runs: usize,
}

/// **Errors** a side that cannot be built or run.
pub(crate) fn run(arguments: &Arguments) -> Result {
    run_command(cargo(&["build", "--release", "--quiet", "--package", "ipfs-accelerate"]))?;
    let mut ours = Vec::new();
    let mut peers: Vec<(String, Vec<f64>)> = arguments.against.iter().map(|engine| (engine.clone(), Vec::new())).collect();
    for turn in 1..=arguments.turns {
        println!("turn {turn} of {}", arguments.turns);
        ours.extend(run_ours(arguments)?);
        for (engine, times) in &mut peers {
            times.extend(run_peer(arguments, engine)?);
        }
    }
    let our_median = median(&mut ours);
    println!("\n{:<14} median {our_median:9.1} ms  fastest {:9.1} ms  ({} runs)", arguments.platform, ours[0], ours.len());
    for (engine, times) in &mut peers {
        let median = median(times);
        println!(
            "{engine:<14} median {median:9.1} ms  fastest {:9.1} ms  ratio of medians {:.2}, of fastest {:.2}",
            times[0],
            our_median / median,
            ours[0] / times[0]
        );
    }
    Ok(())
}

fn run_ours(arguments: &Arguments) -> Result<Vec<f64>> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let program = target.join("release/ipfs-accelerate");
    let checkpoint = arguments.checkpoint.to_string_lossy();
    let outputs = std::env::temp_dir().join("ipfs-accelerate-bench.safetensors");
    let (inputs, runs, threads) =
        (format!("{checkpoint}/inputs.safetensors"), (arguments.runs + 2).to_string(), arguments.threads.to_string());
    let mut ours = command(&program.to_string_lossy(), &["run", "bert", "--json", "--weights", &checkpoint, "--inputs", &inputs]);
    ours.arg("--outputs").arg(&outputs).args(["--platform", &arguments.platform, "--threads", &threads, "--runs", &runs]);
    let output = ours.output().map_err(|error| error.to_string())?;
    let report: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let times = report["run_ms"].as_array().ok_or_else(|| report.to_string())?;
    Ok(times.iter().skip(2).filter_map(Value::as_f64).collect())
}

fn run_peer(arguments: &Arguments, engine: &str) -> Result<Vec<f64>> {
    let python = root().join(&arguments.venv).join("bin/python");
    let (runs, threads) = (arguments.runs.to_string(), arguments.threads.to_string());
    let checkpoint = arguments.checkpoint.to_string_lossy();
    let mut peer = command(&python.to_string_lossy(), &["bench/peers/pytorch_bert.py", "--checkpoint", &checkpoint, "--engine", engine]);
    let output = peer.args(["--threads", &threads, "--runs", &runs]).output().map_err(|error| error.to_string())?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let runs = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|line| line.get("run").is_some());
    let times: Vec<f64> = runs.filter_map(|line| line["milliseconds"].as_f64()).collect();
    if times.is_empty() { Err(format!("{engine}: {}", String::from_utf8_lossy(&output.stderr))) } else { Ok(times) }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
