"""`python -m benchmarks.reliability`: see the package."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

from . import __doc__ as about
from .disturbing import start_again


def main() -> int:
    """Run what is asked for; the status says whether a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", help="Rows (or faults), with commas between [default: all].")
    parser.add_argument("--scale", type=float, default=1.0, help="Share of each row's full count.")
    parser.add_argument("--seed", type=int, default=1, help="Seed of all random choices.")
    parser.add_argument("--again", action="store_true", help="Run rows too that have a result.")
    parser.add_argument("--faults", action="store_true", help="Put faults in; each must turn a row red.")
    parser.add_argument("--page", action="store_true", help="Only write docs/reliability.md.")
    parser.add_argument("--results", type=Path, help="Where results lie [default: beside this package].")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        start_again()
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"a C compiler is needed, to disturb file operations: {error}") from None
    from .scorecard import Scorecard

    with tempfile.TemporaryDirectory(prefix="mtl-reliability-") as folder:
        card = Scorecard(given.results)
        if not given.page:
            work = Path(folder).resolve()
            os.environ["MTL_CACHE_DIR"] = str(work / "cache")
            names = given.rows.split(",") if given.rows else None
            if given.faults:
                card.try_faults(work, names)
            else:
                card.run(work, names, scale=given.scale, seed=given.seed, again=given.again)
        if given.results is None:
            card.write_page()
        return card.status()


if __name__ == "__main__":
    raise SystemExit(main())
