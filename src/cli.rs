//! The command line: one definition for parsing, help and completions.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Generates Rust modules and tests that run published models on CPU, WebGPU and WebNN.
#[derive(Clone, Debug, Parser)]
#[command(name = "gen", version, max_term_width = 100, arg_required_else_help = true, after_help = EXAMPLES)]
#[allow(missing_docs)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  gen list models                                     what there is
  gen plan --model bert --platform webgpu             what bert needs, and what WebGPU lacks
  gen skillset --model bert --platform webgpu,webnn   a module for each platform
  gen skillset --model bert --cross-platform          one that chooses at run time
  gen test --model bert --platform all                its tests, a program for each platform
  gen all                                             everything, written and validated
  gen all --check                                     what would change, as a diff
  gen bench --model bert --against onnxruntime-web    times, in turns with a peer
  gen explain P009                                    an error's cause and cure

Exit codes: 0 done; 1 findings, or files that would change; 2 wrong usage or a mistake in a spec.";

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct Common {
    /// The folder that holds model_specs/ and templates/ [default: the nearest above the working directory, else the copy inside gen]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub specs: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// When to colour; NO_COLOR is respected
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Everywhere")]
    pub color: Color,
    /// Print errors and findings alone
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
    /// Print every file, also those that stay as they are
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Everywhere")]
    pub verbose: u8,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// A verb.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Write the Rust modules that run models
    Skillset(Skillset),
    /// Write the tests of models
    Test(Test),
    /// Check generated files on disk; changes none
    Validate(Validate),
    /// Print what a model needs and what each platform lacks
    Plan(Plan),
    /// Print what there is
    List(List),
    /// Write and validate everything in model_specs/
    All(All),
    /// Time models natively and in a browser, in turns with other engines
    Bench(Bench),
    /// Print the JSON Schema of the specs, for editors
    Schema(Schema),
    /// Print an error's cause and cure
    Explain(Explain),
    /// Print a script that completes the command line
    Completions(Completions),
}

/// Models and platforms that a command is about.
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct Names {
    /// Models, with commas or repeated; `all` is every one
    #[arg(short, long, visible_alias = "models", value_delimiter = ',', value_name = "NAMES", required = true)]
    pub model: Vec<String>,
    /// Platforms, with commas or repeated; `all` is every one
    #[arg(short, long, visible_aliases = ["platforms", "hardware"], value_delimiter = ',', value_name = "NAMES", default_value = "all")]
    pub platform: Vec<String>,
}

/// Where files go, and whether they do.
#[derive(Clone, Debug, Default, Args)]
#[allow(missing_docs)]
pub struct Writing {
    /// Print what would change as a diff, and files that are left from before; exit 1 if there is any; write nothing
    #[arg(long)]
    pub check: bool,
    /// Print what would be written; write nothing
    #[arg(long, conflicts_with = "check")]
    pub dry_run: bool,
}

/// `gen skillset`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
#[command(after_help = "\
Examples:
  gen skillset --model bert --platform webgpu,webnn
      generated/src/bert_webgpu.rs and generated/src/bert_webnn.rs
  gen skillset --model bert --platform webgpu --output src/bert.rs
      one file
  gen skillset --models all --cross-platform
      generated/src/<model>.rs, which choose among all platforms at run time")]
pub struct Skillset {
    #[command(flatten)]
    pub names: Names,
    /// One module that holds every platform and chooses at run time
    #[arg(long)]
    pub cross_platform: bool,
    /// A file `x.rs` (a module for each platform where several are named), or a folder (a file for each) [default: generated/src beside model_specs/]
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub writing: Writing,
}

/// `gen test`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
#[command(after_help = "\
Examples:
  gen test --model bert --platform webnn,webgpu
      generated/tests/bert_webnn.rs and generated/tests/bert_webgpu.rs
  gen test --model bert --platform cpu --output t/
      t/bert_cpu.rs")]
pub struct Test {
    #[command(flatten)]
    pub names: Names,
    /// A file `x.rs` (one platform), or a folder (a file for each) [default: generated/tests beside model_specs/]
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub writing: Writing,
}

/// `gen validate`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
#[command(after_help = "\
Examples:
  gen validate                              everything in generated/
  gen validate src/bert.rs --compile        one file, also through cargo check and clippy
  gen validate --format sarif > gen.sarif   for code scanning")]
pub struct Validate {
    /// Files and folders [default: generated/ beside model_specs/]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Run cargo check and clippy on the files as well
    #[arg(long)]
    pub compile: bool,
    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "human", conflicts_with = "json")]
    pub format: Format,
    /// Short for `--format sarif`
    #[arg(long, conflicts_with_all = ["json", "format"])]
    pub sarif: bool,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Format {
    Human,
    Json,
    Sarif,
}

/// `gen plan`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct Plan {
    #[command(flatten)]
    pub names: Names,
}

/// `gen list`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct List {
    pub what: Listed,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Listed {
    Models,
    Platforms,
    Operators,
    Browsers,
    Blocks,
}

/// `gen all`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct All {
    /// The folder of the crate [default: generated/ beside model_specs/]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub writing: Writing,
}

/// `gen bench`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
#[command(after_help = "\
Nothing is timed whose outputs do not agree with the published model's. Results go to results.jsonl and results.md.

Examples:
  gen bench --models bert --platforms webnn,webgpu,cpu --against onnxruntime-web
      in the browser in turns with onnxruntime-web, and natively
  gen bench --model bert --platform cpu --runs-on native --against onnxruntime,pytorch --checkpoint bert-base/
      a checkpoint of real size, natively alone")]
pub struct Bench {
    #[command(flatten)]
    pub names: Names,
    /// Engines to take turns with: pytorch and onnxruntime natively on the CPU, onnxruntime-web in the browser
    #[arg(long, value_delimiter = ',', value_name = "ENGINES")]
    pub against: Vec<Engine>,
    /// Where to run [default: both]
    #[arg(long, value_delimiter = ',', value_name = "PLACES")]
    pub runs_on: Vec<Place>,
    /// Folder with config.json, weights, inputs.safetensors and outputs.safetensors of the published model [default: a golden of the family]
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Size of the first axis of every input [default: that of inputs.safetensors]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: Option<u32>,
    /// Size of the second axis of inputs that have two [default: that of inputs.safetensors]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub sequence: Option<u32>,
    /// A run is a text of so many tokens, written greedily from one input, instead of one forward pass
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub new_tokens: Option<u32>,
    /// Turns; each side runs in each [default: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub turns: Option<u32>,
    /// Warm runs of a side in a turn [default: 10]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: Option<u32>,
    /// Seconds of warm runs on a platform, for all sides together; each runs at least once [default: 60]
    #[arg(long)]
    pub seconds: Option<u32>,
    /// Threads of the native sides [default: all cores]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub threads: Option<u32>,
    /// Largest absolute distance from the published model's outputs [default: 2e-4]
    #[arg(long)]
    pub tolerance: Option<f32>,
    /// The browser: `chromium`, or the path of a program that takes Chromium's flags [default: chromium]
    #[arg(long, value_name = "PROGRAM")]
    pub browser: Option<PathBuf>,
    /// Virtual environment with PyTorch, for peers and for other sizes [default: target/oracle]
    #[arg(long, value_name = "DIR")]
    pub venv: Option<PathBuf>,
    /// Where results.jsonl and results.md go [default: target/bench]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// An engine to hold ours against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Engine {
    Pytorch,
    Onnxruntime,
    OnnxruntimeWeb,
}

/// What executes a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Place {
    Native,
    Browser,
}

/// `gen schema`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct Schema {
    /// One folder of model_specs/ [default: an object with all]
    pub folder: Option<String>,
}

/// `gen explain`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct Explain {
    /// A code, as in P009 [default: all of them]
    pub code: Option<String>,
}

/// `gen completions`
#[derive(Clone, Debug, Args)]
#[allow(missing_docs)]
pub struct Completions {
    pub shell: clap_complete::Shell,
}
