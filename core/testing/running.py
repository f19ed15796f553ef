"""All checks in the order they run, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..base.errors import UsageError, suggest
from ..contracts.records import KINDS
from ..discovery.registry import Registry, discover
from . import (
    augmentation_checks,
    balancer_checks,
    dataset_checks,
    executor_checks,
    export_checks,
    form_checks,
    head_checks,
    loss_checks,
    metric_checks,
    module_checks,
    optimizer_checks,
    option_checks,
    plugin_checks,
    record_checks,
    schedule_checks,
    sharing_checks,
    task_checks,
    tracker_checks,
    training_checks,
)
from .checks import Check, Result
from .subjects import PLUGIN, Subject, subjects

_FILES = (
    plugin_checks,
    record_checks,
    option_checks,
    dataset_checks,
    form_checks,
    augmentation_checks,
    module_checks,
    head_checks,
    loss_checks,
    metric_checks,
    task_checks,
    sharing_checks,
    balancer_checks,
    optimizer_checks,
    schedule_checks,
    training_checks,
    export_checks,
    tracker_checks,
    executor_checks,
)
CHECKS: tuple[Check, ...] = tuple(
    dict.fromkeys(
        found
        for module in _FILES
        for found in vars(module).values()
        if isinstance(found, Check) and found.function.__module__ == module.__name__
    )
)
"""Every check; two kinds may have checks of the same name that prove the same promise in their own ways."""


_LONG = {training_checks.__name__, export_checks.__name__}
"""Modules whose checks train or export, which takes seconds each."""


def checks_for(kind: str, *, quick: bool = False) -> tuple[Check, ...]:
    """Return the checks of a kind of component, or of `"plugin"`, in the order they run.

    Those that are `quick` train and export nothing.

    >>> [check.name for check in checks_for("plugin")]
    ['records-are-valid', 'import-is-light']

    Raises `UsageError` for an unknown kind.
    """
    if kind not in (PLUGIN, *KINDS):
        raise UsageError(f"unknown kind {kind!r}", hint=suggest(kind, (PLUGIN, *KINDS), "kinds"))
    return tuple(
        check
        for check in CHECKS
        if kind in check.kinds and not (quick and check.function.__module__ in _LONG)
    )


def run_checks(
    names: Sequence[str],
    *,
    kind: str | None = None,
    registry: Registry | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    on_subject: Callable[[Subject], None] | None = None,
) -> list[Result]:
    """Check the plugins and components that `names` mean and return one result per component and check.

    `kind` restricts the components, `options` gives those that cannot be built from their defaults their
    options by name, `registry` is what is installed unless given. Raises `UsageError` for a name that means
    nothing.
    """
    chosen = subjects(registry or discover(), names, kind=kind, options=options)
    return list(results_of(chosen, on_subject))


def results_of(
    chosen: Iterable[Subject], on_subject: Callable[[Subject], None] | None = None, *, quick: bool = False
) -> Iterator[Result]:
    """Run every check of every subject, or the quick ones; `on_subject` hears of each before its first."""
    for subject in chosen:
        if on_subject is not None:
            on_subject(subject)
        for check in checks_for(subject.kind, quick=quick):
            yield check.run(subject)
