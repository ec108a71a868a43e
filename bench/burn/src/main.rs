//! Times one forward pass of a BERT-base-shaped encoder in burn-wgpu: WGSL through wgpu on Vulkan, with burn's usual
//! autotune and fusion. The weights are random; each run ends when its output has been read back.
//!
//! usage: bench-burn [RUNS] [SEQUENCE] [BATCH]
//!
//! Software Vulkan: `CUBECL_WGPU_DEFAULT_DEVICE=Cpu VK_DRIVER_FILES=<the lvp_icd*.json of Mesa> bench-burn`

use std::time::Instant;

use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::{Device, Distribution, Int, Tensor};

const VOCAB_SIZE: usize = 30_522;
const HIDDEN_SIZE: usize = 768;
const LAYERS: usize = 12;
const HEADS: usize = 12;
const INTERMEDIATE_SIZE: usize = 3_072;
const POSITIONS: usize = 512;
const TOKEN_TYPES: usize = 2;
const LAYER_NORM_EPS: f64 = 1e-12;
const WARMUP: usize = 5;

struct Bert {
    words: Embedding,
    positions: Embedding,
    token_types: Embedding,
    layer_norm: LayerNorm,
    encoder: TransformerEncoder,
}

impl Bert {
    fn random(device: &Device) -> Self {
        let table = |rows| EmbeddingConfig::new(rows, HIDDEN_SIZE).init(device);
        Self {
            words: table(VOCAB_SIZE),
            positions: table(POSITIONS),
            token_types: table(TOKEN_TYPES),
            layer_norm: LayerNormConfig::new(HIDDEN_SIZE).with_epsilon(LAYER_NORM_EPS).init(device),
            encoder: TransformerEncoderConfig::new(HIDDEN_SIZE, INTERMEDIATE_SIZE, HEADS, LAYERS)
                .with_dropout(0.0)
                .with_layer_norm_eps(LAYER_NORM_EPS)
                .init(device),
        }
    }

    fn forward(&self, ids: Tensor<2, Int>, positions: Tensor<2, Int>, types: Tensor<2, Int>) -> Tensor<3> {
        let embeddings =
            self.words.forward(ids) + self.token_types.forward(types) + self.positions.forward(positions);
        self.encoder.forward(TransformerEncoderInput::new(self.layer_norm.forward(embeddings)))
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let runs = arguments.next().unwrap_or(7);
    let sequence = arguments.next().unwrap_or(128);
    let batch = arguments.next().unwrap_or(1);

    let (device, setup) = Device::wgpu_options()
        .graphics_api(WgpuBackend::Vulkan)
        .init_with_setup()
        .expect("a Vulkan adapter");
    let adapter = setup.adapter.get_info();
    println!(r#"{{"engine": "burn-wgpu", "adapter": "{}", "driver": "{}"}}"#, adapter.name, adapter.driver_info);

    let model = Bert::random(&device);
    let shape = [batch, sequence];
    let ids = Tensor::<2>::random(shape, Distribution::Uniform(0.0, VOCAB_SIZE as f64), &device).int();
    let positions = Tensor::<1, Int>::arange(0..sequence as i64, &device).unsqueeze::<2>().repeat_dim(0, batch);
    let types = Tensor::<2, Int>::zeros(shape, &device);
    let run = || {
        let start = Instant::now();
        let output = model.forward(ids.clone(), positions.clone(), types.clone()).into_data();
        (start.elapsed().as_secs_f64() * 1e3, output)
    };

    for index in 0..WARMUP {
        let (milliseconds, output) = run();
        let values = output.try_to_vec::<f32>().expect("float32");
        assert_eq!(values.len(), batch * sequence * HIDDEN_SIZE);
        assert!(values.iter().all(|value| value.is_finite()));
        println!(r#"{{"engine": "burn-wgpu", "warmup": {index}, "milliseconds": {milliseconds:.3}}}"#);
    }
    let mut times: Vec<f64> = (0..runs)
        .map(|index| {
            let (milliseconds, _) = run();
            println!(r#"{{"engine": "burn-wgpu", "run": {index}, "milliseconds": {milliseconds:.3}}}"#);
            milliseconds
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        r#"{{"engine": "burn-wgpu", "batch": {batch}, "sequence": {sequence}, "median_milliseconds": {:.3}}}"#,
        times[times.len() / 2]
    );
}
