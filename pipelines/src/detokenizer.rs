//! From tokens to text, where no text becomes tokens. Byte-level BPE, which Whisper writes, is read here: the tokenizers crate would be a third of
//! what a page with speech downloads. Any other decoder is that crate's, natively and with the feature `text`.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::files::ModelFiles;

/// What tokens stand for; special ones are left out of texts.
#[derive(Debug)]
pub(crate) enum Detokenizer {
    /// Each letter of a token is a byte.
    ByteLevel(HashMap<u32, Vec<u8>>),
    /// What else tokenizer.json may name.
    #[cfg(all(feature = "text", not(target_arch = "wasm32")))]
    Other(Box<tokenizers::Tokenizer>),
}

#[derive(Deserialize)]
struct Head {
    decoder: Option<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
}

impl Detokenizer {
    /// **Errors** [`Error::MissingFile`]; [`Error::ModelFile`] for a file that is no tokenizer, and for another decoder in a browser or without the feature `text`.
    pub(crate) fn new(files: &ModelFiles) -> Result<Self> {
        let head: Head = read(files)?;
        match head.decoder.map(|decoder| decoder.name) {
            Some(name) if name == "ByteLevel" => Ok(Self::byte_level(read(files)?)),
            #[cfg(all(feature = "text", not(target_arch = "wasm32")))]
            _ => {
                let tokenizer = tokenizers::Tokenizer::from_bytes(files.get(FILE).unwrap_or_default());
                tokenizer.map(|tokenizer| Self::Other(Box::new(tokenizer))).map_err(wrong)
            }
            #[cfg(any(not(feature = "text"), target_arch = "wasm32"))]
            other => Err(wrong(format!(
                "`decoder` is {}; expected ByteLevel (others natively with the feature `text`)",
                other.unwrap_or("null".into())
            ))),
        }
    }

    fn byte_level(file: File) -> Self {
        let bytes = bytes_of_letters();
        let spelled = |token: &str| -> Vec<u8> {
            let known: Option<Vec<u8>> = token.chars().map(|letter| bytes.get(&letter).copied()).collect();
            known.unwrap_or_else(|| token.as_bytes().to_vec())
        };
        let special: HashSet<&str> = file.added_tokens.iter().filter(|token| token.special).map(|token| token.content.as_str()).collect();
        let mut tokens: HashMap<u32, &str> = file.model.vocab.iter().map(|(token, id)| (*id, token.as_str())).collect();
        tokens.extend(file.added_tokens.iter().map(|token| (token.id, token.content.as_str())));
        let words = tokens.into_iter().filter(|(_, token)| !special.contains(token));
        Self::ByteLevel(words.map(|(id, token)| (id, spelled(token))).collect())
    }

    /// Text of tokens without the special ones. A token that the vocabulary lacks stands for nothing, bytes that are no letter for U+FFFD.
    ///
    /// **Errors** [`Error::ModelFile`] where a decoder fails.
    pub(crate) fn decode(&self, tokens: &[u32]) -> Result<String> {
        match self {
            Self::ByteLevel(words) => {
                let bytes: Vec<u8> = tokens.iter().filter_map(|token| words.get(token)).flatten().copied().collect();
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            #[cfg(all(feature = "text", not(target_arch = "wasm32")))]
            Self::Other(tokenizer) => tokenizer.decode(tokens, true).map_err(wrong),
        }
    }
}

const FILE: &str = "tokenizer.json";

fn read<T: DeserializeOwned>(files: &ModelFiles) -> Result<T> {
    let why = "the tokenizer; `AutoTokenizer.from_pretrained(…).save_pretrained(…)` of HF transformers writes it";
    files.json(FILE)?.ok_or_else(|| Error::MissingFile { file: FILE.into(), why: why.into() })
}

fn wrong(reason: impl std::fmt::Display) -> Error {
    Error::ModelFile { file: FILE.into(), reason: reason.to_string() }
}

/// GPT-2's letters: a byte that prints stands for itself, the others follow from U+0100 on.
fn bytes_of_letters() -> HashMap<char, u8> {
    let prints = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100u32;
    let mut letter = |byte: u8| {
        let code = if prints(byte) { u32::from(byte) } else { next };
        next += u32::from(!prints(byte));
        Some((char::from_u32(code)?, byte))
    };
    (0..=u8::MAX).filter_map(&mut letter).collect()
}

#[cfg(all(test, feature = "text"))]
mod tests {
    use super::*;

    fn files(text: Vec<u8>) -> ModelFiles {
        ModelFiles::from_bytes([(FILE.to_owned(), text)])
    }

    #[test]
    fn texts_are_those_of_the_tokenizers_crate() {
        for golden in ["speech", "text/embedding_bytes_left", "text/fill_mask_bytes", "text/embedding_wordpiece"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(golden).join(FILE);
            let bytes = std::fs::read(path).unwrap();
            let published = tokenizers::Tokenizer::from_bytes(&bytes).unwrap();
            let found = Detokenizer::new(&files(bytes)).unwrap();
            assert_eq!(matches!(found, Detokenizer::Other(_)), golden.ends_with("wordpiece"));
            let count = published.get_vocab_size(true) as u32;
            let mut state = 1u64;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Three past the end: tokens that are none.
                (state >> 33) as u32 % (count + 3)
            };
            for length in 0..300 {
                let tokens: Vec<u32> = (0..length % 12).map(|_| next()).collect();
                assert_eq!(found.decode(&tokens).unwrap(), published.decode(&tokens, true).unwrap(), "{golden}: {tokens:?}");
            }
            for token in 0..count {
                assert_eq!(found.decode(&[token]).unwrap(), published.decode(&[token], true).unwrap(), "{golden}: {token}");
            }
        }
    }

    #[test]
    fn a_file_that_is_no_tokenizer_is_an_error() {
        let says = |text: &str, words: &str| {
            let error = Detokenizer::new(&files(text.into())).unwrap_err().to_string();
            assert!(error.starts_with("tokenizer.json: ") && error.contains(words), "{error}");
        };
        says("[", "EOF");
        says(r#"{"decoder": {"type": "ByteLevel"}, "model": {"vocab": [["a", 0.5]]}}"#, "expected a map");
        says(r#"{"decoder": {"type": "ByteLevel"}}"#, "`model`");
        let missing = Detokenizer::new(&ModelFiles::default()).unwrap_err().to_string();
        assert!(missing.contains("`tokenizer.json` is missing"), "{missing}");
    }
}
