//! What generated tests link: goldens, comparison, and a harness in which a test that cannot run is counted as ignored.
//!
//! Tests are async functions in a list, so that one list serves `cargo test` and a browser.

mod life;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;

use crate::error::Error;
use crate::graph::DataType;
use crate::model::{LoadOptions, Model};
use crate::platform::Platform;
use crate::session::Device;
use crate::skill::{InputSpec, Size, Skill};
use crate::tensor::Tensor;
use crate::weights::{Checkpoint, parse_tensors, read_tensors};

pub use life::Life;

/// Why a test did not pass.
#[derive(Debug)]
pub enum Outcome {
    /// What was computed is wrong.
    Failed(String),
    /// The platform is not there; never a pass.
    Skipped(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Failed(message) => f.write_str(message),
            Outcome::Skipped(reason) => write!(f, "skipped: {reason}"),
        }
    }
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Outcome::Failed(error.to_string())
    }
}

impl From<crate::error::GraphError> for Outcome {
    fn from(error: crate::error::GraphError) -> Self {
        Outcome::Failed(error.to_string())
    }
}

/// What a test gives.
pub type TestResult = Result<(), Outcome>;

/// A test that has begun.
pub type Running<'a> = Pin<Box<dyn Future<Output = TestResult> + 'a>>;

/// One test of a generated list.
pub struct Test<S: Skill> {
    /// Its function's name.
    pub name: &'static str,
    /// Its function.
    pub run: for<'a> fn(&'a Context<S>) -> Running<'a>,
}

/// Lists async test functions under their names.
#[macro_export]
macro_rules! tests {
    ($skill:ty: $($name:ident),* $(,)?) => {
        &[$($crate::testing::Test::<$skill> { name: stringify!($name), run: |context| Box::pin($name(context)) }),*]
    };
}

/// A published model's outputs on fixed inputs, made by the implementation that the spec follows.
#[derive(Clone, Debug)]
pub struct Golden {
    /// Folder's name.
    pub name: String,
    /// Weights and config.
    pub checkpoint: Checkpoint,
    /// Inputs by HF's names.
    pub inputs: BTreeMap<String, Tensor>,
    /// Outputs by HF's names, `name.<index>` for lists.
    pub outputs: BTreeMap<String, Tensor>,
}

/// What a test works with.
#[derive(Debug)]
pub struct Context<S: Skill> {
    platform: Platform,
    goldens: Goldens,
    open: Vec<Device>,
    skill: std::marker::PhantomData<S>,
}

/// Where goldens are: on disk, or at hand where there is no disk.
#[derive(Debug)]
enum Goldens {
    Folder(PathBuf),
    Loaded(Vec<Golden>),
}

impl<S: Skill> Context<S> {
    /// Tests on a platform with the goldens of a folder.
    pub fn new(platform: Platform, goldens: impl Into<PathBuf>) -> Self {
        Self { platform, goldens: Goldens::Folder(goldens.into()), open: Vec::new(), skill: std::marker::PhantomData }
    }

    /// Tests on a platform with goldens at hand, for a browser that fetched them.
    pub fn with_goldens(platform: Platform, goldens: Vec<Golden>) -> Self {
        Self { platform, goldens: Goldens::Loaded(goldens), open: Vec::new(), skill: std::marker::PhantomData }
    }

    /// With devices that are open already, so that tests which run one after another compile each shader once.
    #[must_use]
    pub fn on(self, open: Vec<Device>) -> Self {
        Self { open, ..self }
    }

    /// The platform under test.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// Loads a golden's model on the platform under test.
    ///
    /// **Errors** [`Outcome::Skipped`] where the platform is not there.
    pub async fn load(&self, checkpoint: &Checkpoint) -> Result<Model<S>, Outcome> {
        self.load_on(self.platform, checkpoint).await
    }

    /// Loads a golden's model on another platform, to compare with.
    ///
    /// **Errors** as [`Context::load`].
    pub async fn load_on(&self, platform: Platform, checkpoint: &Checkpoint) -> Result<Model<S>, Outcome> {
        let open = self.open.iter().find(|device| device.platform() == platform).cloned();
        let options = LoadOptions { platform: Some(platform), open, ..LoadOptions::default() };
        Model::load(checkpoint, &options).await.map_err(|error| match error {
            Error::Unavailable { .. } => Outcome::Skipped(error.to_string()),
            error => Outcome::Failed(error.to_string()),
        })
    }

    /// Every golden of the family, by name.
    ///
    /// **Errors** a folder that is missing, empty or broken: that is a failure, not a skip.
    pub fn goldens(&self) -> Result<Vec<Golden>, Outcome> {
        let folder = match &self.goldens {
            Goldens::Loaded(goldens) if goldens.is_empty() => return Err(Outcome::Failed("no goldens were fetched".into())),
            Goldens::Loaded(goldens) => return Ok(goldens.clone()),
            Goldens::Folder(folder) => folder,
        };
        let failed = |error: &dyn fmt::Display| Outcome::Failed(format!("{}: {error}", folder.display()));
        let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
            .map_err(|error| failed(&error))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.join("outputs.safetensors").exists())
            .collect();
        folders.sort();
        if folders.is_empty() {
            return Err(failed(&"no goldens; `cargo xtask goldens` makes them"));
        }
        folders.iter().map(|folder| golden(folder)).collect()
    }
}

fn golden(folder: &Path) -> Result<Golden, Outcome> {
    Ok(Golden {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        checkpoint: Checkpoint::open(folder)?,
        inputs: read_tensors(folder.join("inputs.safetensors"))?,
        outputs: read_tensors(folder.join("outputs.safetensors"))?,
    })
}

impl Golden {
    /// A golden from the bytes of its folder's files, by name.
    ///
    /// **Errors** a file that is missing or broken.
    pub fn from_files(name: &str, mut files: BTreeMap<String, Vec<u8>>) -> Result<Self, Outcome> {
        let mut take = |file: &str| files.remove(file).ok_or_else(|| Outcome::Failed(format!("{name}: `{file}` is missing")));
        let config = String::from_utf8(take("config.json")?).map_err(|error| Outcome::Failed(format!("{name}/config.json: {error}")))?;
        let (inputs, outputs) = (take("inputs.safetensors")?, take("outputs.safetensors")?);
        files.retain(|file, _| file.ends_with(".safetensors"));
        Ok(Self {
            name: name.to_owned(),
            checkpoint: Checkpoint::from_bytes(config, files)?,
            inputs: parse_tensors("inputs.safetensors", &inputs)?,
            outputs: parse_tensors("outputs.safetensors", &outputs)?,
        })
    }

    /// The outputs in the order of the computation: list outputs by index first, then the others.
    pub fn outputs_in_order(&self) -> Vec<(&str, &Tensor)> {
        let key = |name: &str| match name.rsplit_once('.').and_then(|(_, index)| index.parse::<usize>().ok()) {
            Some(index) => (0, index),
            None => (1, 0),
        };
        let mut outputs: Vec<_> = self.outputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        outputs.sort_by_key(|(name, _)| key(name));
        outputs
    }
}

/// Fails unless the condition holds.
///
/// **Errors** [`Outcome::Failed`] with the message.
pub fn expect(condition: bool, message: impl FnOnce() -> String) -> TestResult {
    if condition { Ok(()) } else { Err(Outcome::Failed(message())) }
}

/// Fails unless both are equal.
///
/// **Errors** [`Outcome::Failed`] with both.
pub fn expect_equal<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> TestResult {
    expect(found == expected, || format!("{what}: expected {expected:?}, found {found:?}"))
}

/// Fails unless two float32 tensors have one shape and no element is further off than `tolerance`; NaN is never near.
///
/// **Errors** [`Outcome::Failed`] naming the worst element.
pub fn expect_close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f32) -> TestResult {
    expect_equal(&format!("{what}: descriptor"), found.descriptor(), expected.descriptor())?;
    let (numbers, wanted) = (found.as_slice::<f32>()?, expected.as_slice::<f32>()?);
    let distance = |index: usize| (numbers[index] - wanted[index]).abs();
    let far = |index: &usize| distance(*index).is_nan() || distance(*index) > tolerance;
    let Some(first) = (0..numbers.len()).find(far) else { return Ok(()) };
    let count = (0..numbers.len()).filter(far).count();
    let worst =
        (first..numbers.len()).filter(far).fold(first, |worst, index| if distance(index) > distance(worst) { index } else { worst });
    Err(Outcome::Failed(format!(
        "{what}: {count} of {} elements are further off than {tolerance:e}; the worst is element {worst}: expected {}, found {}",
        numbers.len(),
        wanted[worst],
        numbers[worst]
    )))
}

/// Fails unless the result is an error whose message holds every one of `parts`.
///
/// **Errors** [`Outcome::Failed`] where it succeeded or says something else.
pub fn expect_refused<T>(what: &str, result: Result<T, impl fmt::Display>, parts: &[&str]) -> TestResult {
    match result {
        Ok(_) => Err(Outcome::Failed(format!("{what}: was accepted"))),
        Err(error) => {
            let message = error.to_string();
            expect(parts.iter().all(|part| message.contains(part)), || format!("{what}: the message `{message}` lacks one of {parts:?}"))
        }
    }
}

/// Rows `start..end` of the first axis.
///
/// **Errors** a range that leaves the tensor.
pub fn rows(tensor: &Tensor, start: usize, end: usize) -> Result<Tensor, Outcome> {
    let shape = tensor.shape();
    let all = shape.first().copied().unwrap_or(0);
    expect(start <= end && end <= all, || format!("rows {start}..{end} of {all}"))?;
    let row = tensor.bytes().len() / all.max(1);
    let descriptor = crate::OperandDescriptor::new(tensor.data_type(), [&[end - start], &shape[1..]].concat())?;
    Ok(Tensor::new(descriptor, &tensor.bytes()[start * row..end * row])?)
}

/// These rows of the first axis, in this order.
///
/// **Errors** a row that the tensor does not have.
pub fn selected(tensor: &Tensor, chosen: &[usize]) -> Result<Tensor, Outcome> {
    let shape = tensor.shape();
    let all = shape.first().copied().unwrap_or(0);
    expect(chosen.iter().all(|row| *row < all), || format!("rows {chosen:?} of {all}"))?;
    let row = tensor.bytes().len() / all.max(1);
    let bytes: Vec<u8> = chosen.iter().flat_map(|index| &tensor.bytes()[index * row..(index + 1) * row]).copied().collect();
    let descriptor = crate::OperandDescriptor::new(tensor.data_type(), [&[chosen.len()], &shape[1..]].concat())?;
    Ok(Tensor::new(descriptor, &bytes)?)
}

/// One position of the second axis: `[batch, 1, …]`.
///
/// **Errors** a tensor of rank below 2, a position that it does not have.
pub fn column(tensor: &Tensor, position: usize) -> Result<Tensor, Outcome> {
    let mut shape = tensor.shape().to_vec();
    expect(shape.len() >= 2 && position < shape[1], || format!("position {position} of {shape:?}"))?;
    let inner = shape[2..].iter().product::<usize>() * tensor.data_type().bits() / 8;
    let run = (shape[1] * inner).max(1);
    shape[1] = 1;
    let bytes: Vec<u8> = tensor.bytes().chunks(run).flat_map(|chunk| &chunk[position * inner..(position + 1) * inner]).copied().collect();
    Ok(Tensor::new(crate::OperandDescriptor::new(tensor.data_type(), shape)?, &bytes)?)
}

/// The tensor with `extra` more positions at the end of `axis`, filled with zero bytes.
///
/// **Errors** an axis that the tensor does not have.
pub fn padded(tensor: &Tensor, axis: usize, extra: usize) -> Result<Tensor, Outcome> {
    let mut shape = tensor.shape().to_vec();
    expect(axis < shape.len(), || format!("axis {axis} of {shape:?}"))?;
    let run = shape[axis..].iter().product::<usize>() * tensor.data_type().bits() / 8;
    let pad = shape[axis + 1..].iter().product::<usize>() * extra * tensor.data_type().bits() / 8;
    shape[axis] += extra;
    let mut bytes = Vec::new();
    for chunk in tensor.bytes().chunks(run.max(1)) {
        bytes.extend_from_slice(chunk);
        bytes.resize(bytes.len() + pad, 0);
    }
    Ok(Tensor::new(crate::OperandDescriptor::new(tensor.data_type(), shape)?, &bytes)?)
}

/// The first `length` positions of `axis`.
///
/// **Errors** an axis or a length that the tensor does not have.
pub fn truncated(tensor: &Tensor, axis: usize, length: usize) -> Result<Tensor, Outcome> {
    let mut shape = tensor.shape().to_vec();
    expect(axis < shape.len() && length <= shape[axis], || format!("{length} positions of axis {axis} of {shape:?}"))?;
    let inner = shape[axis + 1..].iter().product::<usize>() * tensor.data_type().bits() / 8;
    let run = (shape[axis] * inner).max(1);
    shape[axis] = length;
    let bytes: Vec<u8> = tensor.bytes().chunks(run).flat_map(|chunk| &chunk[..length * inner]).copied().collect();
    Ok(Tensor::new(crate::OperandDescriptor::new(tensor.data_type(), shape)?, &bytes)?)
}

/// The axis of an input that is bound to this symbolic size.
pub fn axis_of(spec: &InputSpec, symbol: &str) -> Option<usize> {
    spec.shape.iter().position(|size| matches!(size, Size::Symbol(name) if *name == symbol))
}

/// An integer tensor with one element replaced.
///
/// **Errors** a tensor that is not int64 or int32.
pub fn with_element(tensor: &Tensor, index: usize, value: i64) -> Result<Tensor, Outcome> {
    let mut tensor = tensor.clone();
    match tensor.data_type() {
        DataType::Int64 => tensor.as_mut_slice::<i64>()?[index] = value,
        DataType::Int32 => tensor.as_mut_slice::<i32>()?[index] = value as i32,
        other => return Err(Outcome::Failed(format!("an element of {other} cannot be replaced"))),
    }
    Ok(tensor)
}

/// A platform, the folder of the goldens, and the tests to run there.
pub type Suite<S> = (Platform, &'static str, &'static [Test<S>]);

/// A generated list by name, with the tests that every family has: those of [`Life`].
pub fn all<S: Skill>(platform: Platform, tests: &'static [Test<S>]) -> Vec<(String, &'static Test<S>)> {
    let life = Life::<S>::tests(platform).iter().map(|test| (format!("life::{}", test.name), test));
    tests.iter().map(|test| (test.name.to_owned(), test)).chain(life).collect()
}

/// In a browser the page runs the lists; this is here so that a generated file compiles there too.
#[cfg(target_arch = "wasm32")]
pub fn main<S: Skill>(_suites: &[Suite<S>]) -> ExitCode {
    ExitCode::FAILURE
}

/// Runs generated lists as `cargo test` would; the exit code is that of the run.
#[cfg(not(target_arch = "wasm32"))]
pub fn main<S: Skill>(suites: &[Suite<S>]) -> ExitCode {
    use libtest_mimic::{Arguments, Completion, Failed, Trial};
    let arguments = Arguments::from_args();
    let tests = suites.iter().flat_map(|(platform, goldens, tests)| {
        all(*platform, tests).into_iter().map(move |(name, test)| (*platform, *goldens, name, test))
    });
    let trials = tests.map(|(platform, goldens, name, test)| {
        let context = Context::<S>::new(platform, goldens);
        let name = if suites.len() > 1 { format!("{platform}::{name}") } else { name };
        Trial::ignorable_test(name.clone(), move || match pollster::block_on((test.run)(&context)) {
            Ok(()) => Ok(Completion::Completed),
            Err(Outcome::Skipped(reason)) => {
                println!("skipped: {name}: {reason}");
                Ok(Completion::ignored_with(reason))
            }
            Err(Outcome::Failed(message)) => Err(Failed::from(message)),
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
