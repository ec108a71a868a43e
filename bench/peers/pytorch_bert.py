#!/usr/bin/env python3
"""Time HF's BertModel on the CPU, through PyTorch or, exported to ONNX, through ONNX Runtime.

Prints one JSON line per run, {"engine", "run", "milliseconds"}, and a last line with the median. The virtual environment
is xtask/oracle/setup.sh's; a checkpoint of real size comes from xtask/oracle/reference.py.

usage: pytorch_bert.py --checkpoint DIR [--engine pytorch|onnxruntime] [--threads 2] [--batch 1] [--sequence 128] [--runs 10]
"""

import argparse
import json
import pathlib
import statistics
import tempfile
import time

import torch
import transformers


def arguments():
    parser = argparse.ArgumentParser(description="Time HF's BertModel on the CPU.")
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--engine", choices=["pytorch", "onnxruntime"], default="pytorch")
    parser.add_argument("--attn", choices=["sdpa", "eager"], default="sdpa")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--sequence", type=int, default=128)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10)
    return parser.parse_args()


def model_of(checkpoint, attn):
    return transformers.BertModel.from_pretrained(checkpoint, attn_implementation=attn, dtype=torch.float32).eval()


def inputs_of(model, batch, sequence):
    generator = torch.Generator().manual_seed(0)
    shape = (batch, sequence)
    return {
        "input_ids": torch.randint(0, model.config.vocab_size, shape, generator=generator),
        "attention_mask": torch.ones(shape, dtype=torch.int64),
        "token_type_ids": torch.zeros(shape, dtype=torch.int64),
    }


def pytorch_runner(model, inputs):
    def run():
        with torch.inference_mode():
            return model(**inputs).last_hidden_state

    return run


class LastHiddenState(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids, attention_mask, token_type_ids).last_hidden_state


def onnxruntime_runner(model, inputs, threads):
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.onnx")
        torch.onnx.export(
            LastHiddenState(model).eval(),
            tuple(inputs.values()),
            path,
            input_names=list(inputs),
            output_names=["last_hidden_state"],
            dynamo=True,
            verbose=False,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    expected = pytorch_runner(model, inputs)()

    def run():
        return torch.from_numpy(session.run(None, arrays)[0])

    torch.testing.assert_close(run(), expected, atol=1e-4, rtol=1e-4)
    return run


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model = model_of(args.checkpoint, args.attn)
    inputs = inputs_of(model, args.batch, args.sequence)
    run = pytorch_runner(model, inputs) if args.engine == "pytorch" else onnxruntime_runner(model, inputs, args.threads)
    for _ in range(args.warmup):
        run()
    times = []
    for index in range(args.runs):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
        print(json.dumps({"engine": args.engine, "run": index, "milliseconds": round(times[-1], 3)}))
    summary = {
        "engine": args.engine,
        "version": torch.__version__ if args.engine == "pytorch" else __import__("onnxruntime").__version__,
        "attn": args.attn,
        "threads": args.threads,
        "batch": args.batch,
        "sequence": args.sequence,
        "median_milliseconds": round(statistics.median(times), 3),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
