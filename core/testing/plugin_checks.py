"""Checks of a plugin as a whole: it loads, its records are valid, and its import is light."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from .checks import CheckFailed, CheckSkipped, check, require
from .subjects import PLUGIN, Subject

LIMIT = 0.1
"""Seconds that an import may take."""

_TIMED = """
import importlib.metadata, json, sys, time
import pluggy, mtl  # what the command line has loaded already
points = importlib.metadata.entry_points(group="mtl", name=sys.argv[1])
point = next(p for p in points if p.dist is not None and p.dist.name == sys.argv[2])
started = time.perf_counter()
point.load()
print(json.dumps({"seconds": time.perf_counter() - started, "torch": "torch" in sys.modules}))
"""


@check(PLUGIN)
def check_records_are_valid(subject: Subject) -> None:
    """The plugin loads and yields valid records."""
    provider = subject.provider
    if provider.stage == "disabled":
        raise CheckSkipped(f"it is switched off: {provider.reason}")
    if provider.stage is not None:
        raise CheckFailed(
            "a plugin that loads and yields valid records",
            f"it is {provider.status} ({provider.stage}): {provider.reason}",
            "mend the module; `mtl plugins --json` has the traceback",
        )
    for entry in subject.bench.entries():
        if entry.provider != provider:
            continue
        problems = entry.component.problems()
        require(
            not problems,
            "valid records",
            f"{entry.component.name!r}: {'; '.join(problems)}",
            "mend the Component record that the hook yields",
        )


@check(PLUGIN)
def check_import_is_light(subject: Subject) -> None:
    """The import leaves torch out of sys.modules and takes under 100 ms."""
    if subject.is_file:
        raise CheckSkipped("a plugin file is imported only when it is named; this matters to packages")
    if subject.provider.stage is not None:
        raise CheckSkipped("the plugin is not in use")
    attempts: list[float] = []
    while len(attempts) < 3 and (not attempts or attempts[-1] >= LIMIT):
        found = _import(subject)
        require(
            not found["torch"],
            "an import without torch",
            "torch in sys.modules",
            "in the plugin's module import only `Component` and `hookimpl`; keep classes in other modules",
        )
        attempts.append(float(found["seconds"]))
    require(
        min(attempts) < LIMIT,
        "an import in under 100 ms",
        f"{1000 * min(attempts):.0f} ms, the fastest of {len(attempts)}",
        "move imports out of the plugin's module, into the modules its records name",
    )


def _import(subject: Subject) -> dict[str, float]:
    path = os.pathsep.join(item for item in sys.path if item)
    done = subprocess.run(
        [sys.executable, "-c", _TIMED, subject.name, subject.distribution],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise CheckFailed(
            "a module that imports in a fresh process",
            lines[-1],
            "run: python -c 'import MODULE' in a fresh process",
        )
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
