"""Whether the state of components can be trained, kept in a checkpoint and brought back.

The update walks through the memory of every parameter, so each needs memory of its own, without gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from ..base.errors import ComponentError
from ..discovery.responsibility import Owners

Form = dict[str, tuple[tuple[int, ...], torch.dtype]]
"""Shape and type of each tensor of a state, by name."""


def refuse_untrainable(owners: Owners, modules: Iterable[nn.Module]) -> None:
    """Raise `ComponentError`, naming the component, for a parameter or a state that cannot be handled.

    That is a complex, sparse, expanded or strided parameter, one that shares memory with another, and a state
    that is no tensor.
    """
    for module in modules:
        for name, parameter in module.named_parameters():
            if (reason := _untrainable(parameter)) is not None:
                where = owner_of(owners, module, name)
                raise ComponentError(
                    f"{where}: its parameter {name!r} {reason}",
                    hint="give it memory of its own, of real numbers: nn.Parameter(value.contiguous())",
                )
        _refuse_common_memory(owners, module)
        for name, value in module.state_dict().items():
            if not isinstance(value, Tensor):
                raise ComponentError(
                    f"{owner_of(owners, module, name)}: {name!r} of its state is of type "
                    f"{type(value).__name__}, which no checkpoint holds",
                    hint="keep what training changes in buffers, not in an extra state",
                )


def refuse_trained(owners: Owners, loss: nn.Module) -> None:
    """Raise `ComponentError` for a loss with a parameter to be trained, which nothing trains or keeps."""
    for name, parameter in loss.named_parameters():
        if parameter.requires_grad:
            raise ComponentError(
                f"{owner_of(owners, loss, name)}: its parameter {name!r} would not be trained",
                hint="freeze it (requires_grad_(False)), or learn it in a head or a balancer",
            )


def buffers_of(module: nn.Module) -> dict[str, Tensor]:
    """Return copies of a module's buffers by name."""
    return {name: value.detach().clone() for name, value in module.named_buffers()}


def refuse_moved(owners: Owners, loss: nn.Module, before: Mapping[str, Tensor]) -> None:
    """Raise `ComponentError` when a buffer of a loss is not as it was `before`: no checkpoint keeps it."""
    after = dict(loss.named_buffers())
    for name in [*before, *after]:
        if name not in before or name not in after or not _equal(before[name], after[name]):
            raise ComponentError(
                f"{owner_of(owners, loss, name)}: its buffer {name!r} changes when it is called, and no "
                "checkpoint keeps it",
                hint="a loss is the same in every step; what follows the training belongs in a balancer",
            )


def form_of(module: nn.Module) -> Form:
    """Return the form of a module's state: who resumes needs the same again."""
    return {
        name: (tuple(value.shape), value.dtype)
        for name, value in module.state_dict().items()
        if isinstance(value, Tensor)
    }


def refuse_other_form(owners: Owners, module: nn.Module, before: Form) -> None:
    """Raise `ComponentError` when a state has not the form that it had `before`: it could not be loaded."""
    after = form_of(module)
    for name in [*before, *after]:
        if before.get(name) != after.get(name):
            raise ComponentError(
                f"{owner_of(owners, module, name)}: {name!r} of its state has another form after training, "
                "so that it could not be loaded",
                hint="give every buffer its size in the constructor",
            )


def owner_of(owners: Owners, module: nn.Module, name: str) -> str:
    """Return the label of the component inside a module that a state of this name belongs to."""
    found = owners.named(module)
    part: nn.Module | None = module
    for step in name.split("."):
        part = part._modules.get(step) if part is not None else None
        found = owners.label(part) or found
    return found


def _untrainable(parameter: Tensor) -> str | None:
    if parameter.is_meta:
        return None
    if parameter.layout is not torch.strided:
        return f"is {parameter.layout}, and must be strided"
    if parameter.requires_grad and parameter.is_complex():
        return "is complex, and only real numbers are trained"
    if not _is_whole(parameter):
        return "is a view with other strides than its size has: its values overlap, or lie apart"
    return None


def _equal(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors hold the same, NaN in the same places included."""
    if one.shape != other.shape:
        return False
    return bool(((one == other) | ((one != one) & (other != other))).all())


def _is_whole(tensor: Tensor) -> bool:
    """Return whether a tensor's values fill a piece of memory, each in a place of its own, in any order."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1:
            if stride != expected:
                return False
            expected *= size
    return True


def _refuse_common_memory(owners: Owners, module: nn.Module) -> None:
    """Raise `ComponentError` for two parameters in the same memory; one under two names is none of these."""
    reached, holder = (0, 0), ""
    for start, end, name in sorted(_pieces(module)):
        if start < reached[1]:
            raise ComponentError(
                f"{owner_of(owners, module, name)}: its parameters {holder!r} and {name!r} share memory",
                hint="use one nn.Parameter in both places, or give each a copy of its own",
            )
        if end > reached[1]:
            reached, holder = (start, end), name


def _pieces(module: nn.Module) -> Iterator[tuple[int, int, str]]:
    for name, parameter in module.named_parameters():
        if parameter.numel() and not parameter.is_meta:
            start = parameter.data_ptr()
            yield start, start + parameter.numel() * parameter.element_size(), name
