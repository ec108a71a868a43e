//! Pictures beside HF's `load_image` and image processors on PIL, on files of this project.
#![cfg(feature = "vision-decode")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipfs_accelerate_pipelines::vision::{ImageClassification, ImageFeatureExtraction, ImageProcessor, Picture, Resample, resize};
use ipfs_accelerate_pipelines::{Control, Error, LoadOptions, ModelFiles, load};
use ipfs_accelerate_runtime::Tensor;
use ipfs_accelerate_runtime::platform::Platform;
use ipfs_accelerate_runtime::registry::AnyModel;
use ipfs_accelerate_runtime::weights::{Checkpoint, read_tensors};
use ipfs_accelerate_skills::SKILLS;
use pollster::block_on;
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/vision").join(name)
}

fn tensors(name: &str) -> BTreeMap<String, Tensor> {
    read_tensors(golden(name)).unwrap()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(golden("pictures").join(name)).unwrap()
}

/// The picture as PIL decoded it.
fn published(tensor: &Tensor) -> Picture {
    Picture::new(tensor.shape()[1], tensor.shape()[0], tensor.as_slice::<u8>().unwrap().to_vec()).unwrap()
}

fn processor(config: &Value) -> Result<ImageProcessor, Error> {
    ImageProcessor::new(&ModelFiles::from_bytes([("preprocessor_config.json".to_owned(), config.to_string().into_bytes())]))
}

#[test]
fn pictures_are_decoded_as_the_published_code_decodes_them() {
    let decoded = tensors("decoded.safetensors");
    assert!(decoded.len() >= 30);
    let mut distances = Vec::new();
    for (name, tensor) in decoded.iter().filter(|(name, _)| *name != "grey_16.png") {
        let (found, expected) = (Picture::decode(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}")), published(tensor));
        assert_eq!((found.width(), found.height()), (expected.width(), expected.height()), "{name}");
        let far = found.rgb().iter().zip(expected.rgb()).map(|(a, b)| a.abs_diff(*b));
        let (largest, sum) = far.fold((0, 0.0), |(largest, sum), far| (far.max(largest), sum + f64::from(far)));
        distances.push((name.clone(), largest, sum / found.rgb().len() as f64));
    }
    println!("{distances:#?}");
    for (name, largest, mean) in distances {
        // Formats that lose nothing are equal; decoders of the others differ in how they round.
        let lossy = name.ends_with(".jpg") || name == "lossy.webp";
        let (most, mean_most) = if lossy { (LOSSY.0, LOSSY.1) } else { (0, 0.0) };
        assert!(largest <= most && mean <= mean_most, "{name}: up to {largest}, {mean:.3} on average");
    }
}

#[test]
fn grey_of_sixteen_bits_keeps_its_upper_byte() {
    // The same samples as the red ones of the picture in colour. PIL makes them white: see `Picture`.
    let (grey, colour) = (Picture::decode(&file("grey_16.png")).unwrap(), Picture::decode(&file("rgb_16.png")).unwrap());
    let red = |picture: &Picture| picture.rgb().iter().step_by(3).copied().collect::<Vec<_>>();
    assert_eq!(red(&grey), red(&colour));
    assert!(grey.rgb().chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
}

/// Steps of 255 that a pixel of a JPEG or a lossy WebP may differ by, and all of them on average.
const LOSSY: (u8, f64) = (6, 0.6);

#[test]
fn pictures_are_prepared_to_the_bit_as_the_published_processors_do() {
    let answers: Value = serde_json::from_slice(&std::fs::read(golden("answers.json")).unwrap()).unwrap();
    let (decoded, prepared) = (tensors("decoded.safetensors"), tensors("prepared.safetensors"));
    assert!(prepared.len() >= 20);
    for (name, expected) in &prepared {
        let (config, picture) = name.split_once('/').unwrap();
        let found = processor(&answers["configs"][config]).unwrap().process(&published(&decoded[picture])).unwrap();
        assert_eq!(found.shape(), expected.shape(), "{name}");
        let (found, expected) = (found.as_slice::<f32>().unwrap(), expected.as_slice::<f32>().unwrap());
        let far = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far <= 1e-6, "{name}: {far}");
    }
}

fn vit(task: &str) -> (Box<dyn AnyModel>, ModelFiles) {
    let options = LoadOptions { platform: Some(Platform::Cpu), ..LoadOptions::default() };
    let model = block_on(load(SKILLS, &Checkpoint::open(golden("vit")).unwrap(), task, &options)).unwrap();
    (model, ModelFiles::open(golden("vit")).unwrap())
}

#[test]
fn pictures_are_classified_as_the_published_pipeline_classifies_them() {
    let answers: Value = serde_json::from_slice(&std::fs::read(golden("vit/answers.json")).unwrap()).unwrap();
    let (model, files) = vit(ImageClassification::PIPELINE);
    let mut pipeline = ImageClassification::new(model, &files).unwrap();
    pipeline.top_k = 3;
    let read = |name: &Value| Picture::decode(&file(name.as_str().unwrap())).unwrap();
    let pictures: Vec<Picture> = answers["pictures"].as_array().unwrap().iter().map(read).collect();
    for batch_size in [1, 2, 8] {
        pipeline.batch_size = batch_size;
        let found = block_on(pipeline.run(&pictures, Control::default())).unwrap();
        assert_eq!(found.len(), pictures.len());
        for (labels, expected) in found.iter().zip(answers["answers"].as_array().unwrap()) {
            assert_eq!(labels.len(), 3);
            for (label, expected) in labels.iter().zip(expected.as_array().unwrap()) {
                assert_eq!(label.label, expected["label"]);
                assert!((f64::from(label.score) - expected["score"].as_f64().unwrap()).abs() <= 1e-4, "{label:?}, expected {expected}");
            }
        }
    }
    let (model, files) = vit(ImageFeatureExtraction::PIPELINE);
    let features = block_on(ImageFeatureExtraction::new(model, &files).unwrap().run(&pictures[..1], Control::default())).unwrap();
    let expected: Vec<Vec<f32>> = serde_json::from_value(answers["last_hidden_state"].clone()).unwrap();
    assert_eq!(features[0].last_hidden_state.shape(), [expected.len(), 24]);
    for (found, expected) in features[0].last_hidden_state.as_slice::<f32>().unwrap().iter().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() <= 1e-4, "{found}, expected {expected}");
    }
}

#[test]
fn broken_pictures_are_errors() {
    let says = |bytes: &[u8], words: &str| {
        let error = Picture::decode(bytes).unwrap_err().to_string();
        assert!(error.contains(words), "`{error}` lacks `{words}`");
    };
    says(b"", "expected PNG, JPEG, GIF or WebP");
    says(b"hello, world", "expected PNG, JPEG, GIF or WebP");
    // A header that promises 4 billion pixels, and nothing after it.
    let mut huge = file("rgb.png");
    huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    says(&huge, "picture: ");
    for name in ["rgb.png", "444.jpg", "animated.gif", "rgb.webp", "lossy.webp"] {
        let whole = file(name);
        for part in 0..40 {
            let _ = Picture::decode(&whole[..whole.len() * part / 40]);
        }
        assert!(Picture::decode(&whole[..whole.len() / 8]).is_err(), "{name}");
        // Bits turned over at places that a fixed rule picks: an answer or an error, never a panic, never a picture too large.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = (state >> 33) as usize % (8 * bytes.len());
                bytes[place / 8] ^= 1 << (place % 8);
            }
            if let Ok(picture) = Picture::decode(&bytes) {
                assert_eq!(picture.rgb().len(), 3 * picture.width() * picture.height());
            }
        }
    }
}

#[test]
fn configs_that_cannot_be_followed_are_errors() {
    let says = |config: &str, words: &str| {
        let error = processor(&serde_json::from_str(config).unwrap()).unwrap_err().to_string();
        assert!(error.contains(words), "`{error}` lacks `{words}`");
    };
    says(r#"{"image_processor_type": "CLIPImageProcessor"}"#, "expected ViTImageProcessor or DeiTImageProcessor");
    says(r#"{"resample": 6}"#, "`resample` is 6; expected 0 to 5");
    says(r#"{"size": {"width": 3}}"#, "preprocessor_config.json");
    says(r#"{"image_std": [0.5, 0, 0.5]}"#, "`image_std` holds 0");
    says(r#"{"do_pad": true}"#, "`do_pad`");
    says(r#"{"image_mean": [0.5]}"#, "preprocessor_config.json");
    says(r#"{"do_center_crop": true, "crop_size": {"height": 0, "width": 9}}"#, "a side is 1 to 8192");
    let missing = ImageProcessor::new(&ModelFiles::default()).unwrap_err().to_string();
    assert!(missing.contains("`preprocessor_config.json` is missing"), "{missing}");
    let picture = Picture::new(400, 1, vec![0; 1200]).unwrap();
    let huge = processor(&serde_json::json!({"size": {"shortest_edge": 224}})).unwrap().process(&picture).unwrap_err().to_string();
    assert!(huge.contains("would become 224 × 89600"), "{huge}");
    let none = processor(&serde_json::json!({"size": {"height": 0, "width": 5}})).unwrap().process(&picture);
    assert!(none.is_err());
    assert!(
        Picture::new(2, 2, vec![0; 11]).is_err() && Picture::new(0, 2, vec![]).is_err() && Picture::new(usize::MAX, 9, vec![]).is_err()
    );
    assert!(resize(&picture, 1 << 20, 1 << 20, Resample::Bilinear).is_err());
}
