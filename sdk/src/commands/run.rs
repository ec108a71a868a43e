//! `ipfs-accelerate run MODEL`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipfs_accelerate::{
    AnyModel, Checkpoint, DeviceOptions, Error, LoadOptions, Platform, Result, Run, Tensor, entry, read_tensors, write_tensors,
};
use serde_json::json;

/// The tensors go by the names of HF's arguments and output fields; what is computed follows `architectures` in config.json.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  ipfs-accelerate run bert --weights bert-base-uncased/ --inputs in.safetensors --outputs out.safetensors --platform webgpu"
)]
pub(crate) struct Arguments {
    /// Family of the model, such as bert.
    model: String,
    /// Folder with config.json and model.safetensors, or its index and shards.
    #[arg(long, value_name = "DIR")]
    weights: PathBuf,
    /// Tensors to run on; integers of any width are taken.
    #[arg(long, value_name = "FILE")]
    inputs: PathBuf,
    /// Where every output is written.
    #[arg(long, value_name = "FILE")]
    outputs: PathBuf,
    /// cpu, webgpu or webnn, and nothing else; without it the first that is there.
    #[arg(long, visible_alias = "hardware", value_parser = platform)]
    platform: Option<Platform>,
    /// The graph to run, instead of the one that config.json names.
    #[arg(long, value_name = "CLASS")]
    head: Option<String>,
    /// List outputs to compute too, such as hidden_states.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    with: Vec<String>,
    /// Threads of the CPU; all if absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Part of the name of the WebGPU adapter to use.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Tensors to compare the outputs with; prints the largest distance of each.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Run this many times, and report the time of each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Machine-readable report.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn platform(name: &str) -> Result<Platform, String> {
    let known = Platform::ALL.map(Platform::name).join(", ");
    Platform::from_name(name).ok_or_else(|| format!("there is no platform `{name}`; platforms: {known}"))
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    pollster::block_on(async {
        let options = LoadOptions {
            platform: arguments.platform,
            head: arguments.head.clone(),
            device: DeviceOptions { threads: arguments.threads, adapter: arguments.adapter.clone(), ..DeviceOptions::default() },
            ..LoadOptions::default()
        };
        let family = entry(&arguments.model)?;
        let inputs = read_tensors(&arguments.inputs)?;
        let checkpoint = Checkpoint::open(&arguments.weights)?;
        let mut model = (family.load)(&checkpoint, &options).await?;
        let lists: Vec<&str> = arguments.with.iter().map(String::as_str).collect();
        let mut run = model.run(&inputs, &lists).await?;
        let compile_ms = run.compile_ms;
        let mut milliseconds = vec![run.run_ms];
        for _ in 1..arguments.runs {
            run = model.run(&inputs, &lists).await?;
            milliseconds.push(run.run_ms);
        }
        write_tensors(&arguments.outputs, &run.outputs)?;
        let distances = arguments.against.as_ref().map(|path| distances(&run, &read_tensors(path)?)).transpose()?;
        if arguments.json {
            let mut report = report(model.as_ref(), &run, compile_ms, &milliseconds);
            report["distances"] = json!(distances);
            println!("{report:#}");
        } else {
            print(model.as_ref(), &run, compile_ms, &milliseconds);
            for (name, distance) in distances.unwrap_or_default() {
                println!("  {name} is at most {distance:.1e} from {}", arguments.against.as_deref().unwrap_or(Path::new("")).display());
            }
        }
        Ok(())
    })
}

/// Largest absolute distance of every output that both sides have; NaN counts as infinitely far.
fn distances(run: &Run, wanted: &BTreeMap<String, Tensor>) -> Result<BTreeMap<String, f32>> {
    let mut distances = BTreeMap::new();
    for (name, found) in &run.outputs {
        let Some(wanted) = wanted.get(name) else { continue };
        if wanted.descriptor() != found.descriptor() {
            return Err(Error::Config(format!(
                "`{name}` is {}, but the file to compare with has {}",
                found.descriptor(),
                wanted.descriptor()
            )));
        }
        let pairs = found.as_slice::<f32>()?.iter().zip(wanted.as_slice::<f32>()?);
        let far = pairs.map(|(found, wanted)| if found.is_nan() { f32::INFINITY } else { (found - wanted).abs() });
        distances.insert(name.clone(), far.fold(0.0, f32::max));
    }
    Ok(distances)
}

fn report(model: &dyn AnyModel, run: &Run, compile_ms: f64, milliseconds: &[f64]) -> serde_json::Value {
    let outputs: serde_json::Map<_, _> = run
        .outputs
        .iter()
        .map(|(name, tensor)| (name.clone(), json!({ "type": tensor.data_type().name(), "shape": tensor.shape() })))
        .collect();
    let sizes: serde_json::Map<_, _> = run.sizes.iter().map(|(name, size)| (name.to_owned(), json!(size))).collect();
    json!({
        "load": model.report(),
        "sizes": sizes,
        "plan": run.session,
        "outputs": outputs,
        "compile_ms": compile_ms,
        "run_ms": milliseconds,
    })
}

fn print(model: &dyn AnyModel, run: &Run, compile_ms: f64, milliseconds: &[f64]) {
    let load = model.report();
    println!("{} on {}: {} ({})", load.head, load.platform, load.device, load.precision);
    for one in &load.passed_over {
        println!("  passed over {}: {}", one.platform, one.reason);
    }
    for (name, reason) in &load.omitted {
        println!("  left out {name}: {reason}");
    }
    for name in &load.untied {
        println!("  not tied after all: {name} has its own numbers");
    }
    if !load.surplus.is_empty() {
        println!("  {} tensors of the checkpoint are not read: {}", load.surplus.len(), load.surplus.join(", "));
    }
    for (from, count) in &load.widened {
        println!("  {count} tensors widened from {from}");
    }
    let plan = &run.session;
    println!(
        "  {}: {} dispatches, {} bytes of activations, {} of weights",
        run.sizes, plan.dispatches, plan.arena_bytes, plan.weight_bytes
    );
    let times: Vec<String> = milliseconds.iter().map(|time| format!("{time:.2}")).collect();
    println!("  compiled in {compile_ms:.1} ms, ran in {} ms", times.join(", "));
    for (name, tensor) in &run.outputs {
        println!("  {name}: {}", tensor.descriptor());
    }
}
