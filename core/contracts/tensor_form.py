"""Whether a tensor that a component gave is what it stated: type, shape, kind of numbers, and finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import ComponentError
from . import Form

FLOAT32 = (torch.float32,)
WHOLE = (torch.int64,)
REAL = (torch.float32, torch.float64, torch.float16, torch.bfloat16)

_PLAIN = (Tensor, nn.Parameter)
_HINT = "state what it gives, or mend it; `mtl plugin check` says more"


class MisfitError(Exception):
    """What a component gave at work has another form than it had when it was rehearsed.

    `Owners.at_work` makes of it the error that names the component.
    """

    def __init__(self, component: object, message: str) -> None:
        super().__init__(message)
        self.component = component


def expect(
    component: object,
    what: str,
    value: Any,
    shape: Sequence[int],
    kinds: tuple[torch.dtype, ...] = FLOAT32,
) -> None:
    """Raise `MisfitError` unless `value` is a plain tensor of this shape and one of `kinds`.

    No number is read, so that it may stand in a step.
    """
    if type(value) in _PLAIN and value.dtype in kinds and value.shape == tuple(shape):
        return
    given = _other_kind(value, kinds) or str(list(value.shape))
    raise MisfitError(component, f"{what} {given}, stated {list(shape)}")


def expect_plain(component: object, what: str, value: Any) -> None:
    """Raise `MisfitError` unless `value` is a plain tensor of real numbers, of whatever shape."""
    if type(value) not in _PLAIN or value.dtype not in REAL:
        raise MisfitError(component, f"{what} {_other_kind(value, REAL)}")


def form_of_target(stated: Form) -> tuple[tuple[int, ...], tuple[torch.dtype, ...]]:
    """Return the shape of one sample's target, and of what kind its numbers are."""
    return stated.target_shape, (getattr(torch, stated.dtype),)


def require_tensor(
    label: str,
    what: str,
    value: Any,
    stated: tuple[int, ...],
    count: int,
    kinds: tuple[torch.dtype, ...] = FLOAT32,
    *,
    finite: bool = True,
) -> None:
    """Raise `ComponentError` unless `value` is a tensor `[count, *stated]` of one of `kinds`.

    With `finite` it holds no NaN and no infinite value. `what` says what it is, up to the verb.
    """
    if isinstance(value, Tensor) and list(value.shape) != [count, *stated]:
        form = list(stated)
        if value.dim() and len(value) == count:
            answered = str(list(value.shape[1:]))
        else:
            answered, form = f"{list(value.shape)} for {count} samples", [count, *stated]
        raise ComponentError(f"{label}: {what} {answered}, stated {form}", hint=_HINT)
    if (other := _other_kind(value, kinds)) is not None:
        raise ComponentError(f"{label}: {what} {other}, stated {list(stated)}", hint=_HINT)
    if finite and value.is_floating_point() and not value.isfinite().all():
        raise ComponentError(f"{label}: {what} not finite", hint="it holds NaN or an infinite value")


def require_number(label: str, what: str, value: Any, kinds: tuple[torch.dtype, ...]) -> None:
    """Raise `ComponentError` unless `value` is a plain tensor of one of `kinds`, of whatever shape."""
    if (other := _other_kind(value, kinds)) is not None:
        raise ComponentError(f"{label}: {what} {other}", hint=_HINT)


def kind_of(value: object) -> str:
    """Return what a value is, as a message says it."""
    return "None" if value is None else f"of type {type(value).__name__}"


def _other_kind(value: Any, kinds: tuple[torch.dtype, ...]) -> str | None:
    """Return what a value is instead of a plain tensor of one of `kinds`; None when it is one."""
    # A subclass has a will of its own: torch's functions give it to whatever it meets.
    if type(value) not in _PLAIN:
        return kind_of(value)
    if value.layout is not torch.strided or value.is_meta:
        return f"a tensor without numbers ({value.layout}, {value.device})"
    if value.dtype not in kinds:
        names = " or ".join(str(kind).removeprefix("torch.") for kind in kinds)
        return f"{str(value.dtype).removeprefix('torch.')} where it must be {names}"
    return None
