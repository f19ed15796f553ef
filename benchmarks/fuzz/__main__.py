"""`python -m benchmarks.fuzz --minutes N [--seed S] [--targets a,b]`."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from . import __doc__ as about


def main() -> int:
    """Fuzz; the status is 1 when something failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="In all [default: 5].")
    parser.add_argument("--seed", type=int, default=1, help="Seed of all random choices [default: 1].")
    parser.add_argument("--targets", help="Some of them, with commas between [default: all].")
    parser.add_argument("--kept", type=Path, default=Path("fuzz-failures"), help="Where failing inputs go.")
    parser.add_argument(
        "--results",
        type=Path,
        help="Result file [default: results/fuzz/seed-S.json, and the page is written].",
    )
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ..reliability.children import warm_up
    from ..reliability.scorecard import Scorecard, circumstances
    from .driver import fuzz
    from .good_run import GoodRun
    from .results import FOLDER
    from .targets import all_targets

    with tempfile.TemporaryDirectory(prefix="mtl-fuzz-") as folder:
        work = Path(folder).resolve()
        os.environ["MTL_CACHE_DIR"] = str(work / "cache")
        warm_up()
        good = GoodRun(work)
        targets = all_targets(good)
        names = given.targets.split(",") if given.targets else list(targets)
        if unknown := [name for name in names if name not in targets]:
            raise SystemExit(f"there is no target {unknown[0]}; there are {', '.join(targets)}")
        good.make()
        begun, cpu = time.monotonic(), os.times()
        found = fuzz([targets[name] for name in names], given.minutes, given.seed, work, given.kept)
    ended = os.times()
    results = {
        "seed": given.seed,
        "minutes": given.minutes,
        "seconds": round(time.monotonic() - begun),
        "cpu_seconds": round(sum(ended[:4]) - sum(cpu[:4])),
        "inputs": sum(item.inputs for item in found.values()),
        "failures": sum(sum(item.failures.values()) for item in found.values()),
        "kept": str(given.kept),
        "targets": {name: item.to_json() for name, item in found.items()},
        **circumstances(),
    }
    place = given.results or FOLDER / f"seed-{given.seed}.json"
    place.write_text(json.dumps(results, indent=1) + "\n")
    if given.results is None:
        Scorecard().write_page()
    print(f"{results['inputs']:,} inputs in {results['seconds']} s, {results['failures']} failures; {place}")
    return int(results["failures"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
