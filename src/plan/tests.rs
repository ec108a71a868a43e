//! The check, on the real specs and on specs with one mistake each.

use std::path::Path;

use super::*;

fn sources() -> Sources {
    Sources::load(Some(Path::new(env!("CARGO_MANIFEST_DIR")))).unwrap()
}

fn show(diagnostics: Diagnostics) -> String {
    let line = |one: crate::diagnostics::Diagnostic| {
        let place = one.span.map_or(String::new(), |span| {
            let (line, column) = span.position();
            format!("{}:{line}:{column} `{}` ", span.source.name, &span.source.text[span.start..span.end])
        });
        format!("{} {place}{}{}", one.code.id(), one.message, one.help.map_or(String::new(), |help| format!(" ({help})")))
    };
    diagnostics.into_sorted().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn check(family: &str, sources: &Sources) -> Result<CheckedPlan, String> {
    let mut diagnostics = Diagnostics::default();
    let facts = Facts::load(sources, &mut diagnostics);
    let plan = CheckedPlan::new(family, sources, &facts, &mut diagnostics);
    if diagnostics.is_empty() { Ok(plan.unwrap()) } else { Err(show(diagnostics)) }
}

#[test]
fn every_model_of_the_repository_is_right() {
    let sources = sources();
    for model in spec::models(&sources) {
        let start = std::time::Instant::now();
        if let Err(errors) = check(model, &sources) {
            panic!("{errors}");
        }
        println!("{model}: {:?}", start.elapsed());
    }
}

#[test]
#[ignore]
fn show_bert() {
    let sources = sources();
    let facts = Facts::load(&sources, &mut Diagnostics::default());
    let plan = check("bert", &sources).unwrap();
    let platforms: Vec<_> = facts.platforms.iter().collect();
    std::fs::write("/work/tmp/bert_generated.rs", crate::emit::skillset(&plan, &platforms, true, &sources)).unwrap();
    for platform in &platforms {
        let name = format!("/work/tmp/bert_{}.rs", platform.name.value);
        std::fs::write(name, crate::emit::test(&plan, platform, &sources)).unwrap();
    }
    std::fs::write("/work/tmp/bert_generated_two.rs", crate::emit::skillset(&plan, &platforms[..2], false, &sources)).unwrap();
}
