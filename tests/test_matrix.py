"""Every task with every encoder under every sharing: trained, exported, and proven to compute the same.

`docs/matrix.md` keeps the result. The test checks that it tells of the same cells with the same outcome
(differences vary by machine); `MTL_MATRIX=write python -m pytest tests/test_matrix.py` writes it again.

One test walks one encoder under one sharing, with all tasks of a data set in one model: an export costs
seconds, whatever the number of its outputs. Where that model is large (an encoder of millions for every
task), its tasks are dealt over several, and the first stands for all: heads see features of the same form
whatever the sharing, and the default sharing is walked with every task. By default each sharing is walked
once with a few tasks and the default sharing with every encoder; the other columns of the document, and those
sharings with all tasks, with `-m slow`.

Names come from the registry alone, so a new component is walked without a word here, unless it is a task
that needs options or another data set.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import onnxruntime
import pytest
import torch
from pydantic import Field

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts import Columns, Dataset
from mtl.core.contracts.hookspecs import hookimpl
from mtl.core.contracts.records import Component
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.data.samples import channel_statistics, load_splits
from mtl.core.discovery.plugin_loading import HOME, Provider
from mtl.core.discovery.registry import Registry, discover, installed
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.exporting import export
from mtl.core.training.trainer import Trainer
from mtl.exports.precision import TOLERANCES
from mtl.exports.verification import BATCHES, KINDS

from .matrix_table import FITS, Axes, Cell, Column, parse, table

DATASETS: dict[str, dict[str, int]] = {
    "digits": {},
    "shapes-synthetic": {"train_size": 40, "test_size": 16},
    "scenes": {"train_size": 40, "test_size": 16, "size": 16},
}
"""The data sets and their options; a task is walked on the first one that serves it."""

OPTIONS: dict[str, dict[str, Any]] = {
    "label-group": {"groups": {"round": ["0", "6", "8", "9"]}},
    "segment": {"label": "segmentation"},
}
"""Tasks that do not work without options."""

SIDE = 16
"""Images are cut to this size, the least that every encoder takes: whole ones take twice the time."""

SAMPLES = {"train": 40, "test": 16}
TRAIN = {"epochs": 1, "batch_size": 8, "validation": 0.4}
STEPS = 3

LARGE = 15_000_000
"""Parameters that one model may have: exporting takes ten seconds per ResNet, and keeps several copies."""

SHARED = ("digits", "scenes")
"""The data sets that are walked under every sharing, the first with every encoder, the others with the first
small one; what is left is walked under the default sharing alone."""

FUSING = ("late-fusion",)
"""Encoders that read what none of these data sets offers."""

ELSEWHERE = ("late-fusion", "timm", "torchvision")
"""Encoders that are walked elsewhere: what joins images with vectors, which these data sets lack, in
`test_new_inputs.py`; networks of libraries in `plugins/encoders/test_libraries_with_sharings.py`."""

HEAVY = ("alexnet", "small-resnet", "resnet18", "airbench")
"""Encoders that by default are walked once only, with the default sharing on the first data set."""

FEW = 3
"""Tasks that the other sharings are walked with by default: heads meet the same form under each of them."""

DOCUMENT = Path(__file__).parents[1] / "docs" / "matrix.md"
REWRITE = "MTL_MATRIX=write python -m pytest tests/test_matrix.py"
WRITING = os.environ.get("MTL_MATRIX") == "write"


class Middle(Dataset):
    """A few samples of a built-in data set, only the middle of their images."""

    def __init__(
        self,
        *,
        of: Annotated[str, Field(description="The data set.")] = "digits",
        options: Annotated[dict[str, int], Field(description="Its options.")] = {},  # noqa: B006
    ) -> None:
        self.whole: Dataset = installed().find("dataset", of).load()(**options)

    def spec(self) -> DatasetSpec:
        spec = self.whole.spec()
        return replace(spec, image=ImageSpec(spec.image.channels, SIDE, SIDE))

    def load(self) -> Mapping[str, Columns]:
        return {split: self._few(columns, SAMPLES[split]) for split, columns in self.whole.load().items()}

    def _few(self, columns: Columns, count: int) -> Columns:
        top, left = ((size - SIDE) // 2 for size in columns.image.shape[2:])
        image = columns.image[:count, :, top : top + SIDE, left : left + SIDE]
        return Columns(image, {name: column[:count] for name, column in columns.labels.items()})


class Plugin:
    """What a third party's module would be."""

    @hookimpl
    def mtl_components(self) -> list[Component]:
        return [Component("dataset", "middle", "The middle of few images", f"{__name__}:Middle")]


@cache
def components() -> Registry:
    """The installed plugins and the data set of this file."""
    found = discover()
    found.manager.register(Plugin(), name="tests/middle")
    return Registry(found.manager, [*found.providers, Provider("middle", "tests", "")])


def names(kind: str) -> list[str]:
    """The built-in components of a kind, whatever else is installed here."""
    entries = components().entries(kind)
    found = [entry.component.name for entry in entries if entry.provider.distribution == HOME]
    return [name for name in found if name not in ELSEWHERE]


COLUMNS = [Column(*found) for found in product(DATASETS, names("encoder")[::-1], names("sharing"))]
"""The encoders listed last are the largest; they start first, so that two workers end together."""


def small_encoders() -> list[str]:
    """Return the encoders that are walked more than once by default."""
    return [name for name in names("encoder") if name not in (*HEAVY, *FUSING)]


def by_default() -> set[Column]:
    """The columns walked always: the default sharing with every encoder, the others with one encoder each."""
    first, *others = names("sharing")
    small = small_encoders()
    main, *more = DATASETS
    chosen = {Column(main, encoder, first) for encoder in names("encoder")}
    # The other data sets have other channels and tasks: each encoder meets one of them, the first meets all.
    chosen |= {Column(dataset, small[0], first) for dataset in more}
    chosen |= {Column(more[index % len(more)], encoder, first) for index, encoder in enumerate(small)}
    for index, sharing in enumerate(others):
        chosen.add(Column(main, small[index % len(small)], sharing))
        # Where some tasks draw, the smallest encoder that has stages to draw from.
        chosen |= {Column(dataset, small[0], sharing) for dataset in SHARED if dataset != main}
    return chosen


def parameters() -> list[Any]:
    """The columns for pytest, each with whether a few tasks do; what is not walked always is marked."""
    always, found = by_default(), []
    for column in COLUMNS:
        brief = column in always and column.sharing != names("sharing")[0] and not WRITING
        if brief:
            found.append(pytest.param(column, True, id=f"{column}-few"))
        mark = () if WRITING or (column in always and not brief) else pytest.mark.slow
        found.append(pytest.param(column, False, marks=mark, id=str(column)))
    return found


walked: dict[Column, dict[str, Cell]] = {}
BEGAN = time.perf_counter()


def composed(column: Column, tasks: Sequence[str], **more: Any) -> Composition:
    tree = {
        "dataset": {"name": "middle", "of": column.dataset, "options": DATASETS[column.dataset]},
        "encoder": column.encoder,
        "sharing": column.sharing,
        "tasks": {task: OPTIONS.get(task, {}) for task in tasks},
        "train": TRAIN,
        **more,
    }
    return compose(read(RecipeSource(tree), components()), components())


def refusal(column: Column, tasks: Sequence[str]) -> str | None:
    """Return why these tasks do not fit there, or None."""
    try:
        with torch.device("meta"):  # a model without numbers negotiates as well, in no time
            composed(column, tasks)
    except RecipeError as error:
        return "; ".join(problem.message for problem in error.problems)
    return None


def size(column: Column, tasks: Sequence[str]) -> int:
    """Return the number of parameters of a model for these tasks."""
    with torch.device("meta"):
        total: int = composed(column, tasks).parameters()["total"]
    return total


@cache
def unserved(dataset: str) -> dict[str, str]:
    """Return the tasks that a data set cannot serve, whatever the encoder, with the reason."""
    found = {}
    for task in names("task"):
        refusals = (
            refusal(column, [task])
            for column in COLUMNS
            if column.dataset == dataset and column.sharing == names("sharing")[0]
        )
        # The first encoder takes most tasks: the others are asked where it does not.
        first = next(refusals)
        if first is not None and None not in refusals:
            found[task] = first
    return found


@cache
def tasks_of(dataset: str) -> list[str]:
    """Return the tasks walked on a data set: those it serves and none before it does."""
    before = list(DATASETS)[: list(DATASETS).index(dataset)]
    return [
        task
        for task in names("task")
        if task not in unserved(dataset) and all(task in unserved(other) for other in before)
    ]


@cache
def negotiated(column: Column) -> dict[str, tuple[bool, str]]:
    """Return for every task whether it fits, and why not (or why not alone)."""
    tasks = tasks_of(column.dataset)
    found = {}
    for task in tasks:
        alone = refusal(column, [task])
        fits = alone is None or any(
            refusal(column, [task, other]) is None for other in tasks if other != task
        )
        found[task] = (fits, alone or "")
    return found


def parts(column: Column) -> list[list[str]]:
    """Return the tasks that fit, dealt over models that are not too large."""
    tasks = [task for task, (fits, _) in negotiated(column).items() if fits]
    if not tasks:
        return []
    count = ceil(size(column, tasks) / LARGE)
    each = max(min(2, len(tasks)), ceil(len(tasks) / count))
    count = ceil(len(tasks) / each)
    dealt = [tasks[first::count] for first in range(count)]
    # A part may lack the task that the others need beside them.
    return [tasks] if any(refusal(column, part) for part in dealt) else dealt


def chosen_part(column: Column) -> list[str]:
    """Return the tasks that are walked: with the default sharing all, else those of the first model.

    Beside those that are shared, they are walked under the default sharing only.
    """
    found = parts(column)
    if column.sharing == names("sharing")[0]:
        return [task for part in found for task in part]
    main = next(iter(DATASETS))
    shared = column.dataset == main or (column.dataset in SHARED and column.encoder == small_encoders()[0])
    return found[0] if found and shared else []


def some_of(column: Column) -> list[str]:
    """Return a few of the tasks, others for every sharing; all where no few fit by themselves."""
    tasks = chosen_part(column)
    turn = names("sharing").index(column.sharing)
    step = max(1, len(tasks) // FEW)
    for start in range(turn, turn + len(tasks)):
        places = {(start + step * index) % len(tasks) for index in range(FEW)}
        few = [tasks[place] for place in sorted(places)]
        if refusal(column, few) is None:
            return few
    return tasks


def walk(column: Column, some: list[str], tmp_path: Path) -> dict[str, Cell]:
    """Train, export and verify a model of some tasks; return the cells of all, and print them."""
    verdicts = negotiated(column)
    cells = {task: Cell(fits, None, reason) for task, (fits, reason) in verdicts.items()}
    if some:
        differences = train(composed(column, some), tmp_path)
        assert list(differences) == some
        cells |= {task: Cell(True, value, verdicts[task][1]) for task, value in differences.items()}
    for task, cell in cells.items():
        print(f"{column.dataset} {task} {column.encoder} {column.sharing}: {cell} {cell.reason}")
    return cells


def train(composition: Composition, tmp_path: Path) -> dict[str, float]:
    """Train a few steps, export and verify; return the worst difference of each task."""
    splits = load_splits(composition.dataset, validation=TRAIN["validation"], split_seed=0)
    model = composition.model
    model.normalization.set(*channel_statistics(splits.train))
    before = {task: weights(composition, task) for task in composition.tasks}
    steps: list[int] = []
    trainer = Trainer(composition, splits, torch.device("cpu"), lambda done, total: steps.append(done))
    (result,) = trainer.epochs()
    assert len(steps) == STEPS
    assert all(not torch.equal(before[task], weights(composition, task)) for task in before)
    metrics = {"test": {task: {"loss": result.row[f"validation/{task}/loss"]} for task in before}}
    report = export(composition, splits.validation, metrics, tmp_path / "model.onnx").verification
    assert report["passed"] is True
    found = dict.fromkeys(before, 0.0)
    for case in report["cases"]:
        assert set(case["differences"]) == set(found)
        found = {task: max(found[task], value) for task, value in case["differences"].items()}
    return found


def weights(composition: Composition, task: str) -> torch.Tensor:
    head = composition.model.head(task)
    return torch.cat([parameter.detach().flatten() for parameter in head.parameters()])


@pytest.mark.parametrize(("column", "few"), parameters())
def test_a_cell_that_fits_trains_and_exports_the_same_numbers(
    column: Column, few: bool, tmp_path: Path
) -> None:
    cells = walk(column, some_of(column) if few else chosen_part(column), tmp_path)
    if not few:
        walked[column] = cells
    if not WRITING:
        told = {task: cell.outcome for task, cell in documented()[column].items()}
        assert told == negotiated(column), f"rewrite it: {REWRITE}"


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_task_answers_the_mean_over_the_square(dataset: str, tmp_path: Path) -> None:
    column = Column(dataset, "lenet", names("sharing")[0])
    tasks = chosen_part(column)
    assert tasks
    train(composed(column, tasks, test_time_augmentation="square"), tmp_path)


def test_every_sharing_and_every_encoder_is_walked_by_default() -> None:
    always = by_default()
    assert {column.sharing for column in always} == set(names("sharing"))
    assert {column.encoder for column in always} == set(names("encoder"))


def test_some_data_set_serves_every_task() -> None:
    assert sorted(task for dataset in DATASETS for task in tasks_of(dataset)) == sorted(names("task"))


def test_the_document_tells_of_every_cell_and_no_other() -> None:
    complete = {column: list(told) for column, told in walked.items()} == {
        column: tasks_of(column.dataset) for column in COLUMNS
    }
    if WRITING:
        if not complete:
            pytest.fail(f"the document is written by one process that walks all: {REWRITE}")
        DOCUMENT.write_text(document(walked), encoding="utf-8")
    cells = [(column, task) for column, known in documented().items() for task in known]
    expected = [(column, task) for column in COLUMNS for task in tasks_of(column.dataset)]
    assert sorted(map(str, cells)) == sorted(map(str, expected)), f"rewrite it: {REWRITE}"
    told = {column: known | walked.get(column, {}) for column, known in documented().items()}
    for dataset in DATASETS:
        print("", dataset, *table(axes(dataset), told), sep="\n")


def document(cells: Mapping[Column, Mapping[str, Cell]]) -> str:
    """Return the text of `docs/matrix.md`."""
    found = [cell for told in cells.values() for cell in told.values()]
    differences = [cell.difference for cell in found if cell.difference is not None]
    fitting = sum(cell.fits for cell in found)
    exact = TOLERANCES["float32"]
    summary = (
        f"{len(found)} cells: {fitting} fit, of which {len(differences)} were trained a few steps, exported "
        f"and verified; {len(found) - fitting} do not fit, for the reason given. The worst difference of all "
        f"is **{max(differences):.1e}** (allowed: {exact.absolute:.0e} absolute + "
        f"{exact.relative:.0e} relative)."
    )
    method = (
        "A number is the absolute difference between the output in onnxruntime and in torch, where it comes "
        "nearest to what is allowed, over all cases of the verification: batches of "
        f"{', '.join(map(str, BATCHES))}; {', '.join(KINDS.values())}. Images are cut to their middle, "
        f"{SIDE} x {SIDE}. The tasks of a table that fit an encoder and a sharing are answered by one model; "
        f"where it has more than {LARGE // 10**6} million parameters, some of them are, and on the "
        f"data sets after the first none but under `{names('sharing')[0]}`, and on {SHARED[-1]} with "
        f"`{small_encoders()[0]}`; "
        f"the others say `{FITS}`: composed, not trained. "
        f"Heads see features of the same form under every sharing, and under `{names('sharing')[0]}` every "
        "cell is walked. `tests/test_matrix.py` checks that cells still fit, or do not, as it stands here, "
        "and walks them again: every sharing and every encoder by default, all with `-m slow`."
    )
    origin = (
        f"Written on {time.strftime('%Y-%m-%d')} by `{REWRITE}` in {time.perf_counter() - BEGAN:.0f} s on "
        f"{platform.system()} {platform.machine()} ({os.cpu_count()} cores), Python "
        f"{platform.python_version()}, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}. "
        "The same command writes it again."
    )
    lines = ["# The matrix: task x encoder x sharing", "", summary, "", method, "", origin]
    for dataset in DATASETS:
        lines += ["", f"## {dataset}", "", *table(axes(dataset), cells)]
    return "\n".join(lines) + "\n"


def axes(dataset: str) -> Axes:
    """Return what the table of a data set has rows and columns for."""
    tasks = tasks_of(dataset)
    elsewhere = [why for task, why in unserved(dataset).items() if task not in tasks]
    return Axes(dataset, tasks, names("encoder"), names("sharing"), elsewhere)


@cache
def documented() -> dict[Column, dict[str, Cell]]:
    """Read the cells back from the document."""
    if not DOCUMENT.is_file():
        pytest.fail(f"{DOCUMENT} is missing; write it: {REWRITE}")
    return {column: {} for column in COLUMNS} | parse(DOCUMENT.read_text(encoding="utf-8"))
