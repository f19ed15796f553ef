"""Takes channels away from a trained model's encoders, and from whatever reads them, by torch-pruning.

Structured pruning by magnitude (Li et al. 2017, "Pruning Filters for Efficient ConvNets"): of each layer of
an encoder the channels whose weights, with all that hang together with them, have the smallest norm go; what
hangs together is found by following the gradients (Fang et al. 2023, "DepGraph").
"""

from __future__ import annotations

import copy
import importlib
import warnings
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import MissingRequirementError, UsageError
from .composition import Composition
from .narrowing import narrow

_SAMPLES = 2


def prune(composition: Composition, ratio: float) -> None:
    """Take `ratio` of the channels of each layer of the encoders away, in place.

    Heads and the sharing scheme keep their widths, and read less. Raises `MissingRequirementError` without
    torch-pruning, and `UsageError` where nothing can be taken away, or the rest cannot be rebuilt.
    """
    library = _library()
    model = composition.model
    example = _example(composition)
    pruned = copy.deepcopy(model).cpu().eval()
    count = _count(model)
    try:
        _cut(library, pruned, _outside(composition, pruned), example, ratio)
        expected = _answers(pruned, example)
        narrow(model, pruned.state_dict())
        model.load_state_dict(pruned.state_dict())
        rebuilt = _answers(copy.deepcopy(model).cpu().eval(), example)
    except Exception as error:  # a stranger's layers and a library: whatever they raise
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageError(
            f"this model cannot be pruned: {reason}",
            hint="some layer's width is fixed by the code around it: another encoder, or no pruning",
        ) from error
    if any(not torch.equal(expected[task], rebuilt[task]) for task in expected):
        raise UsageError(
            "this model cannot be pruned: rebuilt from its weights it answers otherwise",
            hint="some layer keeps a width of its own: another encoder, or no pruning",
        )
    if _count(model) == count:
        raise UsageError(
            f"nothing is pruned with a ratio of {ratio:g}", hint="take a larger one, or a wider encoder"
        )


def _library() -> ModuleType:
    try:
        return importlib.import_module("torch_pruning")
    except ImportError:
        raise MissingRequirementError(
            "torch-pruning is not installed", hint="pip install 'mtl-composer[prune]'"
        ) from None


def _cut(
    library: Any, model: nn.Module, ignored: list[nn.Module], example: tuple[Any, ...], ratio: float
) -> None:
    """Prune a model, but for the layers of `ignored`."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)  # a frozen layer hangs together with others all the same
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice to authors of models
        library.pruner.BasePruner(
            model,
            example,
            importance=library.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=ratio,
            ignored_layers=ignored,
            forward_fn=lambda it, given: it(*given),
        ).step()


def _outside(composition: Composition, pruned: nn.Module) -> list[nn.Module]:
    """Return the layers of a copy of the model that are in no encoder."""
    inside = {id(module) for encoder in composition.encoders for module in encoder.modules()}
    copies = dict(pruned.named_modules())
    return [
        copies[name]
        for name, module in composition.model.named_modules()
        if id(module) not in inside and not any(module.children())
    ]


def _example(composition: Composition) -> tuple[Tensor, dict[str, Tensor]]:
    image = torch.rand(
        (_SAMPLES, *composition.dataset_spec.image.kept_shape), generator=torch.Generator().manual_seed(0)
    )
    return image, {
        spec.name: torch.zeros((_SAMPLES, *spec.shape), dtype=getattr(torch, spec.dtype))
        for spec in composition.inputs
    }


def _answers(model: nn.Module, example: tuple[Any, ...]) -> dict[str, Tensor]:
    with torch.inference_mode():
        found: dict[str, Tensor] = model(*example)
        return found


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
