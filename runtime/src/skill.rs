//! What a generated skillset says of its model, and nothing of how it is run: see [`crate::model::Model`] for that.

use std::collections::BTreeSet;
use std::fmt;

use crate::error::{Error, GraphError, Result};
use crate::graph::{DataType, Graph, OperandDescriptor};
use crate::platform::Platform;
use crate::weights::WeightNames;

/// A published model family, as its generated module describes it.
pub trait Skill: Send + Sync + 'static {
    /// The keys of HF's config.json that the model reads.
    type Config: serde::de::DeserializeOwned + serde::Serialize + Clone + fmt::Debug + Send + Sync;

    /// Name of the family; `model_type` in config.json.
    const FAMILY: &'static str;
    /// The platforms this module was generated for, in the order in which they are tried.
    const PLATFORMS: &'static [Platform];
    /// The graphs of the model; the first is the default.
    const HEADS: &'static [HeadSpec];
    /// Other values of `model_type` in config.json that this family computes too.
    const MODEL_TYPES: &'static [&'static str];
    /// Graphs beside the heads, for [`Generation`].
    const GRAPHS: &'static [HeadSpec] = &[];
    /// Config keys that are more than their own entry in config.json, in the order in which they are settled.
    const KEYS: &'static [(&'static str, KeyRule)];

    /// Refuses configs that ask for what this model does not compute.
    ///
    /// **Errors** [`Error::Config`] naming the key and what it may be.
    fn check(config: &Self::Config) -> Result<()>;

    /// Gives keys that are [`KeyRule::Made`] of others, where `absent` says so, their values.
    ///
    /// **Errors** [`GraphError`] where the arithmetic has no whole or non-negative answer.
    fn fill(_config: &mut Self::Config, _absent: &dyn Fn(&str) -> bool) -> Result<(), GraphError> {
        Ok(())
    }

    /// The symbolic sizes.
    fn dimensions(config: &Self::Config) -> Vec<Dimension>;

    /// The inputs, in the order of the published forward pass.
    fn inputs(config: &Self::Config) -> Vec<InputSpec>;

    /// The states that the graphs read and make anew, with the sizes bound.
    ///
    /// **Errors** [`GraphError`] where a size is not bound, or too large.
    fn states(_config: &Self::Config, _sizes: &Sizes) -> Result<Vec<StateSpec>, GraphError> {
        Ok(Vec::new())
    }

    /// How the head's outputs are made one token at a time; none where they are not.
    fn generation(_config: &Self::Config, _head: &HeadSpec) -> Option<Generation> {
        None
    }

    /// How weights are called in checkpoints.
    fn weight_names(config: &Self::Config) -> WeightNames;

    /// The graph of one head with every size bound. `names` are those of [`Skill::weight_names`], settled with a checkpoint.
    ///
    /// **Errors** [`GraphError`] where the config and the sizes do not go together.
    fn graph(config: &Self::Config, names: &WeightNames, head: &HeadSpec, sizes: &Sizes, request: &Request) -> Result<Graph, GraphError>;
}

/// How a config key is read where it is more than its own entry in config.json.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// config.json calls it this.
    Called(&'static str),
    /// Where it is absent or null, the entries of this key are counted, as HF counts labels.
    CountOf(&'static str),
    /// Where it is absent or null it has the value of this key.
    Or(&'static str),
    /// Where it is absent or null it is made of other keys: [`Skill::fill`].
    Made,
    /// As many whole numbers; one in config.json stands for all of them.
    Each(usize),
}

/// One graph of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadSpec {
    /// The class in `architectures` of config.json.
    pub name: &'static str,
    /// Other classes in `architectures` that are this graph.
    pub classes: &'static [&'static str],
    /// HF's name of the task; `graph` for a graph beside the heads.
    pub pipeline: &'static str,
    /// The inputs it takes, of [`Skill::inputs`].
    pub inputs: &'static [&'static str],
    /// States that it takes as inputs `name.0`, `name.1`, …
    pub reads: &'static [&'static str],
    /// States that it gives anew as outputs `name.0`, `name.1`, …
    pub writes: &'static [&'static str],
    /// What it gives.
    pub outputs: &'static [OutputSpec],
}

/// Tensors that stay on the device from one run to the next, and that several graphs read: of one shape, `name.0`, `name.1`, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSpec {
    /// Its name.
    pub name: &'static str,
    /// How many tensors.
    pub count: usize,
    /// Type and shape of each.
    pub descriptor: OperandDescriptor,
}

impl StateSpec {
    /// The names of its tensors, as graphs call inputs and outputs.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.count).map(|index| format!("{}.{index}", self.name))
    }
}

/// How a head's outputs are made one token at a time: `encode` once, then for every token `step` with the token and its place. The first
/// step starts from states of zeros and what `encode` made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The graph that is run once, before the first step.
    pub encode: Option<&'static str>,
    /// The graph that is run for every token.
    pub step: &'static str,
    /// The graph that puts the rows of the states in another order, for beams.
    pub reorder: Option<&'static str>,
    /// The head's input of tokens, `[batch, tokens]`.
    pub ids: &'static str,
    /// The step's input of one token for each row, `[batch, 1]`.
    pub token: &'static str,
    /// The step's input of the token's place, `[1]`, from 0.
    pub position: &'static str,
    /// The reordering graph's input: for each row the row that it becomes, `[batch]`.
    pub order: Option<&'static str>,
    /// The output: of the head for every place, of the step for one.
    pub logits: &'static str,
    /// How many tokens the states hold.
    pub capacity: usize,
}

/// One output of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputSpec {
    /// HF's field name.
    pub name: &'static str,
    /// Type of the elements.
    pub data_type: DataType,
    /// Sizes by name, as the spec writes them.
    pub shape: &'static [&'static str],
    /// Left out, and reported, where the checkpoint lacks its weights.
    pub optional: bool,
    /// A list of tensors, `name.0`, `name.1`, …, computed only on request.
    pub list: bool,
}

/// A symbolic size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// Its name.
    pub name: &'static str,
    /// The smallest it may be.
    pub minimum: usize,
    /// The largest it may be, with what of the config says so.
    pub maximum: Option<(usize, &'static str)>,
}

/// One input of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSpec {
    /// HF's argument name.
    pub name: &'static str,
    /// Type the graph takes.
    pub data_type: DataType,
    /// Sizes: a symbolic one by name, or a number.
    pub shape: Vec<Size>,
    /// What it is when not given.
    pub default: InputDefault,
    /// The first whole number that is too large; elements start at 0.
    pub below: Option<usize>,
    /// The symbolic size whose positions this input hides where it is 0; generated tests pad along it.
    pub masks: Option<&'static str>,
}

impl InputSpec {
    /// The same input with every size that is bound here a number.
    #[must_use]
    pub fn bound(mut self, sizes: &Sizes) -> Self {
        for size in &mut self.shape {
            if let Size::Symbol(name) = size
                && let Some(bound) = sizes.find(name)
            {
                *size = Size::Fixed(bound);
            }
        }
        self
    }
}

/// One size of an input's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// Bound by the first input that has it.
    Symbol(&'static str),
    /// The same in every run.
    Fixed(usize),
}

/// What an input is when it is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputDefault {
    /// It must be given.
    Required,
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// 0, 1, 2, … along the last axis.
    Positions,
    /// Positions among the elements of another input that are no padding, counted from `padding` + 1 along the last axis; padding
    /// is at `padding`.
    PositionsOf {
        /// The other input.
        input: &'static str,
        /// The element that is padding.
        padding: usize,
    },
}

/// Symbolic sizes, bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sizes(Vec<(&'static str, usize)>);

impl Sizes {
    /// These sizes.
    pub fn new(sizes: impl IntoIterator<Item = (&'static str, usize)>) -> Self {
        Self(sizes.into_iter().collect())
    }

    /// The size of this name.
    ///
    /// **Errors** [`GraphError::Rule`] where it is not bound.
    pub fn get(&self, name: &str) -> Result<usize, GraphError> {
        self.find(name).ok_or_else(|| GraphError::Rule { label: "sizes".into(), reason: format!("the size `{name}` is not bound") })
    }

    /// The size of this name, if it is bound.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, size)| *size)
    }

    /// Binds one more.
    pub fn bind(&mut self, name: &'static str, size: usize) {
        self.0.push((name, size));
    }

    /// All of them, in the order they were bound.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<_> = self.iter().map(|(name, size)| format!("{name} {size}")).collect();
        f.write_str(&sizes.join(", "))
    }
}

/// Which outputs a graph makes beside the plain ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    lists: BTreeSet<String>,
    omitted: BTreeSet<String>,
}

impl Request {
    /// The plain outputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a list output, such as `hidden_states`.
    #[must_use]
    pub fn list(mut self, name: &str) -> Self {
        self.lists.insert(name.to_owned());
        self
    }

    /// Leaves an optional output out.
    #[must_use]
    pub fn omit(mut self, name: &str) -> Self {
        self.omitted.insert(name.to_owned());
        self
    }

    /// True where the graph must make this output.
    pub fn wants(&self, output: &str) -> bool {
        !self.omitted.contains(output)
    }

    /// True where the graph must make this list.
    pub fn wants_list(&self, output: &str) -> bool {
        self.lists.contains(output)
    }

    /// Outputs left out.
    pub fn omitted(&self) -> impl Iterator<Item = &str> {
        self.omitted.iter().map(String::as_str)
    }
}

/// Whole quotient of config values; generated code calls it where a spec divides.
///
/// **Errors** [`GraphError::NotWhole`] where there is a remainder or the divisor is 0.
pub fn divide(dividend: (&str, usize), divisor: (&str, usize)) -> Result<usize, GraphError> {
    if divisor.1 != 0 && dividend.1.is_multiple_of(divisor.1) {
        return Ok(dividend.1 / divisor.1);
    }
    Err(GraphError::NotWhole {
        dividend_name: dividend.0.to_owned(),
        dividend: dividend.1 as i64,
        divisor_name: divisor.0.to_owned(),
        divisor: divisor.1 as i64,
    })
}

/// Whole quotient of config values, what is left over left out; generated code calls it for `floor_divide`.
///
/// **Errors** [`GraphError::NotWhole`] where the divisor is 0.
pub fn floor_divide(dividend: (&str, usize), divisor: (&str, usize)) -> Result<usize, GraphError> {
    dividend.1.checked_div(divisor.1).ok_or_else(|| GraphError::NotWhole {
        dividend_name: dividend.0.to_owned(),
        dividend: dividend.1 as i64,
        divisor_name: divisor.0.to_owned(),
        divisor: divisor.1 as i64,
    })
}

/// Difference of config values that may not be negative; generated code calls it where a spec subtracts.
///
/// **Errors** [`GraphError::Rule`] where it would be.
pub fn subtract(first: (&str, usize), second: (&str, usize)) -> Result<usize, GraphError> {
    first.1.checked_sub(second.1).ok_or_else(|| GraphError::Rule {
        label: "config".into(),
        reason: format!("`{}` ({}) minus `{}` ({}) is negative", first.0, first.1, second.0, second.1),
    })
}

/// A config value that no `match` of the spec covers.
pub fn unsupported_value(key: &str, value: &str, supported: &[&str]) -> GraphError {
    GraphError::UnsupportedValue {
        key: key.to_owned(),
        value: value.to_owned(),
        supported: supported.iter().map(|&value| value.to_owned()).collect(),
    }
}

/// Reads config.json: unknown keys are other software's business, a known key of the wrong type is named.
///
/// **Errors** [`Error::Config`]; the errors of [`Skill::check`].
pub fn read_config<S: Skill>(json: &str) -> Result<S::Config> {
    let wrong = |error: &dyn fmt::Display| Error::Config(format!("config.json: {error}"));
    let mut value: serde_json::Value = serde_json::from_str(json).map_err(|error| wrong(&error))?;
    let Some(object) = value.as_object_mut() else {
        return Err(wrong(&"expected an object at the top"));
    };
    let known = |family: &str| family == S::FAMILY || S::MODEL_TYPES.contains(&family);
    if let Some(family) = object.get("model_type").and_then(serde_json::Value::as_str).filter(|family| !known(family)) {
        return Err(wrong(&format!("`model_type` is `{family}`, but this is the skillset of `{}`", S::FAMILY)));
    }
    S::KEYS.iter().for_each(|(key, rule)| settle(object, key, *rule));
    let absent: Vec<&str> =
        S::KEYS.iter().filter(|(key, rule)| *rule == KeyRule::Made && !object.contains_key(*key)).map(|(key, _)| *key).collect();
    let mut config: S::Config =
        serde_path_to_error::deserialize(value).map_err(|error| wrong(&format!("`{}`: {}", error.path(), error.inner())))?;
    let bounded = |config: &S::Config| {
        check_magnitudes(&serde_json::to_value(config).map_err(|error| wrong(&error))?).map_err(|reason| wrong(&reason))
    };
    bounded(&config)?;
    if !absent.is_empty() {
        S::fill(&mut config, &|key| absent.contains(&key))?;
        bounded(&config)?;
    }
    S::check(&config)?;
    Ok(config)
}

/// Brings one key of config.json into the form that the config struct has.
fn settle(object: &mut serde_json::Map<String, serde_json::Value>, key: &str, rule: KeyRule) {
    use serde_json::Value;
    let absent = |object: &serde_json::Map<String, Value>| object.get(key).is_none_or(Value::is_null);
    let value = match rule {
        KeyRule::Called(name) => object.get(name).cloned(),
        KeyRule::CountOf(_) | KeyRule::Or(_) | KeyRule::Made if !absent(object) => None,
        KeyRule::Made => {
            object.remove(key);
            None
        }
        KeyRule::CountOf(counted) => {
            object.remove(key);
            let counted = object.get(counted);
            counted.and_then(|value| value.as_object().map(|map| map.len()).or_else(|| value.as_array().map(Vec::len))).map(Value::from)
        }
        KeyRule::Or(other) => {
            object.remove(key);
            object.get(other).cloned()
        }
        KeyRule::Each(count) => object.get(key).filter(|value| value.is_number()).map(|value| Value::from(vec![value.clone(); count])),
    };
    if let Some(value) = value {
        object.insert(key.to_owned(), value);
    }
}

/// Sizes stay below 2³¹, so that the arithmetic of generated code cannot overflow.
fn check_magnitudes(config: &serde_json::Value) -> Result<(), String> {
    for (key, value) in config.as_object().into_iter().flatten() {
        for number in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            if let Some(number) = number.as_u64().filter(|number| *number > i32::MAX as u64) {
                return Err(format!("`{key}` is {number}; at most {} is taken", i32::MAX));
            }
        }
    }
    Ok(())
}

/// The inputs of one graph.
pub fn inputs_of<S: Skill>(config: &S::Config, head: &HeadSpec) -> Vec<InputSpec> {
    S::inputs(config).into_iter().filter(|input| head.inputs.contains(&input.name)).collect()
}

/// The class that config.json names first in `architectures`.
pub fn architecture(json: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(value.get("architectures")?.get(0)?.as_str()?.to_owned())
}

/// The family that config.json names as its `model_type`.
pub fn model_type(json: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(value.get("model_type")?.as_str()?.to_owned())
}

/// The head of this name; a class that the module does not know is no reason to guess.
///
/// **Errors** [`Error::UnknownHead`].
pub fn head<S: Skill>(name: &str) -> Result<&'static HeadSpec> {
    S::HEADS
        .iter()
        .find(|head| head.name == name || head.classes.contains(&name))
        .ok_or_else(|| Error::UnknownHead { name: name.to_owned(), known: S::HEADS.iter().map(|head| head.name.to_owned()).collect() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_settled_by_their_rules() {
        let settled = |rule, mut value: serde_json::Value| {
            settle(value.as_object_mut().unwrap(), "key", rule);
            value.get("key").cloned()
        };
        assert_eq!(settled(KeyRule::Called("dim"), json!({ "dim": 3 })), Some(json!(3)));
        assert_eq!(settled(KeyRule::Called("dim"), json!({ "dim": 3, "key": 4 })), Some(json!(3)));
        assert_eq!(settled(KeyRule::Called("dim"), json!({ "key": 4 })), Some(json!(4)));
        assert_eq!(settled(KeyRule::Or("other"), json!({ "key": null, "other": 5 })), Some(json!(5)));
        assert_eq!(settled(KeyRule::Or("other"), json!({ "key": 6, "other": 5 })), Some(json!(6)));
        assert_eq!(settled(KeyRule::Or("other"), json!({ "key": null })), None);
        assert_eq!(settled(KeyRule::Each(2), json!({ "key": 7 })), Some(json!([7, 7])));
        assert_eq!(settled(KeyRule::Each(2), json!({ "key": [7, 8] })), Some(json!([7, 8])));
        assert_eq!(settled(KeyRule::CountOf("names"), json!({ "names": { "0": "a", "1": "b" } })), Some(json!(2)));
        assert_eq!(settled(KeyRule::CountOf("names"), json!({ "names": ["a"], "key": 9 })), Some(json!(9)));
        assert_eq!(settled(KeyRule::CountOf("names"), json!({ "names": null, "key": null })), None);
    }

    /// A family with one key made of another.
    struct Doubled;

    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(default)]
    struct Config {
        width: usize,
        inner: usize,
    }

    impl Default for Config {
        fn default() -> Self {
            Self { width: 3, inner: 7 }
        }
    }

    impl Skill for Doubled {
        type Config = Config;
        const FAMILY: &'static str = "doubled";
        const PLATFORMS: &'static [Platform] = &[];
        const HEADS: &'static [HeadSpec] = &[];
        const MODEL_TYPES: &'static [&'static str] = &[];
        const KEYS: &'static [(&'static str, KeyRule)] = &[("inner", KeyRule::Made)];

        fn check(_: &Config) -> Result<()> {
            Ok(())
        }

        fn fill(config: &mut Config, absent: &dyn Fn(&str) -> bool) -> Result<(), GraphError> {
            if absent("inner") {
                config.inner = 2 * config.width;
            }
            Ok(())
        }

        fn dimensions(_: &Config) -> Vec<Dimension> {
            Vec::new()
        }

        fn inputs(_: &Config) -> Vec<InputSpec> {
            Vec::new()
        }

        fn weight_names(_: &Config) -> WeightNames {
            WeightNames { base_model_prefix: "", called: &[], renamed: &[], tied: Vec::new(), ignored: &[] }
        }

        fn graph(_: &Config, _: &WeightNames, _: &HeadSpec, _: &Sizes, _: &Request) -> Result<Graph, GraphError> {
            crate::GraphBuilder::new().build()
        }
    }

    #[test]
    fn keys_are_made_of_others_where_config_json_lacks_them() {
        let inner = |json: &str| read_config::<Doubled>(json).map(|config| config.inner).map_err(|error| error.to_string());
        assert_eq!(inner(r#"{ "width": 5 }"#), Ok(10));
        assert_eq!(inner(r#"{ "width": 5, "inner": null }"#), Ok(10));
        assert_eq!(inner(r#"{ "width": 5, "inner": 4 }"#), Ok(4));
        assert_eq!(inner("{}"), Ok(6));
        // What is made is bounded as what is read.
        let error = inner(r#"{ "width": 2000000000 }"#).unwrap_err();
        assert!(error.contains("`inner` is 4000000000"), "{error}");
    }
}
