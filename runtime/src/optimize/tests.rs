//! Every fusion: a graph that fuses, and a near miss that must not.

use super::*;
use crate::graph::{DataType, GraphBuilder, Operand, OperandDescriptor, ValueId};
use crate::ops::gemm::GemmOptions;
use crate::ops::layer_normalization::LayerNormalizationOptions;
use crate::ops::split::SplitOptions;
use crate::ops::transpose::TransposeOptions;

fn float(shape: &[usize]) -> OperandDescriptor {
    OperandDescriptor::new(DataType::Float32, shape).unwrap()
}

fn input(b: &GraphBuilder, name: &str, shape: &[usize]) -> Operand {
    b.input(name, float(shape)).unwrap()
}

fn transposed(b: &GraphBuilder, x: &Operand, permutation: &[usize]) -> Operand {
    b.transpose(x, TransposeOptions { permutation: Some(permutation.to_vec()) }).unwrap()
}

/// PyTorch's Linear without bias.
fn product(b: &GraphBuilder, x: &Operand, name: &str, columns: usize) -> Operand {
    let weight = b.weight(&format!("{name}.weight"), float(&[columns, x.size(-1).unwrap()])).unwrap();
    b.matmul(x, &transposed(b, &weight, &[1, 0])).unwrap()
}

fn linear(b: &GraphBuilder, x: &Operand, name: &str, columns: usize) -> Operand {
    let bias = b.weight(&format!("{name}.bias"), float(&[columns])).unwrap();
    b.add(&product(b, x, name, columns), &bias).unwrap()
}

/// The kernels' names, in order, of a graph with this output.
fn kernels(program: &Program) -> Vec<&'static str> {
    program.steps.iter().map(|step| step.kernel.name()).collect()
}

fn program(build: impl FnOnce(&GraphBuilder) -> Vec<Operand>) -> Program {
    let b = GraphBuilder::new();
    for (index, output) in build(&b).iter().enumerate() {
        b.output(&format!("output {index}"), output).unwrap();
    }
    optimize(&b.build().unwrap())
}

fn linear_of(program: &Program, step: usize) -> &Linear {
    match &program.steps[step].kernel {
        Kernel::Linear(linear) => linear,
        other => panic!("{other:?}"),
    }
}

#[test]
fn linear_takes_bias_activation_and_residual() {
    let program = program(|b| {
        let x = input(b, "x", &[2, 3, 8]);
        vec![b.add(&x, &b.gelu(&linear(b, &x, "w", 8)).unwrap()).unwrap()]
    });
    assert_eq!(kernels(&program), ["linear"]);
    let linear = linear_of(&program, 0);
    assert_eq!((linear.rows, linear.inner, linear.columns, linear.transposed), (6, 8, 8, true));
    assert_eq!(linear.activation.as_ref().unwrap().to_string(), "gelu(x0)");
    assert!(linear.bias.is_some() && linear.residual == Some(program.inputs[0].1));
}

#[test]
fn linear_takes_composed_activations() {
    let program = program(|b| {
        let x = linear(b, &input(b, "x", &[3, 8]), "w", 4);
        let number = |value| b.scalar(DataType::Float32, value).unwrap();
        let cube = b.pow(&x, &number(3.0)).unwrap();
        let inner = b.add(&x, &b.mul(&number(0.044715), &cube).unwrap()).unwrap();
        let tanh = b.tanh(&b.mul(&inner, &number(0.7978845608028654)).unwrap()).unwrap();
        vec![b.mul(&b.mul(&x, &number(0.5)).unwrap(), &b.add(&tanh, &number(1.0)).unwrap()).unwrap()]
    });
    assert_eq!(kernels(&program), ["linear"]);
    assert!(linear_of(&program, 0).activation.as_ref().unwrap().to_string().contains("tanh("));
}

#[test]
fn a_product_that_is_read_elsewhere_keeps_its_activation_apart() {
    let program = program(|b| {
        let y = linear(b, &input(b, "x", &[3, 8]), "w", 4);
        vec![b.relu(&y).unwrap(), b.softmax(&y, 1).unwrap()]
    });
    assert_eq!(kernels(&program), ["linear", "pointwise", "softmax"]);
    let output = super::tests::program(|b| {
        let y = linear(b, &input(b, "x", &[3, 8]), "w", 4);
        vec![b.relu(&y).unwrap(), y]
    });
    assert_eq!(kernels(&output), ["linear", "pointwise"], "a product that is an output");
}

#[test]
fn the_first_rows_of_a_result_are_not_the_result() {
    let first = |b: &GraphBuilder, y: &Operand| b.relu(&b.slice(y, &[0, 0], &[2, 4], Default::default()).unwrap()).unwrap();
    let product = program(|b| vec![first(b, &linear(b, &input(b, "x", &[3, 8]), "w", 4))]);
    assert_eq!(kernels(&product), ["linear", "pointwise"]);
    assert!(linear_of(&product, 0).activation.is_none());
    let pointwise = program(|b| vec![first(b, &b.exp(&input(b, "x", &[3, 4])).unwrap())]);
    assert_eq!(kernels(&pointwise), ["pointwise", "pointwise"]);
}

#[test]
fn what_is_no_row_is_no_bias() {
    // A column of as many elements as the row has: it broadcasts the other way.
    let program = program(|b| {
        let y = product(b, &input(b, "x", &[4, 8]), "w", 4);
        vec![b.add(&y, &input(b, "column", &[4, 1])).unwrap()]
    });
    assert_eq!(kernels(&program), ["linear", "pointwise"]);
    assert!(linear_of(&program, 0).bias.is_none());
}

#[test]
fn a_residual_that_broadcasts_stays_apart() {
    let program = program(|b| {
        let y = linear(b, &input(b, "x", &[2, 3, 8]), "w", 4);
        vec![b.add(&y, &input(b, "r", &[1, 3, 4])).unwrap()]
    });
    assert_eq!(kernels(&program), ["linear", "pointwise"]);
}

#[test]
fn a_sum_doubled_is_no_residual() {
    let program = program(|b| {
        let y = linear(b, &input(b, "x", &[3, 8]), "w", 4);
        let r = input(b, "r", &[3, 4]);
        vec![b.add(&b.mul(&y, &r).unwrap(), &r).unwrap()]
    });
    assert_eq!(kernels(&program), ["linear", "pointwise"], "the factor needs `r` too");
}

#[test]
fn weights_as_they_are_stored() {
    let program = program(|b| {
        let x = input(b, "x", &[3, 8]);
        let plain = b.weight("plain", float(&[8, 4])).unwrap();
        let cube = b.weight("cube", float(&[2, 8, 4])).unwrap();
        let square = b.weight("square", float(&[2, 4, 8])).unwrap();
        let x3 = b.reshape(&x, &[1, 3, 8]).unwrap();
        let turned = b.slice(&square, &[1, 0, 0], &[1, 4, 8], Default::default()).unwrap();
        let turned = transposed(b, &b.reshape(&turned, &[4, 8]).unwrap(), &[1, 0]);
        vec![b.matmul(&x, &plain).unwrap(), b.matmul(&x3, &cube).unwrap(), b.matmul(&x, &turned).unwrap()]
    });
    assert_eq!(kernels(&program), ["pointwise", "linear", "matmul", "linear"]);
    assert!(!linear_of(&program, 1).transposed, "stored as it is used");
    assert!(!linear_of(&program, 3).transposed, "part of a weight is copied first");
}

#[test]
fn gemm_is_linear_without_factors() {
    let build = |alpha: f64| {
        program(|b| {
            let weight = b.weight("w", float(&[4, 8])).unwrap();
            let c = Some(b.weight("c", float(&[4])).unwrap());
            let options = GemmOptions { c, alpha, b_transpose: true, ..Default::default() };
            vec![b.gemm(&input(b, "x", &[3, 8]), &weight, options).unwrap()]
        })
    };
    assert_eq!(kernels(&build(1.0)), ["linear"]);
    assert!(linear_of(&build(1.0), 0).transposed && linear_of(&build(1.0), 0).bias.is_some());
    assert_eq!(kernels(&build(2.0)), ["gemm"]);
}

#[test]
fn pointwise_steps_merge_through_reshapes() {
    let build = |sequence: usize| {
        program(|b| {
            let mask = b.input("mask", OperandDescriptor::new(DataType::Int32, [2, 5]).unwrap()).unwrap();
            let mask = b.cast(&mask, DataType::Float32).unwrap();
            let mask = b.sub(&b.scalar(DataType::Float32, 1.0).unwrap(), &mask).unwrap();
            let mask = b.reshape(&mask, &[2, 1, 1, 5]).unwrap();
            let mask = b.mul(&mask, &b.scalar(DataType::Float32, -3e38).unwrap()).unwrap();
            vec![b.add(&mask, &input(b, "x", &[1, 1, sequence, 5])).unwrap()]
        })
    };
    assert_eq!(kernels(&build(1)), ["pointwise"]);
    // Stretched over more elements, the mask would be computed for each of them: it stays apart.
    assert_eq!(kernels(&build(7)), ["pointwise", "pointwise"]);
}

#[test]
fn pointwise_values_that_others_read_stay() {
    let program = program(|b| {
        let y = b.exp(&input(b, "x", &[4, 6])).unwrap();
        vec![b.neg(&y).unwrap(), b.softmax(&y, 0).unwrap()]
    });
    assert_eq!(kernels(&program), ["pointwise", "pointwise", "softmax"]);
}

#[test]
fn transposed_reads_are_strides_of_one_copy() {
    let program = program(|b| {
        let x = input(b, "x", &[2, 3, 4]);
        let parts = b.split(&transposed(b, &x, &[2, 0, 1]), &[1, 3], SplitOptions { axis: 0 }).unwrap();
        vec![b.neg(&parts[1]).unwrap()]
    });
    assert_eq!(kernels(&program), ["pointwise"]);
    let Kernel::Pointwise(pointwise) = &program.steps[0].kernel else { unreachable!() };
    assert_eq!((pointwise.inputs[0].offset, &pointwise.shape[..], &pointwise.inputs[0].strides[..]), (1, &[3, 6][..], &[1, 4][..]));
}

#[test]
fn outputs_that_are_no_step_are_copied() {
    let program = program(|b| {
        let x = input(b, "x", &[2, 3]);
        let y = b.exp(&x).unwrap();
        vec![x.clone(), b.reshape(&x, &[6]).unwrap(), y.clone(), b.reshape(&y, &[3, 2]).unwrap()]
    });
    assert_eq!(kernels(&program), ["pointwise"; 4]);
    for (index, (_, value)) in program.outputs.iter().enumerate() {
        assert_eq!(program.place(*value), Place::Output(index));
    }
    let shapes: Vec<_> = program.outputs.iter().map(|(_, value)| program.descriptor(*value).shape.clone()).collect();
    assert_eq!(shapes, [vec![2, 3], vec![6], vec![2, 3], vec![3, 2]]);
}

#[test]
fn layer_normalization_of_other_axes_is_the_operator() {
    let build = |axes: Vec<usize>| {
        program(|b| {
            let options = LayerNormalizationOptions { axes: Some(axes), ..Default::default() };
            vec![b.layer_normalization(&input(b, "x", &[2, 3, 4]), options).unwrap()]
        })
    };
    assert!(matches!(build(vec![2]).steps[0].kernel, Kernel::LayerNormalization(_)));
    assert!(matches!(build(vec![1, 2]).steps[0].kernel, Kernel::Operator { .. }));
}

/// Self-attention of 2 × 5 × 8 in `heads` heads, with what differs between the tests.
struct AttentionGraph {
    causal_axis: usize,
    key_bias: bool,
    show_probabilities: bool,
    show_keys: bool,
    mask_shape: Vec<usize>,
}

impl Default for AttentionGraph {
    fn default() -> Self {
        Self { causal_axis: 3, key_bias: true, show_probabilities: false, show_keys: false, mask_shape: vec![2, 1, 1, 5] }
    }
}

impl AttentionGraph {
    fn program(&self) -> Program {
        program(|b| {
            let x = input(b, "x", &[2, 5, 8]);
            let heads = |x: &Operand| transposed(b, &b.reshape(x, &[2, 5, 2, 4]).unwrap(), &[0, 2, 1, 3]);
            let query = heads(&linear(b, &x, "query", 8));
            let keys = if self.key_bias { linear(b, &x, "key", 8) } else { product(b, &x, "key", 8) };
            let value = heads(&linear(b, &x, "value", 8));
            let scores = b.matmul(&query, &transposed(b, &heads(&keys), &[0, 1, 3, 2])).unwrap();
            let scores = b.div(&scores, &b.scalar(DataType::Float32, 2.0).unwrap()).unwrap();
            let scores = b.add(&scores, &input(b, "mask", &self.mask_shape)).unwrap();
            let probabilities = b.softmax(&scores, self.causal_axis).unwrap();
            let context = transposed(b, &b.matmul(&probabilities, &value).unwrap(), &[0, 2, 1, 3]);
            let mut outputs = vec![b.reshape(&context, &[2, 5, 8]).unwrap()];
            outputs.extend(self.show_probabilities.then_some(probabilities));
            outputs.extend(self.show_keys.then_some(keys));
            outputs
        })
    }
}

#[test]
fn attention_is_one_kernel_over_one_product() {
    let program = AttentionGraph::default().program();
    assert_eq!(kernels(&program), ["linear", "attention"]);
    let Kernel::Attention(attention) = &program.steps[1].kernel else { unreachable!() };
    let views =
        [attention.query, attention.key, attention.value].map(|view| (view.offset, view.batch_stride, view.row_stride, view.head_stride));
    assert_eq!(views, [(0, 120, 24, 4), (8, 120, 24, 4), (16, 120, 24, 4)]);
    assert_eq!((attention.scale, attention.mask.unwrap().1), (0.5, [5, 0, 0, 1]));
    let weight = &program.constants.iter().find(|constant| constant.parts.len() == 3).unwrap();
    assert_eq!(
        (weight.key.as_str(), &weight.descriptor.shape[..]),
        ("weight query.weight | weight key.weight | weight value.weight", &[24, 8][..])
    );
    assert_eq!(program.arena_bytes(), (2 * 5 * 24 * 4usize).next_multiple_of(256), "the product alone");
}

#[test]
fn what_follows_attention_reads_its_output() {
    // One head: the reshape could look through the transpose, but what stands before it is not computed.
    let program = program(|b| {
        let x = input(b, "x", &[2, 5, 8]);
        let heads = |name: &str| transposed(b, &b.reshape(&linear(b, &x, name, 8), &[2, 5, 1, 8]).unwrap(), &[0, 2, 1, 3]);
        let scores = b.matmul(&heads("query"), &transposed(b, &heads("key"), &[0, 1, 3, 2])).unwrap();
        let context = transposed(b, &b.matmul(&b.softmax(&scores, 3).unwrap(), &heads("value")).unwrap(), &[0, 2, 1, 3]);
        vec![linear(b, &b.reshape(&context, &[2, 5, 8]).unwrap(), "output", 8)]
    });
    assert_eq!(kernels(&program), ["linear", "attention", "linear"]);
    assert_eq!(
        program.values[program.steps[1].outputs[0].0 as usize].buffer,
        program.values[linear_of(&program, 2).input.0 as usize].buffer
    );
}

#[test]
fn a_missing_bias_is_packed_as_zeros() {
    let program = AttentionGraph { key_bias: false, ..Default::default() }.program();
    assert_eq!(kernels(&program), ["linear", "attention"]);
    assert!(program.constants.iter().any(|constant| matches!(constant.parts[..], [_, Part::Zeros { .. }, _])));
}

#[test]
fn attention_that_shows_its_insides_is_not_fused() {
    let shown = AttentionGraph { show_probabilities: true, ..Default::default() }.program();
    assert!(!kernels(&shown).contains(&"attention"));
    let other_axis = AttentionGraph { causal_axis: 2, ..Default::default() }.program();
    assert!(!kernels(&other_axis).contains(&"attention"));
    let keys = AttentionGraph { show_keys: true, ..Default::default() }.program();
    assert_eq!(kernels(&keys), ["linear", "linear", "attention"], "keys that the caller reads are a product of their own");
}

#[test]
fn a_mask_of_every_broadcast() {
    for (shape, strides) in [(vec![5], [0, 0, 0, 1]), (vec![5, 1], [0, 0, 1, 0]), (vec![2, 2, 5, 5], [50, 25, 5, 1]), (vec![], [0; 4])] {
        let program = AttentionGraph { mask_shape: shape.clone(), ..Default::default() }.program();
        let Some(Kernel::Attention(attention)) = program.steps.last().map(|step| &step.kernel) else { panic!("{shape:?}") };
        assert_eq!(attention.mask.unwrap().1, strides, "{shape:?}");
    }
}

#[test]
fn the_arena_holds_what_lives_together() {
    let program = program(|b| {
        let mut x = input(b, "x", &[64, 64]);
        for _ in 0..6 {
            x = b.softmax(&x, 0).unwrap();
        }
        vec![x]
    });
    // Each step reads one and writes one of two slots, in turn; the input and the output lie outside.
    assert_eq!(program.arena_bytes(), 2 * 64 * 64 * 4);
    for step in &program.steps {
        let range = |value: ValueId| match program.place(value) {
            Place::Arena { offset } => offset..offset + program.descriptor(value).byte_length(),
            _ => 0..0,
        };
        let (read, written) = (range(step.kernel.reads()[0]), range(step.outputs[0]));
        assert!(read.start.is_multiple_of(256) && (read.end <= written.start || written.end <= read.start));
    }
}

#[test]
fn equal_graphs_give_equal_programs() {
    assert_eq!(AttentionGraph::default().program(), AttentionGraph::default().program());
    assert_eq!(AttentionGraph::default().program().to_string(), AttentionGraph::default().program().to_string());
}

#[test]
fn products_of_one_input_become_one_where_views_can_read_it() {
    let gate = program(|b| {
        let x = input(b, "x", &[2, 3, 8]);
        vec![b.mul(&linear(b, &x, "gate", 10), &linear(b, &x, "rise", 10)).unwrap()]
    });
    assert_eq!(kernels(&gate), ["linear", "pointwise"]);
    assert_eq!(linear_of(&gate, 0).columns, 20);
    let Kernel::Pointwise(pointwise) = &gate.steps[1].kernel else { panic!() };
    let views: Vec<_> = pointwise.inputs.iter().map(|input| (input.offset, &input.strides[..])).collect();
    assert_eq!(views, [(0, &[20, 1][..]), (10, &[20, 1])]);
    // Rows of the other product are walked through: a wider output cannot serve.
    let crossed = program(|b| {
        let x = input(b, "x", &[6, 8]);
        let across = b.reshape(&linear(b, &x, "rise", 10), &[3, 20]).unwrap();
        vec![b.exp(&transposed(b, &linear(b, &x, "gate", 10), &[1, 0])).unwrap(), b.exp(&transposed(b, &across, &[1, 0])).unwrap()]
    });
    assert_eq!(kernels(&crossed).iter().filter(|name| **name == "linear").count(), 2);
    // Two readers, or the caller, need the output as it is.
    let shared = program(|b| {
        let x = input(b, "x", &[6, 8]);
        let (gate, rise) = (linear(b, &x, "gate", 10), linear(b, &x, "rise", 10));
        vec![b.mul(&gate, &rise).unwrap(), rise]
    });
    assert_eq!(kernels(&shared).iter().filter(|name| **name == "linear").count(), 2);
}
