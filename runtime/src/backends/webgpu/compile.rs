//! A plan made ready on a device: buffers, pipelines and bind groups, once; nothing of it is made anew for a run.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::adapter::AdapterReport;
use super::constants::{Constants, Loader};
use super::device::{Shared, describe, device_error};
use super::dispatch::{Dispatch, Plan, Region, Resource};
use super::execute::Staging;
use super::lower::unsupported;
use super::resident::Resident;
use super::signal::lock;
use crate::bindings::{Bindings, DeviceTensor, Memory};
use crate::error::{Error, Result};
use crate::graph::{OperandDescriptor, ValueId};
use crate::optimize::Program;
use crate::order::order;
use crate::session::SessionReport;

/// A program on a device.
#[derive(Debug)]
pub struct Compiled {
    pub(super) shared: Arc<Shared>,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    pub(super) commands: Vec<Command>,
    pub(super) input_buffer: Owned,
    pub(super) output_buffer: Owned,
    pub(super) staging: Staging,
    pub(super) bound: BoundPorts,
    /// Keep what the bind groups name; constants in the set that shares them.
    _arena: Owned,
    _constants: Vec<Arc<Owned>>,
    report: Report,
}

/// An input or output: where it lies in its buffer.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) descriptor: OperandDescriptor,
    pub(super) region: Region,
}

/// A dispatch, ready to be recorded.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) label: String,
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) group: Group,
    pub(super) workgroups: [u32; 3],
}

/// The tensors that inputs and outputs are bound to, in the program's order.
#[derive(Debug)]
pub(super) struct BoundPorts {
    inputs: Vec<Option<Resident>>,
    outputs: Vec<Option<(Resident, Bound)>>,
}

impl BoundPorts {
    fn new(shared: &Arc<Shared>, program: &Program, bindings: &Bindings) -> Result<Self> {
        let resident = |name: &str, bound: Option<&DeviceTensor>| match bound.map(|tensor| &tensor.memory) {
            None => Ok(None),
            Some(Memory::WebGpu(resident)) if resident.belongs_to(shared) => Ok(Some(resident.clone())),
            Some(_) => Err(Error::ForeignTensor { name: name.to_owned() }),
        };
        let inputs = program.inputs.iter().map(|(name, _)| resident(name, bindings.of_input(name))).collect::<Result<Vec<_>>>()?;
        let outputs = program.outputs.iter().map(|(name, _)| resident(name, bindings.of_output(name))).collect::<Result<Vec<_>>>()?;
        let replaced = |output: &Resident| inputs.iter().flatten().any(|input| input.is(output));
        let kind = |output: Resident| {
            let bound = if replaced(&output) { Bound::Replaced } else { Bound::Written };
            if bound == Bound::Replaced {
                output.make_pair();
            }
            (output, bound)
        };
        let outputs = outputs.into_iter().map(|output| output.map(kind)).collect();
        Ok(Self { inputs, outputs })
    }

    /// Which inputs and which outputs are bound.
    fn flags(&self) -> [Vec<bool>; 2] {
        [self.inputs.iter().map(Option::is_some).collect(), self.outputs.iter().map(Option::is_some).collect()]
    }

    /// What was replaced by the run that was submitted is the contents from now on.
    pub(super) fn exchange(&self) {
        let replaced = self.outputs.iter().flatten().filter(|(_, bound)| *bound == Bound::Replaced);
        replaced.for_each(|(resident, _)| resident.exchange());
    }
}

/// What a dispatch binds.
#[derive(Debug)]
pub(super) enum Group {
    /// The same in every run.
    Fixed(wgpu::BindGroup),
    /// Tensors among it may change places from run to run: one bind group for each arrangement, made when it is first met.
    Turning { layout: wgpu::BindGroupLayout, entries: Vec<(Source, Region)>, made: Vec<(u16, wgpu::BindGroup)> },
}

/// Where a binding's buffer comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Buffer(wgpu::Buffer),
    Resident(Resident, Bound),
}

/// What a session does with a bound tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Reads the contents.
    Read,
    /// Writes over the contents, which it does not read.
    Written,
    /// Writes the new contents beside those that it reads.
    Replaced,
}

impl Command {
    /// The bind group for the tensors as they lie now.
    pub(super) fn bind_group(&mut self, device: &wgpu::Device) -> &wgpu::BindGroup {
        match &mut self.group {
            Group::Fixed(group) => group,
            Group::Turning { layout, entries, made } => {
                let fronts = entries.iter().filter_map(|(source, _)| match source {
                    Source::Resident(resident, _) => Some(resident.front()),
                    Source::Buffer(_) => None,
                });
                let arrangement = fronts.fold(0, |bits, front| bits << 1 | front as u16);
                let place = made.iter().position(|(known, _)| *known == arrangement).unwrap_or_else(|| {
                    made.push((arrangement, bind_group(device, &self.label, layout, entries)));
                    made.len() - 1
                });
                &made[place].1
            }
        }
    }
}

fn bind_group(device: &wgpu::Device, label: &str, layout: &wgpu::BindGroupLayout, entries: &[(Source, Region)]) -> wgpu::BindGroup {
    let buffer = |source: &Source| match source {
        Source::Buffer(buffer) => buffer.clone(),
        Source::Resident(resident, bound) => resident.buffer(*bound),
    };
    let buffers: Vec<_> = entries.iter().map(|(source, _)| buffer(source)).collect();
    let ranges = buffers.iter().zip(entries).map(|(buffer, (_, region))| wgpu::BufferBinding {
        buffer,
        offset: region.offset,
        size: std::num::NonZeroU64::new(region.size),
    });
    let entries: Vec<_> = ranges
        .enumerate()
        .map(|(binding, range)| wgpu::BindGroupEntry { binding: binding as u32, resource: wgpu::BindingResource::Buffer(range) })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some(label), layout, entries: &entries })
}

/// The facts of a compiled program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Where it runs.
    pub adapter: AdapterReport,
    /// Kernels that one run starts.
    pub dispatches: usize,
    /// Different shaders among them.
    pub pipelines: usize,
    /// Bytes of the intermediate values.
    pub arena_bytes: u64,
    /// Bytes of the constants; programs of one checkpoint share them.
    pub weight_bytes: u64,
    /// Bytes of inputs and outputs, and of the buffers through which they come and go.
    pub transfer_bytes: u64,
    /// Bytes that the driver's allocator has given to the whole device, now; none where it does not count.
    pub allocated_bytes: Option<u64>,
    /// Pieces of memory that those bytes are.
    pub allocations: Option<usize>,
}

impl Compiled {
    pub(super) async fn new(
        shared: Arc<Shared>,
        program: &Program,
        plan: Plan,
        constants: &Constants,
        load: &mut Loader<'_>,
        bindings: &Bindings,
    ) -> Result<Self> {
        shared.check()?;
        let bound = BoundPorts::new(&shared, program, bindings)?;
        let [inputs, outputs] = bound.flags();
        let plan = plan.bind(&inputs, &outputs);
        let memory = shared.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = shared.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let made = Self::make(&shared, program, &plan, constants, load, bound);
        // Scopes belong to this thread: both are closed before anything is awaited.
        let (validation, memory) = (validation.pop(), memory.pop());
        let (memory, validation) = (memory.await, validation.await);
        shared.check()?;
        if let Some(error) = memory.or(validation) {
            let bytes = plan.arena_bytes + plan.constant_bytes();
            return Err(device_error(format!("{} (while {bytes} bytes of arena and weights were asked for)", describe(&error))));
        }
        made
    }

    fn make(
        shared: &Arc<Shared>,
        program: &Program,
        plan: &Plan,
        constants: &Constants,
        load: &mut Loader<'_>,
        bound: BoundPorts,
    ) -> Result<Self> {
        use wgpu::BufferUsages as Usages;
        let largest = shared.device.limits().max_buffer_size;
        let buffer = |label: &str, size: u64, usage: Usages| {
            let size = size.max(256);
            if size > largest {
                return Err(unsupported(label, format!("{size} bytes; a buffer holds {largest}")));
            }
            Ok(Owned(shared.device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })))
        };
        let arena = buffer("arena", plan.arena_bytes + 256, Usages::STORAGE)?;
        let input_buffer = buffer("inputs", plan.input_bytes(), Usages::STORAGE | Usages::COPY_DST)?;
        let output_buffer = buffer("outputs", plan.output_bytes(), Usages::STORAGE | Usages::COPY_SRC)?;
        let staging = Staging::new(&shared.device, input_buffer.size(), output_buffer.size());
        // By constant and chunk.
        let mut weights = Vec::with_capacity(plan.constants.len());
        for (index, chunks) in plan.constants.iter().enumerate() {
            weights.push(if chunks.is_empty() { vec![] } else { constants.buffers(shared, &program.constants[index], chunks, load)? });
        }
        let find = |resource: Resource| match resource {
            Resource::Arena => Some(Source::Buffer(arena.0.clone())),
            Resource::Inputs => Some(Source::Buffer(input_buffer.0.clone())),
            Resource::Outputs => Some(Source::Buffer(output_buffer.0.clone())),
            Resource::BoundInput(index) => bound.inputs[index].clone().map(|resident| Source::Resident(resident, Bound::Read)),
            Resource::BoundOutput(index) => bound.outputs[index].clone().map(|(resident, bound)| Source::Resident(resident, bound)),
            Resource::Constant { index, chunk } => weights[index].get(chunk).map(|buffer| Source::Buffer(buffer.0.clone())),
        };
        let mut pipelines = lock(&shared.pipelines);
        let mut commands = Vec::with_capacity(plan.dispatches.len());
        for dispatch in &plan.dispatches {
            let (pipeline, layout) = pipelines.get(&shared.device, dispatch);
            let mut entries = Vec::with_capacity(dispatch.bindings.len());
            for binding in &dispatch.bindings {
                let source = find(binding.resource).ok_or_else(|| device_error(format!("no buffer for {:?}", binding.resource)))?;
                entries.push((source, binding.region));
            }
            let group = if entries.iter().any(|(source, _)| matches!(source, Source::Resident(..))) {
                Group::Turning { layout, entries, made: Vec::new() }
            } else {
                Group::Fixed(bind_group(&shared.device, &dispatch.label, &layout, &entries))
            };
            commands.push(Command { label: dispatch.label.clone(), pipeline, group, workgroups: dispatch.workgroups });
        }
        let ports = |named: &[(String, ValueId)], regions: &[Region], bound: &[bool]| {
            let port = |((name, value), region): (&(String, ValueId), &Region)| Port {
                name: name.clone(),
                descriptor: program.descriptor(*value).clone(),
                region: *region,
            };
            let unbound = named.iter().zip(regions).zip(bound).filter(|(_, bound)| !**bound);
            unbound.map(|(each, _)| port(each)).collect()
        };
        let report = Report {
            adapter: shared.adapter.clone(),
            dispatches: plan.dispatches.len(),
            pipelines: plan.pipelines(),
            arena_bytes: plan.arena_bytes,
            weight_bytes: plan.constant_bytes(),
            transfer_bytes: 2 * (input_buffer.size() + output_buffer.size()),
            allocated_bytes: None,
            allocations: None,
        };
        Ok(Self {
            shared: Arc::clone(shared),
            inputs: ports(&program.inputs, &plan.inputs, &bound.flags()[0]),
            outputs: ports(&program.outputs, &plan.outputs, &bound.flags()[1]),
            bound,
            commands,
            input_buffer,
            output_buffer,
            staging,
            _arena: arena,
            _constants: weights.into_iter().flatten().collect(),
            report,
        })
    }

    /// What it costs, in the words of every backend.
    pub fn report(&self) -> SessionReport {
        let report = self.details();
        SessionReport {
            dispatches: report.dispatches,
            arena_bytes: report.arena_bytes as usize,
            weight_bytes: report.weight_bytes as usize,
            allocated_bytes: report.allocated_bytes.unwrap_or(report.arena_bytes + report.weight_bytes + report.transfer_bytes),
            allocations: report.allocations,
        }
    }

    /// The facts, with what the driver counts now.
    pub fn details(&self) -> Report {
        let (bytes, pieces) = match self.shared.device.generate_allocator_report() {
            Some(counted) => (Some(counted.total_allocated_bytes), Some(counted.allocations.len())),
            None => (None, None),
        };
        Report { allocated_bytes: bytes, allocations: pieces, ..self.report.clone() }
    }
}

/// A buffer whose memory is given back when this is dropped, at once: a browser's garbage collector does not see how much it is.
#[derive(Debug)]
pub(super) struct Owned(pub(super) wgpu::Buffer);

impl std::ops::Deref for Owned {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

/// Pipelines that a device keeps; beyond them, the half used longest ago makes room. Sizes stand in the texts: each new shape brings its own.
const MAX_PIPELINES: usize = 1024;

/// What a device has compiled, for all programs on it: equal texts are one pipeline, equal access patterns one layout.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    layouts: Vec<(Vec<bool>, wgpu::BindGroupLayout)>,
    /// With the number of the call that used it last.
    made: HashMap<Arc<str>, (wgpu::ComputePipeline, usize)>,
    calls: usize,
}

impl Pipelines {
    fn get(&mut self, device: &wgpu::Device, dispatch: &Dispatch) -> (wgpu::ComputePipeline, wgpu::BindGroupLayout) {
        let access: Vec<bool> = dispatch.bindings.iter().map(|binding| binding.writable).collect();
        let place = self.layouts.iter().position(|(known, _)| *known == access).unwrap_or_else(|| {
            let layout = layout(device, &access);
            self.layouts.push((access, layout));
            self.layouts.len() - 1
        });
        let layout = self.layouts[place].1.clone();
        self.calls += 1;
        if self.made.len() >= MAX_PIPELINES && !self.made.contains_key(&dispatch.source) {
            let uses: Vec<usize> = self.made.values().map(|(_, used)| *used).collect();
            let median = uses[order(uses.len(), &|a, b| uses[a] < uses[b])[MAX_PIPELINES / 2]];
            self.made.retain(|_, (_, used)| *used >= median);
        }
        let made = self.made.entry(Arc::clone(&dispatch.source));
        let (pipeline, used) = made.or_insert_with(|| (pipeline(device, dispatch, &layout), 0));
        *used = self.calls;
        (pipeline.clone(), layout)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.made.len()
    }
}

fn layout(device: &wgpu::Device, writable: &[bool]) -> wgpu::BindGroupLayout {
    let entry = |(binding, writable): (usize, &bool)| wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only: !writable },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    };
    let entries: Vec<_> = writable.iter().enumerate().map(entry).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
}

fn pipeline(device: &wgpu::Device, dispatch: &Dispatch, layout: &wgpu::BindGroupLayout) -> wgpu::ComputePipeline {
    let source = wgpu::ShaderSource::Wgsl(dispatch.source.as_ref().into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(&dispatch.label), source });
    let descriptor = wgpu::PipelineLayoutDescriptor { label: None, bind_group_layouts: &[Some(layout)], immediate_size: 0 };
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(&dispatch.label),
        layout: Some(&device.create_pipeline_layout(&descriptor)),
        module: &module,
        entry_point: Some("main"),
        // Kernels write workgroup memory before they read it.
        compilation_options: wgpu::PipelineCompilationOptions { zero_initialize_workgroup_memory: false, ..Default::default() },
        cache: None,
    })
}
