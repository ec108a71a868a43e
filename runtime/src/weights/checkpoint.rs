//! A checkpoint as HF publishes it: a folder with `config.json` and `model.safetensors`, or an index over shards.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::{Dtype, SafeTensors};

use super::mapped;
use crate::error::{Error, Result};
use crate::order::order;
use crate::tensor::SharedBytes;

/// Largest JSON file that is read: config.json and index files are a few hundred kilobytes at most.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// One tensor where it lies.
#[derive(Clone)]
pub struct StoredTensor {
    /// Type in the file.
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    bytes: SharedBytes,
    range: Range<usize>,
}

impl StoredTensor {
    /// The bytes, little endian.
    pub fn bytes(&self) -> &[u8] {
        &(*self.bytes).as_ref()[self.range.clone()]
    }

    /// The owner of the bytes and the place in it.
    pub fn shared(&self) -> (SharedBytes, Range<usize>) {
        (Arc::clone(&self.bytes), self.range.clone())
    }
}

impl fmt::Debug for StoredTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{:?}", self.dtype, self.shape)
    }
}

/// The tensors and the config of a published model. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    config: String,
    tensors: BTreeMap<String, StoredTensor>,
}

impl Checkpoint {
    /// Opens a folder. Files are mapped, not read; headers are checked against the files' true length.
    ///
    /// **Errors** [`Error::Io`]; [`Error::WeightFile`] for a file that is truncated, whose header lies, or an index that
    /// names a file outside the folder or a tensor that its shard lacks.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let mut checkpoint = Self { config: read_json(&folder.join("config.json"))?, tensors: BTreeMap::new() };
        let index = folder.join("model.safetensors.index.json");
        let single = folder.join("model.safetensors");
        if single.exists() || !index.exists() {
            checkpoint.add_file(&single, None)?;
        } else {
            for (file, names) in read_index(&index)? {
                checkpoint.add_file(&folder.join(file), Some(&names))?;
            }
        }
        Ok(checkpoint)
    }

    /// A checkpoint from bytes at hand: the text of config.json and whole safetensors files.
    ///
    /// **Errors** as [`Checkpoint::open`].
    pub fn from_bytes(config: impl Into<String>, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self> {
        let mut checkpoint = Self { config: config.into(), tensors: BTreeMap::new() };
        for (name, bytes) in files {
            checkpoint.add_bytes(&name, Arc::new(bytes), None)?;
        }
        Ok(checkpoint)
    }

    /// Text of config.json.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// The same tensors under another config.
    pub fn with_config(self, config: impl Into<String>) -> Self {
        Self { config: config.into(), ..self }
    }

    /// The same checkpoint without one tensor; for tests of what is refused.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.tensors.remove(name);
        self
    }

    /// The same checkpoint with one tensor in another shape over the same bytes; for tests of what is refused.
    #[must_use]
    pub fn reshaped(mut self, name: &str, shape: &[usize]) -> Self {
        if let Some(tensor) = self.tensors.get_mut(name) {
            tensor.shape = shape.to_vec();
        }
        self
    }

    /// All tensors by name.
    pub fn tensors(&self) -> &BTreeMap<String, StoredTensor> {
        &self.tensors
    }

    /// One tensor.
    pub fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.get(name)
    }

    fn add_file(&mut self, path: &Path, names: Option<&[String]>) -> Result<()> {
        self.add_bytes(&path.display().to_string(), Arc::new(mapped::map(path)?), names)
    }

    fn add_bytes(&mut self, file: &str, bytes: SharedBytes, names: Option<&[String]>) -> Result<()> {
        let whole: &[u8] = (*bytes).as_ref();
        let wrong = |reason: String| Error::WeightFile { file: file.to_owned(), reason };
        let (header, metadata) = SafeTensors::read_metadata(whole).map_err(|error| wrong(format!("not a safetensors file: {error}")))?;
        let data = header + 8;
        let infos: Vec<_> = metadata.tensors().into_iter().collect();
        for name in names.unwrap_or_default() {
            if metadata.info(name).is_none() {
                return Err(wrong(format!("the index says that this file holds `{name}`, but it does not")));
            }
        }
        for index in order(infos.len(), &|a, b| infos[a].0 < infos[b].0) {
            let (name, info) = &infos[index];
            let range = data + info.data_offsets.0..data + info.data_offsets.1;
            let tensor = StoredTensor { dtype: info.dtype, shape: info.shape.clone(), bytes: Arc::clone(&bytes), range };
            if self.tensors.insert(name.clone(), tensor).is_some() {
                return Err(wrong(format!("`{name}` stands in an earlier file too")));
            }
        }
        Ok(())
    }
}

fn read_json(path: &Path) -> Result<String> {
    let io = |source| Error::Io { path: path.display().to_string(), source };
    let length = std::fs::metadata(path).map_err(io)?.len();
    if length > MAX_JSON_BYTES {
        return Err(Error::WeightFile {
            file: path.display().to_string(),
            reason: format!("{length} bytes; at most {MAX_JSON_BYTES} are read"),
        });
    }
    std::fs::read_to_string(path).map_err(io)
}

/// Files of an index, each with the tensors that it must hold.
fn read_index(path: &Path) -> Result<BTreeMap<PathBuf, Vec<String>>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let wrong = |reason: String| Error::WeightFile { file: path.display().to_string(), reason };
    let index: Index = serde_json::from_str(&read_json(path)?).map_err(|error| wrong(error.to_string()))?;
    let mut files: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for (name, file) in index.weight_map {
        if file.is_empty() || file.contains(['/', '\\', ':', '\0']) || file == ".." || file == "." {
            return Err(wrong(format!("`{name}` lies in `{file}`, which is not a file of this folder")));
        }
        files.entry(file.into()).or_default().push(name);
    }
    if files.is_empty() {
        return Err(wrong("the index names no tensor".into()));
    }
    Ok(files)
}
