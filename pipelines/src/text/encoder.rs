//! From text to tokens, by tokenizer.json.

use std::ops::Range;

use ipfs_accelerate_runtime::registry::AnyModel;
use ipfs_accelerate_runtime::skill::Size;
use serde_json::{Map, Value};
use tokenizers::{Encoding, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

use crate::error::{Error, Result};
use crate::files::ModelFiles;

/// What a model reads: one text, or two that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// One.
    One(String),
    /// A premise and a hypothesis, a question and a passage.
    Pair(String, String),
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::One(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::One(text)
    }
}

impl<A: Into<String>, B: Into<String>> From<(A, B)> for Text {
    fn from((first, second): (A, B)) -> Self {
        Self::Pair(first.into(), second.into())
    }
}

/// The tokens of one text.
#[derive(Clone, Debug)]
pub struct Encoded(Encoding);

impl Encoded {
    /// Tokens by number, special ones included.
    pub fn ids(&self) -> &[u32] {
        self.0.get_ids()
    }

    /// Tokens as the vocabulary spells them.
    pub fn tokens(&self) -> &[String] {
        self.0.get_tokens()
    }

    /// Which of a pair each token belongs to.
    pub fn type_ids(&self) -> &[u32] {
        self.0.get_type_ids()
    }

    /// Bytes of the text that a token stands for; empty for tokens that the tokenizer added.
    pub fn span(&self, token: usize) -> Range<usize> {
        let (start, end) = self.0.get_offsets()[token];
        start..end
    }

    /// True for a token that the tokenizer added.
    pub fn is_special(&self, token: usize) -> bool {
        self.0.get_special_tokens_mask()[token] == 1
    }

    /// True where tokens were dropped, because the model takes no more.
    pub fn truncated(&self) -> bool {
        !self.0.get_overflowing().is_empty()
    }
}

/// The tokenizer of a model, with the limits of the model.
#[derive(Clone, Debug)]
pub struct TextEncoder {
    tokenizer: Tokenizer,
    config: Map<String, Value>,
    special: Map<String, Value>,
    limit: usize,
    pad: Option<u32>,
    pad_left: bool,
}

impl TextEncoder {
    /// tokenizer.json, with the limit, the sides and the special tokens of tokenizer_config.json. The limit is the smallest of
    /// `model_max_length`, the model's own (`sequence`), and `max_seq_length` of sentence_bert_config.json.
    ///
    /// **Errors** [`Error::MissingFile`], [`Error::ModelFile`].
    pub fn new(files: &ModelFiles, model: &dyn AnyModel) -> Result<Self> {
        let why = "the tokenizer; `AutoTokenizer.from_pretrained(…).save_pretrained(…)` of HF transformers writes it";
        let bytes = files.get("tokenizer.json").ok_or_else(|| Error::MissingFile { file: "tokenizer.json".into(), why: why.into() })?;
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| wrong("tokenizer.json", error))?;
        let (config, special) = (files.object("tokenizer_config.json")?, files.object("special_tokens_map.json")?);
        let sentences = files.object("sentence_bert_config.json")?;
        let published = [config.get("model_max_length"), sentences.get("max_seq_length")];
        // HF writes 1e30 where a tokenizer has no limit.
        let published = published.into_iter().flatten().filter_map(Value::as_f64).filter(|limit| *limit >= 1.0).map(|limit| limit as usize);
        let limit = published.chain(model_limit(model)).min().unwrap_or(usize::MAX);
        if limit <= tokenizer.get_post_processor().map_or(0, |processor| tokenizers::PostProcessor::added_tokens(processor, true)) {
            return Err(wrong("tokenizer_config.json", format!("{limit} tokens leave no room for text")));
        }
        let side = |key: &str| match config.get(key).and_then(Value::as_str) {
            None | Some("right") => Ok(false),
            Some("left") => Ok(true),
            Some(other) => Err(wrong("tokenizer_config.json", format!("`{key}` is `{other}`; expected left or right"))),
        };
        let pad_left = side("padding_side")?;
        let direction = if side("truncation_side")? { TruncationDirection::Left } else { TruncationDirection::Right };
        let truncation = TruncationParams { direction, max_length: limit, strategy: TruncationStrategy::LongestFirst, stride: 0 };
        let own_pad = tokenizer.get_padding().map(|padding| padding.pad_id);
        let config_pad = files.object("config.json")?.get("pad_token_id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(|error| wrong("tokenizer.json", error))?;
        let mut encoder = Self { tokenizer, config, special, limit, pad: None, pad_left };
        encoder.pad = encoder.special_token("pad_token")?.map(|(id, _)| id).or(own_pad).or(config_pad);
        Ok(encoder)
    }

    /// Most tokens of one text, special ones included.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The token that fills shorter texts of a batch.
    ///
    /// **Errors** [`Error::ModelFile`] where no file names one.
    pub fn pad(&self) -> Result<u32> {
        self.pad.ok_or_else(|| {
            let reason = "no `pad_token`, which batches of texts of different lengths need; give one text at a time".to_owned();
            Error::ModelFile { file: "tokenizer_config.json".into(), reason }
        })
    }

    /// True where padding comes before the text.
    pub fn pads_left(&self) -> bool {
        self.pad_left
    }

    /// Tokens of one text, truncated to the limit; of a pair the longer half gives way first.
    ///
    /// **Errors** [`Error::Input`], with `index` as the place.
    pub fn encode(&self, text: &Text, index: usize) -> Result<Encoded> {
        let encoding = match text {
            Text::One(text) => self.tokenizer.encode(text.as_str(), true),
            Text::Pair(first, second) => self.tokenizer.encode((first.as_str(), second.as_str()), true),
        };
        let encoding = encoding.map_err(|error| Error::Input { index, reason: format!("tokenizer: {error}") })?;
        if encoding.is_empty() {
            return Err(Error::Input { index, reason: "the text has no tokens".into() });
        }
        Ok(Encoded(encoding))
    }

    /// Text of tokens; special ones are left out on request.
    ///
    /// **Errors** [`Error::ModelFile`] where tokenizer.json has a decoder that fails.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        self.tokenizer.decode(ids, skip_special).map_err(|error| wrong("tokenizer.json", error))
    }

    /// Text of tokens as the vocabulary spells them.
    ///
    /// **Errors** as [`TextEncoder::decode`].
    pub fn join(&self, tokens: Vec<String>) -> Result<String> {
        use tokenizers::Decoder;
        match self.tokenizer.get_decoder() {
            Some(decoder) => decoder.decode(tokens).map_err(|error| wrong("tokenizer.json", error)),
            None => Ok(tokens.join(" ")),
        }
    }

    /// The number of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// A special token by its key in tokenizer_config.json or special_tokens_map.json, such as `mask_token`; `None` where neither has it.
    ///
    /// **Errors** [`Error::ModelFile`] where the vocabulary lacks it.
    pub fn special_token(&self, key: &str) -> Result<Option<(u32, String)>> {
        let known = |value: &Value| value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned);
        let Some(token) = self.config.get(key).and_then(known).or_else(|| self.special.get(key).and_then(known)) else { return Ok(None) };
        match self.id(&token) {
            Some(id) => Ok(Some((id, token))),
            None => Err(wrong("tokenizer_config.json", format!("`{key}` is `{token}`, which tokenizer.json does not have"))),
        }
    }
}

fn wrong(file: &str, reason: impl std::fmt::Display) -> Error {
    Error::ModelFile { file: file.to_owned(), reason: reason.to_string() }
}

/// The longest sequence that the model takes.
fn model_limit(model: &dyn AnyModel) -> Option<usize> {
    let inputs = model.inputs();
    let Size::Symbol(name) = inputs.iter().find(|input| input.name == "input_ids")?.shape.last()? else { return None };
    let dimension = model.dimensions().into_iter().find(|dimension| dimension.name == *name)?;
    dimension.maximum.map(|(limit, _)| limit)
}
