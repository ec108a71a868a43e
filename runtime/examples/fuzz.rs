//! Random graphs by the reference kernels and by a device, as many as asked: `fuzz [--backend cpu|webgpu] [--seed N] [--count N]`.
//!
//! Prints every seed whose results differ, with the graph and the element; exit status 1 where there was one. A seed gives the same graph
//! and data on every machine.

#[path = "../tests/fuzz/mod.rs"]
mod fuzz;

use std::collections::BTreeMap;
use std::process::ExitCode;

use fuzz::Verdict;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::{Device, DeviceOptions};

const USAGE: &str = "usage: fuzz [--backend cpu|webgpu] [--seed N] [--count N]";

fn main() -> ExitCode {
    run().unwrap_or_else(|reason| {
        eprintln!("error: {reason}");
        ExitCode::from(2)
    })
}

fn run() -> Result<ExitCode, String> {
    let (mut platform, mut first, mut count) = (Platform::Cpu, 0u64, 1000u64);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        let number = || value.parse().map_err(|_| format!("{argument} takes a number, found {value}\n{USAGE}"));
        match argument.as_str() {
            "--backend" => platform = Platform::ALL.into_iter().find(|known| known.name() == value).ok_or(USAGE)?,
            "--seed" => first = number()?,
            "--count" => count = number()?,
            _ => return Err(USAGE.into()),
        }
    }
    let device = pollster::block_on(Device::open(platform, &DeviceOptions::default())).map_err(|error| error.to_string())?;
    let (mut same, mut different, mut unsupported) = (0, 0, BTreeMap::new());
    for seed in (first..first.saturating_add(count)).chain(fuzz::KEPT.iter().copied().filter(|_| first == 0)) {
        match fuzz::compare(seed, &device) {
            Verdict::Same => same += 1,
            Verdict::Unsupported(reason) => *unsupported.entry(reason).or_insert(0) += 1,
            Verdict::Different(reason) => {
                different += 1;
                println!("seed {seed}: {reason}");
            }
        }
    }
    for (reason, count) in &unsupported {
        println!("unsupported: {count} × {reason}");
    }
    let lacking: usize = unsupported.values().sum();
    println!("{}: {same} the same, {different} different, {lacking} unsupported", device.description());
    Ok(if different == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
