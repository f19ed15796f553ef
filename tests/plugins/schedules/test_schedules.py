"""Every schedule is its equation, written out."""

from __future__ import annotations

from math import cos, pi

import pytest

from mtl.core.contracts import Moment, Schedule
from mtl.plugins.schedules.constant import Constant
from mtl.plugins.schedules.cosine import Cosine
from mtl.plugins.schedules.linear import Linear
from mtl.plugins.schedules.one_cycle import OneCycle
from mtl.plugins.schedules.steps import Steps

EPOCHS, EACH = 5, 4


def factors(schedule: Schedule) -> list[float]:
    total = EPOCHS * EACH
    return [schedule.factor(Moment(step, total, 1 + step // EACH, EPOCHS)) for step in range(total)]


def test_constant() -> None:
    assert factors(Constant()) == [1.0] * EPOCHS * EACH


def test_linear() -> None:
    assert factors(Linear(end=0.2)) == pytest.approx([1 - 0.8 * step / 20 for step in range(20)])


def test_cosine_by_epoch_and_by_step() -> None:
    assert factors(Cosine()) == [(1 + cos(pi * (step // EACH) / EPOCHS)) * 0.5 for step in range(20)]
    assert factors(Cosine(every="step")) == pytest.approx(
        [(1 + cos(pi * step / 20)) / 2 for step in range(20)]
    )


def test_one_cycle_goes_up_and_down_once() -> None:
    found = factors(OneCycle(rise=0.5, start=0.1, end=0.01))
    top = 9.5
    up = [1 - 0.9 * (1 + cos(pi * step / top)) / 2 for step in range(10)]
    down = [0.01 + 0.99 * (1 + cos(pi * (step - top) / top)) / 2 for step in range(10, 20)]
    assert found == pytest.approx(up + down)


def test_one_cycle_of_one_step_has_a_rate() -> None:
    assert OneCycle().factor(Moment(0, 1, 1, 1)) == 1.0


def test_steps_decays_at_its_milestones() -> None:
    schedule = Steps(milestones=(2, 4), decay=0.5)
    assert factors(schedule)[::EACH] == [1.0, 0.5, 0.5, 0.25, 0.25]
    assert schedule.problem(4) is None
    assert schedule.problem(3) == "has a milestone in epoch 4; the training has 3"
