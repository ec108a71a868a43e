//! Random models that no golden has, held against HF transformers: `xtask/oracle/fuzz.py` over the built command.

use crate::goldens;
use crate::shell::{Result, cargo, command, root, run as run_command};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Virtual environment to use; made where it is missing.
    #[arg(long, default_value = "target/oracle")]
    venv: std::path::PathBuf,
    /// Model families, separated by commas.
    #[arg(long, default_value = "bert")]
    family: String,
    /// Platforms, separated by commas.
    #[arg(long, default_value = "cpu")]
    platform: String,
    /// Cases of each family.
    #[arg(long, default_value_t = 20)]
    count: usize,
    /// Gives other cases.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// One case alone, by its number.
    #[arg(long)]
    only: Option<usize>,
}

/// **Errors** a case further from PyTorch than float32 explains, one that does not run.
pub(crate) fn run(arguments: &Arguments) -> Result {
    let python = goldens::python(&arguments.venv)?;
    run_command(cargo(&["build", "--quiet", "--package", "ipfs-accelerate"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let binary = target.join("debug").join("ipfs-accelerate").display().to_string();
    let [count, seed] = [arguments.count.to_string(), arguments.seed.to_string()];
    let mut words = vec!["xtask/oracle/fuzz.py", &binary, "--family", &arguments.family, "--platform", &arguments.platform];
    words.extend(["--count", &count, "--seed", &seed]);
    let only = arguments.only.map(|number| number.to_string());
    words.extend(only.iter().flat_map(|number| ["--only", number]));
    run_command(command(&python, &words))
}
