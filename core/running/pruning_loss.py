"""What the tasks of a pruned run lost against the run it was made from, and the refusal of too much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.errors import VerificationError
from ..composition.composition import Composition
from ..contracts.quality import allowed_for, drop, unit_of
from ..evaluation.judging import leading_metrics
from ..folders.json_files import Pruning, read_form

PRUNING = "pruning.json"
"""In the folder of a pruned run: what may be lost, and sizes, times and quality before and after."""

GATED = "validation"
"""The split that decides; the test split is reported and decides nothing."""

SPLITS = (GATED, "test")


def read_pruning(folder: Path) -> dict[str, Any] | None:
    """Return what a run's folder holds of its pruning, None where it was not made by `mtl prune`.

    Raises `UsageError` when that is damaged.
    """
    path = folder / PRUNING
    if not path.is_file():
        return None
    return read_form(
        Pruning, path, "what a run was pruned from", hint="mtl prune makes the run anew, with --force"
    )


def quality(known: Mapping[str, Any], metrics: Mapping[str, Any], now: Composition) -> dict[str, Any]:
    """Return what each task has lost: `known` is what the folder holds, `metrics` are those of now."""
    leading, found = leading_metrics(now), {}
    allowed = allowed_for(leading, known["max_drop"])
    for task, item in leading.items():
        pairs = {
            split: [values[split][task][item.metric] for values in (known["before"], metrics)]
            for split in SPLITS
        }
        lost = drop(item, *pairs[GATED])
        found[task] = {
            "metric": item.metric,
            **pairs,
            "drop": lost,
            "unit": unit_of(item).name,
            "allowed": allowed[task],
            # Written so that NaN fails it too.
            "held": lost <= allowed[task],
        }
    return found


def refuse_loss(folder: Path, found: Mapping[str, Any]) -> None:
    """Raise `VerificationError` for the first task that loses too much; `found` is that of `quality`."""
    losing = next((task for task, item in found.items() if not item["held"]), None)
    if losing is None:
        return
    item = found[losing]
    before, after = item[GATED]
    raise VerificationError(
        f"{folder}: task {losing!r} loses too much by pruning: {item['metric']} {before:.4g} -> {after:.4g} "
        f"on the {GATED} split, {item['drop']:.3g} {item['unit']} worse; allowed: {item['allowed']:g}",
        hint=f"it gets no file: train on for longer (mtl resume {folder} --epochs N), or prune again: less "
        f"(--ratio), for longer (--epochs), or allowing more (--max-drop {losing}=VALUE)",
    )
