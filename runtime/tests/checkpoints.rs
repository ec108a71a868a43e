//! Checkpoints that are broken, hostile or merely unusual, and what is said of each.

use std::path::Path;

use ipfs_accelerate_runtime::graph::GraphBuilder;
use ipfs_accelerate_runtime::weights::{Checkpoint, Tie, WeightNames, fit, read_tensors, write_tensors};
use ipfs_accelerate_runtime::{DataType, Error, Graph, OperandDescriptor, Tensor, WeightError};

/// A safetensors file of float32 tensors, written by hand: header length, header, data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn one(name: &str, dtype: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    file(&format!(r#"{{"{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[0,{}]}}}}"#, data.len()), data)
}

fn opened(bytes: Vec<u8>) -> Result<Checkpoint, Error> {
    Checkpoint::from_bytes("{}", [("model.safetensors".to_owned(), bytes)])
}

fn graph(weights: &[(&str, &[usize])]) -> Graph {
    let builder = GraphBuilder::new();
    for (name, shape) in weights {
        let operand = builder.weight(name, OperandDescriptor::new(DataType::Float32, *shape).unwrap()).unwrap();
        builder.output(name, &operand).unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn broken_files_are_refused() {
    let whole = one("a", "F32", &[2], &floats(&[1.0, 2.0]));
    assert!(opened(whole.clone()).is_ok());
    let lies = [
        ("empty", Vec::new()),
        ("truncated header", whole[..12].to_vec()),
        ("truncated data", whole[..whole.len() - 1].to_vec()),
        ("bytes after the data", [whole.clone(), vec![0]].concat()),
        ("a header longer than the file", [u64::MAX.to_le_bytes().to_vec(), whole[8..].to_vec()].concat()),
        ("offsets beyond the file", file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4096]}}"#, &floats(&[1.0, 2.0]))),
        ("offsets that overlap", {
            let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
            file(header, &floats(&[1.0]))
        }),
        ("a shape of more elements than bytes", file(r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, &floats(&[1.0, 2.0]))),
        ("a shape that overflows", {
            file(r#"{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}}"#, &floats(&[1.0, 2.0]))
        }),
        ("no JSON", file("no JSON", &[])),
    ];
    for (what, bytes) in lies {
        let error = opened(bytes).expect_err(what);
        assert!(matches!(&error, Error::WeightFile { file, .. } if file == "model.safetensors"), "{what}: {error}");
    }
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn refused(path: &Path, part: &str) {
    let error = Checkpoint::open(path).expect_err(part).to_string();
    assert!(error.contains(part), "`{error}` lacks `{part}`");
}

#[test]
fn an_index_keeps_to_its_folder_and_its_word() {
    let shard = one("a", "F32", &[1], &floats(&[1.0]));
    let open = |map: &str| folder(&[("config.json", b"{}"), ("x.safetensors", &shard), ("model.safetensors.index.json", map.as_bytes())]);
    let good = open(r#"{"weight_map":{"a":"x.safetensors"}}"#);
    assert!(Checkpoint::open(good.path()).unwrap().tensor("a").is_some());
    refused(open(r#"{"weight_map":{"a":"../x.safetensors"}}"#).path(), "not a file of this folder");
    refused(open(r#"{"weight_map":{"a":"/etc/passwd"}}"#).path(), "not a file of this folder");
    refused(open(r#"{"weight_map":{"b":"x.safetensors"}}"#).path(), "`b`");
    refused(open(r#"{"weight_map":{"a":"y.safetensors"}}"#).path(), "y.safetensors");
    refused(open(r#"{"weight_map":{}}"#).path(), "names no tensor");
    refused(open("[]").path(), "index.json");
}

#[test]
fn a_folder_without_weights_or_config_says_which_file_is_missing() {
    refused(folder(&[("config.json", b"{}")]).path(), "model.safetensors");
    refused(folder(&[("model.safetensors", &one("a", "F32", &[1], &floats(&[1.0])))]).path(), "config.json");
}

#[test]
fn every_tensor_at_fault_is_named() {
    let bytes = one("here", "F32", &[2], &floats(&[1.0, 2.0]));
    let error = fit(&graph(&[("here", &[1, 2]), ("gone", &[1])]), &opened(bytes).unwrap(), &WeightNames::default()).unwrap_err();
    let Error::Checkpoint(errors) = error else { panic!("{error}") };
    assert!(matches!(&errors[0], WeightError::Shape { name, expected, found } if name == "here" && expected == &[1, 2] && found == &[2]));
    assert!(matches!(&errors[1], WeightError::Missing { name, .. } if name == "gone"));
}

#[test]
fn halves_widen_and_others_are_refused() {
    let descriptor = OperandDescriptor::new(DataType::Float32, [2]).unwrap();
    let values = |dtype: &str, data: &[u8]| {
        let checkpoint = opened(one("a", dtype, &[2], data)).unwrap();
        let fit = fit(&graph(&[("a", &[2])]), &checkpoint, &WeightNames::default())?;
        fit.tensor("a", &descriptor).map(|tensor| tensor.as_slice::<f32>().unwrap().to_vec())
    };
    // 1.5 and -2 in each type.
    assert_eq!(values("F16", &[0x00, 0x3e, 0x00, 0xc0]).unwrap(), [1.5, -2.0]);
    assert_eq!(values("BF16", &[0xc0, 0x3f, 0x00, 0xc0]).unwrap(), [1.5, -2.0]);
    assert_eq!(values("F32", &floats(&[1.5, -2.0])).unwrap(), [1.5, -2.0]);
    for (dtype, bytes) in [("F64", 16), ("I32", 8), ("I64", 16), ("BOOL", 2)] {
        let error = values(dtype, &vec![0; bytes]).unwrap_err().to_string();
        assert!(error.contains("`a`") && error.contains(dtype), "{error}");
    }
}

#[test]
fn ties_follow_the_checkpoint() {
    let names = || WeightNames { tied: vec![Tie { name: "head.weight", to: "body.weight" }], ..WeightNames::default() };
    let settle = |tensors: &[(&str, f32)]| {
        let files = tensors.iter().map(|(name, number)| (format!("{name}.safetensors"), one(name, "F32", &[1], &floats(&[*number]))));
        let mut names = names();
        let untied = names.settle(&Checkpoint::from_bytes("{}", files).unwrap());
        (names.canonical("head.weight"), names.canonical("body.weight"), untied)
    };
    let tied = (String::from("body.weight"), String::from("body.weight"), vec![]);
    assert_eq!(settle(&[("body.weight", 1.0)]), tied);
    assert_eq!(settle(&[("body.weight", 1.0), ("head.weight", 1.0)]), tied);
    let own = (String::from("head.weight"), String::from("body.weight"), vec![String::from("head.weight")]);
    assert_eq!(settle(&[("body.weight", 1.0), ("head.weight", 2.0)]), own);
    assert_eq!(settle(&[("head.weight", 1.0)]).1, "head.weight");
}

#[test]
fn surplus_is_reported_but_for_what_is_known() {
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"x.ids":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#;
    let names = WeightNames { ignored: &["*.ids"], ..WeightNames::default() };
    let fit = fit(&graph(&[("a", &[1])]), &opened(file(header, &floats(&[1.0, 2.0, 3.0]))).unwrap(), &names).unwrap();
    assert_eq!(fit.surplus, ["b"]);
}

#[test]
fn tensors_come_back_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tensors.safetensors");
    let tensors = vec![
        ("a".to_owned(), Tensor::from_slice(&[2], &[1.5f32, -2.0]).unwrap()),
        ("b".to_owned(), Tensor::from_slice(&[1, 1], &[i64::MIN]).unwrap()),
    ];
    write_tensors(&path, &tensors).unwrap();
    assert_eq!(read_tensors(&path).unwrap().into_iter().collect::<Vec<_>>(), tensors);
    std::fs::write(&path, one("flags", "BOOL", &[2], &[0, 1])).unwrap();
    assert_eq!(read_tensors(&path).unwrap()["flags"].as_slice::<i32>().unwrap(), [0, 1]);
    std::fs::write(&path, one("numbers", "I16", &[2], &[0xff, 0xff, 2, 0])).unwrap();
    assert_eq!(read_tensors(&path).unwrap()["numbers"].as_slice::<i32>().unwrap(), [-1, 2]);
    std::fs::write(&path, one("numbers", "F64", &[1], &[0; 8])).unwrap();
    assert!(read_tensors(&path).unwrap_err().to_string().contains("`numbers` is F64"));
}
