//! Random graphs by the reference kernels and by every device that is there. `FUZZ_COUNT` sets how many seeds, `--example fuzz` runs as many as asked.

#[path = "fuzz/mod.rs"]
mod fuzz;

use fuzz::Verdict;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::{Device, DeviceOptions};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let count = |default: u64| std::env::var("FUZZ_COUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let mut trials = Vec::new();
    for (platform, seeds) in [(Platform::Cpu, count(600)), (Platform::WebGpu, count(60))] {
        let device = pollster::block_on(Device::open(platform, &DeviceOptions::default()));
        if let Err(error) = &device {
            println!("ignored: {platform}: {error}");
        }
        let ignored = device.is_err();
        let run = move || {
            let Ok(device) = device else { return Ok(()) };
            let (mut same, mut lacking) = (0, std::collections::BTreeSet::new());
            for seed in fuzz::KEPT.iter().copied().chain(0..seeds) {
                match fuzz::compare(seed, &device) {
                    Verdict::Same => same += 1,
                    Verdict::Unsupported(reason) => drop(lacking.insert(reason)),
                    Verdict::Different(reason) => return Err(format!("seed {seed}: {reason}").into()),
                }
            }
            // A device that computes next to nothing would pass everything. WebGPU refuses graphs by type and operator, with a reason.
            let least = if platform == Platform::Cpu { seeds } else { seeds / 10 };
            if same < least { Err(format!("{same} of {seeds} graphs ran; unsupported: {lacking:?}").into()) } else { Ok(()) }
        };
        trials.push(Trial::test(format!("{platform}_agrees_with_the_reference"), run).with_ignored_flag(ignored));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
