#!/usr/bin/env python3
"""Write one random model of real size with inputs and outputs, too large to be kept in the repository.

The folder has the layout of a golden (generated/goldens/README.md). Matrices have HF's own standard deviation of 0.02;
biases and LayerNorm weights are moved off their neutral values.

usage: reference.py --preset bert-base|vit-base|deit-base|whisper-tiny|… --out DIR
       reference.py --class BertForMaskedLM --config '{"num_hidden_layers": 4}' --batch 2 --sequence 77 --out DIR
"""

import argparse
import json
import pathlib
import platform

import torch
import transformers
from safetensors.torch import save_file

from goldens import ATTN_IMPLEMENTATION, outputs_of

PRESETS = {
    "bert-base": {},
    "bert-large": dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096),
    "minilm-l6": dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536),
    "vit-base": {},
    "deit-base": {},
    "whisper-tiny": {},
}
# Class and config class of the presets that are no BERT.
CLASSES = {
    "vit-base": ("ViTForImageClassification", "ViTConfig"),
    "deit-base": ("DeiTForImageClassificationWithTeacher", "DeiTConfig"),
    "whisper-tiny": ("WhisperForConditionalGeneration", "WhisperConfig"),
}


def arguments():
    parser = argparse.ArgumentParser(description="Write a random model of real size with inputs and outputs.")
    parser.add_argument("--class", dest="hf_class", default="BertModel")
    sizes = parser.add_mutually_exclusive_group(required=True)
    sizes.add_argument("--preset", choices=sorted(PRESETS))
    sizes.add_argument("--config", type=json.loads, help="keys of BertConfig as JSON")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--sequence", type=int, default=128)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    return parser.parse_args()


def random_model(hf_class, config, seed):
    model = getattr(transformers, hf_class)._from_config(config, attn_implementation=ATTN_IMPLEMENTATION)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("weight") and parameter.ndim == 1:
                parameter.copy_(1 + 0.05 * noise)
            elif name.endswith("bias"):
                parameter.copy_(0.05 * noise)
            else:
                parameter.copy_(getattr(config, "initializer_range", 0.02) * noise)
    return model.eval()


def random_inputs(config, seed, batch, sequence):
    """Pictures; sounds and texts; or texts, of which the last ends in padding, an eighth of the sequence."""
    generator = torch.Generator().manual_seed(seed + 1)
    if config.model_type in ("vit", "deit"):
        size = config.image_size
        return {"pixel_values": torch.randn((batch, config.num_channels, size, size), generator=generator)}
    if config.model_type == "whisper":
        places = 2 * config.max_source_positions
        return {
            "input_features": torch.randn((batch, config.num_mel_bins, places), generator=generator),
            "decoder_input_ids": torch.randint(0, config.vocab_size, (batch, sequence), generator=generator),
        }
    shape = (batch, sequence)
    mask = torch.ones(shape, dtype=torch.int64)
    mask[-1, sequence - sequence // 8 :] = 0
    return {
        "attention_mask": mask,
        "input_ids": torch.randint(1, config.vocab_size, shape, generator=generator) * mask,
        "token_type_ids": torch.randint(0, config.type_vocab_size, shape, generator=generator),
    }


def main():
    args = arguments()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    sizes = PRESETS[args.preset] if args.preset else args.config
    hf_class, config_class = CLASSES.get(args.preset, (args.hf_class, "BertConfig"))
    config = getattr(transformers, config_class)(**sizes)
    model = random_model(hf_class, config, args.seed)
    inputs = random_inputs(config, args.seed, args.batch, args.sequence)
    args.out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(args.out)
    save_file(inputs, args.out / "inputs.safetensors")
    save_file(outputs_of(model, inputs), args.out / "outputs.safetensors")
    provenance = {
        "made_by": "xtask/oracle/reference.py",
        "hf_class": hf_class,
        "attn_implementation": ATTN_IMPLEMENTATION,
        "config": sizes,
        "seed": args.seed,
        "batch": args.batch,
        "sequence": args.sequence,
        "computed_in": "float32, cpu, 1 thread",
        "weights": "random, of no published model",
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
    }
    (args.out / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    main()
