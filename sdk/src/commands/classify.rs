//! `ipfs-accelerate classify`

use ipfs_accelerate::pipelines::text::{Text, TextClassification};
use ipfs_accelerate::pipelines::vision::{ImageClassification, Picture};
use ipfs_accelerate::pipelines::{Error, Label};
use ipfs_accelerate::skills;
use serde_json::json;

use super::Outcome;
use super::model::{ModelArguments, place, texts};

/// Models of pictures take files (PNG, JPEG, GIF, WebP), models of texts take texts.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  ipfs-accelerate classify --weights vit-base-patch16-224/ picture.jpg\n  ipfs-accelerate classify --weights distilbert-sst-2/ \"What a day.\""
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Files of pictures, or texts; lines of the standard input where there are none.
    inputs: Vec<String>,
    /// Classes of each answer.
    #[arg(long, default_value_t = 5)]
    top_k: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let inputs = texts(&arguments.inputs)?;
    let (load, answers) = if reads_pictures(arguments)? { pictures(arguments, &inputs)? } else { sentences(arguments, &inputs)? };
    if arguments.model.json {
        let rows: Vec<_> = inputs.iter().zip(&answers).map(|(input, labels)| json!({ "input": input, "labels": labels })).collect();
        println!("{:#}", json!({ "load": load, "answers": rows }));
        return Ok(());
    }
    println!("{}", place(&load));
    for (input, labels) in inputs.iter().zip(&answers) {
        println!("\n{input}");
        for label in labels {
            println!("  {:8.4}  {}", label.score, label.label);
        }
    }
    Ok(())
}

type Answers = (ipfs_accelerate::LoadReport, Vec<Vec<Label>>);

fn sentences(arguments: &Arguments, inputs: &[String]) -> Result<Answers, Box<dyn std::error::Error>> {
    let (model, files) = arguments.model.open(TextClassification::PIPELINE)?;
    let mut pipeline = TextClassification::new(model, &files)?;
    pipeline.top_k = arguments.top_k;
    let given: Vec<Text> = inputs.iter().map(|text| Text::from(text.as_str())).collect();
    let answers = arguments.model.with_progress(given.len(), "classifying", |control| pollster::block_on(pipeline.run(&given, control)))?;
    Ok((pipeline.text.model.report().clone(), answers.into_iter().map(|answer| answer.labels).collect()))
}

fn pictures(arguments: &Arguments, inputs: &[String]) -> Result<Answers, Box<dyn std::error::Error>> {
    let (model, files) = arguments.model.open(ImageClassification::PIPELINE)?;
    let mut pipeline = ImageClassification::new(model, &files)?;
    pipeline.top_k = arguments.top_k;
    let read = |path: &String| -> Result<Picture, Box<dyn std::error::Error>> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok(Picture::decode(&bytes).map_err(|error| format!("{path}: {error}"))?)
    };
    let given = inputs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let answers = arguments.model.with_progress(given.len(), "classifying", |control| pollster::block_on(pipeline.run(&given, control)))?;
    Ok((pipeline.model.report().clone(), answers))
}

/// Whether the family of the checkpoint classifies pictures.
fn reads_pictures(arguments: &Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    let path = arguments.model.weights.join("config.json");
    let config = std::fs::read_to_string(&path).map_err(|source| Error::Io { path: path.display().to_string(), source })?;
    let config: serde_json::Value = serde_json::from_str(&config)?;
    let family = config["model_type"].as_str().unwrap_or_default();
    let entry = skills::SKILLS.iter().find(|entry| entry.serves(family));
    Ok(entry.is_some_and(|entry| entry.heads.iter().any(|head| head.pipeline == ImageClassification::PIPELINE)))
}
