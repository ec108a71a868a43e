#!/usr/bin/env python3
"""Write what a benchmark of a checkpoint needs: inputs of given sizes, the published model's outputs, and its ONNX.

Inputs are the checkpoint's own, repeated or cut. The ONNX has fixed sizes, int32 inputs (a browser's WebNN may lack int64) and the outputs that
have a name; it is exported by tracing: WebNN of Chromium 147 dies on the graph of the newer exporter (seen with onnxruntime-web 1.30, 2026-11-23).

With --new-tokens the outputs are a text instead: `sequences`, the prompt and as many tokens as are asked for, and `logits`, the scores of the last.
The prompt is the start token of an encoder and decoder, and the checkpoint's input_ids of a decoder alone.

usage: bench.py --checkpoint DIR --out DIR [--batch 1] [--sequence 128] [--onnx | --new-tokens 40]
"""

import argparse
import json
import math
import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file

from goldens import ATTN_IMPLEMENTATION, outputs_of


def arguments():
    parser = argparse.ArgumentParser(description="Write inputs, outputs and ONNX for a benchmark.")
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--sequence", type=int)
    parser.add_argument("--onnx", action="store_true")
    parser.add_argument("--new-tokens", type=int, default=0)
    return parser.parse_args()


def load(checkpoint):
    config = json.loads((checkpoint / "config.json").read_text())
    model = getattr(transformers, config["architectures"][0])
    return model.from_pretrained(checkpoint, attn_implementation=ATTN_IMPLEMENTATION, dtype=torch.float32).eval()


def resized(tensor, sizes):
    """The tensor with its first axes of these sizes, repeated or cut; `None` leaves an axis as it is."""
    for axis, size in enumerate(sizes):
        if size is not None and axis < tensor.dim():
            repeats = [1] * tensor.dim()
            repeats[axis] = math.ceil(size / tensor.shape[axis])
            tensor = tensor.repeat(repeats).narrow(axis, 0, size)
    return tensor.contiguous()


class Named(torch.nn.Module):
    def __init__(self, model, inputs, outputs):
        super().__init__()
        self.model, self.inputs, self.outputs = model, inputs, outputs

    def forward(self, *tensors):
        answer = self.model(**dict(zip(self.inputs, tensors)))
        return tuple(answer[name] for name in self.outputs)


def export(model, inputs, path):
    with torch.inference_mode():
        answer = model(**inputs)
    outputs = [name for name, value in answer.items() if isinstance(value, torch.Tensor)]
    narrow = tuple(tensor if tensor.is_floating_point() else tensor.to(torch.int32) for tensor in inputs.values())
    wrapped = Named(model, list(inputs), outputs).eval()
    partial = path.with_suffix(".part")
    torch.onnx.export(wrapped, narrow, partial, input_names=list(inputs), output_names=outputs, opset_version=17, dynamo=False)
    partial.rename(path)


def text(model, inputs, new_tokens):
    """What generating takes and gives: the prompt among the inputs, greedily written tokens, the last one's scores."""
    config = model.config
    if config.is_encoder_decoder:
        start = model.generation_config.decoder_start_token_id
        inputs = {name: tensor for name, tensor in inputs.items() if not name.startswith("decoder_")}
        inputs["decoder_input_ids"] = torch.full((1, 1), start)
    answer = generate(model, inputs, new_tokens, return_dict_in_generate=True, output_logits=True)
    return inputs, {"sequences": answer.sequences, "logits": answer.logits[-1].float().contiguous()}


def generate(model, inputs, new_tokens, **options):
    """HF's own loop, which the models that have a `generate` of their own wrap."""
    lengths = {"min_new_tokens": new_tokens, "max_new_tokens": new_tokens}
    with torch.inference_mode():
        return transformers.GenerationMixin.generate(model, **inputs, **lengths, do_sample=False, num_beams=1, use_cache=True, **options)


def main():
    args = arguments()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model = load(args.checkpoint)
    inputs = {}
    for name, tensor in sorted(load_file(args.checkpoint / "inputs.safetensors").items()):
        inputs[name] = resized(tensor, [args.batch, args.sequence if tensor.dim() == 2 else None])
    args.out.mkdir(parents=True, exist_ok=True)
    if args.new_tokens:
        inputs, outputs = text(model, inputs, args.new_tokens)
    else:
        with torch.inference_mode():
            outputs = outputs_of(model, inputs)
    save_file(inputs, args.out / "inputs.safetensors")
    save_file(outputs, args.out / "outputs.safetensors")
    if args.onnx:
        export(model, inputs, args.out / "model.onnx")


if __name__ == "__main__":
    main()
