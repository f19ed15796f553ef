"""Checks of forms of answers: what they say of themselves agrees."""

from __future__ import annotations

import json

import numpy as np
import torch

from ..composition.orbit import ELEMENTS
from ..contracts import Form
from ..contracts.randomness import generator
from .bench import SIZES
from .checks import CheckSkipped, check, require
from .subjects import Subject

_COUNT = 12


@check("form")
def check_a_file_brings_it_back(subject: Subject) -> None:
    """`from_json` makes the same form of what `to_json` gave, and refuses other values."""
    for form in _specimens(subject):
        values = json.loads(json.dumps(form.to_json()))
        name = values.pop("form", None)
        require(
            name == subject.name,
            f"the name {subject.name!r} in JSON",
            name,
            "set `form` to the record's name",
        )
        got = type(form).from_json(values)
        require(
            got == form,
            f"{form} from its own JSON",
            got,
            "use fields that JSON knows, and a frozen data class",
        )
        try:
            type(form).from_json({**values, "another": 1})
        except ValueError:
            continue
        require(
            False, "a ValueError for a field that it does not have", "none", "check the fields in `from_json`"
        )


@check("form")
def check_predictions_are_the_same_without_torch(subject: Subject) -> None:
    """`predict_array` gives what `predict` does, of the shape of the raw output."""
    for form in _specimens(subject):
        raw = 5 * torch.randn(_COUNT, *form.output_shape, generator=generator("cpu", 0, "raw"))
        one, other = form.predict(raw), form.predict_array(raw.numpy().copy())
        require(
            one.shape == raw.shape and np.allclose(one.numpy(), other, atol=1e-5),
            f"the same predictions {list(raw.shape)} from both",
            f"{list(one.shape)} and {list(other.shape)}, which differ",
            "compute the same in `predict` and `predict_array`",
        )


@check("form")
def check_right_answers_are_targets(subject: Subject) -> None:
    """Drawn answers are a valid label column, present, and `ideal` outputs say them."""
    for form in _specimens(subject):
        target = form.draw(_COUNT, generator("cpu", 0, "targets"))
        problem = form.column_problem(target.numpy(), _COUNT)
        require(
            problem is None,
            "answers drawn that are a label column",
            problem,
            "mend `draw`, or `column_problem`",
        )
        there = form.present(target)
        require(there is None or bool(there.all()), "answers that are present", there, "mend `present`")
        sure, said = form.certain(target), form.predict(form.ideal(target))
        require(
            sure.shape == said.shape and torch.allclose(sure, said, atol=1e-3),
            "the prediction for an ideal output to be the certain one",
            f"{said.flatten()[:3].tolist()} for {sure.flatten()[:3].tolist()}",
            "mend `ideal`, `certain` or `activation`",
        )
        total, count = form.tally(target)
        require(
            (total / count).shape == form.output_shape,
            f"a constant prediction of the shape {list(form.output_shape)}",
            list((total / count).shape),
            "mend `tally`",
        )


@check("form")
def check_targets_move_as_the_square_does(subject: Subject) -> None:
    """A target that is mirrored and turned, and then back, is as it was."""
    for form in _specimens(subject):
        target = form.draw(_COUNT, generator("cpu", 0, "targets"))
        for turns, mirrored in ELEMENTS["square"]:
            moved = form.move(form.move(target, 0, mirrored, None), turns, False, None)
            back = form.move(form.move(moved, -turns % 4, False, None), 0, mirrored, None)
            same = torch.allclose(back, target, rtol=0.0, atol=0.0, equal_nan=True)
            require(same, "the target again", "another one", "mend `move`")


@check("form")
def check_every_prediction_is_described(subject: Subject) -> None:
    """Its drawing says something of every prediction, in words and in JSON."""
    for form in _specimens(subject):
        predictions = form.predict(torch.zeros(_COUNT, *form.output_shape)).numpy()
        said = form.drawing.describe(predictions)
        require(len(said) == _COUNT, f"{_COUNT} descriptions", len(said), "describe every row")
        json.dumps([dict(one.value) for one in said], allow_nan=False)
        require(all(one.text for one in said), "a line of text", "an empty one", "say what the answer is")


def _specimens(subject: Subject) -> tuple[Form, ...]:
    found: tuple[Form, ...] = subject.component.specimens(SIZES[0])
    if not found:
        raise CheckSkipped("it gives no `specimens` to be tried")
    return found
