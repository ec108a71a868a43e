//! `gen plan`: what a model needs, and what each platform lacks.

use serde_json::json;

use super::select::select;
use super::{Console, Done, Workshop};
use crate::cli::Plan;
use crate::diagnostics::Diagnostics;
use crate::plan::report::{Report, Tensor};
use crate::sources::Sources;

pub(super) fn run(arguments: &Plan, sources: &Sources, console: &Console) -> Result<Done, Diagnostics> {
    let workshop = Workshop::open(sources)?;
    let selection = select(&arguments.names, &workshop)?;
    // Checked against no platform: what one lacks is what this command is to print.
    let plans = workshop.checked(&selection.models, &[])?;
    let platforms: Vec<_> = selection.platforms.iter().filter_map(|name| workshop.platform(name)).collect();
    let reports: Vec<_> = plans.iter().flat_map(|plan| platforms.iter().map(|platform| plan.report(platform))).collect();
    if console.is_json() {
        console.print_json(&json!({ "plans": reports }));
    } else {
        reports.iter().for_each(|report| console.print(&print(report)));
    }
    Ok(Done::Clean)
}

fn print(report: &Report) -> String {
    let mut text = format!("{} on {} ({})\n\ninputs\n", report.model, report.platform, report.source);
    table(&mut text, report.inputs.iter().map(tensor).collect());
    for head in &report.heads {
        let sizes: Vec<_> = head.sizes.iter().map(|(name, size)| format!("{name} = {size}")).collect();
        text.push_str(&format!("\nhead {} ({})\n  outputs\n", head.name, head.pipeline));
        table(&mut text, head.outputs.iter().map(tensor).collect());
        text.push_str(&format!("  weights: {} tensors, {} bytes with the default config\n", head.weights.len(), head.weight_bytes));
        let weights =
            head.weights.iter().map(|weight| [weight.name.clone(), shape(weight.data_type, &weight.shape), format!("{:?}", weight.sizes)]);
        table(&mut text, weights.collect());
        text.push_str(&format!("  operators: {} nodes at {}\n", head.nodes, sizes.join(", ")));
        let operators = head.operators.iter().map(|(name, count)| [(*name).to_owned(), count.to_string(), String::new()]);
        table(&mut text, operators.collect());
        if let Some(planned) = report.planned.iter().find(|planned| planned.head == head.name) {
            let sizes: Vec<_> = report.planned_sizes.iter().map(|(name, size)| format!("{name} = {size}")).collect();
            text.push_str(&format!(
                "  fused: {} dispatches, {} bytes of activations, {} of weights at {}\n",
                planned.dispatches,
                planned.arena_bytes,
                planned.weight_bytes,
                sizes.join(", ")
            ));
        }
    }
    if report.unsupported.is_empty() {
        text.push_str(&format!("\n{} computes all of it\n\n", report.platform));
    } else {
        text.push_str(&format!("\n{} lacks\n", report.platform));
        table(&mut text, report.unsupported.iter().map(|lack| [lack.operator.clone(), lack.reason.clone(), String::new()]).collect());
        text.push('\n');
    }
    text
}

fn tensor(tensor: &Tensor) -> [String; 3] {
    let mut notes = Vec::new();
    notes.extend(tensor.count.as_ref().map(|count| format!("{count} times")));
    notes.extend(tensor.default.as_ref().map(|default| format!("{default} if absent")));
    notes.extend(tensor.below.as_ref().map(|below| format!("below {below}")));
    notes.extend(tensor.optional.then(|| "absent where the checkpoint lacks its weights".to_owned()));
    [tensor.name.clone(), shape(tensor.data_type, &tensor.shape), notes.join("; ")]
}

fn shape(data_type: &str, sizes: &[String]) -> String {
    format!("{data_type} [{}]", sizes.join(", "))
}

/// Rows of three columns under one another.
fn table(text: &mut String, rows: Vec<[String; 3]>) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    for [a, b, c] in &rows {
        text.push_str(format!("    {a:first$}  {b:second$}  {c}").trim_end());
        text.push('\n');
    }
}
