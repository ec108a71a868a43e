//! What a page downloads, held against its budget: the module of one skill, without weights, as it is shipped.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::folder;
use super::toolchain::Toolchain;
use crate::shell::{Result, command, run as run_command};

/// Bytes that one skill's module and its JavaScript may have after gzip, for each set of platforms, in the profile that suits it.
const BUDGETS: &[(&str, &str, &str, usize)] =
    &[("webgpu_and_webnn", "webgpu", "small", 250_000), ("webgpu_webnn_and_cpu", "webgpu,cpu", "release", 375_000)];
/// What the compiler emits. With `--all-features` wasm-opt writes forms that no browser reads yet.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];
/// Debian's `wasm-opt` is too old for what the compiler emits.
const BINARYEN: &str = "binaryen@^132";

/// Builds the module for each set of platforms; gives its size as the result of a test.
///
/// **Errors** a build that fails.
pub(super) fn test(toolchain: &Toolchain, filter: &str) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    for (name, features, profile, budget) in BUDGETS {
        let name = format!("size::{name}");
        if !name.contains(filter) {
            continue;
        }
        let started = Instant::now();
        let (status, message) = match optimizer() {
            Err(reason) => ("ignored", reason),
            Ok(optimizer) => {
                let package = toolchain.build("ipfs-accelerate-web-skill", profile, &["--no-default-features", "--features", features])?;
                let bytes = gzipped(&optimized(&optimizer, &package.join("ipfs_accelerate_web_skill_bg.wasm"))?)?;
                let glue = gzipped(&read(&package.join("ipfs_accelerate_web_skill.js"))?)?;
                let message = format!("{bytes} bytes gzipped, its JavaScript {glue}; at most {budget} together");
                (if bytes + glue <= *budget { "ok" } else { "FAILED" }, message)
            }
        };
        let ms = started.elapsed().as_secs_f64() * 1e3;
        results.push(json!({ "event": "result", "name": name, "status": status, "message": message, "ms": ms }));
    }
    Ok(results)
}

/// How many results [`test`] gives.
pub(super) fn count(filter: &str) -> usize {
    BUDGETS.iter().filter(|(name, ..)| format!("size::{name}").contains(filter)).count()
}

/// The program of the npm package.
pub(super) fn optimizer() -> Result<PathBuf> {
    let modules = folder().join("npm");
    let program = modules.join("node_modules/binaryen/bin/wasm-opt");
    if !program.exists() {
        std::fs::create_dir_all(&modules).map_err(|error| error.to_string())?;
        let mut npm = command("npm", &["install", "--no-audit", "--no-fund", "--loglevel=error", BINARYEN]);
        npm.args(["--prefix".as_ref(), modules.as_os_str()]).current_dir(&modules);
        run_command(npm).map_err(|error| format!("no wasm-opt: {error}"))?;
    }
    if program.exists() { Ok(program) } else { Err(format!("{BINARYEN} left no wasm-opt at {}", program.display())) }
}

/// The module after `wasm-opt -Oz`.
pub(super) fn optimized(optimizer: &Path, module: &Path) -> Result<Vec<u8>> {
    let small = module.with_extension("small.wasm");
    let mut node = command("node", &[]);
    // Functions of one name beside each other are alike: gzip finds more of what it has seen.
    let passes = ["-Oz", "--reorder-functions-by-name", "--strip-debug", "--strip-producers"];
    node.arg(optimizer).args(FEATURES).args(passes).arg(module).arg("-o").arg(&small);
    run_command(node)?;
    read(&small)
}

/// A file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Bytes after gzip at its best.
pub(super) fn gzipped(bytes: &[u8]) -> Result<usize> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).map_err(|error| error.to_string())?;
    encoder.finish().map(|bytes| bytes.len()).map_err(|error| error.to_string())
}
