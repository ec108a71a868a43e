//! What a model goes through after it was loaded, as tests of any family that has goldens: many runs, many sessions, a device that is lost, a
//! device of narrow limits, other platforms beside it. The lists run natively and in a browser.

use std::collections::HashSet;
use std::marker::PhantomData;

use super::{Context, Golden, Outcome, Test, TestResult, expect, expect_close, expect_equal};
use crate::error::{Error, Result};
use crate::model::{LoadOptions, Model, Run};
use crate::platform::Platform;
use crate::skill::Skill;
use crate::tests;
#[cfg(feature = "webgpu")]
use webgpu::{every_shader_is_taken_by_the_device, weights_above_the_binding_limit_are_split};

/// Largest distance between two platforms' float32 outputs.
const AGREEMENT: f32 = 2e-4;

/// The lists of a family.
#[derive(Debug)]
pub struct Life<S>(PhantomData<S>);

impl<S: Skill> Life<S> {
    /// The tests of a platform.
    pub const fn tests(platform: Platform) -> &'static [Test<S>] {
        match platform {
            Platform::Cpu => Self::CPU,
            Platform::WebGpu => Self::WEBGPU,
            Platform::WebNn => Self::WEBNN,
        }
    }

    const CPU: &'static [Test<S>] = tests![S:
        nothing_grows_over_100_runs,
        sessions_made_20_times_leave_nothing_behind,
        a_model_that_is_loaded_again_computes_the_same,
    ];
    const WEBNN: &'static [Test<S>] = tests![S:
        nothing_grows_over_100_runs,
        sessions_made_20_times_leave_nothing_behind,
        a_model_that_is_loaded_again_computes_the_same,
        a_lost_device_is_told_and_replaced,
        agrees_with_webgpu,
        agrees_with_cpu,
    ];
    #[cfg(not(feature = "webgpu"))]
    const WEBGPU: &'static [Test<S>] = &[];
    #[cfg(feature = "webgpu")]
    const WEBGPU: &'static [Test<S>] = tests![S:
        nothing_grows_over_100_runs,
        sessions_made_20_times_leave_nothing_behind,
        a_model_that_is_loaded_again_computes_the_same,
        a_lost_device_is_told_and_replaced,
        agrees_with_cpu,
        weights_above_the_binding_limit_are_split,
        every_shader_is_taken_by_the_device,
    ];
}

/// Bytes of this program's memory, where they can be told: wasm's, which never shrinks.
fn host_bytes() -> Option<usize> {
    #[cfg(target_arch = "wasm32")]
    return Some(core::arch::wasm32::memory_size(0) << 16);
    #[cfg(not(target_arch = "wasm32"))]
    None
}

fn first<S: Skill>(context: &Context<S>) -> std::result::Result<Golden, Outcome> {
    context.goldens()?.into_iter().next().ok_or_else(|| Outcome::Failed("there are no goldens".into()))
}

async fn nothing_grows_over_100_runs<S: Skill>(context: &Context<S>) -> TestResult {
    let golden = first(context)?;
    let mut model = context.load(&golden.checkpoint).await?;
    let mut settled: Option<(Run, Option<usize>)> = None;
    for run in 1..=100 {
        let found = model.run(&golden.inputs, &[]).await?;
        match &settled {
            // The first run compiles, and the tenth has seen every buffer that runs reuse.
            None if run == 10 => settled = Some((found, host_bytes())),
            None => {}
            Some((expected, bytes)) => {
                expect_equal(&format!("report of run {run} as of run 10"), &found.session, &expected.session)?;
                expect_equal(&format!("outputs of run {run} as of run 10"), &found.outputs, &expected.outputs)?;
                expect_equal(&format!("bytes of the program after run {run} as after run 10"), &host_bytes(), bytes)?;
            }
        }
    }
    Ok(())
}

/// On one device, whose allocator pads a piece of memory by where it puts it: pieces are counted, bytes are what sessions ask for.
async fn sessions_made_20_times_leave_nothing_behind<S: Skill>(context: &Context<S>) -> TestResult {
    let golden = first(context)?;
    let device = context.load(&golden.checkpoint).await?.device().clone();
    let options = LoadOptions { platform: Some(context.platform()), open: Some(device), ..LoadOptions::default() };
    let mut settled: Option<(Run, Option<usize>)> = None;
    for time in 1..=20 {
        let mut model = load::<S>(&golden, options.clone()).await?;
        let found = model.run(&golden.inputs, &[]).await?;
        drop(model);
        match &settled {
            None if time == 5 => settled = Some((found, host_bytes())),
            None => {}
            Some((expected, bytes)) => {
                expect_equal(&format!("outputs of session {time} as of session 5"), &found.outputs, &expected.outputs)?;
                let mut report = found.session;
                if report.allocations.is_some() {
                    report.allocated_bytes = expected.session.allocated_bytes;
                }
                expect_equal(&format!("report of session {time} as of session 5"), &report, &expected.session)?;
                expect_equal(&format!("bytes of the program after session {time} as after session 5"), &host_bytes(), bytes)?;
            }
        }
    }
    Ok(())
}

async fn a_model_that_is_loaded_again_computes_the_same<S: Skill>(context: &Context<S>) -> TestResult {
    let golden = first(context)?;
    let mut model = context.load(&golden.checkpoint).await?;
    let expected = model.run(&golden.inputs, &[]).await?;
    model.reload().await?;
    let found = model.run(&golden.inputs, &[]).await?;
    expect(found.compile_ms > 0.0, || "what was compiled on the old device was kept".into())?;
    expect_equal("platform", &model.report().platform, &context.platform())?;
    expect_equal("outputs", &found.outputs, &expected.outputs)
}

/// The device is ended on purpose; what an application sees is what it sees when a driver restarts.
async fn a_lost_device_is_told_and_replaced<S: Skill>(context: &Context<S>) -> TestResult {
    let golden = first(context)?;
    // A device of its own: the other tests go on with theirs.
    let mut model = load::<S>(&golden, LoadOptions { platform: Some(context.platform()), ..LoadOptions::default() }).await?;
    let expected = model.run(&golden.inputs, &[]).await?;
    expect(model.device().destroy(), || "there is no device to destroy".into())?;
    for attempt in 1..=2 {
        match model.run(&golden.inputs, &[]).await {
            Err(Error::DeviceLost { platform, .. }) => expect_equal("platform", &platform.as_str(), &context.platform().name())?,
            Err(error) => return Err(Outcome::Failed(format!("run {attempt} on a lost device: {error}, which is no `DeviceLost`"))),
            Ok(_) => return Err(Outcome::Failed(format!("run {attempt} on a lost device succeeded"))),
        }
    }
    model.reload().await?;
    let found = model.run(&golden.inputs, &[]).await?;
    expect_equal("outputs before and after", &found.outputs, &expected.outputs)
}

async fn agrees_with_webgpu<S: Skill>(context: &Context<S>) -> TestResult {
    agrees_with(context, Platform::WebGpu).await
}

async fn agrees_with_cpu<S: Skill>(context: &Context<S>) -> TestResult {
    agrees_with(context, Platform::Cpu).await
}

async fn agrees_with<S: Skill>(context: &Context<S>, other: Platform) -> TestResult {
    for golden in context.goldens()? {
        let here = context.load(&golden.checkpoint).await?.run(&golden.inputs, &[]).await?;
        let there = context.load_on(other, &golden.checkpoint).await?.run(&golden.inputs, &[]).await?;
        for ((name, found), (_, expected)) in here.outputs.iter().zip(&there.outputs) {
            let what = format!("{}: {name} on {} and on {other}", golden.name, context.platform());
            expect_close(&what, found, expected, AGREEMENT)?;
        }
        expect_equal("number of outputs", &here.outputs.len(), &there.outputs.len())?;
    }
    Ok(())
}

/// A platform that is not there is a skip.
async fn load<S: Skill>(golden: &Golden, options: LoadOptions) -> std::result::Result<Model<S>, Outcome> {
    let loaded: Result<Model<S>> = Model::load(&golden.checkpoint, &options).await;
    loaded.map_err(|error| match error {
        Error::Unavailable { .. } => Outcome::Skipped(error.to_string()),
        error => error.into(),
    })
}

#[cfg(feature = "webgpu")]
mod webgpu {
    use super::*;
    use crate::backends::webgpu::{Options, lower};
    use crate::optimize::{Program, optimize};
    use crate::session::{Device, DeviceOptions};
    use std::collections::BTreeMap;

    use super::super::truncated;
    use crate::skill::{HeadSpec, Request, Size, Sizes, read_config};
    use crate::tensor::Tensor;
    use crate::weights::WeightNames;

    /// The limit is lowered below the greatest weight, which must then lie in several buffers and give the published outputs all the same.
    pub(super) async fn weights_above_the_binding_limit_are_split<S: Skill>(context: &Context<S>) -> TestResult {
        let (mut split, mut others) = (0, Vec::new());
        for golden in context.goldens()? {
            let greatest = golden.checkpoint.tensors().values().map(|tensor| tensor.bytes().len()).max().unwrap_or_default();
            let limit = greatest as u64 / 2;
            let device = DeviceOptions { max_binding_bytes: Some(limit), ..DeviceOptions::default() };
            let options = LoadOptions { platform: Some(Platform::WebGpu), device, ..LoadOptions::default() };
            let mut model = load::<S>(&golden, options).await?;
            let Device::WebGpu(device) = model.device() else { return Err(Outcome::Failed("this is no WebGPU device".into())) };
            expect_equal("limit in use", &device.options().max_binding_bytes, &limit)?;
            let sizes = Sizes::new(S::dimensions(model.config()).iter().map(|dimension| (dimension.name, dimension.minimum)));
            let names = S::weight_names(model.config());
            // Intermediate values are never split: a golden in which they are as large as the weights is of no use here.
            let graph = S::graph(model.config(), &names, model.head(), &sizes, &Request::new())?;
            let chunks = match lower(&optimize(&graph), device.options()) {
                Ok(plan) => plan.constants.iter().map(Vec::len).max(),
                Err(error) => {
                    others.push(format!("{}: {error}", golden.name));
                    continue;
                }
            };
            let inputs = smallest::<S>(model.config(), &golden)?;
            expect(chunks > Some(1), || format!("{}: no weight was split", golden.name))?;
            let run = match model.run(&inputs, &[]).await {
                Err(error @ Error::Unsupported { .. }) => {
                    others.push(format!("{}: {error}", golden.name));
                    continue;
                }
                run => run?,
            };
            let plain = context.load(&golden.checkpoint).await?.run(&inputs, &[]).await?;
            for ((name, found), (_, expected)) in run.outputs.iter().zip(&plain.outputs) {
                expect_close(&format!("{}: {name}", golden.name), found, expected, AGREEMENT)?;
            }
            split += 1;
        }
        if split > 0 {
            Ok(())
        } else {
            Err(Outcome::Skipped(format!("no golden has weights larger than its tensors: {}", others.join("; "))))
        }
    }

    /// A golden's inputs cut down to the least that the family takes along every symbolic size.
    fn smallest<S: Skill>(config: &S::Config, golden: &Golden) -> std::result::Result<BTreeMap<String, Tensor>, Outcome> {
        let mut inputs = golden.inputs.clone();
        let dimensions = S::dimensions(config);
        let least = |symbol: &str| dimensions.iter().find(|dimension| dimension.name == symbol).map_or(1, |dimension| dimension.minimum);
        for spec in S::inputs(config) {
            let Some(tensor) = inputs.get_mut(spec.name) else { continue };
            for (axis, size) in spec.shape.iter().enumerate() {
                if let Size::Symbol(symbol) = size {
                    *tensor = truncated(tensor, axis, least(symbol))?;
                }
            }
        }
        Ok(inputs)
    }

    /// Natively one will do: the unit tests of the backend hold each kernel against the same compiler.
    const SIZES: &[usize] = if cfg!(target_arch = "wasm32") { &[1, 7, 128] } else { &[7] };

    /// Every head, with every golden's config and the default one, at several sizes, with the kernels of both kinds of adapter.
    pub(super) async fn every_shader_is_taken_by_the_device<S: Skill>(context: &Context<S>) -> TestResult {
        let opened = Device::open(Platform::WebGpu, &DeviceOptions::default()).await;
        let device = match opened {
            Ok(Device::WebGpu(device)) => device,
            Ok(_) => return Err(Outcome::Failed("this is no WebGPU device".into())),
            Err(error) => return Err(Outcome::Skipped(error.to_string())),
        };
        let mut configs = vec![read_config::<S>("{}")?];
        for golden in context.goldens()? {
            configs.push(read_config::<S>(golden.checkpoint.config())?);
        }
        let (mut seen, mut refused) = (HashSet::new(), Vec::new());
        for config in &configs {
            let names = S::weight_names(config);
            for head in S::HEADS {
                for &size in SIZES {
                    let program = program::<S>(config, &names, head, size)?;
                    for software in [true, false] {
                        let plan = lower(&program, &Options { software, max_binding_bytes: u64::MAX, ..*device.options() })?;
                        for dispatch in plan.dispatches {
                            if !seen.contains(&dispatch.source) {
                                refused.extend(
                                    device.check_shader(&dispatch.label, &dispatch.source).await.err().map(|error| error.to_string()),
                                );
                                seen.insert(dispatch.source);
                            }
                        }
                    }
                }
            }
        }
        expect(!seen.is_empty(), || "there are no shaders".into())?;
        expect(refused.is_empty(), || format!("{} of {} shaders:\n{}", refused.len(), seen.len(), refused.join("\n")))
    }

    fn program<S: Skill>(config: &S::Config, names: &WeightNames, head: &HeadSpec, size: usize) -> std::result::Result<Program, Outcome> {
        let sizes = S::dimensions(config)
            .into_iter()
            .map(|dimension| (dimension.name, dimension.maximum.map_or(size, |(maximum, _)| maximum.min(size)).max(dimension.minimum)));
        Ok(optimize(&S::graph(config, names, head, &Sizes::new(sizes), &Request::new())?))
    }
}
