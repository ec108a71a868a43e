#!/usr/bin/env python3
"""Write the goldens of the pipelines: tiny random models with tokenizers trained on the sentences below, and HF's own answers.

Answers come from HF's `pipeline(...)`, from sentence-transformers, and from HF's image processors and feature extractors; everything
follows from the seeds. See generated/goldens/README.md for how the weights are drawn.

usage: pipelines.py OUT_DIR [text|vision|audio|generation|speech ...]
"""

import argparse
import importlib
import pathlib
import sys

import torch
import transformers

PARTS = ("text", "vision", "audio", "generation", "speech")


def main():
    parser = argparse.ArgumentParser(description="Write the goldens of the pipelines.")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("parts", nargs="*", default=PARTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    for part in arguments.parts or PARTS:
        importlib.import_module(f"pipelines_{part}").write(arguments.out / part)


if __name__ == "__main__":
    main()
