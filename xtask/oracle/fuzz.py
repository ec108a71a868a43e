#!/usr/bin/env python3
"""Hold the command `ipfs-accelerate run` against HF transformers on random models that no golden has.

Every case is a random config, class, dtype of inputs, batch and length; the seed and the case's number give it again.
A result further than the tolerance from PyTorch's float32 is held against PyTorch's float64: where float32 itself is as far, the case is
reported as such and not as a failure.

usage: fuzz.py COMMAND --family bert,vit --platform cpu,webgpu --count 20 [--seed 7] [--only CASE]
"""

import argparse
import copy
import pathlib
import random
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

ACTIVATIONS = ["gelu", "relu", "silu", "gelu_new", "tanh", "quick_gelu", "gelu_pytorch_tanh", "gelu_fast", "sigmoid", "swish", "mish", "linear",
               "relu6", "leaky_relu", "gelu_10", "hardswish", "relu2", "gelu_python", "gelu_accurate", "laplace"]
TOLERANCE = 1e-4


def encoder(r, heads_key="num_attention_heads", hidden="hidden_size", layers="num_hidden_layers", inner="intermediate_size", act="hidden_act"):
    heads = r.choice([1, 2, 3, 5, 8])
    return {heads_key: heads, hidden: heads * r.choice([1, 3, 4, 7, 16, 33, 64, 80]), layers: r.choice([1, 2, 4]),
            inner: r.choice([1, 5, 64, 131, 300]), act: r.choice(ACTIVATIONS)}


def labels(r, hf_class):
    return 2 if "QuestionAnswering" in hf_class else r.choice([1, 2, 3, 7])


def bert(r, hf_class):
    return transformers.BertConfig(
        **encoder(r), vocab_size=r.choice([7, 50, 129, 1000]), max_position_embeddings=r.choice([16, 65, 130]),
        type_vocab_size=r.choice([1, 2, 4]), layer_norm_eps=r.choice([1e-12, 1e-5, 1e-3]), tie_word_embeddings=r.random() < 0.6,
        num_labels=labels(r, hf_class))


def roberta(r, hf_class, config=transformers.RobertaConfig):
    return config(
        **encoder(r), vocab_size=r.choice([7, 50, 129, 1000]), max_position_embeddings=r.choice([16, 65, 130]), pad_token_id=r.choice([0, 1, 5]),
        type_vocab_size=r.choice([1, 2]), layer_norm_eps=r.choice([1e-12, 1e-5]), tie_word_embeddings=r.random() < 0.6,
        num_labels=labels(r, hf_class))


def distilbert(r, hf_class):
    sizes = encoder(r, "n_heads", "dim", "n_layers", "hidden_dim", "activation")
    if r.random() < 0.7:
        sizes["activation"] = "gelu"
    return transformers.DistilBertConfig(
        **sizes, vocab_size=r.choice([7, 50, 129]), max_position_embeddings=r.choice([16, 65]),
        sinusoidal_pos_embds=r.random() < 0.3, tie_word_embeddings=r.random() < 0.6, num_labels=labels(r, hf_class))


def vit(r, hf_class, config=transformers.ViTConfig):
    patch = r.choice([2, 4, 7])
    return config(
        **encoder(r), image_size=patch * r.choice([1, 2, 3, 5]), patch_size=patch, num_channels=r.choice([1, 3]), qkv_bias=r.random() < 0.7,
        layer_norm_eps=r.choice([1e-12, 1e-5]), num_labels=labels(r, hf_class))


def whisper(r, hf_class):
    heads, inner = r.choice([1, 2, 3]), r.choice([8, 20, 33])
    vocabulary = r.choice([60, 200])
    return transformers.WhisperConfig(
        vocab_size=vocabulary, num_mel_bins=r.choice([8, 80]), d_model=heads * r.choice([4, 6, 16]), encoder_layers=r.choice([1, 2, 3]),
        decoder_layers=r.choice([1, 2, 3]), encoder_attention_heads=heads, decoder_attention_heads=heads, encoder_ffn_dim=inner,
        decoder_ffn_dim=r.choice([9, 16, 40]), max_source_positions=r.choice([7, 20, 50]), max_target_positions=r.choice([10, 24]),
        activation_function=r.choice(["gelu", "relu", "silu", "gelu_new"]), pad_token_id=1, bos_token_id=2, eos_token_id=3,
        decoder_start_token_id=4, scale_embedding=r.random() < 0.3)


def text(r, config, hf_class):
    limit = config.max_position_embeddings
    padding = config.pad_token_id or 0
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        limit = max(limit - padding - 1, 1)
    batch, sequence = r.choice([1, 2, 5]), r.randint(1, limit)
    ids = torch.randint(0, config.vocab_size, (batch, sequence))
    mask = (torch.rand(batch, sequence) > 0.2).long()
    mask[:, 0] = 1
    inputs = {"input_ids": ids, "attention_mask": mask}
    if "DistilBert" not in hf_class and r.random() < 0.7:
        inputs["token_type_ids"] = torch.randint(0, config.type_vocab_size, (batch, sequence))
    return inputs


def picture(r, config, hf_class):
    return {"pixel_values": torch.randn(r.choice([1, 2, 3]), config.num_channels, config.image_size, config.image_size)}


def sound(r, config, hf_class):
    batch = r.choice([1, 2])
    return {"input_features": torch.randn(batch, config.num_mel_bins, 2 * config.max_source_positions),
            "decoder_input_ids": torch.randint(0, config.vocab_size, (batch, r.randint(1, config.max_target_positions)))}


TEXT_HEADS = ["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"]
# family: (config, inputs, classes)
FAMILIES = {
    "bert": (bert, text, [f"Bert{head}" for head in TEXT_HEADS] + ["BertForPreTraining"]),
    "roberta": (roberta, text, [f"Roberta{head}" for head in TEXT_HEADS]),
    "distilbert": (distilbert, text, [f"DistilBert{head}" for head in TEXT_HEADS]),
    "vit": (vit, picture, ["ViTModel", "ViTForImageClassification"]),
    "deit": (lambda r, c: vit(r, c, transformers.DeiTConfig), picture,
             ["DeiTModel", "DeiTForImageClassification", "DeiTForImageClassificationWithTeacher"]),
    "whisper": (whisper, sound, ["WhisperModel", "WhisperForConditionalGeneration"]),
}


def random_model(hf_class, config):
    model = getattr(transformers, hf_class)._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter) * 0.3)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    model.tie_weights()
    return model


@torch.no_grad()
def outputs_of(model, inputs):
    answer = model(**inputs, output_hidden_states=True)
    outputs = {name: value.clone().contiguous() for name, value in answer.items() if isinstance(value, torch.Tensor)}
    if answer.get("hidden_states") is not None and "last_hidden_state" not in outputs and not hasattr(model.config, "image_size"):
        outputs["last_hidden_state"] = answer.hidden_states[-1].clone().contiguous()
    return outputs


def narrowed(r, name, tensor):
    """Integers of any width are taken."""
    if tensor.is_floating_point():
        return tensor
    widths = [torch.int64, torch.int32, torch.int16]
    return tensor.to(r.choice(widths + [torch.uint8, torch.bool] if name == "attention_mask" else widths))


def case(arguments, family, number):
    """Lines that say what was wrong, and the greatest distance."""
    r = random.Random(f"{arguments.seed} {family} {number}")
    torch.manual_seed(r.getrandbits(40))
    make_config, make_inputs, classes = FAMILIES[family]
    hf_class = classes[number % len(classes)]
    config = make_config(r, hf_class)
    model, inputs = random_model(hf_class, config), None
    inputs = make_inputs(r, config, hf_class)
    expected, wrong, worst = outputs_of(model, inputs), [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model.save_pretrained(folder)
        save_file({name: narrowed(r, name, tensor) for name, tensor in inputs.items()}, folder / "in.safetensors")
        for platform in arguments.platform.split(","):
            command = [arguments.command, "run", family, "--weights", folder, "--inputs", folder / "in.safetensors",
                       "--outputs", folder / "out.safetensors", "--platform", platform]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                wrong.append(f"{platform}: {run.stderr.strip()[-600:]}")
                continue
            found = load_file(folder / "out.safetensors")
            for name in sorted(expected.keys() & found.keys()):
                scale = max(1.0, expected[name].abs().max().item())
                distance = (found[name] - expected[name]).abs().max().item() / scale
                worst = max(worst, distance)
                if not distance <= TOLERANCE:
                    exact = outputs_of(copy.deepcopy(model).double(), {n: t.double() if t.is_floating_point() else t for n, t in inputs.items()})[name]
                    ours, theirs = ((side.double() - exact).abs().max().item() / scale for side in (found[name], expected[name]))
                    verdict = "float32's own limit" if ours <= 4 * theirs else "FAR"
                    wrong.append(f"{platform} `{name}`: {distance:.1e} from PyTorch; from float64 {ours:.1e}, PyTorch's float32 {theirs:.1e}: {verdict}")
            missing = sorted(expected.keys() - found.keys() - {"past_key_values"})
            if missing:
                wrong.append(f"{platform}: no {', '.join(missing)} among {', '.join(sorted(found))}")
    return hf_class, config, wrong, worst


def main():
    parser = argparse.ArgumentParser(description="Random models against HF transformers.")
    parser.add_argument("command")
    parser.add_argument("--family", default="bert")
    parser.add_argument("--platform", default="cpu")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", type=int, help="one case, by its number")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    failed = False
    for family in arguments.family.split(","):
        numbers, worst, bad = [arguments.only] if arguments.only is not None else range(arguments.count), 0.0, 0
        for number in numbers:
            hf_class, config, wrong, distance = case(arguments, family, number)
            worst = max(worst, distance)
            far = [line for line in wrong if not line.endswith("limit")]
            bad += bool(far)
            for line in wrong:
                print(f"{family} {number} {hf_class}: {line}")
            if far:
                print(f"  {config.to_diff_dict()}")
        print(f"{family}: {len(numbers)} cases, {bad} wrong, greatest distance {worst:.1e}")
        failed |= bad > 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
