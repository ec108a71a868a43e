//! Makes the goldens anew: a virtual environment with PyTorch and HF transformers, then one script.

use std::path::{Path, PathBuf};

use crate::shell::{Result, command, root, run as run_command};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Virtual environment to use; made where it is missing (1.8 GB, python 3.11, gcc).
    #[arg(long, default_value = "target/oracle")]
    venv: PathBuf,
    /// Where the goldens go; elsewhere than the default, to compare with what is there.
    #[arg(long, default_value = "generated/goldens")]
    output: PathBuf,
    /// Make those of the pipelines instead, in pipelines/tests/goldens: text, vision, audio, generation.
    #[arg(long, value_name = "PART", value_delimiter = ',', num_args = 0..)]
    pipelines: Option<Vec<String>>,
}

/// **Errors** the step that fails.
pub(crate) fn run(arguments: &Arguments) -> Result {
    let python = python(&arguments.venv)?;
    if let Some(parts) = &arguments.pipelines {
        let mut made = command(&python, &["xtask/oracle/pipelines.py", &root().join("pipelines/tests/goldens").to_string_lossy()]);
        made.args(parts);
        return run_command(made);
    }
    run_command(command(&python, &["xtask/oracle/goldens.py", &root().join(&arguments.output).to_string_lossy()]))
}

/// The oracle's Python; its environment is made where it is missing.
///
/// **Errors** the step that fails.
pub(crate) fn python(venv: &Path) -> Result<String> {
    let venv = root().join(venv);
    if !venv.join("bin/python").exists() {
        run_command(command("bash", &["xtask/oracle/setup.sh", &venv.to_string_lossy()]))?;
    }
    Ok(venv.join("bin/python").to_string_lossy().into_owned())
}
