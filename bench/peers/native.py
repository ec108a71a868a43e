#!/usr/bin/env python3
"""A peer on the processor: PyTorch, or ONNX Runtime on the model.onnx of a reference folder.

Where the reference's outputs hold `sequences`, a run writes that text greedily by HF's `generate`; else it is one forward pass.
Speaks as `ipfs-accelerate-bench` does: one JSON object when its outputs agree with the reference, then one for every line that it reads.

usage: native.py --engine pytorch|onnxruntime --checkpoint DIR --reference DIR [--threads N] [--tolerance 2e-4]
"""

import argparse
import json
import pathlib
import sys
import time

from safetensors.numpy import load_file


def arguments():
    parser = argparse.ArgumentParser(description="Run a published model once for every line that is read.")
    parser.add_argument("--engine", choices=["pytorch", "onnxruntime"], required=True)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--tolerance", type=float, default=2e-4)
    return parser.parse_args()


def pytorch(args, inputs, new_tokens):
    """HF's model with the attention that it chooses itself."""
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if args.threads:
        torch.set_num_threads(args.threads)
    config = json.loads((args.checkpoint / "config.json").read_text())
    model = getattr(transformers, config["architectures"][0]).from_pretrained(args.checkpoint, dtype=torch.float32).eval()
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}

    if new_tokens:
        lengths = {"min_new_tokens": new_tokens, "max_new_tokens": new_tokens}
        # HF's own loop, which the models that have a `generate` of their own wrap.
        generate = transformers.GenerationMixin.generate
        return torch.__version__, lambda: {
            "sequences": generate(model, **tensors, **lengths, do_sample=False, num_beams=1, use_cache=True).numpy()
        }

    def run():
        with torch.inference_mode():
            answer = model(**tensors)
        return {name: value.numpy() for name, value in answer.items() if isinstance(value, torch.Tensor)}

    return torch.__version__, run


def onnxruntime(args, inputs, new_tokens):
    import onnxruntime

    if new_tokens:
        raise NotImplementedError("ONNX Runtime writes no text by itself")

    options = onnxruntime.SessionOptions()
    if args.threads:
        options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.reference / "model.onnx", options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    arrays = {name: array if array.dtype.kind == "f" else array.astype("int32") for name, array in inputs.items()}
    return onnxruntime.__version__, lambda: dict(zip(names, session.run(None, arrays)))


def milliseconds(since):
    return 1000 * (time.perf_counter() - since)


def say(event, **members):
    print(json.dumps({"event": event, **members}), flush=True)


def main():
    args = arguments()
    try:
        inputs = load_file(args.reference / "inputs.safetensors")
        wanted = load_file(args.reference / "outputs.safetensors")
        new_tokens = 0
        if "sequences" in wanted:
            new_tokens = wanted["sequences"].shape[1] - inputs.get("decoder_input_ids", inputs.get("input_ids")).shape[1]
        started = time.perf_counter()
        version, run = (pytorch if args.engine == "pytorch" else onnxruntime)(args, inputs, new_tokens)
        compile_ms = milliseconds(started)
        started = time.perf_counter()
        found = run()
        first_run_ms = milliseconds(started)
    except NotImplementedError as error:
        say("skipped", reason=str(error))
        return 1
    except Exception as error:
        say("failed", reason=f"{type(error).__name__}: {error}")
        return 1
    distances = {name: float(abs(array - wanted[name]).max()) for name, array in found.items() if name in wanted}
    # Tokens are equal or they are not.
    far = [f"`{name}` is {distance} from the reference" for name, distance in distances.items() if not distance <= args.tolerance]
    if far or not distances:
        say("failed", reason="; ".join(far) or "none of its outputs stands in the reference")
        return 1
    say("start", version=version, cold={"compile_ms": compile_ms, "first_run_ms": first_run_ms}, distances=distances)
    for _ in sys.stdin:
        started = time.perf_counter()
        run()
        say("run", ms=milliseconds(started))
    return 0


if __name__ == "__main__":
    sys.exit(main())
