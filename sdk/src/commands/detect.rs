//! `ipfs-accelerate detect`

use ipfs_accelerate::detect::detect;
use ipfs_accelerate::{DeviceOptions, Result};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Machine-readable output: limits and features of every adapter too.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let detection = pollster::block_on(detect(&DeviceOptions::default()));
    if arguments.json {
        println!("{:#}", serde_json::json!(detection));
        return Ok(());
    }
    for one in &detection.platforms {
        let state = if one.available { "available  " } else { "unavailable" };
        println!("{:<8} {state}  {}", one.platform.name(), one.detail);
    }
    let cpu = &detection.cpu;
    println!("\ncpu      {}, {} threads, {}", cpu.architecture, cpu.threads, cpu.features.join(" "));
    #[cfg(feature = "webgpu")]
    for adapter in &detection.adapters {
        let limits = &adapter.limits;
        println!(
            "adapter  {}: {} ({}, {}), {} {}",
            adapter.index, adapter.name, adapter.device_type, adapter.backend, adapter.driver, adapter.driver_info
        );
        println!(
            "         binding up to {} MiB, buffer up to {} MiB",
            limits.max_storage_buffer_binding_size >> 20,
            limits.max_buffer_size >> 20
        );
        println!("         {}", adapter.features.join(" "));
    }
    Ok(())
}
