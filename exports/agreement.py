"""Whether a file's answers are the model's: the same class, the same side of one half, the same picture."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..core.base.errors import VerificationError
from ..core.contracts import Form, Units
from .precision import Tolerance

_IDENTICAL = 200.0


def agreement_of(
    name: str,
    task: str,
    target: Form,
    reference: Tensor,
    answer: Tensor,
    tolerance: Tolerance,
    units: Units | None = None,
    rounding: float = 0.0,
) -> dict[str, Any]:
    """Return how well predictions for the real samples agree; `rounding` is allowed beside the tolerance.

    Raises `VerificationError` when a decided answer differs, or a picture is another one. What an
    elementwise tolerance cannot decide counts as too close to call; without one, classes and values are
    counted and the loss of quality is what decides.
    """
    if not (answer.isfinite().all() and reference.isfinite().all()):
        raise VerificationError(f"{name}: task {task!r} is not finite on the real samples")
    if target.is_image:
        return _pictures(name, task, reference, answer, tolerance)
    slack = tolerance.absolute + tolerance.relative + rounding
    count = len(reference)
    decisions = target.decisions(reference, answer)
    if decisions is not None:
        same, decided = decisions.same, decisions.margin > slack
    else:
        allowed = torch.from_numpy(tolerance.allowed(reference.double().numpy(), units)) + rounding
        same = ((reference - answer).abs() <= allowed).reshape(count, -1).all(dim=1)
        decided = torch.ones_like(same)
    found = {"samples": count, **({"decisions": same.numel()} if same.dim() > 1 else {})}
    if not tolerance.elementwise:
        return {**found, "same": int(same.sum())}
    differing = (~same & decided).reshape(count, -1).any(dim=1)
    if wrong := int(differing.sum()):
        raise VerificationError(
            f"{name}: task {task!r} answers differently on {wrong} of {count} real samples"
        )
    return {**found, "same": int(same.sum()), "too_close_to_call": int((~same).sum())}


def _pictures(
    name: str, task: str, reference: Tensor, answer: Tensor, tolerance: Tolerance
) -> dict[str, Any]:
    count = len(reference)
    error = (reference.double() - answer.double()).square().reshape(count, -1).mean(dim=1).max().item()
    psnr = _IDENTICAL if error == 0 else min(_IDENTICAL, -10 * math.log10(error))
    if psnr < tolerance.pictures:
        raise VerificationError(
            f"{name}: task {task!r} draws another picture: {psnr:.1f} dB on the worst real sample, "
            f"at least {tolerance.pictures:.0f} dB are needed"
        )
    inside = ((reference > 0) & (reference < 1)).float().mean().item()
    return {"samples": count, "lowest_psnr": psnr, "pixels_not_clamped": inside}
