//! `ipfs-accelerate embed`

use std::path::PathBuf;

use ipfs_accelerate::pipelines::text::{Pooling, SentenceEmbedding, Text};
use ipfs_accelerate::{Tensor, write_tensors};
use serde_json::json;

use super::Outcome;
use super::model::{ModelArguments, place, texts};

/// Pooling and normalization follow modules.json of sentence-transformers; without it, the mean over the tokens, normalized.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ipfs-accelerate embed --weights all-MiniLM-L6-v2/ \"a sentence\" \"another one\"")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// The texts; lines of the standard input where there are none.
    texts: Vec<String>,
    /// cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken, instead of what modules.json says.
    #[arg(long, value_parser = pooling)]
    pooling: Option<Pooling>,
    /// Do not scale vectors to length 1.
    #[arg(long)]
    no_normalize: bool,
    /// Most texts of one run of the model.
    #[arg(long, default_value_t = 16)]
    batch_size: usize,
    /// Write the vectors there, as `embeddings` of a safetensors file.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn pooling(name: &str) -> Result<Pooling, String> {
    Pooling::from_name(name).ok_or_else(|| format!("there is no pooling `{name}`"))
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let (model, files) = arguments.model.open(SentenceEmbedding::PIPELINE)?;
    let mut pipeline = SentenceEmbedding::new(model, &files)?;
    pipeline.text.options.batch_size = arguments.batch_size;
    if let Some(pooling) = arguments.pooling {
        pipeline.pooling = vec![pooling];
    }
    pipeline.normalize &= !arguments.no_normalize;
    let written = texts(&arguments.texts)?;
    let given: Vec<Text> = written.iter().map(|text| Text::from(text.as_str())).collect();
    let embeddings =
        arguments.model.with_progress(given.len(), "embedding", |control| pollster::block_on(pipeline.run(&given, control)))?;
    let width = embeddings.first().map_or(0, |embedding| embedding.vector.len());
    if let Some(path) = &arguments.output {
        let numbers: Vec<f32> = embeddings.iter().flat_map(|embedding| embedding.vector.iter().copied()).collect();
        write_tensors(path, &[("embeddings".to_owned(), Tensor::from_slice(&[embeddings.len(), width], &numbers)?)])?;
    }
    let load = pipeline.text.model.report();
    if arguments.model.json {
        let rows = written.iter().zip(&embeddings).map(|(text, embedding)| {
            let mut row = json!(embedding);
            row["text"] = json!(text);
            row
        });
        println!("{:#}", json!({ "load": load, "embeddings": rows.collect::<Vec<_>>() }));
        return Ok(());
    }
    println!("{}", place(load));
    for (index, (text, embedding)) in written.iter().zip(&embeddings).enumerate() {
        let first: Vec<String> = embedding.vector.iter().take(4).map(|number| format!("{number:.4}")).collect();
        let cut = if embedding.truncated { ", cut to what the model takes" } else { "" };
        println!("{index:>3}  [{}, …] {width} numbers from {} tokens{cut}  {text}", first.join(", "), embedding.tokens);
    }
    if (2..=12).contains(&embeddings.len()) {
        println!("\ncosine");
        for one in &embeddings {
            println!("    {}", embeddings.iter().map(|other| format!("{:6.3}", one.cosine(other))).collect::<Vec<_>>().join(" "));
        }
    }
    Ok(())
}
