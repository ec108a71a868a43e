//! The platforms a model can run on, and how one is chosen among them.

use std::fmt;

/// A way to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "session", derive(serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Platform {
    /// The browser's WebNN.
    WebNn,
    /// WebGPU through wgpu: native drivers, or the browser's WebGPU on wasm32.
    WebGpu,
    /// This machine's processor.
    Cpu,
}

impl Platform {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Platform; 3] = [Platform::WebNn, Platform::WebGpu, Platform::Cpu];

    /// The name in specs and on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Platform::WebNn => "webnn",
            Platform::WebGpu => "webgpu",
            Platform::Cpu => "cpu",
        }
    }

    /// The platform of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Platform> {
        Platform::ALL.into_iter().find(|platform| platform.name() == name)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A platform that was tried first and passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "session", derive(serde::Serialize))]
pub struct PassedOver {
    /// The platform.
    pub platform: Platform,
    /// Why it did not serve.
    pub reason: String,
}
