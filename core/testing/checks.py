"""What a check is: a named promise of a contract, kept or broken, with what to do about it."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..base.errors import Incompatible, MtlError, described

if TYPE_CHECKING:
    from .subjects import Subject

CheckFunction = Callable[["Subject"], None]


class CheckFailed(AssertionError):  # noqa: N818 - a verdict, as of any assertion
    """A component broke a promise: what was expected, what was got, and what to do."""

    def __init__(self, expected: str, got: str, remedy: str) -> None:
        super().__init__(expected, got, remedy)
        self.expected = expected
        self.got = got
        self.remedy = remedy
        self.where = ""

    def __str__(self) -> str:
        return f"{self.where}expected {self.expected}; got {self.got}\n  what to do: {self.remedy}"


class CheckSkipped(Exception):  # noqa: N818 - a verdict, not a failure
    """The check does not apply here, for the reason given."""


@dataclass(frozen=True)
class Result:
    """What a check said about a component; `reason` is empty when it passed."""

    kind: str
    name: str
    distribution: str
    check: str
    status: Literal["ok", "failed", "skipped"]
    reason: str
    seconds: float

    @property
    def component(self) -> str:
        """Kind and name, as messages show them."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Check:
    """A named check; calling it with a component returns nothing, or raises.

    `kinds` are the kinds of components it applies to (`plugin` stands for a plugin as a whole), `promise`
    what it proves, in one line.
    """

    name: str
    kinds: tuple[str, ...]
    promise: str
    function: CheckFunction

    def __call__(self, component: Subject) -> None:
        """Raise `CheckFailed` when the component breaks the promise, `CheckSkipped` when it does not apply.

        What the component prints is dropped, and an exception of its own is a broken promise.
        """
        try:
            # An author's tests may turn warnings into errors; the kit's own partners are not their matter.
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.function(component)
        except CheckSkipped:
            raise
        except CheckFailed as failure:
            failure.where = f"{component.label}: {self.name}: "
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            broken = CheckFailed(self.promise, described(error), _remedy(error))
            broken.where = f"{component.label}: {self.name}: "
            raise broken from error

    def run(self, component: Subject) -> Result:
        """Return what the check says about a component."""
        started = time.perf_counter()
        status: Literal["ok", "failed", "skipped"] = "ok"
        reason = ""
        try:
            self(component)
        except CheckSkipped as skipped:
            status, reason = "skipped", str(skipped)
        except CheckFailed as failure:
            failure.where = ""
            status, reason = "failed", str(failure)
        seconds = time.perf_counter() - started
        return Result(
            component.kind, component.name, component.distribution, self.name, status, reason, seconds
        )


def check(*kinds: str) -> Callable[[CheckFunction], Check]:
    """Make a check of a function `check_...`: its name with hyphens, the first line of its docstring."""

    def made(function: CheckFunction) -> Check:
        name = function.__name__.removeprefix("check_").replace("_", "-")
        promise = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        return Check(name, kinds, promise[:1].lower() + promise[1:], function)

    return made


def require(condition: object, expected: str, got: object, remedy: str) -> None:
    """Raise `CheckFailed` unless the condition holds."""
    if not condition:
        raise CheckFailed(expected, str(got), remedy)


def _remedy(error: BaseException) -> str:
    if isinstance(error, MtlError) and error.hint:
        return error.hint.splitlines()[0]
    if isinstance(error, Incompatible):
        return "say in `accepts` what the constructor refuses, so that nobody is offered what cannot work"
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return "let the component work there, or raise Incompatible with a reason"
    code = place.tb_frame.f_code
    return f"see {code.co_filename}:{place.tb_lineno} ({code.co_name})"
