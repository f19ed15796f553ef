"""Python code that runs a bundle's model: onnxruntime and NumPy."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...core.contracts import Bars, Map, Marks, Mask, Picture, Tags
from ...core.contracts.inputs import InputSpec, ModelInput
from ..metadata import IMAGE, ModelCard, Output
from .contents import label_files, sample_files
from .pictures import python_lines, reads_files


def python(card: ModelCard) -> str:
    """Return a script that answers for the first sample, one line per answer, parts separated by tabs."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: ModelCard) -> Iterator[str]:
    files = sample_files(card.input_names)
    yield from ("import json", "import sys") if reads_files(card) else ()
    yield from (
        "from pathlib import Path",
        "",
        "import numpy as np",
        "import onnxruntime",
        "",
        'session = onnxruntime.InferenceSession("model.onnx")',
        "",
    )
    if card.image:
        yield from _image_comment(card, "#")
        yield from python_lines(card, files[IMAGE])
        yield f"feed = {{{json.dumps(IMAGE)}: image.reshape(1, {', '.join(map(str, card.image.shape))})}}"
    else:
        yield "feed = {}"
    for spec in card.inputs:
        yield f"# {input_meaning(spec)}"
        kind, shape = ("<i8", "") if spec.dtype == "int64" else ("<f4", ".reshape(1, -1)")
        yield f'feed[{json.dumps(spec.name)}] = np.fromfile("{files[spec.name]}", "{kind}"){shape}'
    yield "names = [output.name for output in session.get_outputs()]"
    yield "answers = dict(zip(names, session.run(names, feed)))"
    for output in card.outputs:
        yield ""
        yield from _answer(output, label_files(card).get(output.name, ""))


def _answer(output: Output, labels: str) -> Iterator[str]:
    name, drawing = json.dumps(output.name), output.target.drawing
    half = "0" if output.raw else "0.5"
    if isinstance(drawing, Picture):
        yield f"picture = answers[{name}][0]  # {list(output.target.output_shape)}"
        yield f'print({name}, f"{{picture.mean():.4f}}", sep="\\t")'
        return
    yield f'names = Path("{labels}").read_text(encoding="utf-8").splitlines()'
    if isinstance(drawing, Mask):
        yield f"mask = answers[{name}][0].argmax(axis=0)  # {meaning(output)}: the class of every pixel"
        yield "for number, label in enumerate(names):"
        yield f'    print({name}, label, f"{{(mask == number).mean():.4f}}", sep="\t")'
    elif isinstance(drawing, Map):
        yield f"for label, plane in zip(names, answers[{name}][0]):  # {meaning(output)}"
        yield f'    print({name}, label, f"{{plane.mean(dtype=np.float64):.4f}}", sep="\t")'
    elif isinstance(drawing, Tags):
        yield f"for label, score in zip(names, answers[{name}][0]):  # {meaning(output)}"
        yield f"    if score >= {half}:"
        yield f'        print({name}, label, f"{{score:.4f}}", sep="\\t")'
    elif isinstance(drawing, Marks):
        yield f"for label, place in zip(names, answers[{name}][0]):  # {meaning(output)}"
        yield f'    print({name}, label, *(f"{{number:.4f}}" for number in place), sep="\\t")'
    elif isinstance(drawing, Bars) and not drawing.single:
        yield f"scores = answers[{name}][0]"
        yield f'print({name}, names[scores.argmax()], f"{{scores.max():.4f}}", sep="\\t")'
    elif isinstance(drawing, Bars):
        yield f"score = answers[{name}][0]  # {meaning(output)}"
        yield f'print({name}, names[int(score >= {half})], f"{{score:.4f}}", sep="\\t")'
    else:
        yield f"for label, value in zip(names, answers[{name}][0]):"
        yield f'    print({name}, label, f"{{value:.4f}}", sep="\\t")'


def _image_comment(card: ModelCard, mark: str) -> list[str]:
    return [f"{mark} {image_meaning(card)}"]


def image_meaning(card: ModelCard) -> str:
    """Return one line about the pixels that a model reads."""
    channels = {1: "one channel", 3: "red, green, blue"}.get(
        card.image.channels, f"{card.image.channels} channels"
    )
    scale = "0..1" if card.pixels == "float32" else "0..255"
    return f"Pixels in {scale}, {channels}, row by row from the top; normalisation is inside the model."


def input_meaning(spec: ModelInput) -> str:
    """Return one line about an input beside the image."""
    if isinstance(spec, InputSpec):
        about = f"{' '.join(spec.description.split())}, " if spec.description else ""
        return f"{about}0..{spec.count - 1}"
    return " ".join(spec.meaning().split())


def meaning(output: Output) -> str:
    """Return what an output's numbers are, one line."""
    return " ".join(str(output.to_json()["description"]).split())
