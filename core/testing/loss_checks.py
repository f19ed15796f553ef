"""Checks of losses alone: one finite number per sample, lower for better answers, with a gradient."""

from __future__ import annotations

import torch

from ..contracts import Form
from ..contracts.randomness import generator
from .bench import SIZES
from .checks import CheckSkipped, check, require
from .specimens import draw_target, with_holes, wrong_target
from .subjects import Subject

_BATCH = 6


@check("loss")
def check_one_finite_loss_per_sample(subject: Subject) -> None:
    """Every sample has one finite loss, for mild and for extreme raw outputs."""
    for target in accepted_targets(subject):
        loss = subject.build(target)
        value = draw_target(target, _BATCH)
        if loss.fits:
            loss.fit(value)
        shape = (_BATCH, *target.output_shape)
        for scale in (1.0, 100.0):
            raw = scale * torch.randn(shape, generator=generator("cpu", 0, "raw"))
            got = loss(raw, value)
            require(
                list(got.shape) == [_BATCH] and bool(got.isfinite().all()),
                f"finite losses [B] for a {target.form} target and raw outputs of size {scale:g}",
                f"{list(got.shape)}: {got.detach().flatten()[:3].tolist()}",
                "return one loss per sample, averaged over its elements, computed from logits",
            )
            mean, at_once = float(got.mean()), float(loss.batch_mean(raw, value))
            require(
                abs(at_once - mean) <= 1e-4 * max(1.0, abs(mean)),
                f"the mean of a batch at once as that of its samples ({target.form})",
                f"{at_once:.6g} instead of {mean:.6g}",
                "leave `batch_mean` out, or return the mean of what `forward` gives",
            )


@check("loss")
def check_better_answers_have_a_lower_loss(subject: Subject) -> None:
    """The right answers have a lower loss than wrong ones, and following the gradient lowers it."""
    for target in accepted_targets(subject):
        loss = subject.build(target)
        value = draw_target(target, _BATCH)
        right, wrong = (target.ideal(answer) for answer in (value, wrong_target(target, value)))
        losses = [float(loss(raw, value).mean()) for raw in (right, wrong)]
        require(
            losses[0] < losses[1],
            f"a lower loss for right answers than for wrong ones ({target.form})",
            f"{losses[0]:.3g} for right ones, {losses[1]:.3g} for wrong ones",
            "minimise a distance, or the negative of a likelihood",
        )
        raw = (0.5 * (right + wrong)).requires_grad_()
        loss(raw, value).sum().backward()
        require(
            raw.grad is not None and bool(raw.grad.isfinite().all()) and bool(raw.grad.any()),
            f"a finite gradient with respect to the raw output ({target.form})",
            "none" if raw.grad is None else f"largest {raw.grad.abs().max().item():.3g}",
            "compute the loss with differentiable operations on the raw output",
        )


@check("loss")
def check_an_absent_number_costs_nothing(subject: Subject) -> None:
    """Where single numbers of a target may be absent, they give neither loss nor gradient, and no NaN."""
    tried = False
    for target in accepted_targets(subject):
        loss, value = subject.build(target), draw_target(target, _BATCH)
        found = with_holes(target, value)
        if found is None:
            continue
        tried = True
        if loss.fits:
            loss.fit(found[0])
        raw = torch.randn(_BATCH, *target.output_shape, generator=generator("cpu", 0, "raw")).requires_grad_()
        got = loss(raw, found[0])
        got.sum().backward()
        pulled = raw.grad is not None and raw.shape == value.shape and bool(raw.grad[found[1]].any())
        require(
            bool(got.isfinite().all()) and raw.grad is not None and bool(raw.grad.isfinite().all()),
            f"finite losses and gradients where a number of a {target.form} target is absent",
            f"{got.detach().tolist()[:3]}",
            "average over `self.target.known(target)` alone; NaN times 0 is NaN: replace it first",
        )
        require(
            not pulled,
            f"no gradient where a number of a {target.form} target is absent",
            "one",
            "average over `self.target.known(target)` alone",
        )
    if not tried:
        raise CheckSkipped("it accepts no form of which single numbers may be absent")


def accepted_targets(subject: Subject) -> list[Form]:
    """Return a target of every form the component accepts; skip when there is none."""
    found = [target for target in subject.bench.forms(SIZES[0]) if subject.accepts(target) is None]
    if not found:
        raise CheckSkipped("it accepts none of the forms of answers")
    return found
