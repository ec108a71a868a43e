//! Kernels against plain loops, shaders against naga, a device against what may happen to it.
//!
//! Every case runs twice: with the kernels of software adapters and with those of hardware, workgroup memory included.
//! Without an adapter the shaders are validated all the same, and the rest says that it was skipped.

mod attention;
mod device;
mod elements;
mod matmul;
mod operators;
mod rows;
mod split;
mod types;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{AdapterChoice, Device, Options, Plan, lower};
use crate::graph::{DataType, Graph, GraphBuilder, Operand, OperandDescriptor};
use crate::optimize::{PackedConstant, Part, Program, optimize};
use crate::tensor::Tensor;

/// The device with the kernels for software or hardware, or why there is none.
fn device(software: bool) -> &'static Result<Device, String> {
    static DEVICES: [OnceLock<Result<Device, String>>; 2] = [OnceLock::new(), OnceLock::new()];
    DEVICES[usize::from(software)].get_or_init(|| {
        let opened = pollster::block_on(Device::open_with(&AdapterChoice::default(), |options| options.software = software));
        opened.map_err(|error| error.to_string())
    })
}

/// Numbers in -1..1 that look random and are the same everywhere.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(12345);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn floats(shape: &[usize], seed: u32) -> Tensor {
    Tensor::from_slice(shape, &noise(shape.iter().product(), seed)).unwrap()
}

/// A graph in the making with the tensors of its inputs and weights.
#[derive(Default)]
struct Case {
    builder: GraphBuilder,
    inputs: Vec<(String, Tensor)>,
    weights: HashMap<String, Tensor>,
}

impl Case {
    fn input(&mut self, tensor: &Tensor) -> Operand {
        let name = format!("input{}", self.inputs.len());
        self.inputs.push((name.clone(), tensor.clone()));
        self.builder.input(&name, tensor.descriptor().clone()).unwrap()
    }

    fn weight(&mut self, tensor: &Tensor) -> Operand {
        let name = format!("weight{}", self.weights.len());
        self.weights.insert(name.clone(), tensor.clone());
        self.builder.weight(&name, tensor.descriptor().clone()).unwrap()
    }

    fn finish(self, output: &Operand) -> Built {
        self.builder.output("output", output).unwrap();
        Built { graph: self.builder.build().unwrap(), inputs: self.inputs, weights: self.weights }
    }
}

struct Built {
    graph: Graph,
    inputs: Vec<(String, Tensor)>,
    weights: HashMap<String, Tensor>,
}

impl Built {
    fn program(&self) -> Program {
        optimize(&self.graph)
    }

    /// Validates the shaders for both kinds of adapter.
    fn validate(&self) {
        for software in [false, true] {
            validate(&lower(&self.program(), &Options { software, ..Options::default() }).unwrap());
        }
    }

    fn run_on(&self, device: &Device) -> Tensor {
        let mut load = |constant: &PackedConstant| match &constant.parts[0] {
            Part::Weight { name, .. } => Ok(self.weights[name].clone()),
            part => panic!("{part:?} is not loaded"),
        };
        let device = device.for_another_checkpoint();
        let mut compiled = pollster::block_on(device.compile(&self.program(), &mut load)).unwrap();
        let inputs: Vec<(&str, &Tensor)> = self.inputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        // The second run must not see what the first left in the arena.
        let first = pollster::block_on(compiled.run(&inputs)).unwrap();
        let second = pollster::block_on(compiled.run(&inputs)).unwrap();
        assert_eq!(first, second);
        first.into_iter().next().unwrap().1
    }

    /// The output on both kinds of kernels must be `expected`, within `tolerance` for floats.
    #[track_caller]
    fn expect(&self, expected: &Tensor, tolerance: f32) {
        self.validate();
        for software in [false, true] {
            match device(software) {
                Ok(device) => close(&self.run_on(device), expected, tolerance, if software { "software" } else { "hardware" }),
                Err(reason) => println!("skipped: {reason}"),
            }
        }
    }
}

#[track_caller]
fn close(found: &Tensor, expected: &Tensor, tolerance: f32, kernels: &str) {
    assert_eq!(found.descriptor(), expected.descriptor(), "{kernels} kernels");
    if found.data_type() != DataType::Float32 {
        assert_eq!(found.bytes(), expected.bytes(), "{kernels} kernels");
        return;
    }
    for (index, (found, expected)) in found.as_slice::<f32>().unwrap().iter().zip(expected.as_slice::<f32>().unwrap()).enumerate() {
        let near = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        let same = found == expected || (found.is_nan() && expected.is_nan());
        assert!(near || same, "{kernels} kernels: element {index} is {found}, expected {expected}");
    }
}

/// Leaves the shader in the folder that `KEEP_SHADERS` names: `cargo xtask web-test` gives them all to a browser's compiler.
fn keep(dispatch: &super::Dispatch) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let Some(folder) = std::env::var_os("KEEP_SHADERS").map(std::path::PathBuf::from) else { return };
    let mut hash = DefaultHasher::new();
    dispatch.source.hash(&mut hash);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{:016x}.wgsl", hash.finish())), &*dispatch.source).unwrap();
}

#[track_caller]
fn validate(plan: &Plan) {
    for dispatch in &plan.dispatches {
        keep(dispatch);
        let module = naga::front::wgsl::parse_str(&dispatch.source)
            .unwrap_or_else(|error| panic!("{}: {}", dispatch.label, error.emit_to_string(&dispatch.source)));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32);
        if let Err(error) = validator.validate(&module) {
            panic!("{}: {}", dispatch.label, error.emit_to_string(&dispatch.source));
        }
        let bindings = module.global_variables.iter().filter(|(_, variable)| variable.binding.is_some()).count();
        assert_eq!(bindings, dispatch.bindings.len(), "{}", dispatch.label);
        assert!(dispatch.workgroups.iter().all(|count| (1..=65535).contains(count)), "{}: {:?}", dispatch.label, dispatch.workgroups);
        for (index, binding) in dispatch.bindings.iter().enumerate() {
            assert!(binding.region.offset.is_multiple_of(256) && binding.region.size.is_multiple_of(4), "{}: {binding:?}", dispatch.label);
            for other in &dispatch.bindings[..index] {
                let apart = other.region.offset + other.region.size <= binding.region.offset
                    || binding.region.offset + binding.region.size <= other.region.offset;
                assert!(other.resource != binding.resource || apart || !binding.writable, "{}: {other:?} and {binding:?}", dispatch.label);
            }
        }
    }
}
