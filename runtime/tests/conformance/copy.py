#!/usr/bin/env python3
"""Copies the W3C's vectors here, without what the runner does not read.

usage: copy.py SUITE   where SUITE holds webnn/, validation/ and LICENSE-WPT.md
"""

import json
import pathlib
import shutil
import struct
import sys

HERE = pathlib.Path(__file__).parent


def shortest(number, data_type):
    """The shortest decimal that rounds to the same element."""
    code = {"float32": "f", "float16": "e"}.get(data_type)
    if code is None or not isinstance(number, float):
        return number
    try:
        bits = struct.pack(code, number)
        texts = (f"{number:.{digits}g}" for digits in range(1, 18))
        return next(float(text) for text in texts if struct.pack(code, float(text)) == bits)
    except OverflowError:
        return number


def slim(case):
    case = {key: value for key, value in case.items() if key not in ("file", "index")}
    if "tolerance" in case:
        case["tolerance"] = {key: case["tolerance"][key] for key in ("metric", "value")}
        for tensor in [*case["graph"]["inputs"].values(), *case["graph"]["expectedOutputs"].values()]:
            tensor.pop("f16Bits", None)
            tensor["data"] = [shortest(number, tensor["descriptor"]["dataType"]) for number in tensor["data"]]
    return json.dumps(case, separators=(",", ":"))


def main():
    suite = pathlib.Path(sys.argv[1])
    for folder in ("webnn", "validation"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
        for source in sorted((suite / folder).glob("*.json")):
            cases = [slim(case) for case in json.loads(source.read_text())]
            (HERE / folder / source.name).write_text("[\n" + ",\n".join(cases) + "\n]\n")
    shutil.copy(suite / "LICENSE-WPT.md", HERE)


main()
