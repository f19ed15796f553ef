"""How to run the exported file: on the command line, and in a few lines of Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from ..contracts import Bars, Drawing, Form, Map, Marks, Mask, Picture, Tags, Values
from ..contracts.inputs import VectorSpec, numbers_among, vectors_among
from .markup import Html, join, tag
from .plan import meaning
from .subject import Subject

_MODES = {1: "L", 3: "RGB"}
_WIDTH = 92

_CONVERTED = (
    'picture = ImageOps.exif_transpose(Image.open("IMAGE.png"))  # upright',
    'if picture.mode.startswith("I;16"):  # 16 bits of grey to 8',
    "    wide = np.asarray(picture, dtype=np.uint32)",
    "    grey = ((wide + 128) // 257).astype(np.uint8)",
    '    picture = Image.fromarray(np.where(wide == picture.info.get("transparency"), 255, grey))',
    "if picture.has_transparency_data:  # over white",
    '    picture = picture.convert("RGBA")',
    '    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)',
    'if picture.mode not in ("1", "L"):',
    '    picture = picture.convert("RGB")',
)
"""What `mtl.core.data.pictures` does, in a program that needs no mtl."""


def usage(subject: Subject) -> Html:
    """Return the section with a command and a program, right for this model's inputs and outputs."""
    form = subject.composition.dataset_spec.image
    parts = [tag("p", "On the command line, without torch:"), _code(command(subject))]
    if form:
        note = f"An image of another size than {form.width} x {form.height} needs --resize."
        parts.append(tag("p", note, class_="note"))
    if vectors := vectors_among(subject.composition.inputs):
        columns = ", ".join(column for item in vectors for column in item.columns)
        note = f"The table is CSV, TSV or JSON lines with the columns {columns}; a cell may be empty."
        parts.append(tag("p", note, class_="note"))
    if subject.model_file.suffix == ".onnx":
        parts += [tag("p", "In Python, with onnxruntime, numpy and Pillow:"), _code(program(subject))]
    return join(parts)


def command(subject: Subject) -> str:
    """Return the command that answers for one image file."""
    given = "ROWS.csv" if vectors_among(subject.composition.inputs) else "IMAGE.png"
    words = ["mtl", "predict", shlex.quote(str(subject.model_file)), given]
    for spec in numbers_among(subject.composition.inputs):
        words += ["--input", shlex.quote(f"{spec.name}={_example(spec.count)}")]
    if any(target.drawing.pictured for target in subject.composition.targets.values()):
        words += ["--out", "answers"]
    return " ".join(words)


def program(subject: Subject) -> str:
    """Return a program that prints the answers of every task to `IMAGE.png`."""
    names = list(subject.composition.targets)
    pictured = bool(subject.composition.dataset_spec.image)
    feed = ['"image": image'] if pictured else []
    lines = [*_imports(subject), *([*_image(subject), ""] if pictured else [])]
    for position, spec in enumerate(subject.composition.inputs):
        if isinstance(spec, VectorSpec):
            lines += _vector(position, spec)
            feed.append(f"{_literal(spec.name)}: extra_{position}")
            continue
        about = f"  # {_comment(spec.description)}" if spec.description else ""
        lines.append(f"extra_{position} = np.array([{_example(spec.count)}], dtype=np.int64){about}")
        feed.append(f"{_literal(spec.name)}: extra_{position}")
    lines += [
        f"model = {_literal(str(subject.model_file))}",
        'session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])',
        f"names = {_list(names)}",
        f"outputs = session.run(names, {{{', '.join(feed)}}})",
        "answers = {name: output[0] for name, output in zip(names, outputs)}",
    ]
    for position, (task, target) in enumerate(subject.composition.targets.items()):
        lines += ["", *_reading(position, task, target, bool(subject.verification.get("raw", False)))]
    return "\n".join(lines)


def _vector(position: int, spec: VectorSpec) -> list[str]:
    """Return lines that make a row: its columns one by one, a category as the place of its name."""
    lines = [f"extra_{position} = np.array([[  # {_comment(spec.name)}; np.nan where not known"]
    for column in spec.columns:
        names = "".join(f", {place}: {name}" for place, name in enumerate(spec.categories.get(column, ())))
        lines.append(f"    np.nan,  # {_comment(column + names)}"[:_WIDTH])
    return [*lines, "]], dtype=np.float32)"]


def _imports(subject: Subject) -> list[str]:
    pillow = []
    if subject.composition.dataset_spec.image.kept_shape[0] in _MODES:
        pillow = ["from PIL import Image, ImageOps"]
    elif any(target.drawing.pictured for target in subject.composition.targets.values()):
        pillow = ["from PIL import Image"]
    return ["import numpy as np", "import onnxruntime", *pillow, ""]


def _image(subject: Subject) -> list[str]:
    form = subject.composition.dataset_spec.image
    kind = str(subject.verification.get("input", "float32"))
    whole = kind == "uint8"
    shape = f"[1, {form.channels}, {form.height}, {form.width}]"
    about = f"# {kind} {shape}, {'0..255' if whole else '0..1'}"
    if form.channels not in _MODES:
        return [f"image = np.zeros({(1, *form.shape)}, dtype=np.{kind})  {about}: your pixels"]
    added = "[None, None]" if form.channels == 1 else ".transpose(2, 0, 1)[None]"
    pixels = "np.asarray(picture)" if whole else "np.asarray(picture, dtype=np.float32) / np.float32(255)"
    size = f"({form.width}, {form.height}), Image.Resampling.BILINEAR"
    return [
        *_CONVERTED,
        f'picture = picture.convert("{_MODES[form.channels]}").resize({size})',
        f"image = ({pixels}){added}  {about}",
    ]


def _reading(position: int, task: str, form: Form, raw: bool) -> list[str]:
    about = f"# {_comment(task)}: {_comment(meaning(form, raw=raw))}"
    return [about, *_shown(position, _literal(task), form.drawing, raw)]


def _shown(position: int, name: str, drawing: Drawing, raw: bool) -> list[str]:
    answer, edge = f"answers[{name}]", "0" if raw else "0.5"
    if isinstance(drawing, Bars) and drawing.single:
        no, yes = map(_literal, drawing.labels)
        return [f"print({name}, {yes} if {answer} >= {edge} else {no}, {answer})"]
    if isinstance(drawing, Bars):
        classes = f"classes_{position}"
        return [
            f"{classes} = {_list(drawing.labels)}",
            f"print({name}, {classes}[{answer}.argmax()], {answer}.max())",
        ]
    if isinstance(drawing, Tags):
        tags = f"tags_{position}"
        return [
            f"{tags} = {_list(drawing.labels)}",
            f"print({name}, [tag for tag, number in zip({tags}, {answer}) if number >= {edge}])",
        ]
    if isinstance(drawing, Marks):
        points = f"points_{position}"
        return [
            f"{points} = {_list(drawing.labels)}",
            f"print({name}, dict(zip({points}, {answer}.tolist())))",
        ]
    if isinstance(drawing, Values):
        return [f"print({name}, dict(zip({_list(drawing.labels)}, {answer}.tolist())))"]
    if isinstance(drawing, Mask | Map):
        return _mapped(position, name, drawing)
    if not isinstance(drawing, Picture) or drawing.channels not in _MODES or raw:
        return [f"print({name}, {answer}.shape)"]
    plane = f"{answer}[0]" if drawing.channels == 1 else f"{answer}.transpose(1, 2, 0)"
    pixels = f"np.rint({plane} * 255).astype(np.uint8)"
    return [f'Image.fromarray({pixels}).save("answer-{position + 1}.png")']


def _mapped(position: int, name: str, drawing: Mask | Map) -> list[str]:
    answer, names = f"answers[{name}]", f"names_{position}"
    given = [f"{names} = {_list(drawing.labels)}"]
    if isinstance(drawing, Map):
        return [
            *given,
            f"for name, plane in zip({names}, {answer}):",
            f"    print({name}, name, plane.min(), plane.mean(), plane.max())",
        ]
    mask = f"mask_{position}"
    return [
        *given,
        f"{mask} = {answer}.argmax(axis=0)  # the class of every pixel",
        f"for number in np.unique({mask}):",
        f"    print({name}, {names}[number], ({mask} == number).mean())",
    ]


def _example(count: int) -> int:
    return min(3, count - 1)


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(names: Sequence[str]) -> str:
    """Return a list of texts as Python source, several lines when it is long."""
    items = [_literal(name) for name in names]
    if sum(map(len, items)) + 2 * len(items) <= _WIDTH:
        return f"[{', '.join(items)}]"
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) > _WIDTH:
            lines.append("")
        lines[-1] += f"{item}, "
    return "\n".join(["[", *(f"    {line.rstrip()}" for line in lines), "]"])


def _comment(text: str) -> str:
    """Return text that cannot leave the comment it stands in."""
    return " ".join(text.split())


def _code(text: str) -> Html:
    return tag("pre", tag("code", text), tabindex=0)
