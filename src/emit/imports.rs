//! `use` lines: the names that the code mentions, by the module they come from.

use std::collections::{BTreeMap, BTreeSet};

/// Names that generated modules may mention, by module.
const TABLE: &[(&str, &[&str])] = &[
    ("std::collections", &["BTreeMap"]),
    ("ipfs_accelerate_runtime", &["DataType", "Error", "Graph", "GraphError", "OperandDescriptor", "Result", "Tensor"]),
    ("ipfs_accelerate_runtime::graph", &["GraphBuilder", "Operand"]),
    ("ipfs_accelerate_runtime::model", &["LoadOptions", "LoadReport", "Model", "Run"]),
    ("ipfs_accelerate_runtime::platform", &["Platform"]),
    (
        "ipfs_accelerate_runtime::skill",
        &[
            "Dimension",
            "Generation",
            "HeadSpec",
            "InputDefault",
            "InputSpec",
            "KeyRule",
            "OutputSpec",
            "Request",
            "Size",
            "Sizes",
            "Skill",
            "StateSpec",
            "divide",
            "floor_divide",
            "subtract",
            "unsupported_value",
        ],
    ),
    ("ipfs_accelerate_runtime::weights", &["Checkpoint", "Scope", "Tie", "WeightNames"]),
    ("serde", &["Deserialize", "Serialize"]),
];

/// Names that generated tests may mention, by module.
const TEST_TABLE: &[(&str, &[&str])] = &[
    ("std::collections", &["BTreeMap"]),
    ("std::process", &["ExitCode"]),
    ("ipfs_accelerate_runtime", &["DataType", "Tensor", "skill", "tests"]),
    ("ipfs_accelerate_runtime::model", &["LoadOptions", "Model"]),
    ("ipfs_accelerate_runtime::optimize", &["optimize"]),
    ("ipfs_accelerate_runtime::platform", &["Platform"]),
    ("ipfs_accelerate_runtime::skill", &["HeadSpec", "InputDefault", "Request", "Sizes", "Skill", "read_config"]),
    (
        "ipfs_accelerate_runtime::testing",
        &[
            "Context",
            "Outcome",
            "Test",
            "TestResult",
            "axis_of",
            "column",
            "expect",
            "expect_close",
            "expect_equal",
            "expect_refused",
            "padded",
            "rows",
            "selected",
            "truncated",
            "with_element",
        ],
    ),
];

/// The `use` lines of a test file.
pub(super) fn test_imports(words: &BTreeSet<String>, family: &str) -> String {
    let mut words = words.clone();
    // The trait is needed where its functions or constants are called.
    if words.contains("Skillset") {
        words.insert("Skill".into());
    }
    let own: Vec<_> = ["Config", "Skillset"].into_iter().filter(|name| words.contains(*name)).collect();
    lines(TEST_TABLE, &words, &BTreeSet::new()) + &wrapped_or_one(&format!("ipfs_accelerate_skills::{family}"), &own)
}

/// The `use` lines for these words; `options` are options structs of operators.
pub(super) fn imports(words: &BTreeSet<String>, options: &BTreeSet<&str>) -> String {
    lines(TABLE, words, options)
}

fn lines(table: &[(&'static str, &[&'static str])], words: &BTreeSet<String>, options: &BTreeSet<&str>) -> String {
    let mut by_module: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (module, names) in table {
        let used: Vec<_> = names.iter().copied().filter(|name| words.contains(*name)).collect();
        if !used.is_empty() {
            by_module.insert(module, used);
        }
    }
    if !options.is_empty() {
        by_module.insert("ipfs_accelerate_runtime::ops::options", options.iter().copied().collect());
    }
    let line = |(module, names): (&&str, &Vec<&str>)| wrapped_or_one(module, names);
    let (std, others): (Vec<_>, Vec<_>) = by_module.iter().partition(|(module, _)| module.starts_with("std"));
    let std: String = std.into_iter().map(line).collect();
    let others: String = others.into_iter().map(line).collect();
    [std, others].into_iter().filter(|group| !group.is_empty()).collect::<Vec<_>>().join("\n")
}

fn wrapped_or_one(module: &str, names: &[&str]) -> String {
    match names {
        [one] => format!("use {module}::{one};\n"),
        many => wrapped(module, many),
    }
}

fn wrapped(module: &str, names: &[&str]) -> String {
    let whole = format!("use {module}::{{{}}};\n", names.join(", "));
    if whole.len() <= 121 {
        return whole;
    }
    let mut lines = format!("use {module}::{{\n   ");
    let mut width = 3;
    for name in names {
        if width + name.len() + 2 > 116 {
            lines.push_str("\n   ");
            width = 3;
        }
        lines.push_str(&format!(" {name},"));
        width += name.len() + 2;
    }
    lines + "\n};\n"
}
