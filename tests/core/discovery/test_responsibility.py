"""Who is named when the engine fails on what a component gave, and none of its code is in the traceback."""

from __future__ import annotations

import pytest

from mtl.core.base.errors import ComponentError
from mtl.core.contracts.tensor_form import expect
from mtl.core.discovery.home import HOME
from mtl.core.discovery.responsibility import Owners
from mtl.plugins.forms import Categorical
from mtl.plugins.losses.cross_entropy import CrossEntropy


class Stranger:
    __module__ = "plugin"  # no frame of the tests is its own


def _owners(*kinds: type) -> Owners:
    owners = Owners()
    for kind in kinds:
        source = "plugin 1.0" if kind is Stranger else f"{HOME} 0.1"
        owners.add(kind, f"loss {kind.__name__!r} of {source}")
    return owners


def test_the_plugins_components_at_work_are_named() -> None:
    with (
        pytest.raises(ComponentError) as caught,
        _owners(CrossEntropy, Stranger).at_work("while it trained, in epoch 2"),
    ):
        raise KeyError("a")
    assert str(caught.value).startswith(
        "what loss 'Stranger' of plugin 1.0 gave cannot be used while it trained, in epoch 2: KeyError: 'a'"
    )


def test_with_built_in_components_alone_it_is_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError), _owners(CrossEntropy).at_work("while it trained"):
        raise KeyError("a")


def test_where_a_built_in_component_stumbles_the_plugins_components_are_named_too() -> None:
    with pytest.raises(ComponentError) as caught, _owners(CrossEntropy, Stranger).at_work("in epoch 2"):
        expect(CrossEntropy(Categorical(("a", "b"))), "its answer is", None, ())
    assert str(caught.value).startswith(
        f"loss 'CrossEntropy' of {HOME} 0.1 failed in epoch 2: its answer is None"
    )
    assert "what it was given may be of loss 'Stranger' of plugin 1.0; " in str(caught.value)


@pytest.mark.parametrize("kind", [BrokenPipeError, FileNotFoundError, KeyboardInterrupt])
def test_what_the_system_raises_is_of_no_component(kind: type[BaseException]) -> None:
    with pytest.raises(kind), _owners(Stranger).at_work("while it trained"):
        raise kind
