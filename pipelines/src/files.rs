//! The small files published beside the weights: tokenizer.json, preprocessor_config.json and their kin.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Largest file that is read: the tokenizers of large vocabularies are about 35 MB.
const MAX_FILE_BYTES: u64 = 128 << 20;

/// What is looked for in a folder.
const NAMES: [&str; 9] = [
    "config.json",
    "generation_config.json",
    "modules.json",
    "preprocessor_config.json",
    "processor_config.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// The files of a model's folder by their names there, `1_Pooling/config.json` among them.
#[derive(Clone, Debug, Default)]
pub struct ModelFiles(BTreeMap<String, Vec<u8>>);

impl ModelFiles {
    /// Those of a folder that pipelines read; a file that is not there is no error until a pipeline needs it.
    ///
    /// **Errors** [`Error::Io`] where config.json is not there or a file cannot be read; [`Error::ModelFile`] for one that is too large.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let mut files = Self::default();
        for name in NAMES {
            match files.read(folder, name) {
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound && name != "config.json" => {}
                result => result?,
            }
        }
        for module in files.modules()? {
            let path = Path::new(&module.path);
            let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            if !module.path.is_empty() && plain && folder.join(path).join("config.json").exists() {
                files.read(folder, &format!("{}/config.json", module.path))?;
            }
        }
        Ok(files)
    }

    /// Files at hand, by their names in the folder.
    pub fn from_bytes(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// One file.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    fn read(&mut self, folder: &Path, name: &str) -> Result<()> {
        let path = folder.join(name);
        let io = |source| Error::Io { path: path.display().to_string(), source };
        let length = std::fs::metadata(&path).map_err(io)?.len();
        if length > MAX_FILE_BYTES {
            return Err(Error::ModelFile { file: name.to_owned(), reason: format!("{length} bytes; at most {MAX_FILE_BYTES} are read") });
        }
        self.0.insert(name.to_owned(), std::fs::read(&path).map_err(io)?);
        Ok(())
    }

    /// One file as JSON; `None` where it is not there.
    ///
    /// **Errors** [`Error::ModelFile`] for anything but the JSON that is expected.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let parse =
            |bytes| serde_json::from_slice(bytes).map_err(|error| Error::ModelFile { file: name.to_owned(), reason: error.to_string() });
        self.get(name).map(parse).transpose()
    }

    /// One file as a JSON object; empty where it is not there.
    pub(crate) fn object(&self, name: &str) -> Result<Map<String, Value>> {
        Ok(self.json(name)?.unwrap_or_default())
    }

    /// What stands before the model, and the file that says so: preprocessor_config.json, or its part of processor_config.json.
    pub(crate) fn preprocessor(&self, part: &str) -> Result<(String, Value)> {
        if let Some(config) = self.json("preprocessor_config.json")? {
            return Ok(("preprocessor_config.json".into(), config));
        }
        if let Some(config) = self.object("processor_config.json")?.remove(part) {
            return Ok((format!("processor_config.json: {part}"), config));
        }
        let why = "it says how sounds and pictures become numbers; `AutoProcessor.from_pretrained(…).save_pretrained(…)` of HF writes it";
        Err(Error::MissingFile { file: "preprocessor_config.json".into(), why: why.into() })
    }

    /// The stages that sentence-transformers lists in modules.json; none where it is not there.
    pub(crate) fn modules(&self) -> Result<Vec<Module>> {
        Ok(self.json("modules.json")?.unwrap_or_default())
    }
}

/// One stage of modules.json.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Module {
    /// Its folder.
    #[serde(default)]
    pub(crate) path: String,
    /// Python's path of its class.
    #[serde(rename = "type")]
    pub(crate) class: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_outside_the_folder_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("model");
        std::fs::create_dir_all(inner.join("1_Pooling")).unwrap();
        std::fs::create_dir_all(folder.path().join("secret")).unwrap();
        std::fs::write(folder.path().join("secret/config.json"), "{}").unwrap();
        std::fs::write(inner.join("config.json"), "{}").unwrap();
        std::fs::write(inner.join("1_Pooling/config.json"), "{}").unwrap();
        std::fs::write(
            inner.join("modules.json"),
            r#"[{"path": "", "type": "T"}, {"path": "1_Pooling", "type": "P"}, {"path": "../secret", "type": "S"}, {"path": "/etc", "type": "E"}]"#,
        )
        .unwrap();
        let files = ModelFiles::open(&inner).unwrap();
        assert_eq!(files.0.keys().collect::<Vec<_>>(), ["1_Pooling/config.json", "config.json", "modules.json"]);
    }

    #[test]
    fn a_folder_without_config_and_json_that_is_none_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ModelFiles::open(folder.path()).unwrap_err().to_string().contains("config.json"));
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        std::fs::write(folder.path().join("modules.json"), "{").unwrap();
        assert!(ModelFiles::open(folder.path()).unwrap_err().to_string().starts_with("modules.json: "));
    }
}
