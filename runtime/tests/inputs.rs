//! What becomes of the tensors a caller gives, before a graph sees them.

use std::collections::BTreeMap;

use ipfs_accelerate_runtime::inputs::prepare;
use ipfs_accelerate_runtime::skill::{Dimension, InputDefault, InputSpec, Size};
use ipfs_accelerate_runtime::{DataType, Element, Tensor};

fn specs() -> Vec<InputSpec> {
    let spec = |name, default, below| InputSpec {
        name,
        data_type: DataType::Int32,
        shape: vec![Size::Symbol("batch"), Size::Symbol("sequence")],
        default,
        below,
        masks: None,
    };
    vec![
        spec("ids", InputDefault::Required, Some(10)),
        spec("mask", InputDefault::Ones, None),
        spec("types", InputDefault::Zeros, Some(2)),
        spec("places", InputDefault::Positions, Some(4)),
    ]
}

fn dimensions() -> Vec<Dimension> {
    vec![
        Dimension { name: "batch", minimum: 1, maximum: None },
        Dimension { name: "sequence", minimum: 1, maximum: Some((4, "max_places")) },
    ]
}

fn given<T: Element>(name: &str, shape: &[usize], numbers: &[T]) -> BTreeMap<String, Tensor> {
    BTreeMap::from([(name.to_owned(), Tensor::from_slice(shape, numbers).unwrap())])
}

fn error(given: &BTreeMap<String, Tensor>) -> String {
    prepare(&specs(), &dimensions(), given).unwrap_err().to_string()
}

#[test]
fn absent_inputs_are_their_defaults() {
    let (sizes, tensors) = prepare(&specs(), &dimensions(), &given("ids", &[2, 3], &[1i32, 2, 3, 4, 5, 9])).unwrap();
    let of = |index: usize| tensors[index].1.as_slice::<i32>().unwrap().to_vec();
    assert_eq!((sizes.find("batch"), sizes.find("sequence")), (Some(2), Some(3)));
    assert_eq!(of(0), [1, 2, 3, 4, 5, 9]);
    assert_eq!(of(1), [1; 6]);
    assert_eq!(of(2), [0; 6]);
    assert_eq!(of(3), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn integers_of_any_width_are_taken() {
    let expected = [3, 0, 9];
    let take =
        |given: BTreeMap<String, Tensor>| prepare(&specs(), &dimensions(), &given).unwrap().1[0].1.as_slice::<i32>().unwrap().to_vec();
    assert_eq!(take(given("ids", &[1, 3], &[3i64, 0, 9])), expected);
    assert_eq!(take(given("ids", &[1, 3], &[3u64, 0, 9])), expected);
    assert_eq!(take(given("ids", &[1, 3], &[3u32, 0, 9])), expected);
    assert_eq!(take(given("ids", &[1, 3], &[3i8, 0, 9])), expected);
    assert_eq!(take(given("ids", &[1, 3], &[3u8, 0, 9])), expected);
}

#[test]
fn elements_out_of_range_are_named_with_their_place() {
    assert!(error(&given("ids", &[2, 2], &[1i64, 2, 3, 10])).contains("`ids` holds 10 at [1, 1]; it must be in 0..10"));
    assert!(error(&given("ids", &[1, 2], &[-1i32, 2])).contains("`ids` holds -1 at [0, 0]"));
    assert!(error(&given("ids", &[1, 1], &[u64::MAX])).contains("`ids`"));
    let mut both = given("ids", &[1, 1], &[1i32]);
    both.extend(given("mask", &[1, 1], &[i64::from(i32::MAX) + 1]));
    assert!(error(&both).contains("`mask` holds 2147483648"));
}

#[test]
fn names_shapes_types_and_sizes_are_held() {
    assert!(error(&given("idz", &[1, 1], &[1i32])).contains("no input `idz`; inputs: ids, mask, types, places"));
    assert!(error(&BTreeMap::new()).contains("`ids` is missing; expected int32[batch, sequence]"));
    assert!(error(&given("ids", &[2], &[1i32, 2])).contains("must be int32[batch, sequence], found int32[2]"));
    assert!(error(&given("ids", &[1, 1], &[1f32])).contains("must be int32"));
    assert!(error(&given("ids", &[1, 5], &[1i32; 5])).contains("`sequence` is 5, but the model takes 1 to 4 (`max_places`)"));
    assert!(error(&given::<i32>("ids", &[0, 3], &[])).contains("`batch` is 0"));
    let mut both = given("ids", &[1, 2], &[1i32, 2]);
    both.extend(given("mask", &[1, 3], &[1i32; 3]));
    assert!(error(&both).contains("`mask` must be int32[batch = 1, sequence = 2], found int32[1, 3]"));
}

#[test]
fn positions_leave_padding_out() {
    let mut specs = specs();
    specs[3].default = InputDefault::PositionsOf { input: "ids", padding: 1 };
    specs[3].below = Some(4);
    let places = |ids: &[i32]| {
        let prepared = prepare(&specs, &dimensions(), &given("ids", &[1, ids.len()], ids));
        prepared.map(|(_, tensors)| tensors[3].1.as_slice::<i32>().unwrap().to_vec()).map_err(|error| error.to_string())
    };
    assert_eq!(places(&[5, 1, 1, 9]).unwrap(), [2, 1, 1, 3]);
    assert_eq!(places(&[1, 1, 1, 1]).unwrap(), [1; 4]);
    assert!(places(&[5, 6, 7, 1]).unwrap_err().contains("`places` holds 4 at [0, 2]; it must be in 0..4"));
}

#[test]
fn a_size_below_the_smallest_is_refused() {
    let dimensions = [Dimension { name: "sequence", minimum: 3, maximum: None }];
    let error = |length: usize| prepare(&specs()[..1], &dimensions, &given("ids", &[1, length], &vec![0i32; length]));
    assert!(error(2).unwrap_err().to_string().contains("`sequence` is 2; the model takes 3 or more"));
    assert!(error(3).is_ok());
}
