//! Greedy and beam search beside traces of HF's `generate` on tiny random Whispers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipfs_accelerate_pipelines::generation::{Decoder, GenerationConfig, Rule, Search, Timestamps, search};
use ipfs_accelerate_pipelines::{Cancellation, Control, Error, ModelFiles, Result};
use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::weights::read_tensors;
use pollster::block_on;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/generation").join(name)
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Scores that HF's model gave, by the text they follow. A text that HF did not score is one that HF's search did not come to.
struct Trace {
    scores: BTreeMap<Vec<u32>, Vec<f32>>,
    texts: Vec<Vec<u32>>,
}

impl Trace {
    fn new(case: &Value, scores: &Tensor) -> Self {
        let width = scores.shape()[1];
        let rows = scores.as_slice::<f32>().unwrap().chunks_exact(width).map(<[f32]>::to_vec);
        Self { scores: case["texts"].as_array().unwrap().iter().map(ids).zip(rows).collect(), texts: Vec::new() }
    }

    fn of(&self, text: &[u32]) -> Result<Vec<f32>> {
        self.scores.get(text).cloned().ok_or_else(|| Error::Input { index: 0, reason: format!("HF never scored {text:?}") })
    }
}

impl Decoder for Trace {
    async fn begin(&mut self, prompt: &[u32], rows: usize) -> Result<Vec<f32>> {
        self.texts = vec![prompt.to_vec(); rows];
        self.of(prompt)
    }

    async fn step(&mut self, origins: &[usize], tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        self.texts = origins.iter().zip(tokens).map(|(&origin, &token)| [self.texts[origin].as_slice(), &[token]].concat()).collect();
        self.texts.iter().map(|text| self.of(text)).collect()
    }
}

fn setting(config: &GenerationConfig, options: &Value) -> Search {
    let tokens = |tokens: &Option<Vec<i64>>| tokens.iter().flatten().map(|&id| id as u32).collect::<Vec<_>>();
    let mut rules = vec![Rule::SuppressAtBegin(tokens(&config.begin_suppress_tokens)), Rule::Suppress(tokens(&config.suppress_tokens))];
    if options["return_timestamps"] == true {
        rules.push(Rule::Timestamps(Timestamps {
            no_timestamps_token_id: config.no_timestamps_token_id.unwrap(),
            eos_token_id: config.eos_token_id[0],
            max_initial_timestamp_index: config.max_initial_timestamp_index,
        }));
    }
    Search {
        num_beams: options["num_beams"].as_u64().unwrap_or(1) as usize,
        max_length: config.max_length.unwrap(),
        length_penalty: options["length_penalty"].as_f64().unwrap_or(1.0) as f32,
        early_stopping: serde_json::from_value(options.get("early_stopping").cloned().unwrap_or(false.into())).unwrap(),
        eos_token_id: config.eos_token_id.clone(),
        rules,
    }
}

fn config() -> GenerationConfig {
    let text = std::fs::read(golden("generation_config.json")).unwrap();
    GenerationConfig::new(&ModelFiles::from_bytes([("generation_config.json".to_owned(), text)])).unwrap()
}

fn answers() -> (Value, BTreeMap<String, Tensor>) {
    let answers: Value = serde_json::from_slice(&std::fs::read(golden("answers.json")).unwrap()).unwrap();
    (answers["cases"].clone(), read_tensors(golden("scores.safetensors")).unwrap())
}

#[test]
fn every_token_is_the_published_one() {
    let (cases, scores) = answers();
    let config = config();
    let (mut beams, mut ended) = (0, 0);
    for (name, case) in cases.as_object().unwrap() {
        let times = case["options"]["return_timestamps"] == true;
        let prompt = config.prompt(Some(config.language_id("fr").unwrap()), None, times).unwrap();
        assert_eq!(prompt, ids(&case["prompt"]), "{name}");
        let setting = setting(&config, &case["options"]);
        let mut seen = Vec::new();
        let mut decoder = Trace::new(case, &scores[name]);
        let found = block_on(search(&mut decoder, &prompt, &setting, Control::default(), &mut |text| seen.push(text.to_vec())))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        // HF fills up with the end what it cuts off.
        let mut expected = ids(&case["tokens"]);
        while expected.ends_with(&[config.eos_token_id[0], config.eos_token_id[0]]) {
            expected.pop();
        }
        assert_eq!(found.tokens, expected, "{name}");
        assert_eq!(seen.last(), Some(&found.tokens));
        if setting.num_beams == 1 {
            assert_eq!(seen.len(), found.tokens.len());
        }
        if let Some(expected) = case["score"].as_f64() {
            let score = f64::from(found.score.unwrap());
            assert!((score - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{name}: {score}, expected {expected}");
            beams += 1;
        }
        ended += usize::from(found.tokens.last() == Some(&config.eos_token_id[0]));
    }
    assert!(beams >= 7 && ended >= 3, "{beams} searches with beams, {ended} texts that end");
}

#[test]
fn a_rule_left_out_is_seen() {
    let (cases, scores) = answers();
    let config = config();
    let case = &cases["greedy_times"];
    for left_out in 0..3 {
        let mut setting = setting(&config, &case["options"]);
        setting.rules.remove(left_out);
        let mut decoder = Trace::new(case, &scores["greedy_times"]);
        let found = block_on(search(&mut decoder, &ids(&case["prompt"]), &setting, Control::default(), &mut |_| ()));
        println!("without rule {left_out}: {found:?}");
        if left_out == 2 {
            assert!(found.is_err() || found.unwrap().tokens != ids(&case["tokens"]));
        }
    }
}

#[test]
fn a_search_can_be_stopped_and_needs_room() {
    let (cases, scores) = answers();
    let case = &cases["greedy"];
    let setting = setting(&config(), &case["options"]);
    let cancellation = Cancellation::default();
    let control = Control { progress: None, cancellation: Some(&cancellation) };
    let mut decoder = Trace::new(case, &scores["greedy"]);
    let mut stop_at_three = |text: &[u32]| {
        if text.len() == 3 {
            cancellation.cancel()
        }
    };
    let stopped = block_on(search(&mut decoder, &ids(&case["prompt"]), &setting, control, &mut stop_at_three));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    for prompt in [vec![], vec![1; setting.max_length]] {
        assert!(block_on(search(&mut decoder, &prompt, &setting, Control::default(), &mut |_| ())).is_err());
    }
}
