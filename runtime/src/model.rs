//! A loaded model: config, checkpoint, device, and one compiled graph per bound shape.

use std::collections::BTreeMap;

use web_time::Instant;

use crate::bindings::{Bindings, DeviceTensor};
use crate::error::{Error, Result, WeightError};
use crate::graph::Graph;
use crate::inputs;
use crate::platform::{PassedOver, Platform};
use crate::session::{Device, DeviceOptions, Session, SessionReport};
use crate::skill::{self, Dimension, HeadSpec, InputSpec, Request, Sizes, Skill};
use crate::tensor::Tensor;
use crate::weights::{Checkpoint, Fit, WeightNames, fit};

/// Compiled graphs that a model keeps; the one used longest ago makes room.
const MAX_SESSIONS: usize = 8;

/// What the caller asks of [`Model::load`].
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The one platform to use; without it, the first of the module's that is there.
    pub platform: Option<Platform>,
    /// Platforms never to use.
    pub forbidden: Vec<Platform>,
    /// The graph to use; without it, the class that config.json names.
    pub head: Option<String>,
    /// How the device is opened.
    pub device: DeviceOptions,
    /// A device that is open already, another model's say: used when its platform's turn comes. Models on one device share what is compiled.
    pub open: Option<Device>,
}

/// What was found out while loading.
#[derive(Clone, Debug, serde::Serialize)]
pub struct LoadReport {
    /// The graph in use.
    pub head: &'static str,
    /// Where it computes.
    pub platform: Platform,
    /// The device as it describes itself.
    pub device: String,
    /// Milliseconds that opening it took, with those passed over.
    pub open_ms: f64,
    /// Type of the computation.
    pub precision: &'static str,
    /// Platforms that come first in the order and did not serve.
    pub passed_over: Vec<PassedOver>,
    /// Optional outputs that are left out, with the weights that the checkpoint lacks.
    pub omitted: BTreeMap<String, String>,
    /// Ties of the config that do not hold, because the checkpoint has two different tensors: each keeps its own.
    pub untied: Vec<String>,
    /// Tensors of the checkpoint that nothing reads.
    pub surplus: Vec<String>,
    /// Types that were widened to float32, with the number of tensors.
    pub widened: BTreeMap<String, usize>,
}

/// What one run gave.
#[derive(Clone, Debug)]
pub struct Run {
    /// Outputs by name, in the order of the spec.
    pub outputs: Vec<(String, Tensor)>,
    /// The sizes it was bound to.
    pub sizes: Sizes,
    /// The compiled graph that computed it.
    pub session: SessionReport,
    /// Milliseconds it took to compile; 0 where the graph was there.
    pub compile_ms: f64,
    /// Milliseconds from the inputs to the outputs in host memory.
    pub run_ms: f64,
}

impl Run {
    /// One output.
    pub fn output(&self, name: &str) -> Option<&Tensor> {
        self.outputs.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor)
    }

    /// Takes one output.
    pub fn take(&mut self, name: &str) -> Option<Tensor> {
        let index = self.outputs.iter().position(|(known, _)| known == name)?;
        Some(self.outputs.remove(index).1)
    }

    /// Takes a list output: `name.0`, `name.1`, …
    pub fn take_list(&mut self, name: &str) -> Vec<Tensor> {
        (0..).map_while(|index| self.take(&format!("{name}.{index}"))).collect()
    }
}

/// Tensors that stay on the device from run to run, of all the graphs of a model: see [`Model::states`].
#[derive(Clone, Debug)]
pub struct States {
    /// The state, the name of the tensor, the tensor.
    tensors: Vec<(&'static str, String, DeviceTensor)>,
}

impl States {
    /// One tensor, as graphs call it: `name.0`.
    pub fn tensor(&self, name: &str) -> Option<&DeviceTensor> {
        self.tensors.iter().find(|(_, known, _)| known == name).map(|(.., tensor)| tensor)
    }

    /// Fills these states with the rows of `others`, made for a smaller batch, each as often as it goes in: what was encoded once, for every
    /// beam of it. Copies through the host.
    ///
    /// **Errors** [`Error::InputMismatch`] where a row would not go in a whole number of times; the device's.
    pub async fn repeat(&self, others: &States) -> Result<()> {
        for (_, name, tensor) in &self.tensors {
            let Some(other) = others.tensor(name) else { continue };
            let (small, large) = (other.descriptor(), tensor.descriptor());
            let rows = small.shape.first().copied().unwrap_or(1).max(1);
            let times = large.shape.first().copied().unwrap_or(1) / rows;
            let mut shape = small.shape.clone();
            if let Some(first) = shape.first_mut() {
                *first *= times;
            }
            if shape != large.shape || small.data_type != large.data_type {
                return Err(Error::InputMismatch { name: name.clone(), expected: large.to_string(), found: small.to_string() });
            }
            let read = other.read().await?;
            let row = read.bytes().len() / rows;
            let bytes: Vec<u8> =
                read.bytes().chunks(row.max(1)).flat_map(|row| std::iter::repeat_n(row, times)).flatten().copied().collect();
            tensor.write(&Tensor::new(large.clone(), &bytes)?)?;
        }
        Ok(())
    }

    /// Writes zeros into all of them.
    ///
    /// **Errors** the device's.
    pub fn clear(&self) -> Result<()> {
        self.tensors.iter().try_for_each(|(.., tensor)| tensor.write(&Tensor::zeros(tensor.descriptor().clone())))
    }
}

/// A graph beside the heads, compiled: see [`Model::open_graph`].
#[derive(Debug)]
pub struct OpenGraph {
    spec: &'static HeadSpec,
    inputs: Vec<InputSpec>,
    dimensions: Vec<Dimension>,
    session: Session,
}

impl OpenGraph {
    /// What it takes and gives.
    pub fn spec(&self) -> &'static HeadSpec {
        self.spec
    }

    /// Runs once on the inputs that are no states, and gives the outputs that are none.
    ///
    /// **Errors** an input that is unknown, missing, of another type or shape than it was compiled for, or out of range, by name; the device's.
    pub async fn run(&mut self, given: &BTreeMap<String, Tensor>) -> Result<Vec<(String, Tensor)>> {
        let (_, tensors) = inputs::prepare(&self.inputs, &self.dimensions, given)?;
        self.session.run(&tensors).await
    }

    /// What it costs.
    pub fn report(&self) -> SessionReport {
        self.session.report()
    }
}

/// A model that is ready to run.
#[derive(Debug)]
pub struct Model<S: Skill> {
    config: S::Config,
    head: &'static HeadSpec,
    names: WeightNames,
    request: Request,
    device: Device,
    fit: Fit,
    sessions: Vec<((Sizes, Request), Session)>,
    report: LoadReport,
    /// What the caller asked for, for the day on which the device is lost.
    options: LoadOptions,
}

impl<S: Skill> Model<S> {
    /// Checks the checkpoint against the model, then opens the first platform that serves. Nothing is computed yet.
    ///
    /// **Errors** a config the model cannot follow, a checkpoint that does not fit (every tensor at fault), an unknown
    /// head, no platform.
    pub async fn load(checkpoint: &Checkpoint, options: &LoadOptions) -> Result<Self> {
        let config = skill::read_config::<S>(checkpoint.config())?;
        let named = options.head.clone().or_else(|| skill::architecture(checkpoint.config()));
        let head = match named {
            Some(name) => skill::head::<S>(&name)?,
            None => &S::HEADS[0],
        };
        let mut names = S::weight_names(&config);
        let untied = names.settle(checkpoint);
        let (fit, request, omitted) = fit_head::<S>(&config, &names, head, checkpoint)?;
        let started = Instant::now();
        let (device, passed_over) = open_device::<S>(options, &smallest_graph::<S>(&config, &names, head, &request)?).await?;
        let report = LoadReport {
            head: head.name,
            platform: device.platform(),
            device: device.description(),
            open_ms: milliseconds(started),
            precision: "float32",
            passed_over,
            omitted,
            untied,
            surplus: fit.surplus.clone(),
            widened: fit.widened.clone(),
        };
        let options = LoadOptions { open: None, ..options.clone() };
        Ok(Self { config, head, names, request, device, fit, sessions: Vec::new(), report, options })
    }

    /// Opens a device anew, as [`Model::load`] chose the first, and forgets what was compiled on the old one. The next run compiles and
    /// uploads again, from the weights in host memory. It is what [`Error::DeviceLost`] asks for, and serves to give a device's memory
    /// back. [`Model::report`] tells the new device, which may be another platform's where the old one does not come back.
    ///
    /// **Errors** no platform; the model is then as it was.
    pub async fn reload(&mut self) -> Result<()> {
        let graph = smallest_graph::<S>(&self.config, &self.names, self.head, &self.request)?;
        let (device, passed_over) = open_device::<S>(&self.options, &graph).await?;
        self.sessions.clear();
        (self.report.platform, self.report.device) = (device.platform(), device.description());
        (self.report.passed_over, self.device) = (passed_over, device);
        Ok(())
    }

    /// The config in use.
    pub fn config(&self) -> &S::Config {
        &self.config
    }

    /// The graph in use.
    pub fn head(&self) -> &'static HeadSpec {
        self.head
    }

    /// What was found out while loading.
    pub fn report(&self) -> &LoadReport {
        &self.report
    }

    /// Names, as the checkpoint spells them, of the tensors in use.
    pub fn weights_read(&self) -> Vec<String> {
        self.fit.spellings()
    }

    /// The device in use.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs on named tensors. Integers of any width are taken and held against the input's range.
    ///
    /// **Errors** an input that is unknown, missing, of another type or shape, or out of range, by name; the device's.
    pub async fn run(&mut self, given: &BTreeMap<String, Tensor>, lists: &[&str]) -> Result<Run> {
        let (sizes, tensors) = inputs::prepare(&skill::inputs_of::<S>(&self.config, self.head), &S::dimensions(&self.config), given)?;
        let request = lists.iter().try_fold(self.request.clone(), |request, list| {
            let known = self.head.outputs.iter().any(|output| output.list && output.name == *list);
            if known { Ok(request.list(list)) } else { Err(Error::Config(format!("`{}` has no list output `{list}`", self.head.name))) }
        })?;
        let started = Instant::now();
        let compiled = self.compile(&sizes, &request).await?;
        let compile_ms = if compiled { milliseconds(started) } else { 0.0 };
        let Some((_, session)) = self.sessions.last_mut() else { unreachable!("compile puts the session last") };
        let started = Instant::now();
        let outputs = session.run(&tensors).await?;
        Ok(Run { outputs, sizes, session: session.report(), compile_ms, run_ms: milliseconds(started) })
    }

    /// The states of the model's graphs, on the device, of zeros.
    ///
    /// **Errors** a size that the states need and `sizes` lack; the device's.
    pub async fn states(&self, sizes: &Sizes) -> Result<States> {
        let mut tensors = Vec::new();
        for spec in S::states(&self.config, sizes)? {
            let zeros = Tensor::zeros(spec.descriptor.clone());
            for name in spec.names() {
                tensors.push((spec.name, name, self.device.tensor(&zeros).await?));
            }
        }
        Ok(States { tensors })
    }

    /// Compiles one of [`Skill::GRAPHS`] with these sizes; the states that it reads and makes anew are these.
    ///
    /// **Errors** [`Error::UnknownHead`] for a graph that the model does not have; the graph's and the device's.
    pub async fn open_graph(&self, name: &str, sizes: &Sizes, states: &States) -> Result<OpenGraph> {
        let spec = S::GRAPHS.iter().find(|graph| graph.name == name).ok_or_else(|| Error::UnknownHead {
            name: name.to_owned(),
            known: S::GRAPHS.iter().map(|graph| graph.name.to_owned()).collect(),
        })?;
        let graph = S::graph(&self.config, &self.names, spec, sizes, &Request::new())?;
        let mut bindings = Bindings::new();
        for (state, name, tensor) in &states.tensors {
            if spec.reads.contains(state) {
                bindings = bindings.input(name, tensor);
            }
            if spec.writes.contains(state) {
                bindings = bindings.output(name, tensor);
            }
        }
        let session = self.device.compile_bound(&graph, &self.fit, &bindings).await?;
        let (inputs, dimensions) = (skill::inputs_of::<S>(&self.config, spec), S::dimensions(&self.config));
        let inputs = inputs.into_iter().map(|input| input.bound(sizes)).collect();
        Ok(OpenGraph { spec, inputs, dimensions, session })
    }

    /// Makes the session of these sizes the last one; true where it had to be compiled.
    async fn compile(&mut self, sizes: &Sizes, request: &Request) -> Result<bool> {
        let key = (sizes.clone(), request.clone());
        if let Some(index) = self.sessions.iter().position(|(known, _)| *known == key) {
            let session = self.sessions.remove(index);
            self.sessions.push(session);
            return Ok(false);
        }
        let graph = S::graph(&self.config, &self.names, self.head, sizes, request)?;
        let session = self.device.compile(&graph, &self.fit).await?;
        if self.sessions.len() == MAX_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push((key, session));
        Ok(true)
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Holds the checkpoint against the head's graph. Optional outputs whose weights it lacks are left out.
fn fit_head<S: Skill>(
    config: &S::Config,
    names: &WeightNames,
    head: &HeadSpec,
    checkpoint: &Checkpoint,
) -> Result<(Fit, Request, BTreeMap<String, String>)> {
    let mut request = Request::new();
    let mut omitted = BTreeMap::new();
    let attempt = |request: &Request| -> Result<Fit> { fit(&smallest_graph::<S>(config, names, head, request)?, checkpoint, names) };
    let mut result = attempt(&request);
    for output in head.outputs.iter().filter(|output| output.optional) {
        let Err(Error::Checkpoint(errors)) = &result else { break };
        let without = request.clone().omit(output.name);
        let graph = smallest_graph::<S>(config, names, head, &without)?;
        let needed: Vec<&str> = graph.weights().iter().map(|(name, _)| name.as_str()).collect();
        let lacking: Vec<&str> = errors
            .iter()
            .filter_map(|error| match error {
                WeightError::Missing { name, .. } if !needed.contains(&name.as_str()) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        if lacking.is_empty() {
            continue;
        }
        omitted.insert(output.name.to_owned(), format!("the checkpoint lacks `{}`", lacking.join("`, `")));
        request = without;
        result = attempt(&request);
    }
    Ok((result?, request, omitted))
}

/// The graph with every symbolic size the smallest it may be: its operators, types, ranks and weights are those of every other size.
fn smallest_graph<S: Skill>(config: &S::Config, names: &WeightNames, head: &HeadSpec, request: &Request) -> Result<Graph> {
    let sizes = Sizes::new(S::dimensions(config).iter().map(|dimension| (dimension.name, dimension.minimum)));
    Ok(S::graph(config, names, head, &sizes, request)?)
}

/// Opens the first platform of the module that is allowed, there, and computes the graph's operators.
async fn open_device<S: Skill>(options: &LoadOptions, graph: &Graph) -> Result<(Device, Vec<PassedOver>)> {
    // Left to choose, a software adapter is no better than the processor it runs on; one that is named is what the caller wants.
    let mut device_options = options.device.clone();
    let serves = |platform| S::PLATFORMS.contains(&platform) && !options.forbidden.contains(&platform);
    let named = device_options.adapter.is_some() || std::env::var_os("WGPU_ADAPTER_NAME").is_some();
    device_options.hardware_only |= options.platform.is_none() && !named && serves(Platform::Cpu);
    let open = async |platform: Platform| -> Result<Device> {
        let device = match &options.open {
            Some(device) if device.platform() == platform => device.for_another_checkpoint(),
            _ => Device::open(platform, &device_options).await?,
        };
        device.check(graph)?;
        Ok(device)
    };
    let mut passed_over = Vec::new();
    if let Some(platform) = options.platform {
        if !S::PLATFORMS.contains(&platform) {
            let reason = "this module was generated without it; `gen skillset --cross-platform` includes every platform".to_owned();
            return Err(Error::Unavailable { platform: platform.name().to_owned(), reason });
        }
        return Ok((open(platform).await?, passed_over));
    }
    for &platform in S::PLATFORMS {
        if options.forbidden.contains(&platform) {
            passed_over.push(PassedOver { platform, reason: "forbidden by the caller".into() });
            continue;
        }
        match open(platform).await {
            Ok(device) => return Ok((device, passed_over)),
            Err(error) => passed_over.push(PassedOver { platform, reason: error.to_string() }),
        }
    }
    let reasons: Vec<_> = passed_over.iter().map(|one| format!("{}: {}", one.platform, one.reason)).collect();
    Err(Error::Unavailable { platform: "every platform of this module".into(), reason: reasons.join("; ") })
}
