"""How often a comparison's verdicts are wrong, and how often they find what there is: a simulation.

    python -m benchmarks.verdicts            # some minutes; nothing is trained
    python -m benchmarks.verdicts --write    # only the document, from the kept figures

Tables of two tasks are drawn with known truth and judged by mtl's own rules. As in a comparison, all variants
of a table are held against the same single-task trainings. The figures are kept in
`benchmarks/results/verdicts.json` and shown in docs/compare.md.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mtl.core.comparison.delta import delta_m
from mtl.core.comparison.look import Look
from mtl.core.comparison.power import power
from mtl.core.comparison.statistics import ALPHA, Estimate, difference, holm
from mtl.core.comparison.verdicts import BETTER, UNSURE_BETTER, UNSURE_WORSE, WORSE, verdict_on
from mtl.core.comparison.yardsticks import Yardstick

from .marked import with_marked

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "compare.md"
RESULTS = ROOT / "benchmarks" / "results" / "verdicts.json"

LOOKS = tuple(range(3, 13))
PLANNED = (3, 5)
COUNTS = (1, 3, 10)
"""Of variants in tables that are looked at again and again: 2, 6 and 20 comparisons."""
SEEDS = (3, 5, 10)
VARIANTS = (1, 8)
TASKS = {name: Yardstick(name, "score", "higher", (0.0, np.inf)) for name in ("a", "b")}
MEAN = 100.0
"""What every training reaches on average; its standard deviation over seeds is 1."""

Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Values]


def normal(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return normal noise."""
    return random.normal(size=shape)


def grid(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return normal noise in steps of half its deviation, as shares of few test images are."""
    return np.round(random.normal(size=shape) * 2) / 2


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return minus lognormal noise with standard deviation 1 and mean 0: a long tail to the bad side."""
    size = np.sqrt((np.exp(0.36) - 1) * np.exp(0.36))
    noise: Values = (np.exp(0.18) - random.lognormal(sigma=0.6, size=shape)) / size
    return noise


def collapsing(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Return normal noise, of which one training in ten falls 10 deviations."""
    return random.normal(size=shape) - 10.0 * (random.random(shape) < 0.1)


NOISE: dict[str, Draw] = {
    "normal": normal,
    "in steps of half a deviation": grid,
    "skewed (lognormal)": skewed,
    "one training in ten collapses": collapsing,
}


def outcomes(values: Values, alone: Values) -> tuple[list[Estimate], list[str]]:
    """Return estimates and outcomes of a table: `values` `[V, T, N]` against `alone` `[T, N]`."""
    seeds = values.shape[-1]
    look = Look(seeds, seeds)
    found = [
        difference(group.tolist(), single.tolist(), look.level)
        for variant in values
        for group, single in zip(variant, alone, strict=True)
    ]
    adjusted = [look.adjusted(p) for p in holm([1.0 if item.p is None else item.p for item in found])]
    return found, [verdict_on(item, p, seeds).outcome for item, p in zip(found, adjusted, strict=True)]


def delta_outcomes(values: Values, alone: Values) -> list[str]:
    """Return the outcomes of delta-m of the same table."""

    def by_seed(group: Values) -> list[dict[str, float]]:
        return [dict(zip(TASKS, (MEAN + seed).tolist(), strict=True)) for seed in group.T]

    look = Look(values.shape[-1], values.shape[-1])
    found = [delta_m(TASKS, by_seed(variant), by_seed(alone), look.level) for variant in values]
    adjusted = [look.adjusted(p) for p in holm([None if item is None else item.p for item in found])]
    return [verdict_on(item, p, values.shape[-1]).outcome for item, p in zip(found, adjusted, strict=True)]


def nothing(draw: Draw, seeds: int, variants: int, tables: int) -> dict[str, float]:
    """Return how often tables in which nothing differs have a verdict, and intervals the truth."""
    random = np.random.default_rng([seeds, variants])
    sure = marked = delta = covered = 0
    for _ in range(tables):
        values, alone = draw(random, (variants, len(TASKS), seeds)), draw(random, (len(TASKS), seeds))
        found, told = outcomes(values, alone)
        sure += any(item in (BETTER, WORSE) for item in told)
        marked += any(item in (BETTER, WORSE, UNSURE_BETTER, UNSURE_WORSE) for item in told)
        delta += any(item in (BETTER, WORSE) for item in delta_outcomes(values, alone))
        covered += sum(item.interval is None or item.interval[0] <= 0 <= item.interval[1] for item in found)
    whole = tables * variants * len(TASKS)
    return {
        "verdict": sure / tables,
        "mark": marked / tables,
        "delta_m_verdict": delta / tables,
        "covered": covered / whole,
    }


def something(seeds: int, variants: int, gain: float, correlation: float, tables: int) -> dict[str, float]:
    """Return how often the one task that truly gains is found, by mtl's rule and by a t test of pairs.

    `correlation` is that of a variant's training and the single-task one of the same seed.
    """
    random = np.random.default_rng([seeds, variants, int(gain), int(10 * correlation)])
    welch = paired = 0
    for _ in range(tables):
        alone = normal(random, (len(TASKS), seeds))
        own = normal(random, (variants, len(TASKS), seeds))
        values = correlation * alone + np.sqrt(1 - correlation**2) * own
        values[0, 0] += gain
        welch += outcomes(values, alone)[1][0] == BETTER
        p = holm(
            stats.ttest_rel(values, np.broadcast_to(alone, values.shape), axis=-1).pvalue.ravel().tolist()
        )
        paired += p[0] is not None and p[0] < 0.05 and (values[0, 0] - alone[0]).mean() > 0
    return {"welch": welch / tables, "paired": paired / tables}


def looking(draw: Draw, planned: int, variants: int, gain: float, tables: int) -> dict[str, float]:
    """Return how often there is a verdict in looks after every seed, from `planned` to the last of LOOKS.

    Without a gain any verdict of the table counts: by mtl's rule, and by the same tests as if each number of
    seeds had been the only one. With a gain in one task, those that find it: at the first and the last look.
    """
    random = np.random.default_rng([planned, variants, int(gain)])
    values = draw(random, (tables, variants, len(TASKS), LOOKS[-1]))
    alone = draw(random, (tables, 1, len(TASKS), LOOKS[-1]))
    values[:, 0, 0] += gain
    looks = [seeds for seeds in LOOKS if seeds >= planned]
    told = {"mtl": np.zeros((len(looks), tables), bool), "fixed": np.zeros((len(looks), tables), bool)}
    for row, seeds in enumerate(looks):
        seen, known = values[..., :seeds], alone[..., :seeds]
        p = stats.ttest_ind(seen, known, axis=-1, equal_var=False).pvalue
        p[(np.ptp(seen, axis=-1) == 0) & (np.ptp(known, axis=-1) == 0)] = 1.0  # no spread, no verdict
        # Holm's first step, for all comparisons: whether the smallest p of a table, or that of the task that
        # gains, is small enough.
        least = p[:, 0, 0] if gain else p.reshape(tables, -1).min(axis=1)
        level = ALPHA / (variants * len(TASKS))
        told["mtl"][row], told["fixed"][row] = least < level * Look(seeds, planned).share, least < level
    if gain:
        return {f"{way}_{name}": float(told[way][row].mean()) for way in told for name, row in _ENDS.items()}
    return {way: float(found.any(axis=0).mean()) for way, found in told.items()}


_ENDS = {"first": 0, "last": -1}


def simulate(tables: int) -> dict[str, Any]:
    """Return all figures."""
    often = [(planned, variants) for planned in PLANNED for variants in COUNTS]
    cases = [(seeds, variants) for seeds in SEEDS for variants in VARIANTS]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, numpy {np.__version__}",
        "tables": tables,
        "nothing": [
            {"noise": name, "seeds": seeds, "variants": variants, **nothing(draw, seeds, variants, tables)}
            for name, draw in NOISE.items()
            for seeds, variants in cases
        ],
        "looking_tables": 5 * tables,
        "looking": [
            {"noise": name, "planned": planned, "variants": variants}
            | looking(draw, planned, variants, 0.0, 5 * tables)
            for name, draw in NOISE.items()
            for planned, variants in often
        ],
        "looking_gain": [
            {"planned": planned, "variants": variants} | looking(normal, planned, variants, 2.0, 5 * tables)
            for planned, variants in often
        ],
        "something": [
            {
                "seeds": seeds,
                "variants": variants,
                "gain": gain,
                "correlation": correlation,
                "expected": power(seeds, variants * len(TASKS), gain),
                **something(seeds, variants, gain, correlation, tables),
            }
            for gain, correlation in ((2.0, 0.0), (4.0, 0.0), (2.0, 0.9))
            for seeds, variants in cases
        ],
    }


def markdown(kept: Mapping[str, Any]) -> str:
    """Return the figures as they stand in the document."""
    measured = (
        f"`python -m benchmarks.verdicts`, {kept['date']}, {kept['tables']:,} tables for each figure "
        f"(standard error at most {50 / kept['tables'] ** 0.5:.1f} points), fixed seeds."
    )
    header = [
        "nothing differs",
        "seeds",
        "variants",
        "a verdict",
        "any mark",
        "delta-m verdict",
        "interval covers",
    ]
    rows = [
        [
            row["noise"],
            str(row["seeds"]),
            str(row["variants"]),
            *(f"{100 * row[key]:.1f} %" for key in ("verdict", "mark", "delta_m_verdict", "covered")),
        ]
        for row in kept["nothing"]
    ]
    found: dict[tuple[int, int], dict[tuple[float, float], Mapping[str, float]]] = {}
    for row in kept["something"]:
        found.setdefault((row["seeds"], row["variants"]), {})[row["gain"], row["correlation"]] = row
    columns = list(dict.fromkeys((row["gain"], row["correlation"]) for row in kept["something"]))
    titles = [f"{gain:g} sd{f', correlation {r:g}' if r else ''}" for gain, r in columns]
    power_header = [
        "seeds",
        "variants",
        "2 sd: said before",
        *(f"{t}: {way}" for t in titles for way in ("found", "if paired")),
    ]
    power_rows = [
        [
            str(seeds),
            str(variants),
            f"{100 * row[2.0, 0.0]['expected']:.0f} %",
            *(f"{100 * row[key][way]:.0f} %" for key in columns for way in ("welch", "paired")),
        ]
        for (seeds, variants), row in found.items()
    ]
    parts = (_table(header, rows), _table(power_header, power_rows), *_looks(kept))
    return "\n".join([measured, *(line for part in parts for line in ("", *part))])


def _looks(kept: Mapping[str, Any]) -> Sequence[list[str]]:
    """Return the two tables of who looks after every seed."""
    wrong = [
        [
            row["noise"],
            str(row["planned"]),
            str(row["variants"] * len(TASKS)),
            *(f"{100 * row[way]:.1f} %" for way in ("mtl", "fixed")),
        ]
        for row in kept["looking"]
    ]
    last = LOOKS[-1]
    found = [
        [
            str(row["planned"]),
            str(row["variants"] * len(TASKS)),
            *(f"{100 * row[f'{way}_{end}']:.0f} %" for end in ("first", "last") for way in ("mtl", "fixed")),
        ]
        for row in kept["looking_gain"]
    ]
    title = f"nothing differs; looked at after every seed up to {last}"
    header = [title, "planned", "comparisons", "a verdict at any look", "a fixed test at any look"]
    gain_header = ["planned", "comparisons", "2 sd: found as planned", "fixed test"]
    gain_header += [f"2 sd: found after {last}", "fixed test, planned for it"]
    note = f"{kept['looking_tables']:,} tables for each figure of the next two."
    return [note], _table(header, wrong), _table(gain_header, found)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in (header, *rows)]
    return [lines[0], f"|---|{'---:|' * (len(header) - 1)}", *lines[1:]]


def document(text: str, kept: Mapping[str, Any]) -> str:
    """Return the document with the figures between their markers."""
    return with_marked(text, "measured: verdicts", markdown(kept))


def main() -> None:
    """Simulate, keep the figures, and write the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", type=int, default=2000, help="tables for each figure [default: 2000]")
    parser.add_argument("--write", action="store_true", help="only the document, from the kept figures")
    given = parser.parse_args()
    if not given.write:
        RESULTS.write_text(json.dumps(simulate(given.tables), indent=1) + "\n")
    DOCUMENT.write_text(document(DOCUMENT.read_text(), json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
