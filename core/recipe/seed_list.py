"""Which seeds are meant: so many, or these."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.errors import UsageError

MANY = 1000
"""Most seeds of one command."""

SEEDS = "seeds.json"
"""The file that makes a folder one of several runs, which differ in nothing but the seed."""

_HINT = "a number of seeds (--seeds 8) or the seeds (--seeds 3,5,7; only seed 4: --seeds 4,)"


def read_seeds(given: str | int | Sequence[int], first: int = 0, *, asked: bool = False) -> tuple[int, ...]:
    """Return the seeds that a number (so many, from `first` on) or a list means.

    `asked` says that somebody asked for `first`, which a list has no use for. Raises `UsageError` for this,
    for repeats, negative or too many ones, and for what is no whole number.

    >>> read_seeds("3"), read_seeds("3,5,7"), read_seeds("4,"), read_seeds(2, first=10)
    ((0, 1, 2), (3, 5, 7), (4,), (10, 11))
    """
    listed = _parse(given) if isinstance(given, str) else given
    numbers = [listed] if isinstance(listed, int) else listed
    if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
        raise UsageError(f"seeds must be whole numbers, got {given!r}", hint=_HINT)
    count = listed if isinstance(listed, int) else len(listed)
    if not 1 <= count <= MANY:
        raise UsageError(f"1 to {MANY} seeds are possible, got {count}", hint=_HINT)
    if asked and not isinstance(listed, int):
        raise UsageError(
            f"seed {first} has no meaning beside the list of seeds {given!r}",
            hint="leave --seed out, or say how many seeds are to follow it: --seeds 8",
        )
    seeds = tuple(range(first, first + listed)) if isinstance(listed, int) else tuple(listed)
    repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if repeated:
        raise UsageError(f"seed {repeated[0]} is given more than once", hint="a repeat would count twice")
    if min(seeds) < 0:
        raise UsageError(f"a seed is not negative, got {min(seeds)}", hint=_HINT)
    return seeds


def _parse(text: str) -> int | list[int]:
    parts = [part.strip() for part in text.split(",")]
    named = parts[:-1] if len(parts) > 1 and not parts[-1] else parts
    if not all(part.isascii() and part.removeprefix("-").isdigit() for part in named):
        raise UsageError(f"seeds must be whole numbers, got {text!r}", hint=_HINT)
    numbers = [int(part) for part in named]
    return numbers if len(parts) > 1 else numbers[0]
