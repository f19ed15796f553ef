"""What a stranger's model file may take on the command line, and the options that allow more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..core.base.errors import MtlError, UsageError
from ..core.base.time_limit import TooLate, within

Answer = TypeVar("Answer")
Command = TypeVar("Command", bound=Callable[..., Any])

MEBIBYTE = 2**20


def timeout_option(seconds: float, what: str) -> Callable[[Command], Command]:
    """Return the option `--timeout`: the time for `what`."""
    return click.option(
        "--timeout",
        metavar="SECONDS",
        default=seconds,
        show_default=True,
        type=click.FloatRange(0, min_open=True),
        help=f"Time for {what}.",
    )


def memory_option() -> Callable[[Command], Command]:
    """Return the option `--memory`: what a model may use for its numbers."""
    return click.option(
        "--memory",
        metavar="MIB",
        default=384,
        show_default=True,
        type=click.IntRange(1),
        help="Memory for the model's numbers, beside its weights.",
    )


def in_time(
    seconds: float,
    named: object,
    work: Callable[[], Answer],
    *,
    stop: Callable[[], object] = lambda: None,
    error: type[MtlError] = UsageError,
) -> Answer:
    """Return what `work` returns; refuse the file that is `named` when that takes longer."""
    try:
        return within(seconds, work, stop)
    except TooLate:
        raise error(f"{named} did not answer within {seconds:g} s", hint="pass a larger --timeout") from None
