"""What a component declares and answers has the form that its contract states, or it is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import TypeAliasType

from mtl.core.base.errors import ComponentError
from mtl.core.contracts import Balancer, Dataset, Exporter, LearnedTable, Metric, Sharing, Task
from mtl.core.contracts.specs import DatasetSpec, ImageSpec, InputSpec
from mtl.core.discovery.declared import ask, fits, require_declared
from mtl.plugins.forms import Binary, Categorical

T = TypeVar("T")
Named = TypeAliasType("Named", Mapping[str, T], type_params=(T,))
Width = TypeAliasType("Width", int)

SPEC = DatasetSpec(ImageSpec(1, 8, 8), {"side": Binary()})


@dataclass(frozen=True)
class Point:
    where: tuple[float, ...]
    side: Literal["left", "right"] = "left"


FITTING: list[tuple[Any, Any]] = [
    (["a"], tuple[str, ...]),
    ((1, 2.5), tuple[float, float]),
    ({"a"}, frozenset[str]),
    (MappingProxyType({"a": np.float32(1)}), Mapping[str, float]),
    (Point((1.0,)), Point | None),
    (np.zeros(3, np.uint8), NDArray[np.uint8]),
    (float("inf"), float),
    ({"a": 1}, Named[int]),
    (1, Width),
]
ILL: list[tuple[Any, Any]] = [
    ("a", tuple[str, ...]),
    ((1.0,), tuple[float, float]),
    (True, int),
    (1, bool),
    (float("nan"), float),
    ("left", frozenset[str]),
    ({"a": None}, Mapping[str, float]),
    (Point((1.0,), "up"), Point),  # type: ignore[arg-type]
    (Point(np.ones(1)), Point),  # type: ignore[arg-type]
    ([0, 1], NDArray[np.uint8]),
    ({"a": "1"}, Named[int]),
    ("1", Width),
]


@pytest.mark.parametrize(("value", "form"), FITTING)
def test_what_has_the_form_fits(value: object, form: object) -> None:
    assert fits(value, form)


@pytest.mark.parametrize(("value", "form"), ILL)
def test_what_has_another_form_does_not(value: object, form: object) -> None:
    assert not fits(value, form)


class Sides(Task):
    def __init__(self) -> None:
        super().__init__(SPEC)
        self.target_spec = Binary()

    def target(self, batch: Any) -> Any:
        return batch.labels["side"]


class Nowhere(Exporter):
    suffix = ".none"

    def export(self, subject: Any, path: Any) -> Any:
        return None

    def verify(self, subject: Any, path: Any) -> Any:
        return {}


class Empty(Dataset):
    def spec(self) -> DatasetSpec:
        return SPEC

    def load(self) -> Any:
        return None

    def published_sizes(self) -> Any:
        return [1]


def _balancer() -> Balancer:
    return Balancer(("a", "b"))


DECLARED: list[tuple[Any, str, Any, str]] = [
    (Sides, "needs", None, "its needs is None, stated tuple[str, ...]"),
    (Sides, "needs", "side", "its needs is 'side', stated tuple[str, ...]"),
    (Sides, "metrics", (5,), "its metrics is (5,), stated"),
    (Sides, "metrics", ({"beta": 1},), "stated for each a name, or a mapping with a `name`"),
    (Sides, "loss", 5, "its loss is 5, stated str"),
    (Sides, "loss", {"beta": 1}, "its loss is {'beta': 1}, stated a name, or a mapping with a `name`"),
    (Sides, "head", ["linear"], "its head is ['linear'], stated str"),
    (Sides, "symmetry", [1], "its symmetry is [1], stated Symmetry | None"),
    (Sides, "inputs", (InputSpec("turn", 0),), "stated inputs with a count above 0"),
    (Sides, "target_spec", Categorical((0, 1)), "its target_spec is Categorical(classes=(0, 1)), stated"),  # type: ignore[arg-type]
    (lambda: Metric(Binary()), "direction", "up", "its direction is 'up', stated Literal"),
    (lambda: Metric(Binary()), "bounds", None, "its bounds is None, stated tuple[float, float]"),
    (lambda: Metric(Binary()), "bounds", (1.0, 0.0), "stated the lowest value and the highest"),
    (_balancer, "fixed_weights", None, "its fixed_weights is None"),
    (_balancer, "fixed_weights", {"a": float("nan")}, "its fixed_weights is {'a': nan}"),
    (_balancer, "fixed_weights", {"a": float("inf")}, "stated finite numbers by task"),
    (_balancer, "parts", 0, "its parts is 0, stated 1 or more"),
    (_balancer, "on", "nowhere", "stated 'parameters' or 'features'"),
    (lambda: Sharing(("a",), lambda: None), "fuses", "turn", "its fuses is 'turn', stated frozenset[str]"),  # type: ignore[arg-type, return-value]
    (Nowhere, "suffix", None, "its suffix is None, stated str"),
    (Nowhere, "file_name", None, "its file_name is None, stated str"),
    (Nowhere, "file_name", "../up.foo", "stated the name of a file, without a folder"),
]


@pytest.mark.parametrize(("make", "name", "value", "told"), DECLARED)
def test_an_attribute_of_another_form_is_named_with_its_component(
    make: Any, name: str, value: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = make()
    require_declared("task 'x' of plugin 1.0", component)
    monkeypatch.setattr(type(component), name, value, raising=False)
    vars(component).pop(name, None)
    with pytest.raises(ComponentError) as caught:
        require_declared("task 'x' of plugin 1.0", component)
    assert str(caught.value).startswith("task 'x' of plugin 1.0: its ")
    assert told in str(caught.value)


def test_an_answer_of_another_form_is_named_with_its_component() -> None:
    with pytest.raises(ComponentError, match=r"^data 'x': published_sizes answered \[1\], stated Mapping"):
        ask("data 'x'", Empty(), "published_sizes")
    assert ask("data 'x'", Empty(), "spec") == SPEC


@pytest.mark.parametrize("values", [((float("nan"),),), np.ones((1, 1)), None])
def test_a_learned_table_holds_numbers(values: Any) -> None:
    class Talking(Sharing):
        def learned(self, image: Any, inputs: Any) -> tuple[LearnedTable, ...]:
            return (LearnedTable("t", "m", ("a",), ("b",), values),)

    with pytest.raises(ComponentError, match="learned answered"):
        ask("sharing 'x'", Talking(("a",), lambda: None), "learned", None, {})  # type: ignore[arg-type, return-value]
