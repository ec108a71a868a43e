//! The main job, seen: specs become Rust, the Rust is validated, and a generated model computes.

use crate::shell::{Result, cargo, root, run as run_command};

/// **Errors** the first step that fails.
pub(crate) fn run() -> Result {
    let generator = |arguments: &[&str]| run_command(cargo(&[&["run", "--quiet", "--bin", "gen", "--"], arguments].concat()));
    generator(&["all"])?;
    generator(&["validate"])?;
    let golden = "generated/goldens/bert/base_gelu";
    let outputs = root().join("target/demo.safetensors");
    let arguments = [
        "run",
        "--quiet",
        "--package",
        "ipfs-accelerate",
        "--",
        "run",
        "bert",
        "--weights",
        golden,
        "--inputs",
        &format!("{golden}/inputs.safetensors"),
        "--outputs",
        &outputs.to_string_lossy(),
        "--against",
        &format!("{golden}/outputs.safetensors"),
        "--runs",
        "5",
    ];
    println!("\nA tiny random BERT through the generated module, on the best device found, against PyTorch's outputs:\n");
    run_command(cargo(&arguments))
}
