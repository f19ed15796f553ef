"""Colours of the page can be read and told apart, in light and dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mtl.core.report import templating
from mtl.core.report.charts import SERIES

STYLE = Path(templating.__file__).with_name("templates").joinpath("style.css").read_text()
TEXTS = [
    *((ink, ground) for ink in ("ink", "muted", "accent", "good", "poor") for ground in ("page", "card")),
    *((ink, ground) for ink in ("ink", "muted") for ground in ("good-back", "poor-back", "code")),
    ("good", "good-back"),
    ("poor", "poor-back"),
]


def colours(scheme: str) -> dict[str, tuple[int, ...]]:
    light, dark = STYLE.split("prefers-color-scheme: dark", 2)[:2]
    pairs = re.findall(r"--([\w-]+): #([0-9a-f]{6})", {"light": light, "dark": dark}[scheme])
    return {name: tuple(bytes.fromhex(value)) for name, value in pairs}


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """WCAG 2.2, contrast ratio of two sRGB colours."""

    def luminance(colour: tuple[int, ...]) -> float:
        shares = [value / 255 for value in colour]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_the_contrast_that_wcag_wants(scheme: str) -> None:
    found = colours(scheme)
    poor = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in TEXTS}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_of_tasks_stand_out_and_have_a_pattern_each(scheme: str) -> None:
    found = colours(scheme)
    assert all(contrast(found[f"s{place}"], found["card"]) >= 3 for place in range(SERIES))
    patterns = re.findall(r"--dash: ([\w ]+);", STYLE)
    assert len(patterns) == len(set(patterns)) == SERIES
