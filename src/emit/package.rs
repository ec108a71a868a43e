//! The generated crate: a module and tests for each model, and what binds them.

use std::sync::Arc;

use serde::Serialize;

use super::{Crate, hash, page, skillset, test};
use crate::header::Header;
use crate::plan::CheckedPlan;
use crate::sources::Sources;
use crate::spec::Platform;

/// Every file of the crate, by its path below the crate's folder.
pub fn generated_crate(plans: &[&CheckedPlan], platforms: &[&Platform], sources: &Sources) -> Crate {
    let mut files = Crate::new();
    let mut tests = Vec::new();
    for plan in plans {
        files.insert(format!("src/{}.rs", plan.family()), skillset(plan, platforms, true, sources));
        for platform in platforms {
            let name = format!("{}_{}", plan.family(), platform.name.value);
            files.insert(format!("tests/{name}.rs"), test(plan, &[platform], sources));
            tests.push(name);
        }
    }
    tests.sort();
    let families: Vec<_> = plans.iter().map(|plan| Family::of(plan, platforms)).collect();
    files.insert(
        "src/lib.rs".into(),
        page::fill("lib.rs", &Library { header: header(plans, platforms, "lib.rs", sources), families }, sources),
    );
    let manifest = Manifest { header: header(plans, platforms, "Cargo.toml", sources).replace("// ", "# "), tests };
    files.insert("Cargo.toml".into(), page::fill("Cargo.toml", &manifest, sources));
    files
}

/// What the page `lib.rs` shows.
#[derive(Serialize)]
struct Library {
    header: String,
    families: Vec<Family>,
}

/// What the page `Cargo.toml` shows.
#[derive(Serialize)]
struct Manifest {
    header: String,
    tests: Vec<String>,
}

#[derive(Serialize)]
struct Family {
    name: String,
    heads: String,
    platforms: String,
}

impl Family {
    fn of(plan: &CheckedPlan, platforms: &[&Platform]) -> Self {
        let heads: Vec<_> = plan.plan().classes().map(|head| format!("`{}`", head.name.value)).collect();
        let platforms: Vec<_> = platforms.iter().map(|platform| platform.name.value.as_str()).collect();
        Self { name: plan.family().to_owned(), heads: heads.join(", "), platforms: platforms.join(", ") }
    }
}

fn header(plans: &[&CheckedPlan], platforms: &[&Platform], template: &str, sources: &Sources) -> String {
    let mut files: Vec<_> = plans.iter().flat_map(|plan| plan.plan().spec.files.clone()).collect();
    files.extend(platforms.iter().map(|platform| Arc::clone(&platform.file)));
    files.extend(sources.file(&format!("templates/{template}")).cloned());
    Header { command: "all".into(), source: "model_specs".into(), hash: hash(&files) }.to_string()
}
