"""The model as a picture: the stages of its encoder, who reads what of them, and the heads, with their costs.

Every task has a line in its colour, from the image through the features that it reads to its head. Where
lines of several run through one box, they share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..composition.composition import Composition
from ..composition.costs import Cost
from ..composition.wiring import Stage, wiring
from .charts import SERIES, drawing
from .markup import Html, tag
from .numbers import listed, short, shortened

_WIDE, _GAP, _TOP, _HEAD, _APART = 138.0, 46.0, 74.0, 54.0, 14.0
"""Width of a box, room between two, height of what stands above them, height of a head, room between two."""

_STEP = 7.0
"""Between the lines of two tasks."""

_MOST = 12
"""Tasks that have a line and a head; of more, the first ones are drawn."""

_LETTERS = 19
"""Of a line of text in a box."""


@dataclass(frozen=True)
class _Box:
    """A box, the tasks that run through it, and what stands in it."""

    tasks: Sequence[str]
    lines: Sequence[str]
    left: float
    top: float
    height: float

    def port(self, task: str) -> float:
        """Where the line of a task meets it."""
        return self.top + self.height / 2 + _STEP * (self.tasks.index(task) - (len(self.tasks) - 1) / 2)


def architecture(composition: Composition) -> Html:
    """Return the picture, to be scrolled where it is wider than the page."""
    tasks = list(composition.tasks)[:_MOST]
    stages = wiring(composition)
    columns, titles = _columns(composition, tasks, stages)
    height = max(box.top + box.height for column in columns for box in column) + 14
    parts = []
    for before, after in pairwise(columns):
        parts += [_line(task, before, after, tasks.index(task) % SERIES) for task in tasks]
    for stage, column in zip(stages, columns[1:-1], strict=True):
        parts += _links(stage, column)
    parts += [_drawn(box) for column in columns for box in column]
    costs = composition.costs()
    for place, title in enumerate(titles):
        parts += _title(title, costs.get(f"stage {title}"), costs, place * (_WIDE + _GAP))
    width = len(columns) * (_WIDE + _GAP) - _GAP + 2
    label = f"The way of {listed(tasks)} through {len(columns) - 2} stages to their heads"
    shown = drawing(width, height, label, parts).replace('class="chart"', 'class="chart architecture"', 1)
    about = _about(composition, len(composition.tasks) - len(tasks))
    scrolled = tag("div", Html(shown), class_="scroll", tabindex=0, role="region", aria_label="Architecture")
    return tag("figure", scrolled, tag("p", about, class_="note"), class_="card wide")


def _columns(
    composition: Composition, tasks: Sequence[str], stages: Sequence[Stage]
) -> tuple[list[list[_Box]], list[str]]:
    """Return the boxes from left to right, and the name of each column."""
    costs, specs = composition.costs(), composition.model.sharing.feature_specs
    whole = len(tasks) * (_HEAD + _APART) - _APART
    names = [name.removeprefix("stage ") for name in costs if name.startswith("stage ")]
    if len(names) != len(stages):
        names = [f"stage {place}" for place in range(1, len(stages) + 1)]
    first, shape = _given(composition)
    columns = [_column([tasks], [[shape]], 0.0, whole)]
    for place, stage in enumerate(stages):
        drawn = [[task for task in group if task in tasks] for group in stage.groups]
        kept = [group for group in drawn if group]
        texts = [[_form(specs[group[0]][place].shape)] for group in kept]
        columns.append(_column(kept, texts, (place + 1) * (_WIDE + _GAP), whole))
    left = (len(stages) + 1) * (_WIDE + _GAP)
    heads = [
        _Box([task], _head(composition, task, costs), left, _TOP + place * (_HEAD + _APART), _HEAD)
        for place, task in enumerate(tasks)
    ]
    return [*columns, heads], [first, *names, "heads"]


def _column(
    groups: Sequence[Sequence[str]], texts: Sequence[Sequence[str]], left: float, whole: float
) -> list[_Box]:
    """Return one box per group of tasks, spread over the height."""
    room = max(whole, len(groups) * (_HEAD + _APART) - _APART) / max(1, len(groups))
    boxes = []
    for place, (group, lines) in enumerate(zip(groups, texts, strict=True)):
        height = max(_HEAD, _STEP * len(group) + 24)
        boxes.append(_Box(group, lines, left, _TOP + room * (place + 0.5) - height / 2, height))
    return boxes


def _given(composition: Composition) -> tuple[str, str]:
    """Return what the encoder reads, and its shape."""
    image = composition.dataset_spec.image
    if image:
        return "image", _form(image.shape)
    count = sum(len(item.columns) for item in composition.dataset_spec.inputs)
    return "row", f"{count} columns" if count != 1 else "1 column"


def _form(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))  # noqa: RUF001


def _head(composition: Composition, task: str, costs: dict[str, Cost]) -> list[str]:
    (choice,) = [choice for choice in composition.recipe.tasks if choice.name == task]
    kind = choice.head.name if choice.head else "head"
    cost = costs[f"head {task}"]
    given = "".join(f", with {item.name}" for item in composition.tasks[task].task.inputs)
    return [task, f"{kind}{given}", f"{short(cost.parameters)} · {short(cost.multiply_adds)}"]


def _about(composition: Composition, rest: int) -> str:
    costs = composition.costs()["sharing"]
    count = len(composition.encoders)
    said = (
        "Below a stage's name: its parameters and the multiply-adds of one sample, beside those of the most "
        "expensive part; in a head likewise. A box is a set of features: where the lines of several tasks "
        "run through it, they share it; dashes join features that differ and are made of the same encoder. "
        "A head may read earlier stages too. Sharing "
        f"{composition.recipe.sharing.name} has {short(costs.parameters)} parameters and "
        f"{short(costs.multiply_adds)} multiply-adds of its own"
    )
    said += f", {count} encoders, counted together." if count > 1 else "."
    return f"{said} {rest} more tasks are not drawn." if rest else said


def _line(task: str, before: Sequence[_Box], after: Sequence[_Box], colour: int) -> Html:
    """Return the way of a task from one column to the next; nothing where it stops."""
    start = next((box for box in before if task in box.tasks), None)
    end = next((box for box in after if task in box.tasks), None)
    if start is None or end is None:
        return Html()
    x, y, to_x, to_y = start.left + _WIDE, start.port(task), end.left, end.port(task)
    bend = _GAP / 2
    way = f"M{x:.1f} {y:.1f}C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return tag("path", tag("title", task), d=way, class_=f"way s{colour}")


def _links(stage: Stage, column: Sequence[_Box]) -> list[Html]:
    """Return a dashed line between neighbours whose features differ and are made of the same encoder."""
    place = {group: at for at, group in enumerate(stage.groups)}
    at = [next(place[group] for group in place if box.tasks[0] in group) for box in column]
    middle = column[0].left + _WIDE / 2
    return [
        tag("line", x1=middle, x2=middle, y1=upper.top + upper.height, y2=lower.top, class_="link")
        for (one, upper), (other, lower) in pairwise(zip(at, column, strict=True))
        if stage.mixed(one, other)
    ]


def _drawn(box: _Box) -> Html:
    inside = {"x": box.left + 1, "y": box.top, "width": _WIDE - 2, "height": box.height, "rx": 7}
    first = box.top + box.height / 2 + 4 - 7.5 * (len(box.lines) - 1)
    texts = [
        tag(
            "text",
            tag("title", line),
            shortened(line, _LETTERS),
            x=box.left + _WIDE / 2,
            y=first + 15 * row,
            text_anchor="middle",
            class_="name" if row == 0 and len(box.lines) > 1 else None,
        )
        for row, line in enumerate(box.lines)
    ]
    return tag("g", tag("title", listed(list(box.tasks))), tag("rect", **inside), *texts)


def _title(title: str, cost: Cost | None, costs: dict[str, Cost], left: float) -> list[Html]:
    """Return a column's name with two bars: its shares of parameters and multiply-adds."""
    middle = left + _WIDE / 2
    parts = [tag("text", shortened(title, _LETTERS), x=middle, y=14, text_anchor="middle", class_="name")]
    if cost is None:
        return parts
    for row, name in enumerate(("parameters", "multiply_adds")):
        largest = max(getattr(one, name) for one in costs.values()) or 1
        share = getattr(cost, name) / largest
        y = 24 + 20 * row
        bar = {"x": left + 1, "y": y, "height": 16, "rx": 3}
        parts.append(tag("rect", **bar, width=_WIDE - 2, class_="whole"))
        parts.append(tag("rect", **bar, width=max(2.0, share * (_WIDE - 2)), class_=f"share b{row}"))
        text = f"{short(getattr(cost, name))}{' params' if row == 0 else ' mult-adds'}"
        parts.append(tag("text", text, x=middle, y=y + 12, text_anchor="middle", class_="on-bar"))
    return parts
