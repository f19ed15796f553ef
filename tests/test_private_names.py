"""Names that other packages keep to themselves: each that is used is listed, and does what is wanted of it.

pyproject.toml bounds the packages from above: a newer one is let in when these tests pass with it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from onnxscript._internal import main
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).parents[1]
SOURCES = [path for part in ("core", "plugins", "exports") for path in (ROOT / part).rglob("*.py")]


def private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def private_names(path: Path) -> Iterator[str]:
    """Yield the private names of other packages that a file uses."""
    tree = ast.parse(path.read_text())
    imported: set[str] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            imported |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            said = ast.unparse(node)
            names = [said] if said.partition(".")[0] in imported else []
        known = sys.stdlib_module_names
        yield from (name for name in names if private(name) and name.partition(".")[0] not in known)


def foreach() -> None:
    values = [torch.tensor([3.0]), torch.tensor([5.0])]
    steps = torch._foreach_sub(values, [torch.ones(1), torch.ones(1)])
    torch._foreach_mul_(steps, 2.0)
    torch._foreach_add_(values, steps)
    assert [value.item() for value in values] == [7.0, 13.0]


def fused() -> None:
    wanted = "grad_scale=None, found_inf=None"
    for kernel in ("_fused_adam_", "_fused_adamw_", "_fused_sgd_"):
        schema = str(getattr(torch.ops.aten, kernel).default._schema)
        assert wanted in schema.replace("Tensor? ", ""), schema


def unscale() -> None:
    """What has been found stays found, and a value is left as it is."""
    found, one, value = torch.zeros(()), torch.ones(()), torch.tensor(3.0)
    for seen, wanted in ((value, 0.0), (torch.tensor(torch.inf), 1.0), (value, 1.0)):
        torch._amp_foreach_non_finite_check_and_unscale_([seen], found, one)
        assert (found.item(), value.item()) == (wanted, 3.0)


def dispatch() -> None:
    seen = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    with Watch():
        _ = torch.ones(2) + 1
    assert torch.ops.aten.add.Tensor in seen


def fake() -> None:
    with FakeTensorMode(), pytest.raises(Exception) as caught:
        torch.ones(1).item()
    assert type(caught.value).__module__.startswith("torch._subclasses")


def pytree() -> None:
    assert _pytree.tree_map(lambda value: value + 1, {"a": (1, 2)}) == {"a": (2, 3)}


def dynamo() -> None:
    assert issubclass(torch._dynamo.exc.TorchDynamoException, Exception)


def pools() -> None:
    """What is missing is passed over (`core/training/cuda_capture.py`): only CUDA's builds have it."""
    assert hasattr(torch._C, "_cuda_releasePool") == torch.backends.cuda.is_built()


def listing() -> None:
    """What is missing is passed over (`exports/torchlib.py`); listing twice finds what listing once does."""
    named = getattr(torch._export.utils, "_materialize_cpp_cia_ops", lambda: None)
    assert [named(), named()] == [None, None]


def translating() -> None:
    """What is missing is passed over (`exports/torchlib.py`)."""
    assert callable(getattr(main, "script_check", callable))


CANARIES: dict[str, Callable[[], None]] = {
    "torch._foreach_sub": foreach,
    "torch._foreach_mul_": foreach,
    "torch._foreach_add_": foreach,
    "torch._fused_adam_": fused,
    "torch._fused_adamw_": fused,
    "torch._fused_sgd_": fused,
    "torch._amp_foreach_non_finite_check_and_unscale_": unscale,
    "torch.utils._python_dispatch.TorchDispatchMode": dispatch,
    "torch._subclasses.fake_tensor.FakeTensorMode": fake,
    "torch.utils._pytree": pytree,
    "torch._dynamo": dynamo,
    "torch._export.utils": listing,
    "torch._C": pools,
    "onnxscript._internal.main": translating,
}


def test_every_private_name_has_a_canary() -> None:
    assert {name for path in SOURCES for name in private_names(path)} == set(CANARIES)


@pytest.mark.parametrize("canary", dict.fromkeys(CANARIES.values()), ids=lambda canary: canary.__name__)
def test_a_private_name_does_what_is_wanted(canary: Callable[[], None]) -> None:
    canary()
