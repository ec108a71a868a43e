#!/usr/bin/env python3
"""Copies the W3C's vectors of the implemented operators here, without what the runner does not read.

usage: copy.py SUITE   where SUITE holds webnn/, validation/ and LICENSE-WPT.md
"""

import json
import pathlib
import re
import shutil
import struct
import sys

HERE = pathlib.Path(__file__).parent
# Larger than their worth in a repository: run them with WEBNN_CONFORMANCE=SUITE.
LONGEST_CASE = 6_000


def operators():
    text = "".join(path.read_text() for path in (HERE.parent.parent / "src/ops").glob("*.rs"))
    return sorted(set(re.findall(r'^\s*\w+ "(\w+)" [A-Z_0-9]+', text, re.MULTILINE)))


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
    case = {key: value for key, value in case.items() if key not in ("file", "index", "required")}
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
        for name in operators():
            source = suite / folder / f"{name}.json"
            if source.exists():
                cases = [slim(case) for case in json.loads(source.read_text())]
                cases = [case for case in cases if len(case) <= LONGEST_CASE]
                (HERE / folder / source.name).write_text("[\n" + ",\n".join(cases) + "\n]\n")
    shutil.copy(suite / "LICENSE-WPT.md", HERE)


main()
