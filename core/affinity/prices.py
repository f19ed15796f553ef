"""What groups of tasks cost, one model for each, and what may be spent on all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..base.errors import UsageError
from ..composition.composition import Composition
from .partitions import Group, partitions, shown


@dataclass(frozen=True, order=True)
class Price:
    """Numbers that models hold, and multiply-adds of one sample through them."""

    parameters: int
    multiply_adds: int

    def to_json(self) -> dict[str, int]:
        """Return it as JSON values."""
        return {"parameters": self.parameters, "multiply_adds": self.multiply_adds}


def price_of(composition: Composition) -> Price:
    """Return what a composed model costs, all stages and heads together."""
    parts = composition.costs().values()
    return Price(sum(part.parameters for part in parts), sum(part.multiply_adds for part in parts))


def price_of_all(parts: Iterable[Group], prices: Mapping[Group, Price]) -> Price:
    """Return what the models of several groups cost together."""
    known = [prices[group] for group in parts]
    return Price(sum(one.parameters for one in known), sum(one.multiply_adds for one in known))


@dataclass(frozen=True)
class Budget:
    """The most that all models together may cost; None: anything."""

    parameters: int | None = None
    multiply_adds: int | None = None

    def allows(self, price: Price) -> bool:
        """Return whether a price is within it."""
        most = (
            math.inf if self.parameters is None else self.parameters,
            math.inf if self.multiply_adds is None else self.multiply_adds,
        )
        return price.parameters <= most[0] and price.multiply_adds <= most[1]

    def to_json(self) -> dict[str, int | None]:
        """Return it as JSON values."""
        return {"parameters": self.parameters, "multiply_adds": self.multiply_adds}

    def sentence(self) -> str:
        """Return it in words: `with at most 120,000 parameters`."""
        told = [
            f"{most:,} {what}"
            for most, what in ((self.parameters, "parameters"), (self.multiply_adds, "multiply-adds"))
            if most is not None
        ]
        return f"with at most {' and '.join(told)}" if told else "at any price"


_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([kMGx]?)")
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def amount(flag: str, text: str | None, whole: int) -> int | None:
    """Return a number as it is written: `120000`, `1.2M`, or `1.5x`: times `whole`, one model of all tasks.

    Raises `UsageError` for anything else, and for nothing at all.

    >>> amount("--parameters", "1.5x", 100), amount("--parameters", "2k", 100)
    (150, 2000)
    """
    if text is None:
        return None
    found = _AMOUNT.fullmatch(text.strip())
    value = 0 if found is None else int(float(found[1]) * (whole if found[2] == "x" else _UNITS[found[2]]))
    if value < 1:
        raise UsageError(
            f"{flag} {text!r} is no amount",
            hint="a number such as 120000, 120k or 1.2M, or 1.5x: times the one model of all tasks",
        )
    return value


def refuse_too_little(budget: Budget, tasks: Group, prices: Mapping[Group, Price]) -> None:
    """Raise `UsageError` when no grouping of the tasks is within the budget, naming the cheapest."""
    priced = [(price_of_all(parts, prices), parts) for parts in partitions(tasks)]
    if any(budget.allows(price) for price, _ in priced):
        return
    hints = []
    for name, most in budget.to_json().items():
        if most is not None:
            least, parts = min(((vars(price)[name], parts) for price, parts in priced), key=lambda it: it[0])
            hints.append(f"the fewest {name.replace('_', '-')} are {least:,}, of {shown(parts)}")
    raise UsageError(f"no grouping can be had {budget.sentence()}", hint="; ".join(hints))
