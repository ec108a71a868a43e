//! `ipfs-accelerate fill-mask`

use ipfs_accelerate::pipelines::text::{FillMask, Text};
use serde_json::json;

use super::Outcome;
use super::model::{ModelArguments, place, texts};

/// The mask is written as the model's tokenizer spells it: `[MASK]` for BERT, `<mask>` for RoBERTa.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ipfs-accelerate fill-mask --weights bert-base-uncased/ \"The capital of France is [MASK].\"")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// The texts; lines of the standard input where there are none.
    texts: Vec<String>,
    /// Fillings of each mask.
    #[arg(long, default_value_t = 5)]
    top_k: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let (model, files) = arguments.model.open(FillMask::PIPELINE)?;
    let mut pipeline = FillMask::new(model, &files)?;
    pipeline.top_k = arguments.top_k;
    let written = texts(&arguments.texts)?;
    let given: Vec<Text> = written.iter().map(|text| Text::from(text.as_str())).collect();
    let filled = arguments.model.with_progress(given.len(), "filling", |control| pollster::block_on(pipeline.run(&given, control)))?;
    let load = pipeline.text.model.report();
    if arguments.model.json {
        let rows: Vec<_> = written.iter().zip(&filled).map(|(text, masks)| json!({ "text": text, "masks": masks })).collect();
        println!("{:#}", json!({ "load": load, "filled": rows }));
        return Ok(());
    }
    println!("{}", place(load));
    for (text, masks) in written.iter().zip(&filled) {
        println!("\n{text}");
        for (number, mask) in masks.iter().enumerate() {
            for filling in mask {
                let which = if masks.len() > 1 { format!("{}. ", number + 1) } else { String::new() };
                println!("  {:5.1} %  {which}{:<16} {}", 100.0 * filling.score, filling.token_str, filling.sequence);
            }
        }
    }
    Ok(())
}
