"""`mtl predict`: answers for image files, from an exported file alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.base.errors import UsageError
from ..core.recipe.several_runs import refuse_several, to_export
from .limits import MEBIBYTE, in_time, memory_option, timeout_option

if TYPE_CHECKING:
    from ..core.contracts import Described
    from ..core.discovery.answer_forms import Forms
    from ..core.discovery.registry import HasRegistry
    from .inference import ExportedModel
    from .named_images import NamedImage
    from .named_rows import NamedRow

_FIRST = "the model comes first, then what it is asked about: mtl predict MODEL IMAGE..."
_CHUNK = 64
_NUMBERS = 2**18
"""Pixels' numbers that are computed at once, or those of one image: layers hold many times as many."""


@click.command()
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.argument("places", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option(
    "--resize", is_flag=True, help="Stretch images of another size, where the model does not say how."
)
@click.option(
    "--input",
    "inputs",
    metavar="NAME=VALUE",
    multiple=True,
    help="An extra input of the model: a whole number, used for every image. May be repeated.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Save the pictures that tasks answer with, as DIR/IMAGE-TASK.png (and .npy: values per pixel).",
)
@timeout_option(60.0, "opening the model, and for the answers to some images")
@memory_option()
@click.option(
    "--to",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the answers to a .csv or .jsonl file.",
)
@click.option("--column", default="", metavar="NAME", help="The column of a table that holds the paths.")
@click.option(
    "--root", metavar="DIR", type=click.Path(path_type=Path), help="Where a table's paths start [its folder]."
)
@click.option("--ending", default="", metavar="TEXT", help="What a table's paths lack, such as .png.")
@click.pass_obj
def predict(
    session: HasRegistry | None,
    /,
    model: Path,
    places: tuple[Path, ...],
    as_json: bool,
    resize: bool,
    inputs: tuple[str, ...],
    out: Path | None,
    to: Path | None,
    timeout: float,
    memory: int,
    **naming: Any,
) -> None:
    """Answer with an exported model.

    For images, or for the rows of a table.

    MODEL is an exported .onnx file, the folder of a run, or one for another runtime. IMAGE is a file, a
    folder of them, a pattern in quotes, or a table (CSV, TSV, JSON lines, Parquet) with a column of paths. A
    model that reads vectors takes such a table, with the columns that it reads. torch is not needed.

    \b
    Examples:
      mtl predict runs/demo/model.onnx digit.png
      mtl predict runs/demo digit.png --resize --json
      mtl predict runs/demo photos.csv --to answers.csv
    """
    from ..core.discovery.answer_forms import forms_in_use
    from .answer_table import check_ending, write_answers

    numbers = _numbers(inputs)
    if to is not None:
        check_ending(to)
    exported = in_time(timeout, model, lambda: _open(model, memory * MEBIBYTE, forms_in_use(session)))
    exported.check_numbers(numbers)
    if out is not None:
        _refuse_unpictured(exported)
    named = _named(places, exported, **naming)
    answers = _answers(exported, named, numbers, resize, timeout)
    saved = {} if out is None else _save([item.path for item in named], answers, out)
    names, rows = [item.name for item in named], _values(answers, saved)
    what = "image" if exported.card.image else "row"
    if to is not None:
        write_answers(to, names, rows, what)
        click.echo(f"{to}: answers for {len(names):,} {what}s", err=True)
    if as_json:
        _print_json({"model": str(exported.path), "inputs": numbers}, what, names, rows)
    elif to is None:
        click.echo("\n".join(_table(names, answers, saved, what.upper())))


def _named(places: Sequence[Path], exported: ExportedModel, **naming: Any) -> Sequence[NamedRow]:
    """Return what is asked about: images, or the rows of a table."""
    from ..core.contracts.inputs import vectors_among
    from .named_images import Naming
    from .named_rows import named_rows

    card = exported.card
    return named_rows(places, vectors_among(card.inputs), Naming(**naming), pictured=bool(card.image))


def _print_json(
    asked: dict[str, Any], what: str, names: list[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    predictions = [{what: name, "answers": row} for name, row in zip(names, rows, strict=True)]
    click.echo(json.dumps({**asked, "predictions": predictions}, indent=2, allow_nan=False))


def _refuse_unpictured(exported: ExportedModel) -> None:
    if not any(output.target.drawing.pictured for output in exported.card.outputs):
        raise UsageError(f"no task of {exported.path} answers with an image", hint="leave out --out")


def _open(path: Path, memory: int, forms: Forms | None) -> ExportedModel:
    # numpy and onnxruntime cost time that --help need not wait for.
    from ..core.data.tables import ENDINGS, PICTURES
    from .elsewhere.answering import open_export
    from .elsewhere.opened import runtime_named
    from .inference import ExportedModel

    if path.is_file() and path.suffix.casefold() in (*ENDINGS, *PICTURES):
        raise UsageError(f"{path} is no model", hint=_FIRST)
    if not path.is_dir() or runtime_named(path):
        return open_export(path, memory, forms)
    refuse_several(path)
    inside = path / "model.onnx"
    if not inside.is_file():
        raise UsageError(f"{path} holds no model.onnx", hint=to_export(path) or _FIRST)
    return ExportedModel(inside, memory=memory, forms=forms)


def _numbers(inputs: Sequence[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for item in inputs:
        name, equals, text = item.partition("=")
        if not equals or not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise UsageError(
                f"--input {item!r} is not NAME=VALUE with a whole number", hint="for example --input number=3"
            )
        if name in numbers:
            raise UsageError(f"--input {name!r} is given twice")
        numbers[name] = int(text)
    return numbers


def _answers(
    exported: ExportedModel,
    named: Sequence[NamedRow],
    numbers: dict[str, int],
    resize: bool,
    timeout: float,
) -> list[dict[str, Described]]:
    import numpy as np

    from .images import Picture, picture_in, read_picture
    from .unlike import TrainingPictures, told

    preparation = exported.card.preparation

    def picture(image: NamedImage) -> Picture:
        if image.held is not None:
            return picture_in(image.held(), image.name, preparation, resize=resize)
        return read_picture(image.path, preparation, resize=resize)

    answers = []
    remarks: dict[str, str] = {}
    training = TrainingPictures.of(exported.card.metadata)
    chunk = min(_CHUNK, exported.most_images(_NUMBERS))
    for start in range(0, len(named), chunk):
        some = named[start : start + chunk]
        pictured = [row.image for row in some if row.image is not None]
        shown = [picture(image) for image in pictured]
        if training is not None:
            pixels, sizes = [item[0] for item in shown], [item[1] for item in shown]
            remarks |= training.remarks([image.name for image in pictured], pixels, sizes)
        images = np.stack([item[0] for item in shown]) if shown else None
        vectors = {name: np.stack([row.vectors[name] for row in some]) for name in some[0].vectors}
        run = partial(exported.run, *(() if images is None else (images,)), **numbers, **vectors)
        outputs = in_time(timeout, exported.path, run, stop=exported.stop)
        answers += exported.answers(outputs, images)
    if remarks:
        click.echo(f"warning: {_shown(told(remarks, len(named)))}", err=True)
    return answers


def _save(
    images: Sequence[Path], answers: Sequence[dict[str, Described]], out: Path
) -> dict[tuple[int, str], list[Path]]:
    """Write every picture and return where each is, and its numbers, by image and task."""
    taken = {path.resolve() for path in images}
    saved = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for index, (path, found) in enumerate(zip(images, answers, strict=True)):
            for task, answer in found.items():
                if answer.picture is not None:
                    # Task names come from the file: none of them may leave the folder.
                    stem = f"{path.stem}-{re.sub(r'[^A-Za-z0-9_-]', '_', task)}"
                    place = next(name for name in _candidates(out, stem) if name.resolve() not in taken)
                    taken.add(place.resolve())
                    saved[index, task] = _written(answer, place)
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror or error}") from error
    return saved


def _written(answer: Described, place: Path) -> list[Path]:
    """Write a picture, and beside it the numbers that it only shows; return where they are."""
    import numpy as np
    from PIL import Image

    assert answer.picture is not None
    picture = Image.fromarray(answer.picture)
    if answer.palette is not None:
        # The classes' numbers stay in the file, which is a label map and looks like a picture.
        picture.putpalette(answer.palette.tobytes())
    picture.save(place)
    if answer.numbers is None:
        return [place]
    numbers = place.with_suffix(".npy")
    np.save(numbers, answer.numbers, allow_pickle=False)
    return [place, numbers]


def _candidates(folder: Path, stem: str) -> Iterator[Path]:
    """Yield names until one is free: two images may share a name in different folders."""
    yield folder / f"{stem}.png"
    number = 2
    while True:
        yield folder / f"{stem}-{number}.png"
        number += 1


def _values(
    answers: Sequence[dict[str, Described]], saved: dict[tuple[int, str], list[Path]]
) -> list[dict[str, dict[str, Any]]]:
    """Return the answers to each image as JSON values, with the files of pictures that were saved."""
    rows = []
    for index, found in enumerate(answers):
        values = {task: dict(answer.value) for task, answer in found.items()}
        for task in values:
            if (index, task) in saved:
                picture, *numbers = map(str, saved[index, task])
                values[task] |= {"file": picture, **({"numbers": numbers[0]} if numbers else {})}
        rows.append(values)
    return rows


def _table(
    images: Sequence[str],
    answers: Sequence[dict[str, Described]],
    saved: dict[tuple[int, str], list[Path]],
    what: str,
) -> Iterator[str]:
    rows = [(what, "TASK", "ANSWER")]
    for index, (image, found) in enumerate(zip(images, answers, strict=True)):
        for number, (task, answer) in enumerate(found.items()):
            text = answer.text
            if list(answer.value.get("values", ())) == [task]:  # a number called as its task: once is enough
                text = text.removeprefix(f"{task} ")
            if answer.picture is not None:
                places = " and ".join(map(str, saved.get((index, task), [])))
                text += f"  (saved as {places})" if places else "  (save it with --out DIR)"
            # Names come from the file: none of them may steer the terminal.
            rows.append((image if number == 0 else "", _shown(task), _shown(text)))
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    for image, task, text in rows:
        yield f"{image:<{first}}  {task:<{second}}  {text}"


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
