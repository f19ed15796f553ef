"""What a model costs before it is trained: numbers, multiply-adds and memory of each stage and head.

Looked at, not computed from formulas: two samples go through the model, and whatever the sharing scheme makes
of the encoders' stages is counted where it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ..contracts import Encoder
from .model import MultitaskModel

COUNT = 2
"""Samples that are looked at."""


@dataclass
class Cost:
    """What a part of a model costs: numbers of it, those trained, multiply-adds and bytes of a sample.

    `bytes` is what training keeps of the part for one sample until its backward pass, beside the parameters.
    """

    parameters: int = 0
    trained: int = 0
    multiply_adds: int = 0
    bytes: int = 0

    def to_json(self) -> dict[str, int]:
        """Return it as JSON values."""
        return dict(vars(self))


class _Counting:
    """Counts operations of convolutions and matrix products by torch's own formulas.

    A class beside the mode: a mode that defines `__torch_dispatch__` itself gets a wrapper from torch, which
    imports its compiler; that takes longer than all else of a dry run.
    """

    total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=made)
        return made


class _Operations(_Counting, TorchDispatchMode):
    """The mode in which operations are counted."""


@dataclass
class _Ledger:
    """Books what happens while a part of the model is at work to that part; the innermost one counts."""

    costs: dict[str, Cost]
    operations: _Operations
    known: set[int]
    open: list[str] = field(default_factory=list)
    seen: int = 0

    def enter(self, name: str) -> None:
        self._settle()
        self.open.append(name)

    def leave(self) -> None:
        self._settle()
        self.open.pop()

    def kept(self, tensor: Tensor) -> Tensor:
        """Book a tensor that is kept for the backward pass, once, parameters excepted."""
        memory = tensor.untyped_storage().data_ptr()
        if memory not in self.known:
            self.known.add(memory)
            self.costs[self.open[-1]].bytes += tensor.numel() * tensor.element_size() // COUNT
        return tensor

    def _settle(self) -> None:
        total = self.operations.total
        if self.open:
            # Two operations are one multiply-add.
            self.costs[self.open[-1]].multiply_adds += (total - self.seen) // (2 * COUNT)
        self.seen = total


def costs(
    model: MultitaskModel, encoders: Sequence[Encoder], image: Tensor, inputs: Mapping[str, Tensor]
) -> dict[str, Cost]:
    """Return what each part costs by name: `stage NAME`, `sharing` (all else of the scheme), `head TASK`.

    `image` `[2, C, H, W]` and `inputs` are two samples. A stage that several encoders have is counted for all
    of them together, and as often as the scheme uses it. Multiply-adds are those of convolutions and matrix
    products, as torch counts them. The model is left as it was.
    """
    stages = {name: f"stage {name}" for encoder in encoders for name in encoder.stages._modules}
    found = {
        name: Cost() for name in (*stages.values(), "sharing", *(f"head {task}" for task in model.tasks))
    }
    _count_numbers(model, encoders, found)
    tensors = (*model.parameters(), *model.buffers(), image, *inputs.values())
    with _Operations() as operations:  # type: ignore[no-untyped-call]
        ledger = _Ledger(found, operations, {tensor.untyped_storage().data_ptr() for tensor in tensors})
        ledger.enter("sharing")
        with (
            _watched(model, encoders, ledger),
            saved_tensors_hooks(ledger.kept, _as_it_is),
            _evaluating(model),
        ):
            model.answer_once(image, inputs, model.tasks)
        ledger.leave()
    return found


def _count_numbers(model: MultitaskModel, encoders: Sequence[Encoder], found: Mapping[str, Cost]) -> None:
    """Count each parameter once, where it belongs; those of no stage and no head are the sharing scheme's."""
    homes = {
        id(parameter): f"stage {name}"
        for encoder in encoders
        for name, stage in encoder.stages.named_children()
        for parameter in stage.parameters()
    }
    homes |= {id(it): f"head {task}" for task in model.tasks for it in model.head(task).parameters()}
    for parameter in model.parameters():
        cost = found[homes.get(id(parameter), "sharing")]
        cost.parameters += parameter.numel()
        cost.trained += parameter.numel() if parameter.requires_grad else 0


@contextmanager
def _watched(model: MultitaskModel, encoders: Sequence[Encoder], ledger: _Ledger) -> Iterator[None]:
    """Let every stage and head tell the ledger when it is at work."""
    with ExitStack() as undone:
        for encoder in encoders:
            names = tuple(encoder.stages._modules)
            _wrap(
                encoder,
                "forward_stage",
                lambda index, *_, names=names: f"stage {names[index]}",
                ledger,
                undone,
            )
        for task in model.tasks:
            _wrap(model.head(task), "forward", lambda *_, task=task: f"head {task}", ledger, undone)
        yield


def _wrap(
    module: nn.Module, method: str, name: Callable[..., str], ledger: _Ledger, undone: ExitStack
) -> None:
    original = getattr(module, method)

    def watched(*arguments: Any, **options: Any) -> Any:
        ledger.enter(name(*arguments))
        try:
            return original(*arguments, **options)
        finally:
            ledger.leave()

    vars(module)[method] = watched
    undone.callback(vars(module).pop, method)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, which changes no statistics, with gradients, and back again."""
    modes = {part: part.training for part in model.modules()}
    model.eval()
    try:
        with torch.enable_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor
