"""How each class is answered: how many there are, how many of them were found, how many answers are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .markup import Html, folded, table
from .numbers import ABSENT, number, percent


def class_scores(task: str, names: Sequence[str], rows: Sequence[Sequence[float]]) -> Html:
    """Return a table with a row per class from a table of answers `[K, K]` (row: true class, column: given).

    Found: the share of the class's samples that were answered so (recall). Right: the share of such answers
    that are right (precision). Nothing is returned for a table of another size.
    """
    counts = np.nan_to_num(np.asarray(rows, dtype=np.float64))
    if counts.shape != (len(names), len(names)):
        return Html()
    lines = []
    for index, name in enumerate(names):
        true, given, both = counts[index].sum(), counts[:, index].sum(), counts[index, index]
        shares = [percent(both / total) if total else ABSENT for total in (true, given)]
        score = f"{2 * both / (true + given):.3f}" if true + given else ABSENT
        lines.append([name, number(int(true)), *shares, score])
    header = ["Class", "Test labels", "Found", "Right", "F1"]
    shown = table(header, lines, caption=f"Each class of {task}", numeric=(1, 2, 3, 4))
    return folded(f"The {len(names)} classes of {task}, one by one", shown)
