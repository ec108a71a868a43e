//! What is measured and held against: a checkpoint, inputs, the published model's outputs, and its ONNX for peers that read it.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Arguments;
use crate::shell::{Result, command, root, run as run_command};

/// A checkpoint with a folder that holds inputs.safetensors and outputs.safetensors, and model.onnx where a peer needs it.
#[derive(Debug)]
pub(crate) struct Reference {
    checkpoint: PathBuf,
    folder: PathBuf,
    /// Sizes of the first and the second axis of the inputs.
    sizes: Vec<usize>,
    /// Why there is no model.onnx.
    no_onnx: Option<String>,
}

impl Reference {
    /// The checkpoint that is named, else the family's first golden; other sizes and ONNX are made by PyTorch, once.
    ///
    /// **Errors** a folder that lacks a file; sizes that only PyTorch could make, where it is not there.
    pub(super) fn prepare(arguments: &Arguments, family: &str, onnx: bool) -> Result<Self> {
        let checkpoint = match &arguments.checkpoint {
            Some(folder) => std::path::absolute(folder).map_err(|error| error.to_string())?,
            None => golden(family)?,
        };
        let lacks = ["config.json", "inputs.safetensors", "outputs.safetensors"].into_iter().find(|file| !checkpoint.join(file).exists());
        if let Some(file) = lacks {
            return Err(format!(
                "{}: `{file}` is missing; `xtask/oracle/reference.py --preset bert-base --out DIR` makes a folder of real size",
                checkpoint.display()
            ));
        }
        let own = sizes(&checkpoint)?;
        let wanted: Vec<usize> = [arguments.batch, arguments.sequence].iter().zip(&own).map(|(asked, own)| asked.unwrap_or(*own)).collect();
        let mut reference = Self { folder: checkpoint.clone(), checkpoint, sizes: wanted.clone(), no_onnx: None };
        if wanted == own && !onnx && arguments.new_tokens.is_none() {
            return Ok(reference);
        }
        match reference.make(arguments, onnx) {
            Ok(folder) => reference.folder = folder,
            Err(reason) if wanted == own && arguments.new_tokens.is_none() => reference.no_onnx = Some(reason),
            Err(reason) => return Err(format!("inputs of sizes {wanted:?} have to be made: {reason}")),
        }
        if arguments.new_tokens.is_some() {
            reference.no_onnx = Some("it writes no text by itself".into());
        }
        Ok(reference)
    }

    fn make(&self, arguments: &Arguments, onnx: bool) -> Result<PathBuf> {
        let python = root().join(&arguments.venv).join("bin/python");
        if !python.exists() {
            return Err(format!("{} is not there; `cargo xtask goldens` makes the virtual environment", python.display()));
        }
        let name = self.checkpoint.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let sizes: Vec<String> = self.sizes.iter().map(usize::to_string).collect();
        let text = arguments.new_tokens.map_or_else(String::new, |tokens| format!("-{tokens}-tokens"));
        let folder = root().join(&arguments.output).join("references").join(format!("{name}-{}{text}", sizes.join("x")));
        let newest = |folder: &Path, file: &str| folder.join(file).metadata().and_then(|metadata| metadata.modified()).ok();
        let made = newest(&folder, if onnx { "model.onnx" } else { "outputs.safetensors" });
        let source =
            ["config.json", "inputs.safetensors", "model.safetensors"].iter().filter_map(|file| newest(&self.checkpoint, file)).max();
        if made.is_some() && made >= source {
            return Ok(folder);
        }
        let mut make = command(&python.to_string_lossy(), &["xtask/oracle/bench.py"]);
        make.arg("--checkpoint").arg(&self.checkpoint).arg("--out").arg(&folder);
        for (option, size) in ["--batch", "--sequence"].iter().zip(&sizes) {
            make.args([option, &size.as_str()]);
        }
        make.args(onnx.then_some("--onnx"));
        if let Some(tokens) = arguments.new_tokens {
            make.args(["--new-tokens", &tokens.to_string()]);
        }
        run_command(make)?;
        Ok(folder)
    }

    /// Weights and config.
    pub(crate) fn checkpoint(&self) -> &Path {
        &self.checkpoint
    }

    /// Inputs and outputs.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Why a peer that reads ONNX cannot take part.
    pub(crate) fn no_onnx(&self) -> Option<&str> {
        self.no_onnx.as_deref()
    }

    /// Names of the checkpoint's weight files.
    pub(crate) fn weight_files(&self) -> Vec<String> {
        let entries = self.checkpoint.read_dir().into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("model") && name.ends_with(".safetensors")).collect();
        names.sort();
        names
    }

    /// Checkpoint and sizes in one line.
    pub(crate) fn description(&self) -> String {
        format!("{}, inputs of sizes {:?}", self.name(), self.sizes)
    }

    /// The checkpoint as results call it: its folder's name.
    pub(crate) fn name(&self) -> String {
        self.checkpoint.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The first golden of a family that has outputs.
fn golden(family: &str) -> Result<PathBuf> {
    let folder = root().join("generated/goldens").join(family);
    let entries = folder.read_dir().map_err(|error| format!("{}: {error}; name a folder with `--checkpoint`", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let found = folders.into_iter().find(|folder| folder.join("outputs.safetensors").exists());
    found.ok_or_else(|| format!("{}: no goldens; name a folder with `--checkpoint`", folder.display()))
}

/// The first two sizes of the first input, from the file's header.
fn sizes(folder: &Path) -> Result<Vec<usize>> {
    let path = folder.join("inputs.safetensors");
    let wrong = |reason: String| format!("{}: {reason}", path.display());
    let mut file = std::fs::File::open(&path).map_err(|error| wrong(error.to_string()))?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|error| wrong(error.to_string()))?;
    let mut header = Vec::new();
    file.take(u64::from_le_bytes(length).min(1 << 20)).read_to_end(&mut header).map_err(|error| wrong(error.to_string()))?;
    let header: Value = serde_json::from_slice(&header).map_err(|error| wrong(error.to_string()))?;
    let tensors = header.as_object().into_iter().flatten().filter(|(name, _)| *name != "__metadata__");
    let shape = tensors.filter_map(|(_, tensor)| tensor["shape"].as_array()).next().ok_or_else(|| wrong("no tensor".into()))?;
    Ok(shape.iter().take(2).filter_map(|size| size.as_u64().map(|size| size as usize)).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_golden_tells_its_sizes() {
        let folder = super::golden("bert").unwrap();
        assert_eq!(super::sizes(&folder).unwrap().len(), 2);
        assert!(super::golden("bart").unwrap_err().contains("--checkpoint"));
    }
}
