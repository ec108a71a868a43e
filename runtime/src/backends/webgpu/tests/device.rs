//! The device: choice, report, memory, loss.

use super::super::AdapterReport;
use super::*;
use crate::error::Error;

fn simple() -> Built {
    let mut case = Case::default();
    let (x, w) = (case.input(&floats(&[8, 12], 1)), case.weight(&floats(&[12, 20], 2)));
    let output = case.builder.softmax(&case.builder.matmul(&x, &w).unwrap(), 1).unwrap();
    case.finish(&output)
}

fn compile(built: &Built, device: &Device) -> super::super::Compiled {
    let mut load = |constant: &PackedConstant| Ok(built.weights[&constant.key].clone());
    pollster::block_on(device.compile(&built.program(), &mut load)).unwrap()
}

#[test]
fn an_adapter_that_is_not_there_is_unavailable_and_those_that_are_get_named() {
    let choice = AdapterChoice { name: Some("no such adapter".into()), ..Default::default() };
    let Err(Error::Unavailable { platform, reason }) = pollster::block_on(Device::open(&choice)) else { panic!("it opened") };
    assert_eq!(platform, "webgpu");
    assert!(reason.contains("no such adapter"), "{reason}");
    for adapter in pollster::block_on(AdapterReport::all()) {
        assert!(reason.contains(&adapter.name), "{reason} lacks {}", adapter.name);
        assert!(adapter.limits.max_storage_buffer_binding_size >= 128 << 20);
    }
}

#[test]
fn the_adapter_is_chosen_by_index_and_name() {
    let all = pollster::block_on(AdapterReport::all());
    if all.is_empty() {
        return println!("skipped: there is no adapter");
    }
    for adapter in &all {
        let device = pollster::block_on(Device::open(&AdapterChoice { index: Some(adapter.index), ..Default::default() })).unwrap();
        assert_eq!(device.adapter(), adapter);
        let name = adapter.name.to_uppercase();
        let device = pollster::block_on(Device::open(&AdapterChoice { name: Some(name), ..Default::default() })).unwrap();
        assert_eq!(device.adapter().name, adapter.name);
        assert!(device.description().contains(&adapter.name));
    }
}

#[test]
fn memory_is_the_same_after_two_runs_and_after_a_hundred() {
    let device = match device(true) {
        Ok(device) => device.for_another_checkpoint(),
        Err(reason) => return println!("skipped: {reason}"),
    };
    let built = simple();
    let mut compiled = compile(&built, &device);
    let details = compiled.details();
    assert_eq!((details.dispatches, details.weight_bytes), (2, 12 * 20 * 4));
    assert!(details.arena_bytes >= 8 * 20 * 4);
    let inputs = [("input0", &built.inputs[0].1)];
    let mut own = [0, 0];
    for run in 1..=100 {
        pollster::block_on(compiled.run(&inputs)).unwrap();
        match run {
            2 => own[0] = device.weight_bytes(),
            100 => own[1] = device.weight_bytes(),
            _ => {}
        }
    }
    assert_eq!(own[0], own[1]);
    assert_eq!(compiled.details().arena_bytes, details.arena_bytes);
}

#[test]
fn programs_of_one_checkpoint_share_weights_and_give_them_back() {
    let device = match device(true) {
        Ok(device) => device.for_another_checkpoint(),
        Err(reason) => return println!("skipped: {reason}"),
    };
    let built = simple();
    let first = compile(&built, &device);
    let bytes = device.weight_bytes();
    let mut never = |constant: &PackedConstant| panic!("{} is there already", constant.key);
    let second = pollster::block_on(device.compile(&built.program(), &mut never)).unwrap();
    assert_eq!((bytes, device.weight_bytes()), (960, 960));
    drop((first, second));
    assert_eq!(device.weight_bytes(), 0);
}

#[test]
fn a_device_compiles_a_text_once() {
    let Ok(device) = pollster::block_on(Device::open(&AdapterChoice::default())) else { return println!("skipped: there is no adapter") };
    let built = simple();
    let pipelines = compile(&built, &device).details().pipelines;
    assert_eq!((pipelines, device.pipelines()), (2, 2));
    let other = device.for_another_checkpoint();
    drop(compile(&built, &other));
    assert_eq!(device.pipelines(), 2);
}

#[test]
fn wrong_inputs_are_refused_by_name() {
    let device = match device(true) {
        Ok(device) => device.for_another_checkpoint(),
        Err(reason) => return println!("skipped: {reason}"),
    };
    let built = simple();
    let mut compiled = compile(&built, &device);
    let right = built.inputs[0].1.clone();
    let mut error = |inputs: &[(&str, &Tensor)]| pollster::block_on(compiled.run(inputs)).unwrap_err().to_string();
    assert_eq!(error(&[]), "the input `input0` is missing; expected float32[8, 12]");
    assert_eq!(error(&[("input0", &right), ("x", &right)]), "there is no input `x`; inputs: input0");
    assert_eq!(error(&[("input0", &floats(&[8, 11], 1))]), "the input `input0` must be float32[8, 12], found float32[8, 11]");
    pollster::block_on(compiled.run(&[("input0", &right)])).unwrap();
}

#[test]
fn a_run_that_is_dropped_half_way_leaves_the_next_one_whole() {
    let device = match device(true) {
        Ok(device) => device.for_another_checkpoint(),
        Err(reason) => return println!("skipped: {reason}"),
    };
    let built = simple();
    let mut compiled = compile(&built, &device);
    let inputs = [("input0", &built.inputs[0].1)];
    let expected = pollster::block_on(compiled.run(&inputs)).unwrap();
    for _ in 0..3 {
        let mut run = Box::pin(compiled.run(&inputs));
        let _ = run.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        drop(run);
    }
    assert_eq!(pollster::block_on(compiled.run(&inputs)).unwrap(), expected);
}

#[test]
fn a_lost_device_is_an_error_and_another_one_serves() {
    let Ok(device) = pollster::block_on(Device::open(&AdapterChoice::default())) else { return println!("skipped: there is no adapter") };
    let built = simple();
    let mut compiled = compile(&built, &device);
    let inputs = [("input0", &built.inputs[0].1)];
    let expected = pollster::block_on(compiled.run(&inputs)).unwrap();
    device.destroy();
    let error = pollster::block_on(compiled.run(&inputs)).unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    let again = pollster::block_on(Device::open(&AdapterChoice::default())).unwrap();
    assert_eq!(pollster::block_on(compile(&built, &again).run(&inputs)).unwrap(), expected);
}

#[test]
fn too_large_a_buffer_is_refused_before_the_driver_sees_it() {
    let Ok(device) = device(true) else { return println!("skipped: there is no adapter") };
    let mut case = Case::default();
    let x = case.input(&floats(&[1, 1], 1));
    let limit = device.adapter().limits.max_storage_buffer_binding_size as usize;
    let output = case.builder.tile(&x, &[limit / 1024, 512]).unwrap();
    let built = case.finish(&output);
    let mut load = |constant: &PackedConstant| Ok(built.weights[&constant.key].clone());
    let error = pollster::block_on(device.compile(&built.program(), &mut load)).err();
    assert!(matches!(error, Some(Error::Unsupported { .. } | Error::Device { .. })), "{error:?}");
}
