//! Text pipelines beside HF's `pipeline(...)` and sentence-transformers, on models and tokenizers of this project.
#![cfg(feature = "text")]

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use ipfs_accelerate_pipelines::text::{
    Aggregation, BatchOptions, FeatureExtraction, FillMask, Pooling, SentenceEmbedding, Text, TextClassification, TextModel,
    TokenClassification,
};
use ipfs_accelerate_pipelines::{Cancellation, Control, Error, LoadOptions, ModelFiles, Progress, Result, load};
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::registry::AnyModel;
use ipfs_accelerate_runtime::weights::Checkpoint;
use ipfs_accelerate_skills::SKILLS;
use pollster::block_on;
use serde_json::Value;

const TOLERANCE: f64 = 1e-4;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/text").join(name)
}

fn answers(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(name).join("answers.json")).unwrap()).unwrap()
}

fn open(folder: &Path, task: &str) -> Result<Box<dyn AnyModel>> {
    let options = LoadOptions { platform: Some(Platform::Cpu), ..LoadOptions::default() };
    block_on(load(SKILLS, &Checkpoint::open(folder)?, task, &options))
}

fn make<P>(name: &str, task: &str, new: impl Fn(Box<dyn AnyModel>, &ModelFiles) -> Result<P>) -> P {
    new(open(&golden(name), task).unwrap(), &ModelFiles::open(golden(name)).unwrap()).unwrap()
}

fn texts(value: &Value) -> Vec<Text> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |value: &Value| match value {
        Value::Array(pair) => Text::from((text(&pair[0]), text(&pair[1]))),
        value => Text::from(text(value)),
    };
    value.as_array().unwrap().iter().map(one).collect()
}

fn near(found: &[f32], expected: &Value, what: &str) {
    let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() <= TOLERANCE, "{what}: {found} at {place}, expected {expected}");
    }
}

fn close(found: f32, expected: &Value, what: &str) {
    near(&[found], &Value::Array(vec![expected.clone()]), what);
}

/// Place of a byte in characters, as HF counts.
fn characters(text: &str, byte: usize) -> u64 {
    text[..byte].chars().count() as u64
}

#[test]
fn tokens_are_those_of_the_published_tokenizer() {
    for name in ["embedding_wordpiece", "embedding_bytes_left"] {
        let answers = answers(name);
        let pipeline = make(name, SentenceEmbedding::PIPELINE, SentenceEmbedding::new);
        let all = texts(&answers["texts"]).into_iter().chain(texts(&answers["pairs"]));
        let mut cut = 0;
        for (index, (text, expected)) in all.zip(answers["encodings"].as_array().unwrap()).enumerate() {
            let encoded = pipeline.text.encoder.encode(&text, index).unwrap();
            let numbers = |numbers: &[u32]| Value::from(numbers.to_vec());
            assert_eq!(numbers(encoded.ids()), expected["input_ids"], "{name}: {text:?}");
            assert_eq!(numbers(encoded.type_ids()), expected["token_type_ids"], "{name}: {text:?}");
            if let Text::One(text) = &text {
                for token in 0..encoded.ids().len() {
                    let span = encoded.span(token);
                    let found = Value::from(vec![characters(text, span.start), characters(text, span.end)]);
                    assert_eq!(found, expected["offset_mapping"][token], "{name}: token {token} of {text:?}");
                }
            }
            cut += usize::from(encoded.truncated());
        }
        assert!(cut >= 2, "{name}: {cut} texts were cut");
    }
}

#[test]
fn embeddings_are_those_of_sentence_transformers() {
    for name in ["embedding_wordpiece", "embedding_bytes_left"] {
        let answers = answers(name);
        let mut pipeline = make(name, SentenceEmbedding::PIPELINE, SentenceEmbedding::new);
        let texts = texts(&answers["texts"]);
        let cut = texts.iter().enumerate().filter(|(index, text)| pipeline.text.encoder.encode(text, *index).unwrap().truncated()).count();
        assert!(cut > 0 && cut < texts.len());
        assert_eq!((pipeline.pooling.as_slice(), pipeline.normalize), (&[Pooling::Cls][..], true));
        for options in [
            BatchOptions::default(),
            BatchOptions { batch_size: 3, pad_to_multiple_of: 1 },
            BatchOptions { batch_size: 1, pad_to_multiple_of: 7 },
        ] {
            pipeline.text.options = options;
            for (embedding, expected) in
                block_on(pipeline.run(&texts, Control::default())).unwrap().iter().zip(answers["published"].as_array().unwrap())
            {
                near(&embedding.vector, expected, name);
            }
        }
        pipeline.normalize = false;
        for (modes, expected) in answers["pooled"].as_object().unwrap() {
            pipeline.pooling = modes.split('+').map(|mode| Pooling::from_name(mode).unwrap()).collect();
            let found = block_on(pipeline.run(&texts, Control::default())).unwrap();
            assert_eq!(found.len(), texts.len());
            for (embedding, expected) in found.iter().zip(expected.as_array().unwrap()) {
                near(&embedding.vector, expected, &format!("{name}: {modes}"));
            }
            assert_eq!(found.iter().filter(|one| one.truncated).count(), cut);
        }
    }
}

#[test]
fn features_are_those_of_the_published_pipeline() {
    let name = "embedding_wordpiece";
    let answers = answers(name);
    let mut pipeline = make(name, FeatureExtraction::PIPELINE, FeatureExtraction::new);
    let features = block_on(pipeline.run(&texts(&answers["texts"])[..1], Control::default())).unwrap();
    let expected = answers["features"].as_array().unwrap();
    assert_eq!((features[0].tokens.len(), features[0].tokens[0].as_str(), features.len()), (expected.len(), "[CLS]", 1));
    let numbers = features[0].vectors.as_slice::<f32>().unwrap();
    for (vector, expected) in numbers.chunks_exact(numbers.len() / expected.len()).zip(expected) {
        near(vector, expected, name);
    }
}

#[test]
fn masks_are_filled_as_the_published_pipeline_fills_them() {
    for name in ["fill_mask_wordpiece", "fill_mask_bytes"] {
        let answers = answers(name);
        let mut pipeline = make(name, FillMask::PIPELINE, FillMask::new);
        pipeline.top_k = 4;
        let found = block_on(pipeline.run(&texts(&answers["texts"]), Control::default())).unwrap();
        for (found, expected) in found.iter().zip(answers["answers"].as_array().unwrap()) {
            // HF gives one list for a text with one mask, and a list of lists for a text with several.
            let expected = if found.len() == 1 { vec![expected.clone()] } else { expected.as_array().unwrap().clone() };
            assert_eq!(found.len(), expected.len());
            for (mask, expected) in found.iter().zip(&expected) {
                assert_eq!(mask.len(), 4);
                for (filled, expected) in mask.iter().zip(expected.as_array().unwrap()) {
                    assert_eq!(filled.token, expected["token"], "{name}");
                    assert_eq!(filled.token_str, expected["token_str"], "{name}");
                    assert_eq!(filled.sequence, expected["sequence"], "{name}");
                    close(filled.score, &expected["score"], name);
                }
            }
        }
    }
}

#[test]
fn texts_are_classified_as_the_published_pipeline_classifies_them() {
    for name in ["classification_single", "classification_multi", "classification_regression"] {
        let answers = answers(name);
        let mut pipeline = make(name, TextClassification::PIPELINE, TextClassification::new);
        pipeline.top_k = 3;
        for (texts, expected) in [(texts(&answers["texts"]), &answers["answers"]), (texts(&answers["pairs"]), &answers["pair_answers"])] {
            let found = block_on(pipeline.run(&texts, Control::default())).unwrap();
            for (found, expected) in found.iter().zip(expected.as_array().unwrap()) {
                let expected = expected.as_array().unwrap();
                assert_eq!(found.labels.len(), expected.len(), "{name}");
                for (found, expected) in found.labels.iter().zip(expected) {
                    assert_eq!(found.label, expected["label"], "{name}");
                    close(found.score, &expected["score"], name);
                }
            }
        }
    }
}

#[test]
fn tokens_are_classified_as_the_published_pipeline_classifies_them() {
    let name = "tokens_wordpiece";
    let answers = answers(name);
    let mut pipeline = make(name, TokenClassification::PIPELINE, TokenClassification::new);
    let mut seen = 0;
    for (aggregation, key, field) in [(Aggregation::None, "none", "entity"), (Aggregation::Simple, "simple", "entity_group")] {
        pipeline.aggregation = aggregation;
        let found = block_on(pipeline.run(&texts(&answers["texts"]), Control::default())).unwrap();
        for (index, (found, expected)) in found.iter().zip(answers[key].as_array().unwrap()).enumerate() {
            let (text, expected) = (answers["texts"][index].as_str().unwrap(), expected.as_array().unwrap());
            assert_eq!(found.len(), expected.len(), "{key}: {text}");
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(
                    (Value::from(&*found.entity), Value::from(&*found.word)),
                    (expected[field].clone(), expected["word"].clone()),
                    "{text}"
                );
                assert_eq!(characters(text, found.span.start), expected["start"], "{text}");
                assert_eq!(characters(text, found.span.end), expected["end"], "{text}");
                close(found.score, &expected["score"], text);
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "only {seen} entities");
}

#[test]
fn progress_is_reported_and_a_run_can_be_stopped() {
    let mut pipeline = make("embedding_wordpiece", SentenceEmbedding::PIPELINE, SentenceEmbedding::new);
    pipeline.text.options.batch_size = 2;
    let texts: Vec<Text> = (0..5).map(|number| Text::from(format!("number {number}"))).collect();
    let seen = RefCell::new(Vec::new());
    let cancellation = Cancellation::default();
    let progress = |progress: Progress| {
        seen.borrow_mut().push((progress.done, progress.total));
        if progress.done == 4 {
            cancellation.cancel();
        }
    };
    let control = Control { progress: Some(&progress), cancellation: Some(&cancellation) };
    assert!(matches!(block_on(pipeline.run(&texts, control)), Err(Error::Cancelled)));
    assert_eq!(*seen.borrow(), [(2, 5), (4, 5)]);
    assert!(block_on(pipeline.run(&[], Control::default())).unwrap().is_empty());
}

#[test]
fn what_cannot_be_done_says_why() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(golden("embedding_wordpiece")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    std::fs::remove_file(folder.path().join("modules.json")).unwrap();
    let new = || SentenceEmbedding::new(open(folder.path(), "feature-extraction")?, &ModelFiles::open(folder.path())?).map(|_| ());
    new().unwrap();
    let file = |name: &str| folder.path().join(name);
    let says = |result: Result<()>, words: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "`{error}` lacks `{words}`");
    };
    let tokenizer = std::fs::read(file("tokenizer.json")).unwrap();
    for (bytes, words) in
        [(&b"{}"[..], "tokenizer.json"), (&tokenizer[..tokenizer.len() / 2], "tokenizer.json"), (b"\xff\xfe", "tokenizer.json")]
    {
        std::fs::write(file("tokenizer.json"), bytes).unwrap();
        says(new(), words);
    }
    std::fs::remove_file(file("tokenizer.json")).unwrap();
    says(new(), "`tokenizer.json` is missing");
    std::fs::write(file("tokenizer.json"), &tokenizer).unwrap();
    for (config, words) in [
        (r#"{"model_max_length": 2}"#, "no room"),
        (r#"{"padding_side": "up"}"#, "expected left or right"),
        (r#"{"pad_token": "<none>"}"#, "`<none>`"),
        ("[", "tokenizer_config.json"),
    ] {
        std::fs::write(file("tokenizer_config.json"), config).unwrap();
        says(new(), words);
    }
    // The model's own limit holds where the tokenizer states none.
    std::fs::write(file("tokenizer_config.json"), r#"{"model_max_length": 1e30}"#).unwrap();
    let pipeline =
        SentenceEmbedding::new(open(folder.path(), "feature-extraction").unwrap(), &ModelFiles::open(folder.path()).unwrap()).unwrap();
    assert_eq!(pipeline.text.encoder.limit(), 48);

    says(open(folder.path(), "image-classification").map(|_| ()), "`bert` has no head for image-classification");
    says(open(folder.path(), "text-classification").map(|_| ()), "`classifier.weight` is missing");
    let model = || open(folder.path(), "feature-extraction").unwrap();
    let files = ModelFiles::open(folder.path()).unwrap();
    says(TextClassification::new(model(), &files).map(|_| ()), "`BertModel` does not give `logits`");
    let mut pipeline = make("fill_mask_wordpiece", FillMask::PIPELINE, FillMask::new);
    says(block_on(pipeline.run(&["[MASK]".into(), "no mask".into()], Control::default())).map(|_| ()), "input 1: no `[MASK]` to fill");
    let _: &TextModel = &pipeline.text;
}
