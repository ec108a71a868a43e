//! Limits: constants and tensors larger than a binding, many workgroups.

use super::*;
use crate::ops::gather::GatherOptions;

/// A tied embedding: gathered from and multiplied with, split into chunks by a small limit.
fn tied(rows: usize, columns: usize) -> (Built, Tensor) {
    let mut case = Case::default();
    let table = floats(&[rows, columns], 1);
    // First and last rows of chunks among them.
    let ids = [0, 49, 50, 63, 64, 100, 127, 128, rows as i32 - 1];
    let (weight, indices) = (case.weight(&table), case.input(&Tensor::from_slice(&[9], &ids).unwrap()));
    let bias = floats(&[rows], 2);
    let b = case.weight(&bias);
    let words = case.builder.gather(&weight, &indices, GatherOptions::default()).unwrap();
    let transposed = case.builder.transpose(&weight, Default::default()).unwrap();
    let logits = case.builder.add(&case.builder.matmul(&words, &transposed).unwrap(), &b).unwrap();
    let (x, bias) = (table.as_slice::<f32>().unwrap(), bias.as_slice::<f32>().unwrap());
    let logit =
        |i: usize, row: usize| (0..columns).map(|k| x[ids[i] as usize * columns + k] * x[row * columns + k]).sum::<f32>() + bias[row];
    let expected: Vec<f32> = (0..9 * rows).map(|i| logit(i / rows, i % rows)).collect();
    let expected = Tensor::from_slice(&[9, rows], &expected).unwrap();
    (case.finish(&logits), expected)
}

#[test]
fn a_weight_above_the_binding_limit_is_split() {
    for (rows, columns) in [(301, 60), (256, 32), (150, 31)] {
        let (built, expected) = tied(rows, columns);
        let limit = (rows * columns) as u64 * 4 / 3;
        for software in [false, true] {
            let plan = lower(&built.program(), &Options { software, max_binding_bytes: limit, ..Options::default() }).unwrap();
            validate(&plan);
            let split = plan.constants.iter().find(|chunks| chunks.len() > 1).expect("the table is split");
            assert!(plan.dispatches.iter().flat_map(|dispatch| &dispatch.bindings).all(|binding| binding.region.size <= limit));
            assert_eq!(plan.dispatches.len(), 1 + split.len(), "a gather over all chunks, a product for each");
            let opened = pollster::block_on(Device::open_with(&AdapterChoice::default(), |options| {
                (options.software, options.max_binding_bytes) = (software, limit);
            }));
            match opened {
                Ok(device) => close(&built.run_on(&device), &expected, 1e-4, "split"),
                Err(error) => println!("skipped: {error}"),
            }
        }
    }
}

#[test]
fn more_workgroups_than_one_dimension_holds() {
    let mut case = Case::default();
    let count = 1000;
    let input = floats(&[count], 1);
    let x = case.input(&input);
    let output = case.builder.add(&x, &x).unwrap();
    let built = case.finish(&output);
    let plan = lower(&built.program(), &Options { max_workgroups: 3, ..Options::default() }).unwrap();
    assert_eq!(plan.dispatches[0].workgroups, [2, 2, 1]);
    let opened = pollster::block_on(Device::open_with(&AdapterChoice::default(), |options| options.max_workgroups = 3));
    match opened {
        Ok(device) => {
            let expected: Vec<f32> = input.as_slice::<f32>().unwrap().iter().map(|x| x + x).collect();
            close(&built.run_on(&device), &Tensor::from_slice(&[count], &expected).unwrap(), 0.0, "folded");
        }
        Err(error) => println!("skipped: {error}"),
    }
}

#[test]
fn an_element_wise_kernel_over_more_than_a_binding_is_cut() {
    for (rows, columns) in [(4096, 3), (2048, 5), (9000, 1)] {
        let mut case = Case::default();
        let (a, b) = (floats(&[rows, columns], 1), floats(&[columns], 2));
        let (x, y) = (case.input(&a), case.input(&b));
        let output = case.builder.add(&x, &y).unwrap();
        let expected: Vec<f32> = a
            .as_slice::<f32>()
            .unwrap()
            .chunks(columns)
            .flat_map(|row| row.iter().zip(b.as_slice::<f32>().unwrap()).map(|(a, b)| a + b))
            .collect();
        let built = case.finish(&output);
        let limit = 16384;
        let plan = lower(&built.program(), &Options { max_binding_bytes: limit, ..Options::default() }).unwrap();
        assert!(plan.dispatches.len() > 1);
        assert!(plan.dispatches.iter().flat_map(|dispatch| &dispatch.bindings).all(|binding| binding.region.size <= limit));
        validate(&plan);
        match pollster::block_on(Device::open_with(&AdapterChoice::default(), |options| options.max_binding_bytes = limit)) {
            Ok(device) => close(&built.run_on(&device), &Tensor::from_slice(&[rows, columns], &expected).unwrap(), 0.0, "cut"),
            Err(error) => println!("skipped: {error}"),
        }
    }
}

#[test]
fn equal_programs_give_equal_plans_with_few_pipelines() {
    let build = || {
        let mut case = Case::default();
        let mut hidden = case.input(&floats(&[5, 16], 1));
        for layer in 0..3 {
            let weight = case.weight(&floats(&[16, 16], layer));
            hidden = case.builder.relu(&case.builder.matmul(&hidden, &weight).unwrap()).unwrap();
        }
        case.finish(&hidden)
    };
    let plans = [build(), build()].map(|built| lower(&built.program(), &Options::default()).unwrap());
    assert_eq!(plans[0], plans[1]);
    // First and last differ from those between in where they read and write.
    assert_eq!((plans[0].dispatches.len(), plans[0].pipelines()), (3, 2));
}
