"""Weights of a network in a file, read with distrust; and whether they are this network's."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from ...core.base.errors import UsageError
from ...core.base.files import read_bytes, reading, sha256

MOST = 2**34
"""Bytes of a file of weights that no network here comes near."""

_WHAT = "weights of a network"
_HINT = "give a file of tensors by name: .safetensors, or a state_dict that torch.save wrote"
_NESTED = ("state_dict", "model", "model_state_dict")
"""Under which names training programs keep the tensors, beside other things."""
_WRAPPED = ("module.", "_orig_mod.")
"""What wrappers of a network put in front of every name."""
_OF_CODE = ("unsupported global", "torchscript")
"""The words in which torch refuses what is more than tensors and plain values."""
_SHOWN = 3


@dataclass(frozen=True)
class WeightFile:
    """The tensors of a file by name, the SHA-256 of its bytes, and the licence that it states ("": none)."""

    path: Path
    tensors: Mapping[str, Tensor]
    sha256: str
    licence: str = ""


def read_weights(path: Path) -> WeightFile:
    """Return the tensors in a file; nothing in it is run.

    Raises `UsageError` that names the file when it is missing, too large, damaged, holds no tensors by name,
    or code.
    """
    content = read_bytes(path, _WHAT, hint=_HINT, most=MOST)
    safe = path.suffix == ".safetensors"
    with reading(path, _WHAT, hint=_HINT):
        found = _parsed(path, content, safe)
    tensors = _tensors(found)
    if not tensors:
        raise UsageError(f"{path}: holds no tensors by name", hint=_HINT)
    return WeightFile(path, tensors, sha256(content), _stated_licence(content) if safe else "")


def _parsed(path: Path, content: bytes, safe: bool) -> Any:
    try:
        if safe:
            return load_safetensors(content)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        if any(words in str(error).lower() for words in _OF_CODE):
            raise UsageError(
                f"{path}: holds code or objects beside tensors, which are not loaded",
                hint="where you trust it, load it elsewhere and save its tensors as .safetensors",
            ) from error
        # What parsers stumble over in a damaged file is as various as damage: "negative seek value -110".
        other = "no .safetensors file" if safe else "no file that torch.save wrote"
        raise UsageError(f"{path}: the file is cut off or damaged, or {other}", hint=_HINT) from error


def _stated_licence(content: bytes) -> str:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return str(header.get("__metadata__", {}).get("license", ""))


def _tensors(found: Any) -> dict[str, Tensor]:
    for name in _NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping):
        return {}
    return {_unwrapped(str(name)): value for name, value in found.items() if isinstance(value, Tensor)}


def _unwrapped(name: str) -> str:
    for prefix in _WRAPPED:
        name = name.removeprefix(prefix)
    return name


def classes_of(tensors: Mapping[str, Tensor], classifiers: Sequence[str]) -> int:
    """Return how many classes weights answer: the rows of the first of these layers that is there."""
    for name in classifiers:
        weight = tensors.get(f"{name}.weight")
        if weight is not None and weight.dim() >= 2:
            return len(weight)
    return 0


def renamed(found: WeightFile, state: Callable[[int], Mapping[str, Tensor]]) -> WeightFile:
    """Return weights under a network's own names where another program gave them others, else as they are.

    `state(classes)` is the network's. Not one name is the same, and the tensors are, one after the other, of
    the same kind (`weight`, `running_mean`, ...) and shape: then the order says which is which.
    """
    matrices = [value for value in found.tensors.values() if value.dim() == 2]
    wanted = state(len(matrices[-1]) if matrices else 0)
    if set(wanted) & set(found.tensors) or _kinds(wanted) != _kinds(found.tensors):
        return found
    return replace(found, tensors=dict(zip(wanted, found.tensors.values(), strict=True)))


def _kinds(tensors: Mapping[str, Tensor]) -> list[tuple[str, torch.Size]]:
    return [(name.rpartition(".")[2], value.shape) for name, value in tensors.items()]


def misfit(found: WeightFile, network: str, wanted: Mapping[str, Tensor]) -> UsageError:
    """Return the refusal of weights that are of another network, with how many fit and which do not."""
    given = found.tensors
    fit = [name for name in wanted if name in given and given[name].shape == wanted[name].shape]
    resized = [name for name in wanted if name in given and given[name].shape != wanted[name].shape]
    missing = [name for name in wanted if name not in given]
    beside = [name for name in given if name not in wanted]
    told = "; ".join(
        f"{what} {_some(names)}"
        for what, names in (("of another size", resized), ("missing", missing), ("not in it", beside))
        if names
    )
    return UsageError(
        f"{found.path}: are weights of another network than {network!r}: {len(fit)} of {len(wanted)} tensors "
        f"fit; {told}",
        hint="name the model that they are of, or give weights of this one",
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
