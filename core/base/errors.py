"""Every error a user can cause, each with the exit status of the command line.

A message names the thing, says where it came from, and says what would work.

>>> print(UsageError("unknown task 'clasify'", hint="did you mean 'classify'?"))
unknown task 'clasify'
  hint: did you mean 'classify'?
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class MtlError(Exception):
    """Something the user can mend: one clear line, a hint, and an exit status.

    `at` are the keys of the recipe that it is about, where these are known: whoever knows where a user wrote
    them says so.
    """

    status = 1

    def __init__(self, message: str, *, hint: str | None = None, at: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = tuple(at)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class UsageError(MtlError):
    """The command line, the recipe or an input file asks for something that cannot be done (status 2)."""

    status = 2


class ComponentError(MtlError):
    """A plugin or one of its components broke its contract (status 3)."""

    status = 3


class VerificationError(MtlError):
    """An export does not compute what the trained model computes, or a quality gate failed (status 4)."""

    status = 4


class MissingRequirementError(MtlError):
    """An optional package, a device, disk space or the network is missing (status 5)."""

    status = 5


class LostRankError(MissingRequirementError):
    """Another process that trains the same model is gone (status 5)."""


class CutShortError(MtlError):
    """The program was told to end before what it had begun was done (status 130)."""

    status = 130


def refuse(reason: str | None) -> None:
    """Raise `Incompatible` for a reason; where there is none, nothing is wrong."""
    if reason is not None:
        raise Incompatible(reason)


class Incompatible(Exception):  # noqa: N818 - a verdict of negotiation, not a failure of the program
    """Raised by a component's constructor: it cannot work here, for the reason given."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a recipe: what is wrong, where it was written, and what would work."""

    message: str
    where: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        line = self.message if self.where is None else f"{self.where}: {self.message}"
        return line if self.hint is None else f"{line}\n  hint: {self.hint}"


MOST_SHOWN = 20
"""Problems of a recipe that are shown; whoever mends these sees the others next."""


class RecipeError(UsageError):
    """A recipe with one or more problems, reported at once (status 2): the first ones, and how many more."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("a RecipeError needs at least one problem")
        lines = [str(problem) for problem in problems[:MOST_SHOWN]]
        if len(problems) > MOST_SHOWN:
            lines.append(f"and {len(problems) - MOST_SHOWN:,} more mistakes")
        super().__init__("\n".join(lines))
        self.problems = tuple(problems)


def described(error: BaseException) -> str:
    """Return what happened as one line: the kind of an exception and the first line of what it says.

    >>> described(ValueError("first line\\nsecond line")), described(SystemExit(0))
    ('ValueError: first line', 'SystemExit: 0')
    """
    kind = type(error).__name__
    try:
        lines = str(error).strip().splitlines()
    except KeyboardInterrupt:
        raise
    except BaseException:  # a stranger's exception may not even be able to speak
        return kind
    if not lines:
        return kind
    return lines[0] if isinstance(error, MtlError) else f"{kind}: {lines[0]}"


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Return the nearest candidates as a question, or None when nothing is near.

    >>> did_you_mean("clasify", ["classify", "denoise"])
    "did you mean 'classify'?"
    >>> did_you_mean("xyz", ["classify"]) is None
    True
    """
    near = get_close_matches(name, list(candidates), n=2, cutoff=0.6)
    if not near:
        return None
    return f"did you mean {' or '.join(repr(match) for match in near)}?"


def suggest(name: str, candidates: Sequence[str], what: str) -> str:
    """Return a hint for an unknown name: the nearest candidates, else all of them.

    >>> suggest("x", ["adam", "sgd"], "optimizers")
    'optimizers: adam, sgd'
    """
    return did_you_mean(name, candidates) or f"{what}: {', '.join(candidates) if candidates else 'none'}"
