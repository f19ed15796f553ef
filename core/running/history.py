"""A run's epochs as columns, and charts of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from math import nan
from typing import Any

from ..base.errors import MissingRequirementError, UsageError, suggest
from ..base.notebook import box
from ..report.charts import Series, line_chart

_STYLES = 5
"""Lines of a chart that can be told apart."""


class History(dict[str, list[float]]):
    """The columns of `history.csv` by name, a value per epoch; NaN where an epoch has none.

    >>> History.of([{"epoch": 1, "a": 0.5}, {"epoch": 2}])["a"]
    [0.5, nan]
    """

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, float]]) -> History:
        """Return the columns of rows."""
        names = dict.fromkeys(name for row in rows for name in row)
        return cls({name: [row.get(name, nan) for row in rows] for name in names})

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`, a row per epoch; raise `MissingRequirementError` without pandas."""
        try:
            pandas: Any = import_module("pandas")
        except ImportError:
            hint = "pip install pandas, or use the columns as they are"
            raise MissingRequirementError("pandas is not installed", hint=hint) from None
        return pandas.DataFrame(dict(self)).set_index("epoch")

    def chosen(self, patterns: Sequence[str]) -> list[str]:
        """Return the columns that match patterns such as `validation/*/loss`.

        Raises `UsageError` for a pattern that no column matches.
        """
        names = [name for name in self if name not in ("epoch", "seconds")]
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise UsageError(f"no column {pattern!r}", hint=suggest(pattern, names, "columns"))
        return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]

    def figure(self, patterns: Sequence[str]) -> Figure:
        """Return a chart of the columns that match, over the epochs."""
        names = self.chosen(patterns)
        return Figure({name: list(zip(self["epoch"], self[name], strict=True)) for name in names})


class Figure:
    """Lines over the epochs: shown by a notebook, and `str` is the SVG."""

    def __init__(self, lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
        self.lines = lines

    def __str__(self) -> str:
        return str(self._svg())

    def __repr__(self) -> str:
        return f"Figure({', '.join(self.lines)})"

    def _repr_html_(self) -> str:
        return box("", "", self._svg())

    def _svg(self) -> str:
        series = [
            Series(name, points, f"s{place % _STYLES}")
            for place, (name, points) in enumerate(self.lines.items())
        ]
        said = ", ".join(self.lines)
        return line_chart(series, label=f"{said} by epoch", x_title="epoch")


def time_of(rows: Sequence[Mapping[str, float]], epochs: int) -> str:
    """Return when in a training something happened; an epoch counts once it is among the rows.

    >>> time_of([], 2), time_of([{"epoch": 1}, {"epoch": 2}], 2)
    ('in epoch 1', 'after epoch 2')
    """
    done = int(rows[-1]["epoch"]) if rows else 0
    return f"after epoch {done}" if done == epochs else f"in epoch {done + 1}"
