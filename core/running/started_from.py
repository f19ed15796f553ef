"""The run that another one started from, looked for again when that one goes on."""

from __future__ import annotations

from ..base.errors import UsageError
from ..base.progress import Progress
from ..discovery.registry import Registry
from ..recipe.start import InitFrom
from .run import Run, load_run


def run_started_from(
    start: InitFrom, registry: Registry, progress: Progress
) -> tuple[Run, str] | tuple[None, str]:
    """Return a complete run with the weights that were taken; or None, and why it is not at hand."""
    try:
        run = load_run(start.run, registry, progress=progress)
        if run.folder.checkpoints.best_digest() != start.weights:
            raise UsageError(f"{start.run} has other weights than those that were taken")
        _ = run.composition, run.metrics
    except UsageError as error:
        return None, error.message
    return run, ""
