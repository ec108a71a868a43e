#!/usr/bin/env python3
"""Write the goldens: tiny random models in HF's own format, with the inputs and outputs of HF's own classes.

Everything follows from the seeds below, so a second run on the same machine writes the same bytes.
The outputs are computed from the checkpoint read back from disk, in float32, on one thread.

usage: goldens.py OUT_DIR [--check]     --check writes nothing there and fails when OUT_DIR differs
"""

import argparse
import dataclasses
import filecmp
import json
import math
import pathlib
import platform
import shutil
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

ATTN_IMPLEMENTATION = "eager"
# Adding the same number to a whole row of scores does not move its softmax.
WITHOUT_EFFECT = ("attention.self.key.bias", "attention.k_lin.bias", "attention.k_proj.bias")
# Present in untied checkpoints, but the head reads decoder.bias instead.
UNREAD_WHEN_UNTIED = ("cls.predictions.bias", "lm_head.bias")
LEAST_EFFECT = 1e-2


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    hf_class: str
    seed: int
    config: dict
    attention_mask: list = ()
    family: str = "bert"
    config_class: str = "BertConfig"
    # Sizes of the inputs that are no text, and arguments of the call that are no tensors.
    sizes: tuple = ()
    call: dict = dataclasses.field(default_factory=dict)
    save_options: dict = dataclasses.field(default_factory=dict)
    legacy: bool = False


# Special tokens within small vocabularies.
WHISPER_TOKENS = dict(
    pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=3, suppress_tokens=None, begin_suppress_tokens=None
)

CASES = [
    Case(
        name="base_gelu",
        hf_class="BertModel",
        seed=1,
        config=dict(
            vocab_size=99,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            hidden_act="gelu",
            max_position_embeddings=40,
        ),
        attention_mask=["11111111111", "11111110000"],
    ),
    Case(
        name="base_odd_relu",
        hf_class="BertModel",
        seed=2,
        config=dict(
            vocab_size=101,
            hidden_size=42,
            num_hidden_layers=3,
            num_attention_heads=3,
            intermediate_size=77,
            hidden_act="relu",
            max_position_embeddings=33,
            type_vocab_size=3,
            layer_norm_eps=1e-5,
        ),
        attention_mask=["0001111111111", "1111111111111", "1111100000000"],
    ),
    Case(
        name="base_masks",
        hf_class="BertModel",
        seed=3,
        config=dict(
            vocab_size=37,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=24,
            hidden_act="gelu_pytorch_tanh",
            max_position_embeddings=9,
            layer_norm_eps=0.05,
        ),
        attention_mask=["1011010", "1000000", "0000000", "2103011"],
    ),
    Case(
        name="base_sharded",
        hf_class="BertModel",
        seed=4,
        config=dict(
            vocab_size=61,
            hidden_size=20,
            num_hidden_layers=2,
            num_attention_heads=5,
            intermediate_size=31,
            hidden_act="quick_gelu",
            max_position_embeddings=15,
        ),
        attention_mask=["111111111111111", "111111111100000"],
        save_options=dict(max_shard_size="12KB"),
    ),
    Case(
        name="masked_lm_gelu_new",
        hf_class="BertForMaskedLM",
        seed=5,
        config=dict(
            vocab_size=83,
            hidden_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=50,
            hidden_act="gelu_new",
            max_position_embeddings=21,
        ),
        attention_mask=["111111111", "111111000"],
    ),
    Case(
        name="masked_lm_untied_silu",
        hf_class="BertForMaskedLM",
        seed=6,
        config=dict(
            vocab_size=71,
            hidden_size=18,
            num_hidden_layers=2,
            num_attention_heads=1,
            intermediate_size=29,
            hidden_act="silu",
            max_position_embeddings=17,
            layer_norm_eps=0.02,
            tie_word_embeddings=False,
        ),
        attention_mask=["1111111", "0011111", "1110000"],
    ),
    Case(
        name="masked_lm_legacy_names",
        hf_class="BertForMaskedLM",
        seed=7,
        config=dict(
            vocab_size=67,
            hidden_size=28,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=45,
            hidden_act="gelu",
            max_position_embeddings=25,
        ),
        attention_mask=["11111111111", "11111111100"],
        legacy=True,
    ),
    Case(
        name="classification_tanh",
        hf_class="BertForSequenceClassification",
        seed=8,
        config=dict(
            vocab_size=53,
            hidden_size=26,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=39,
            hidden_act="tanh",
            max_position_embeddings=19,
            num_labels=5,
        ),
        attention_mask=["1111111111111", "1111100000000", "1111111111000"],
    ),
    Case(
        name="base_gelu",
        family="roberta",
        config_class="RobertaConfig",
        hf_class="RobertaModel",
        seed=21,
        config=dict(
            vocab_size=41,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=3,
            intermediate_size=37,
            max_position_embeddings=20,
            pad_token_id=1,
        ),
        attention_mask=["11111111111", "11111110000", "00111111111"],
    ),
    Case(
        name="masked_lm_padding_3",
        family="roberta",
        config_class="RobertaConfig",
        hf_class="RobertaForMaskedLM",
        seed=22,
        config=dict(
            vocab_size=29,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=27,
            hidden_act="relu",
            max_position_embeddings=23,
            pad_token_id=3,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
        ),
        attention_mask=["1111111111111", "0001111111111", "1111111100000"],
    ),
    Case(
        name="classification",
        family="roberta",
        config_class="RobertaConfig",
        hf_class="RobertaForSequenceClassification",
        seed=23,
        config=dict(
            vocab_size=31,
            hidden_size=14,
            num_hidden_layers=2,
            num_attention_heads=1,
            intermediate_size=19,
            hidden_act="gelu_new",
            max_position_embeddings=18,
            type_vocab_size=1,
            id2label={0: "good", 1: "bad", 2: "neither"},
            label2id={"good": 0, "bad": 1, "neither": 2},
        ),
        attention_mask=["111111111", "111100000"],
    ),
    Case(
        name="question_answering_camembert",
        family="roberta",
        config_class="CamembertConfig",
        hf_class="CamembertForQuestionAnswering",
        seed=24,
        config=dict(
            vocab_size=31,
            hidden_size=12,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=17,
            max_position_embeddings=16,
        ),
        attention_mask=["1111111111", "1111000000"],
    ),
    Case(
        name="token_classification_xlm_roberta",
        family="roberta",
        config_class="XLMRobertaConfig",
        hf_class="XLMRobertaForTokenClassification",
        seed=25,
        config=dict(
            vocab_size=31,
            hidden_size=12,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=17,
            max_position_embeddings=16,
            type_vocab_size=1,
            num_labels=4,
        ),
        attention_mask=["1111111111", "1111000000"],
    ),
    Case(
        name="base_gelu",
        family="distilbert",
        config_class="DistilBertConfig",
        hf_class="DistilBertModel",
        seed=31,
        config=dict(vocab_size=43, dim=24, n_layers=3, n_heads=4, hidden_dim=35, max_position_embeddings=19),
        attention_mask=["11111111111", "11111110000", "00111111111"],
    ),
    Case(
        name="masked_lm_sinusoidal_relu",
        family="distilbert",
        config_class="DistilBertConfig",
        hf_class="DistilBertForMaskedLM",
        seed=32,
        config=dict(
            vocab_size=37,
            dim=18,
            n_layers=2,
            n_heads=3,
            hidden_dim=31,
            activation="relu",
            max_position_embeddings=17,
            sinusoidal_pos_embds=True,
        ),
        attention_mask=["111111111", "111111000"],
    ),
    Case(
        name="classification",
        family="distilbert",
        config_class="DistilBertConfig",
        hf_class="DistilBertForSequenceClassification",
        seed=33,
        config=dict(vocab_size=37, dim=20, n_layers=1, n_heads=2, hidden_dim=23, max_position_embeddings=15, num_labels=3),
        attention_mask=["1111111", "0011111", "1110000"],
    ),
    Case(
        name="question_answering",
        family="distilbert",
        config_class="DistilBertConfig",
        hf_class="DistilBertForQuestionAnswering",
        seed=34,
        config=dict(vocab_size=37, dim=12, n_layers=1, n_heads=1, hidden_dim=23, max_position_embeddings=15),
        attention_mask=["11111111", "11100000"],
    ),
    Case(
        name="base_square",
        family="vit",
        config_class="ViTConfig",
        hf_class="ViTModel",
        seed=41,
        config=dict(
            hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=37, image_size=12, patch_size=4
        ),
        sizes=(3, 3, 12, 12),
    ),
    Case(
        name="base_rectangle_without_bias",
        family="vit",
        config_class="ViTConfig",
        hf_class="ViTModel",
        seed=42,
        config=dict(
            hidden_size=20,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=27,
            hidden_act="quick_gelu",
            image_size=[10, 14],
            patch_size=[3, 4],
            num_channels=1,
            qkv_bias=False,
            layer_norm_eps=0.01,
            pooler_output_size=9,
            pooler_act="sigmoid",
        ),
        sizes=(2, 1, 10, 14),
    ),
    Case(
        name="base_interpolated_smaller",
        family="vit",
        config_class="ViTConfig",
        hf_class="ViTModel",
        seed=43,
        config=dict(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=21, image_size=16, patch_size=4
        ),
        sizes=(2, 3, 8, 13),
        call=dict(interpolate_pos_encoding=True),
    ),
    Case(
        name="classification_interpolated_larger",
        family="vit",
        config_class="ViTConfig",
        hf_class="ViTForImageClassification",
        seed=44,
        config=dict(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=29,
            image_size=12,
            patch_size=4,
            id2label={0: "cat", 1: "dog", 2: "remote control"},
            label2id={"cat": 0, "dog": 1, "remote control": 2},
        ),
        sizes=(2, 3, 20, 16),
        call=dict(interpolate_pos_encoding=True),
    ),
    Case(
        name="base_square",
        family="deit",
        config_class="DeiTConfig",
        hf_class="DeiTModel",
        seed=51,
        config=dict(
            hidden_size=18, num_hidden_layers=2, num_attention_heads=3, intermediate_size=25, image_size=12, patch_size=4
        ),
        sizes=(2, 3, 12, 12),
    ),
    Case(
        name="classification",
        family="deit",
        config_class="DeiTConfig",
        hf_class="DeiTForImageClassification",
        seed=52,
        config=dict(
            hidden_size=12,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=25,
            image_size=[9, 12],
            patch_size=[3, 4],
            num_labels=4,
        ),
        sizes=(2, 3, 9, 12),
    ),
    Case(
        name="classification_with_teacher_interpolated",
        family="deit",
        config_class="DeiTConfig",
        hf_class="DeiTForImageClassificationWithTeacher",
        seed=53,
        config=dict(
            hidden_size=14,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=19,
            image_size=8,
            patch_size=4,
            num_labels=5,
        ),
        sizes=(2, 3, 12, 17),
        call=dict(interpolate_pos_encoding=True),
    ),
    Case(
        name="base_gelu",
        family="whisper",
        config_class="WhisperConfig",
        hf_class="WhisperModel",
        seed=61,
        config=dict(
            WHISPER_TOKENS,
            vocab_size=31,
            num_mel_bins=5,
            d_model=16,
            encoder_layers=2,
            encoder_attention_heads=2,
            encoder_ffn_dim=23,
            decoder_layers=1,
            decoder_attention_heads=4,
            decoder_ffn_dim=27,
            max_source_positions=7,
            max_target_positions=13,
        ),
        sizes=(3, 6),
        attention_mask=["111111", "111100", "101011"],
    ),
    Case(
        name="generation_relu",
        family="whisper",
        config_class="WhisperConfig",
        hf_class="WhisperForConditionalGeneration",
        seed=62,
        config=dict(
            WHISPER_TOKENS,
            vocab_size=37,
            num_mel_bins=8,
            d_model=18,
            encoder_layers=1,
            encoder_attention_heads=3,
            encoder_ffn_dim=19,
            decoder_layers=2,
            decoder_attention_heads=2,
            decoder_ffn_dim=29,
            activation_function="relu",
            max_source_positions=9,
            max_target_positions=11,
        ),
        sizes=(2, 11),
    ),
    Case(
        name="generation_untied",
        family="whisper",
        config_class="WhisperConfig",
        hf_class="WhisperForConditionalGeneration",
        seed=63,
        config=dict(
            WHISPER_TOKENS,
            vocab_size=29,
            num_mel_bins=6,
            d_model=12,
            encoder_layers=1,
            encoder_attention_heads=1,
            encoder_ffn_dim=17,
            decoder_layers=3,
            decoder_attention_heads=2,
            decoder_ffn_dim=15,
            max_source_positions=5,
            max_target_positions=9,
            tie_word_embeddings=False,
        ),
        sizes=(3, 5),
    ),
    Case(
        name="sound_classification",
        family="whisper",
        config_class="WhisperConfig",
        hf_class="WhisperForAudioClassification",
        seed=64,
        config=dict(
            WHISPER_TOKENS,
            vocab_size=29,
            num_mel_bins=6,
            d_model=14,
            encoder_layers=2,
            encoder_attention_heads=2,
            encoder_ffn_dim=17,
            decoder_layers=1,
            decoder_attention_heads=2,
            decoder_ffn_dim=15,
            max_source_positions=8,
            max_target_positions=9,
            classifier_proj_size=10,
            num_labels=3,
        ),
        sizes=(2,),
    ),
]

FAMILIES = sorted({case.family for case in CASES})


def lively(name, tensor, generator):
    """Values that no layer saturates on and that make every tensor visible in the outputs, biases included."""
    noise = torch.randn(tensor.shape, generator=generator)
    if is_norm(name, tensor):
        return 1 + 0.2 * noise
    if name.endswith("bias"):
        return 0.3 * noise
    if ("embed" in name and "projection" not in name) or name.endswith("_token"):
        return 0.6 * noise
    return 1.3 / math.sqrt(math.prod(tensor.shape[1:])) * noise


def is_norm(name, tensor):
    return name.endswith("weight") and tensor.ndim == 1


def random_model(case):
    config = getattr(transformers, case.config_class)(**case.config)
    model = getattr(transformers, case.hf_class)._from_config(config, attn_implementation=ATTN_IMPLEMENTATION)
    generator = torch.Generator().manual_seed(case.seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.copy_(lively(name, parameter, generator))
    return model.eval()


def inputs_of(case):
    """Pictures, sounds, or texts: token_type_ids where there are types, padding tokens where the mask is 0."""
    generator = torch.Generator().manual_seed(1000 + case.seed)
    if case.family in ("vit", "deit"):
        return {"pixel_values": torch.randn(case.sizes, generator=generator)}
    if case.family == "whisper":
        return sounds_and_texts(case, generator)
    mask = torch.tensor([[int(digit) for digit in row] for row in case.attention_mask])
    random = lambda below: torch.randint(0, below, mask.shape, generator=generator)
    input_ids = random(case.config["vocab_size"])
    input_ids[mask == 0] = case.config.get("pad_token_id", 0)
    inputs = {"input_ids": input_ids, "attention_mask": mask}
    if case.family != "distilbert":
        inputs["token_type_ids"] = random(case.config.get("type_vocab_size", 2))
    return inputs


def sounds_and_texts(case, generator):
    """Spectrograms, and `sizes` tokens of text where the class writes some; a mask where the case has one."""
    bins, places = case.config["num_mel_bins"], 2 * case.config["max_source_positions"]
    batch, *tokens = case.sizes
    inputs = {"input_features": torch.randn((batch, bins, places), generator=generator)}
    if tokens:
        inputs["decoder_input_ids"] = torch.randint(0, case.config["vocab_size"], (batch, *tokens), generator=generator)
    if case.attention_mask:
        inputs["decoder_attention_mask"] = torch.tensor([[int(digit) for digit in row] for row in case.attention_mask])
    return inputs


LISTS = ("hidden_states", "encoder_hidden_states", "decoder_hidden_states")
FIELDS = (
    "last_hidden_state",
    "encoder_last_hidden_state",
    "pooler_output",
    "logits",
    "start_logits",
    "end_logits",
    "cls_logits",
    "distillation_logits",
)


@torch.no_grad()
def outputs_of(model, inputs, call=None):
    answer = model(**inputs, output_hidden_states=True, **(call or {}))
    outputs = {}
    for name in LISTS:
        outputs.update({f"{name}.{layer}": state for layer, state in enumerate(answer.get(name) or ())})
    for name in FIELDS:
        if answer.get(name) is not None:
            outputs[name] = answer[name]
    # Of models that end in their last layer.
    if "last_hidden_state" not in outputs and answer.get("hidden_states") is not None and model.main_input_name == "input_ids":
        outputs["last_hidden_state"] = answer.hidden_states[-1]
    return {name: outputs[name].to(torch.float32).clone().contiguous() for name in sorted(outputs)}


def as_an_old_checkpoint(case, folder):
    """Names, surplus tensors and config keys of google-bert/bert-base-uncased, stored in float16."""
    path = folder / "model.safetensors"
    tensors = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in load_file(path).items()
    }
    generator = torch.Generator().manual_seed(2000 + case.seed)
    hidden_size = case.config["hidden_size"]
    surplus = {
        "bert.pooler.dense.weight": (hidden_size, hidden_size),
        "bert.pooler.dense.bias": (hidden_size,),
        "cls.seq_relationship.weight": (2, hidden_size),
        "cls.seq_relationship.bias": (2,),
    }
    for name, shape in surplus.items():
        tensors[name] = lively(name, torch.empty(shape), generator)
    tensors = {name: tensor.to(torch.float16) for name, tensor in tensors.items()}
    positions = case.config["max_position_embeddings"]
    tensors["bert.embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)
    save_file(dict(sorted(tensors.items())), path, metadata={"format": "pt"})

    config = {
        "architectures": [case.hf_class],
        "attention_probs_dropout_prob": 0.1,
        "gradient_checkpointing": False,
        "hidden_act": case.config["hidden_act"],
        "hidden_dropout_prob": 0.1,
        "hidden_size": hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": case.config["intermediate_size"],
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": positions,
        "model_type": "bert",
        "num_attention_heads": case.config["num_attention_heads"],
        "num_hidden_layers": case.config["num_hidden_layers"],
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "transformers_version": "4.6.0.dev0",
        "type_vocab_size": 2,
        "use_cache": True,
        "vocab_size": case.config["vocab_size"],
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def read_back(case, folder):
    model, info = getattr(transformers, case.hf_class).from_pretrained(
        folder, attn_implementation=ATTN_IMPLEMENTATION, dtype=torch.float32, output_loading_info=True
    )
    assert not info["missing_keys"] and not info["mismatched_keys"], (case.name, info)
    assert case.legacy or not info["unexpected_keys"], (case.name, info)
    return model.eval()


@torch.no_grad()
def require_every_tensor_to_matter(case, model, inputs, outputs):
    untied = not case.config.get("tie_word_embeddings", True)
    for name, parameter in model.named_parameters():
        if name.endswith(WITHOUT_EFFECT) or (untied and name in UNREAD_WHEN_UNTIED):
            continue
        kept = parameter.clone()
        parameter.copy_(torch.ones_like(kept) if is_norm(name, kept) else torch.zeros_like(kept))
        changed = outputs_of(model, inputs, case.call)
        parameter.copy_(kept)
        effect = max((changed[key] - outputs[key]).abs().max().item() for key in outputs)
        assert effect > LEAST_EFFECT, f"{case.name}: {name} moves the outputs by {effect} only"


def provenance(case):
    return {
        "made_by": "xtask/oracle/goldens.py",
        "command": "python xtask/oracle/goldens.py generated/goldens",
        "case": case.name,
        "hf_class": case.hf_class,
        "attn_implementation": ATTN_IMPLEMENTATION,
        "seed": case.seed,
        **({"call": case.call} if case.call else {}),
        "computed_in": "float32, cpu, 1 thread",
        "weights": "random, of no published model",
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
    }


def write_case(case, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    random_model(case).save_pretrained(folder, **case.save_options)
    if case.legacy:
        as_an_old_checkpoint(case, folder)
    model = read_back(case, folder)
    inputs = inputs_of(case)
    outputs = outputs_of(model, inputs, case.call)
    assert all(tensor.isfinite().all() for tensor in outputs.values()), case.name
    require_every_tensor_to_matter(case, model, inputs, outputs)
    save_file(dict(sorted(inputs.items())), folder / "inputs.safetensors")
    save_file(outputs, folder / "outputs.safetensors")
    (folder / "provenance.json").write_text(json.dumps(provenance(case), indent=2) + "\n")


def write_all(out):
    for family in FAMILIES:
        shutil.rmtree(out / family, ignore_errors=True)
    for case in CASES:
        write_case(case, out / case.family / case.name)


def differences(made, kept):
    names = {str(path.relative_to(root)) for root in (made, kept) for path in root.rglob("*") if path.is_file()}
    for name in sorted(names):
        if not (made / name).is_file() or not (kept / name).is_file():
            yield name
        elif not filecmp.cmp(made / name, kept / name, shallow=False):
            yield name


def main():
    parser = argparse.ArgumentParser(description="Write the goldens.")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if not arguments.check:
        write_all(arguments.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_all(pathlib.Path(folder))
        stale = [
            f"{family}/{name}" for family in FAMILIES for name in differences(pathlib.Path(folder, family), arguments.out / family)
        ]
    for name in stale:
        print(f"differs: {name}", file=sys.stderr)
    sys.exit(1 if stale else 0)


if __name__ == "__main__":
    main()
