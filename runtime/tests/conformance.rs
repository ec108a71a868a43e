//! The W3C's conformance vectors for every operator there is, through the reference kernels and through the CPU backend;
//! and the suite's cases of what a builder must accept and refuse. Data and licence: `tests/conformance/`.
#![cfg(feature = "cpu")]

#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/validation.rs"]
mod validation;
#[path = "conformance/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the data is: a folder named by `WEBNN_CONFORMANCE`, for the whole suite, else the copies beside this file.
fn folder(name: &str) -> PathBuf {
    std::env::var_os("WEBNN_CONFORMANCE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance"), PathBuf::from)
        .join(name)
}

/// What came of a case.
enum Outcome {
    Passed,
    Failed(String),
    Unsupported(String),
}

/// Prints a line per operator, and fails where a case failed or none passed.
fn report(title: &str, outcomes: Vec<(String, String, Outcome)>) {
    let mut table: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let (mut failures, mut reasons) = (Vec::new(), BTreeMap::new());
    for (operator, name, outcome) in outcomes {
        let row = table.entry(operator.clone()).or_default();
        match outcome {
            Outcome::Passed => row[0] += 1,
            Outcome::Failed(reason) => {
                row[1] += 1;
                failures.push(format!("{operator}: {name}: {reason}"));
            }
            Outcome::Unsupported(reason) => {
                row[2] += 1;
                *reasons.entry(reason).or_insert(0) += 1;
            }
        }
    }
    println!("{title:<24}passed failed unsupported");
    for (operator, [passed, failed, unsupported]) in &table {
        println!("{operator:<24}{passed:>6} {failed:>6} {unsupported:>11}");
    }
    let total = table.values().fold([0; 3], |sum, row| std::array::from_fn(|column| sum[column] + row[column]));
    println!("{:<24}{:>6} {:>6} {:>11}", "total", total[0], total[1], total[2]);
    reasons.iter().for_each(|(reason, count): (&String, &usize)| println!("unsupported: {count} × {reason}"));
    assert!(total[0] > 0, "no case ran");
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn reference_kernels_give_the_suite_s_results() {
    report("reference", vectors::run(vectors::Engine::Reference));
}

#[test]
fn the_cpu_backend_gives_the_suite_s_results() {
    report("cpu", vectors::run(vectors::Engine::Cpu));
}

#[test]
fn rules_accept_and_refuse_as_the_suite_says() {
    report("validation", validation::run());
}
