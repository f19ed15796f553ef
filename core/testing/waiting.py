"""Where work on a CUDA device would wait for it, found without one.

Tensors that only pretend (shape, type, device) go through the work; what would need their values cannot go
on, and a copy to or from the device is seen. A CUDA graph can hold neither.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ..base.frames import line_outside_torch

_COPIES = {"_to_copy", "copy_"}
_BY_MASK = {"index", "index_put", "index_put_"}

Place = Callable[[Any], Any]
"""Puts a tensor, or a module's parameters and buffers, on the pretended device."""


def first_wait(
    work: Callable[[Place], object], before: Callable[[Place], object] | None = None
) -> str | None:
    """Return where `work` would first wait for a CUDA device, `FILE:LINE: what`; None where it never does.

    It is given what places its tensors and modules there, as is what is done `before`, which may wait.
    Gradients only pretend as well: what autograd's formulas read, inside of torch, is not seen.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True):
        try:
            with patch.object(torch.autograd, "grad", _pretended_gradients):
                if before is not None:
                    before(_placed)
                with _Watch():
                    work(_placed)
        except _WaitError as error:
            return str(error)
        except Exception as error:
            pretended = type(error).__module__.startswith("torch._subclasses")
            if not (pretended or isinstance(error, RuntimeError)):
                raise
            why = "its value is read" if pretended else str(error).splitlines()[0]
            return f"{_line(traceback.extract_tb(error.__traceback__))}: {why}"
    return None


class _WaitError(Exception):
    """A copy between the device and the CPU."""


class _Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        found = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        if name in _COPIES and len({value.device.type for value in _tensors([*args, found])}) > 1:
            raise _WaitError(f"{_line(traceback.extract_stack())}: a copy between the device and the CPU")
        if name in _BY_MASK and any(
            value is not None and value.dtype in (torch.bool, torch.uint8) for value in args[1]
        ):
            raise _WaitError(f"{_line(traceback.extract_stack())}: a mask as an index is counted")
        return found


def _tensors(values: list[Any]) -> list[Tensor]:
    return [value for value in values if isinstance(value, Tensor)]


def _placed(value: Any) -> Any:
    if isinstance(value, Tensor):
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="cuda:0")
    assert isinstance(value, nn.Module)
    for module in value.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = nn.Parameter(_placed(parameter.data), parameter.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = _placed(buffer)
    return value


def _pretended_gradients(outputs: Any, inputs: Any, *_: Any, **__: Any) -> tuple[Tensor, ...]:
    """Stand in for `torch.autograd.grad`, which asks for a real device."""
    return tuple(torch.empty_like(value) for value in ([inputs] if isinstance(inputs, Tensor) else inputs))


def _line(frames: traceback.StackSummary) -> str:
    return line_outside_torch(frames, (__file__,))
