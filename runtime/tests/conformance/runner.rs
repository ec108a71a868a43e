//! Runs folders of cases on a backend: what the command `conformance` and the test of that name share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ipfs_accelerate_runtime::backends::cpu::run_reference;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::session::{Device, DeviceOptions};
use ipfs_accelerate_runtime::weights::Fit;
use ipfs_accelerate_runtime::{DataType, Error, Tensor};
use serde_json::{Value, json};

use super::expected::Expected;
use super::measured::{self, Measured};
use super::vectors::{Stop, build, check, data_types};
use super::{Outcome, validation};

/// Who computes.
pub(crate) enum Backend {
    /// The reference kernels, node by node.
    Reference,
    /// A device, with its name.
    Device(Device, String),
}

impl Backend {
    /// Opens `reference`, `cpu` or `webgpu`; of WebGPU the adapter whose name has `adapter` in it.
    pub(crate) fn open(name: &str, adapter: Option<String>) -> Result<Self, Error> {
        let platform = match name {
            "reference" => return Ok(Backend::Reference),
            "cpu" => Platform::Cpu,
            "webgpu" => Platform::WebGpu,
            _ => {
                let reason = String::from("the backends are cpu, webgpu and reference");
                return Err(Error::Unavailable { platform: name.to_owned(), reason });
            }
        };
        let device = pollster::block_on(Device::open(platform, &DeviceOptions { adapter, ..DeviceOptions::default() }))?;
        let description = device.description();
        Ok(Backend::Device(device, description))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Backend::Reference => "reference",
            Backend::Device(device, _) => device.platform().name(),
        }
    }

    /// The device as it names itself.
    pub(crate) fn adapter(&self) -> &str {
        match self {
            Backend::Reference => "",
            Backend::Device(_, name) => name,
        }
    }

    fn compute(&self, case: &Value) -> Result<(), Stop> {
        let (graph, mut inputs) = build(&case["graph"])?;
        let found = match self {
            Backend::Reference => run_reference(&graph, |name| {
                let missing = || Error::MissingInput { name: name.to_owned(), expected: String::new() };
                inputs.remove(name).ok_or_else(missing)
            })?,
            Backend::Device(device, _) => pollster::block_on(async {
                device.check(&graph)?;
                let mut session = device.compile(&graph, &Fit::default()).await?;
                let inputs: Vec<(&str, Tensor)> = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
                session.run(&inputs).await
            })?,
        };
        check(case, &found)
    }
}

/// A file of cases: the operator that it is named after, and the cases.
pub(crate) type File = (String, Vec<Value>);

/// The files of a folder: of `webnn` and `validation` in it where these are there, else of itself. Files that are no lists are passed over.
///
/// **Errors** a folder or file that cannot be read, or holds no cases.
pub(crate) fn files(folder: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    let parts: Vec<_> = ["webnn", "validation"].map(|part| folder.join(part)).into_iter().filter(|part| part.is_dir()).collect();
    for folder in if parts.is_empty() { vec![folder.to_owned()] } else { parts } {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
            let wrong = |reason: String| format!("{}: {reason}", path.display());
            let bytes = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
            let Value::Array(cases) = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))? else { continue };
            if let Some(case) = cases.iter().find(|case| case.get("graph").is_none() && case.get("expect").is_none()) {
                return Err(wrong(format!("a case has neither `graph` nor `expect`: {}", name(case))));
            }
            files.push((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), cases));
        }
    }
    if files.is_empty() {
        return Err(format!("{}: no files of cases, neither here nor in webnn/ and validation/", folder.display()));
    }
    Ok(files)
}

fn name(case: &Value) -> &str {
    case["name"].as_str().or(case["test"].as_str()).unwrap_or("a case without name")
}

/// What came of one case.
pub(crate) struct Record {
    pub(crate) operator: String,
    pub(crate) case: String,
    /// A rule of the builder, not a computation.
    pub(crate) validation: bool,
    /// Every implementation must compute it.
    pub(crate) required: bool,
    pub(crate) data_types: BTreeSet<DataType>,
    pub(crate) outcome: Outcome,
}

/// Runs all cases of one file.
pub(crate) fn run((operator, cases): &File, backend: &Backend, expected: &Expected) -> Vec<Record> {
    let run = |case: &Value| -> Outcome {
        if case.get("expect").is_some() {
            return validation::run_case(case).unwrap_or_else(Outcome::Failed);
        }
        let result = catch_unwind(AssertUnwindSafe(|| backend.compute(case)));
        match result.unwrap_or_else(|_| Err(Stop::Failed(String::from("panicked")))) {
            Ok(()) => Outcome::Passed,
            Err(Stop::Unsupported(reason)) => Outcome::Unsupported(reason),
            Err(Stop::Failed(reason)) => Outcome::Failed(reason),
        }
    };
    let judge = |case: &Value| expected.judge(backend.name(), backend.adapter(), operator, name(case), run(case));
    cases.iter().map(|case| Record::of(operator, case, judge(case))).collect()
}

impl Record {
    fn of(operator: &str, case: &Value, outcome: Outcome) -> Self {
        Self {
            operator: operator.to_owned(),
            case: name(case).to_owned(),
            validation: case.get("expect").is_some(),
            required: case["required"] == true,
            data_types: data_types(case),
            outcome,
        }
    }
}

/// The vectors of these files as a browser was measured to compute them.
///
/// **Errors** a record of other vectors.
pub(crate) fn measured(files: &[File], measured: &Measured) -> Result<Vec<Record>, String> {
    let vectors = |(operator, cases): &File| -> Vec<Record> {
        let cases = cases.iter().filter(|case| case.get("graph").is_some());
        cases.map(|case| Record::of(operator, case, measured.outcome(operator, name(case)))).collect()
    };
    let records: Vec<Record> = files.iter().flat_map(vectors).collect();
    if records.len() as u64 != measured.cases {
        return Err(format!("the record of {} is of {} cases; there are {}", measured.backend, measured.cases, records.len()));
    }
    let known: BTreeSet<(&str, &str)> = records.iter().map(|record| (record.operator.as_str(), record.case.as_str())).collect();
    match measured.named().find(|case| !known.contains(case)) {
        Some((operator, case)) => Err(format!("the record of {} names a case that is not there: {operator}: {case}", measured.backend)),
        None => Ok(records),
    }
}

/// Counts of outcomes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) expected: usize,
    pub(crate) unsupported: usize,
}

impl Counts {
    pub(crate) fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut counts = Self::default();
        for record in records {
            match record.outcome {
                Outcome::Passed => counts.passed += 1,
                Outcome::Failed(_) => counts.failed += 1,
                Outcome::Expected(_) => counts.expected += 1,
                Outcome::Unsupported(_) => counts.unsupported += 1,
            }
        }
        counts
    }

    pub(crate) fn total(self) -> usize {
        self.passed + self.failed + self.expected + self.unsupported
    }

    fn json(self) -> Value {
        json!({ "passed": self.passed, "failed": self.failed, "expected_failures": self.expected, "unsupported": self.unsupported })
    }
}

/// A line per operator, the totals, and why cases did not pass.
pub(crate) fn summary((backend, adapter): (&str, &str), records: &[Record]) -> String {
    let mut text = String::new();
    let line = |text: &str, counts: Counts| {
        let Counts { passed, failed, expected, unsupported } = counts;
        format!("{text:<26}{passed:>7}{failed:>7}{expected:>9}{unsupported:>12}\n")
    };
    let _ = writeln!(text, "{backend} {adapter}\n{:<26}{:>7}{:>7}{:>9}{:>12}", "", "passed", "failed", "expected", "unsupported");
    for (operator, records) in by_operator(records) {
        text += &line(&operator, Counts::of(records));
    }
    let of = |validation: bool| records.iter().filter(move |record| record.validation == validation);
    text += &line("total, vectors", Counts::of(of(false)));
    text += &line("  required ones", Counts::of(of(false).filter(|record| record.required)));
    text += &line("total, validation", Counts::of(of(true)));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        match &record.outcome {
            Outcome::Unsupported(reason) => *reasons.entry(reason).or_default() += 1,
            Outcome::Failed(reason) => text += &format!("FAILED {}: {}: {reason}\n", record.operator, record.case),
            Outcome::Expected(reason) => text += &format!("fails as listed: {}: {}: {reason}\n", record.operator, record.case),
            Outcome::Passed => {}
        }
    }
    for (reason, count) in reasons {
        let _ = writeln!(text, "unsupported: {count} × {reason}");
    }
    text
}

fn by_operator(records: &[Record]) -> BTreeMap<String, Vec<&Record>> {
    let mut table: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for record in records {
        let name = if record.validation { format!("{} (validation)", record.operator) } else { record.operator.clone() };
        table.entry(name).or_default().push(record);
    }
    table
}

/// The same for machines.
pub(crate) fn json((backend, adapter): (&str, &str), records: &[Record]) -> Value {
    let of = |validation: bool| records.iter().filter(move |record| record.validation == validation);
    let case = |record: &Record| {
        let mut case = measured::to_json(&record.operator, &record.case, &record.outcome)?;
        case["required"] = record.required.into();
        Some(case)
    };
    let operators: serde_json::Map<String, Value> =
        by_operator(records).into_iter().map(|(operator, records)| (operator, Counts::of(records).json())).collect();
    json!({
        "backend": backend,
        "adapter": adapter,
        "vectors": Counts::of(of(false)).json(),
        "required": Counts::of(of(false).filter(|record| record.required)).json(),
        "validation": Counts::of(of(true)).json(),
        "operators": operators,
        "not_passed": records.iter().filter_map(case).collect::<Vec<_>>(),
    })
}
