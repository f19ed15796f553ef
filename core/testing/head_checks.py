"""Checks of heads alone: what the values they answer are."""

from __future__ import annotations

import torch

from .bench import SIZES
from .checks import CheckSkipped, check, require
from .specimens import place_of, specimens
from .subjects import Subject

_BATCH = 16
_SEEDS = range(8)


@check("head")
def check_values_are_standardised_or_in_units(subject: Subject) -> None:
    """Its values may be below 0, as standardised ones are, or it says that they are in units."""
    places = {place_of(form) for form in subject.bench.forms(SIZES[0]) if form.quantities}
    specimen = next((one for one in specimens(subject) if one.place in places), None)
    if specimen is None:
        raise CheckSkipped("it answers no values")
    modules = [specimen.module(seed).eval() for seed in _SEEDS]
    with torch.no_grad():
        lowest = min(float(specimen.run(module, specimen.draw(_BATCH))[0].min()) for module in modules)
    require(
        lowest < 0 or all(getattr(module, "answers_in_units", False) for module in modules),
        "some values below 0: half of all standardised values are",
        f"a least value of {lowest:.3g} from {len(modules)} untrained heads",
        "set `answers_in_units = True` where values are in the labels' units, else answer without bounds",
    )
