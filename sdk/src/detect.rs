//! What this machine can compute on: every platform, available or not and why, with what its devices say of themselves.

use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::{Device, DeviceOptions};
use serde::Serialize;

/// All platforms of this machine.
#[derive(Clone, Debug, Serialize)]
pub struct Detection {
    /// In the order in which they are tried.
    pub platforms: Vec<PlatformReport>,
    /// The processor.
    pub cpu: CpuReport,
    /// Every WebGPU adapter that a driver offers.
    #[cfg(feature = "webgpu")]
    pub adapters: Vec<ipfs_accelerate_runtime::backends::webgpu::AdapterReport>,
}

/// One platform.
#[derive(Clone, Debug, Serialize)]
pub struct PlatformReport {
    /// Which.
    pub platform: Platform,
    /// True where a device of it was opened just now.
    pub available: bool,
    /// The device, or why there is none.
    pub detail: String,
}

/// The processor.
#[derive(Clone, Debug, Serialize)]
pub struct CpuReport {
    /// Architecture this program was built for.
    pub architecture: &'static str,
    /// Threads that the system lets this process run at once.
    pub threads: usize,
    /// Vector instructions found.
    pub features: Vec<&'static str>,
}

/// Opens every platform once and reports what was seen.
pub async fn detect(options: &DeviceOptions) -> Detection {
    let mut platforms = Vec::new();
    for platform in Platform::ALL {
        let (available, detail) = match Device::open(platform, options).await {
            Ok(device) => (true, device.description()),
            Err(error) => (false, error.to_string()),
        };
        platforms.push(PlatformReport { platform, available, detail });
    }
    Detection {
        platforms,
        cpu: cpu(),
        #[cfg(feature = "webgpu")]
        adapters: ipfs_accelerate_runtime::backends::webgpu::AdapterReport::all().await,
    }
}

fn cpu() -> CpuReport {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    CpuReport { architecture: std::env::consts::ARCH, threads, features: features() }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    macro_rules! found {
        ($($name:tt)*) => { [$(($name, std::arch::is_x86_feature_detected!($name))),*] };
    }
    let found = found!("sse4.2" "avx" "avx2" "fma" "avx512f" "avx512vnni" "f16c");
    found.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}
