"""ncnn: from ONNX through pnnx, weights kept in float32, and run on the CPU one sample at a time."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ncnn
import numpy as np

PARAM, WEIGHTS = "model.param", "model.bin"
_OWN = re.compile(r"[A-Z][A-Za-z0-9]*")
"""What ncnn's layers are called; what pnnx could not translate keeps another name, such as `torch.eq`."""


def version() -> str:
    """Return ncnn's version."""
    return str(ncnn.__version__)


def convert(source: Path, folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.param` and `model.bin`; inputs and outputs get the names of the ONNX file's.

    Left to itself pnnx would store weights in half precision. Raises `ValueError` that names what ncnn lacks.
    """
    place = source.parent
    names = {"param": place / "ncnn.param", "bin": place / "ncnn.bin"}
    kinds = {"float32": "f32", "int64": "i64", "uint8": "u8"}
    shapes = ",".join(
        f"[{','.join(map(str, (1, *shape)))}]{kinds[dtype]}" for shape, dtype in facts["shapes"]
    )
    spec = find_spec("pnnx")
    assert spec is not None
    assert spec.origin is not None
    # The program in its package: its Python part would import torch.
    command = [str(Path(spec.origin).with_name("pnnx")), str(source), f"inputshape={shapes}", "fp16=0"]
    command += [f"ncnn{kind}={path}" for kind, path in names.items()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=place)
    if done.returncode or not names["param"].is_file():
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ValueError(f"pnnx cannot convert it: {said[-1] if said else 'it says nothing'}")
    text = names["param"].read_text(encoding="utf-8")
    _refuse_foreign(text)
    (folder / PARAM).write_text(_renamed(text, facts["inputs"], facts["outputs"]), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(names["bin"].read_bytes())
    return {"rounded": "nothing: weights and sums are float32", "batch": 1}


def open_model(
    folder: Path, facts: Mapping[str, Any]
) -> tuple[Callable[[list[Any]], list[Any]], dict[str, Any]]:
    """Open `model.param` with `model.bin`; nothing is computed or stored in half precision."""
    net = ncnn.Net()
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(net.opt, option, False)
    net.opt.use_vulkan_compute = False
    # It does not ask OpenMP how many threads there are to be.
    net.opt.num_threads = int(os.environ.get("OMP_NUM_THREADS") or net.opt.num_threads)
    text = (folder / PARAM).read_text(encoding="utf-8")
    _refuse_foreign(text)
    if net.load_param(str(folder / PARAM)) or net.load_model(str(folder / WEIGHTS)):
        raise ValueError("ncnn does not read it")
    for role, found in (("inputs", net.input_names()), ("outputs", net.output_names())):
        if set(found) != set(facts[role]):
            raise ValueError(f"its {role} are {', '.join(found)}, not {', '.join(facts[role])}")

    def one(sample: list[Any]) -> list[Any]:
        with net.create_extractor() as extractor:
            for name, value in zip(facts["inputs"], sample, strict=True):
                # Whole numbers are of 32 bits there; a single one is a row of one.
                plain = np.atleast_1d(value.astype(np.int32) if value.dtype == np.int64 else value)
                extractor.input(name, ncnn.Mat(np.ascontiguousarray(plain)).clone())
            found = []
            for name in facts["outputs"]:
                status, answer = extractor.extract(name)
                if status:
                    raise ValueError(f"ncnn does not compute {name}")
                found.append(np.array(answer))
        return found

    def run(feed: list[Any]) -> list[Any]:
        rows = [one([value[row] for value in feed]) for row in range(len(feed[0]))]
        shapes = [tuple(shape) for shape in facts["answers"]]
        return [
            np.stack([row[at] for row in rows]).reshape(len(rows), *shape) for at, shape in enumerate(shapes)
        ]

    return run, {}


def _layers(text: str) -> list[list[str]]:
    lines = [line.split() for line in text.splitlines()[2:]]
    return [line for line in lines if len(line) >= 4]


def _refuse_foreign(text: str) -> None:
    kinds = sorted({line[0] for line in _layers(text)} - {""})
    # A name such as `ReduceMax` is ONNX's, for which pnnx wrote nothing of ncnn's.
    foreign = [name for name in kinds if not _OWN.fullmatch(name) or ncnn.layer_to_index(name) < 0]
    if foreign:
        raise ValueError(f"ncnn has no operator {', '.join(foreign)}")


def _renamed(text: str, inputs: list[str], outputs: list[str]) -> str:
    """Return the text with `in0`, `out0` and so on called as in the ONNX file."""
    names = {f"in{number}": name for number, name in enumerate(inputs)}
    names |= {f"out{number}": name for number, name in enumerate(outputs)}
    head, lines = text.splitlines()[:2], []
    for line in text.splitlines()[2:]:
        parts = line.split()
        blobs = range(4, 4 + int(parts[2]) + int(parts[3]))
        lines.append(
            " ".join(names.get(part, part) if at in blobs else part for at, part in enumerate(parts))
        )
    return "\n".join((*head, *lines)) + "\n"
