//! Times generated models natively and in a browser, in turns with peers: cold steps apart from warm runs, ratios, and who measured what where.
//!
//! `gen bench` checks the names and starts this. A side is timed only after its outputs agreed with the reference.

pub(crate) mod measure;
mod native;
mod reference;
mod report;

use std::path::PathBuf;

use crate::shell::{Result, root};
use crate::web_test::bench as browser;
use measure::Measurement;
use reference::Reference;
use report::Report;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Families of models.
    #[arg(long, value_delimiter = ',', default_value = "bert")]
    models: Vec<String>,
    /// Platforms, in this order.
    #[arg(long, value_delimiter = ',', default_value = "webnn,webgpu,cpu")]
    platforms: Vec<String>,
    /// Where to run them.
    #[arg(long, value_delimiter = ',', default_value = "native,browser")]
    runs_on: Vec<RunsOn>,
    /// Engines to take turns with: pytorch and onnxruntime natively on the CPU, onnxruntime-web in the browser.
    #[arg(long, value_delimiter = ',')]
    against: Vec<Peer>,
    /// Checkpoint folder with inputs.safetensors and outputs.safetensors of the published model [default: a golden of the family]
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Size of the first axis of every input [default: that of inputs.safetensors]
    #[arg(long)]
    batch: Option<usize>,
    /// Size of the second axis of inputs of two [default: that of inputs.safetensors]
    #[arg(long)]
    sequence: Option<usize>,
    /// A run is a text of so many tokens, written greedily, instead of one forward pass.
    #[arg(long)]
    new_tokens: Option<usize>,
    /// Turns; each side runs in each.
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// Warm runs of a side in a turn.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Seconds of warm runs on a platform, for all sides together; each runs at least once.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Threads of the native sides; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Largest absolute distance from the reference.
    #[arg(long, default_value_t = 2e-4)]
    tolerance: f32,
    /// The browser: `chromium`, or the path of a program that takes Chromium's flags.
    #[arg(long, default_value = "chromium")]
    browser: String,
    /// Virtual environment with PyTorch, as `cargo xtask goldens` makes it: for peers and for other sizes.
    #[arg(long, default_value = "target/oracle")]
    venv: PathBuf,
    /// Where results.jsonl and results.md go.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

/// What executes a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RunsOn {
    Native,
    Browser,
}

impl RunsOn {
    fn name(self) -> &'static str {
        if self == RunsOn::Native { "native" } else { "browser" }
    }
}

/// An engine to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    Pytorch,
    Onnxruntime,
    OnnxruntimeWeb,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Pytorch => "pytorch",
            Peer::Onnxruntime => "onnxruntime",
            Peer::OnnxruntimeWeb => "onnxruntime-web",
        }
    }

    /// True where it has this platform there.
    fn serves(self, platform: &str, runs_on: RunsOn) -> bool {
        match self {
            Peer::OnnxruntimeWeb => runs_on == RunsOn::Browser,
            Peer::Pytorch | Peer::Onnxruntime => runs_on == RunsOn::Native && platform == "cpu",
        }
    }

    fn place(self) -> &'static str {
        if self == Peer::OnnxruntimeWeb { "in the browser" } else { "native, on the CPU" }
    }

    fn needs_onnx(self) -> bool {
        self != Peer::Pytorch
    }
}

/// One platform at one place, and how to measure it.
pub(crate) struct Case<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) family: &'a str,
    pub(crate) platform: &'a str,
    pub(crate) peers: Vec<Peer>,
    pub(crate) reference: &'a Reference,
}

/// **Errors** a build that fails, a side that fails or disagrees with the reference, and where nothing at all was measured.
pub(crate) fn run(arguments: &Arguments) -> Result {
    for peer in &arguments.against {
        let served = |place: &RunsOn| arguments.platforms.iter().any(|platform| peer.serves(platform, *place));
        if !arguments.runs_on.iter().any(served) {
            return Err(format!("{} has none of these platforms at these places: it is {}", peer.name(), peer.place()));
        }
    }
    let mut report = Report::new(root().join(&arguments.output))?;
    for family in &arguments.models {
        let onnx = arguments.new_tokens.is_none() && arguments.against.iter().any(|peer| peer.needs_onnx());
        let reference = Reference::prepare(arguments, family, onnx)?;
        println!("{family}: {}", reference.description());
        for runs_on in [RunsOn::Native, RunsOn::Browser].into_iter().filter(|place| arguments.runs_on.contains(place)) {
            for platform in &arguments.platforms {
                if platform == "webnn" && runs_on == RunsOn::Native {
                    continue;
                }
                let peers = arguments.against.iter().copied().filter(|peer| peer.serves(platform, runs_on)).collect();
                let case = Case { arguments, family, platform, peers, reference: &reference };
                println!("\n{family} on {platform}, {}", runs_on.name());
                let measurement = match runs_on {
                    RunsOn::Native => native::measure(&case),
                    RunsOn::Browser => browser::measure(&case),
                };
                report.add(&case, runs_on, measurement.unwrap_or_else(|reason| Measurement::failed(&reason)))?;
            }
        }
    }
    report.finish()
}

impl Arguments {
    pub(crate) fn browser(&self) -> &str {
        &self.browser
    }

    /// What the page of the benchmark needs to know.
    pub(crate) fn query(&self) -> String {
        format!("&turns={}&runs={}&seconds={}&tolerance={}", self.turns, self.runs, self.seconds, self.tolerance)
    }
}
