//! The adapters of this machine: what they are and what they can, and the choice of one.

use std::collections::BTreeSet;

use serde::Serialize;

use super::PLATFORM;
use crate::error::{Error, Result};

/// Which adapter to open: the first of the fastest kind among those that fit, software only where nothing else does.
///
/// Where neither name nor index is given, the environment's `WGPU_ADAPTER_NAME` is the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdapterChoice {
    /// Part of its name, in any case.
    pub name: Option<String>,
    /// Its position in [`AdapterReport::all`].
    pub index: Option<usize>,
    /// True refuses software adapters.
    pub hardware: bool,
    /// Bytes that one binding may show, where that is less than the adapter's limit: larger weights are split.
    pub max_binding_bytes: Option<u64>,
}

impl AdapterChoice {
    fn fits(&self, index: usize, info: &wgpu::AdapterInfo) -> bool {
        let name = self.name.as_ref().is_none_or(|name| info.name.to_ascii_lowercase().contains(&name.to_ascii_lowercase()));
        let hardware = !self.hardware || info.device_type != wgpu::DeviceType::Cpu;
        name && hardware && self.index.is_none_or(|wanted| wanted == index)
    }

    fn wanted(&self) -> String {
        let number = self.index.map_or("an adapter".into(), |index| format!("adapter {index}"));
        let name = self.name.as_ref().map_or(String::new(), |name| format!(" named `{name}`"));
        format!("{number}{name}{}", if self.hardware { " that is no software" } else { "" })
    }
}

/// What an adapter says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdapterReport {
    /// Position in the list.
    pub index: usize,
    /// Its name; in a browser often empty.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `webgpu` …
    pub backend: String,
    /// `discrete gpu`, `integrated gpu`, `virtual gpu`, `software` or `other`.
    pub device_type: String,
    /// True where a processor does the work.
    pub software: bool,
    /// The driver's name.
    pub driver: String,
    /// Its version and the like.
    pub driver_info: String,
    /// PCI vendor, 0 where unknown.
    pub vendor: u32,
    /// PCI device, 0 where unknown.
    pub device: u32,
    /// The limits that matter to a plan.
    pub limits: AdapterLimits,
    /// WebGPU features by their names, sorted.
    pub features: Vec<String>,
}

/// Limits of an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct AdapterLimits {
    pub max_buffer_size: u64,
    pub max_storage_buffer_binding_size: u64,
    pub max_storage_buffers_per_shader_stage: u32,
    pub min_storage_buffer_offset_alignment: u32,
    pub max_compute_workgroup_storage_size: u32,
    pub max_compute_invocations_per_workgroup: u32,
    pub max_compute_workgroup_size_x: u32,
    pub max_compute_workgroups_per_dimension: u32,
}

impl AdapterReport {
    /// Every adapter, in the driver's order. None is an empty list, not an error.
    pub async fn all() -> Vec<AdapterReport> {
        adapters(&instance()).await.iter().enumerate().map(|(index, adapter)| Self::of(index, adapter)).collect()
    }

    pub(super) fn of(index: usize, adapter: &wgpu::Adapter) -> Self {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let mut features = BTreeSet::new();
        features.extend(adapter.features().iter_names().map(|(name, _)| name.to_ascii_lowercase().replace('_', "-")));
        Self {
            index,
            name: info.name,
            backend: info.backend.to_string(),
            device_type: device_type(info.device_type).into(),
            software: info.device_type == wgpu::DeviceType::Cpu,
            driver: info.driver,
            driver_info: info.driver_info,
            vendor: info.vendor,
            device: info.device,
            limits: AdapterLimits {
                max_buffer_size: limits.max_buffer_size,
                max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
                max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
                min_storage_buffer_offset_alignment: limits.min_storage_buffer_offset_alignment,
                max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
                max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
                max_compute_workgroup_size_x: limits.max_compute_workgroup_size_x,
                max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            },
            features: features.into_iter().collect(),
        }
    }
}

fn device_type(device_type: wgpu::DeviceType) -> &'static str {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete gpu",
        wgpu::DeviceType::IntegratedGpu => "integrated gpu",
        wgpu::DeviceType::VirtualGpu => "virtual gpu",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    }
}

/// Fastest kind first. A browser says `other` of every adapter.
fn rank(device_type: wgpu::DeviceType) -> usize {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

pub(super) fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    // wgpu checks what it is given either way; the driver's own validation layers are for debugging wgpu.
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    let instance = wgpu::Instance::new(descriptor);
    // With its last instance a driver is unloaded, while threads and exit handlers of its own may still call into it: the first one stays.
    #[cfg(not(target_family = "wasm"))]
    {
        static FIRST: std::sync::OnceLock<wgpu::Instance> = std::sync::OnceLock::new();
        FIRST.get_or_init(|| instance.clone());
    }
    instance
}

#[cfg(not(target_family = "wasm"))]
async fn adapters(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    instance.enumerate_adapters(wgpu::Backends::PRIMARY.with_env()).await
}

#[cfg(target_family = "wasm")]
async fn adapters(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    let options = wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
    instance.request_adapter(&options).await.into_iter().collect()
}

/// The adapter chosen.
///
/// **Errors** [`Error::Unavailable`] that lists what there is.
pub(super) async fn choose(instance: &wgpu::Instance, choice: &AdapterChoice) -> Result<(usize, wgpu::Adapter)> {
    let mut choice = choice.clone();
    if choice.name.is_none() && choice.index.is_none() {
        choice.name = std::env::var("WGPU_ADAPTER_NAME").ok().filter(|name| !name.is_empty());
    }
    let all: Vec<(usize, wgpu::Adapter)> = adapters(instance).await.into_iter().enumerate().collect();
    let list: Vec<String> = all.iter().map(|(index, adapter)| describe(*index, &adapter.get_info())).collect();
    let fits = |(index, adapter): &(usize, wgpu::Adapter)| choice.fits(*index, &adapter.get_info());
    let best = all.into_iter().filter(fits).min_by_key(|(index, adapter)| (rank(adapter.get_info().device_type), *index));
    best.ok_or_else(|| {
        let found = if list.is_empty() {
            String::from("no adapter (is a Vulkan, Metal or Direct3D 12 driver installed?)")
        } else {
            list.join(", ")
        };
        Error::Unavailable { platform: PLATFORM.into(), reason: format!("looked for {}; found {found}", choice.wanted()) }
    })
}

fn describe(index: usize, info: &wgpu::AdapterInfo) -> String {
    format!("{index}: `{}` ({}, {})", info.name, info.backend, device_type(info.device_type))
}
