"""What tasks share is shown as shaded tables, readable without the shade."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.report import templating

Make = Callable[..., Any]
Read = Callable[[str], Any]
STYLE = Path(templating.__file__).with_name("templates").joinpath("style.css").read_text()
EVIL = '<b onclick="x">&\'"'


def told(run: Any, values: list[list[float]], title: str = "Gates") -> Any:
    """Leave a `sharing.json` with one table in the run's folder."""
    rows = [f"row {i}" for i in range(len(values))]
    columns = [f"column {j}" for j in range(len(values[0]))]
    table = {"title": title, "meaning": "A weight.", "rows": rows, "columns": columns, "values": values}
    content = {"sharing": "stirred", "images": 20, "tables": [table]}
    (run.folder.path / "sharing.json").write_text(json.dumps(content))
    return run


def test_a_scheme_that_learned_nothing_has_no_section(make: Make, outline: Read) -> None:
    found = outline(make().page())
    assert "Sharing" not in found.texts["h2"]
    assert "#sharing" not in {link["href"] for link in found.attributes("a")}


def test_every_number_stands_in_its_cell(make: Make, outline: Read) -> None:
    page = told(make(), [[0.25, 0.75], [-0.5, 1e-7]]).page()
    found = outline(page)
    assert found.problems == []
    assert "Sharing" in found.texts["h2"]
    assert "#sharing" in {link["href"] for link in found.attributes("a")}
    assert "the mean over 20 validation images" in found.text
    section = page[page.index('id="sharing"') : page.index('id="data"')]
    assert re.findall(r">(-?\d\.\d{3})<", section) == ["0.250", "0.750", "-0.500", "0.000"]
    assert re.findall(r"--share: (\S+?)\"", section) == ["0.333", "1.000", "0.667", "0.000"]
    assert section.count('class="number minus"') == 1


def test_a_table_of_zeros_has_no_shade(make: Make) -> None:
    assert "--share: 0.000" in told(make(), [[0.0, 0.0]]).page()


def test_its_tables_have_captions_and_headers_with_a_scope(make: Make, outline: Read) -> None:
    found = outline(told(make(), [[1.0]]).page())
    assert len(found.attributes("caption")) == len(found.attributes("table"))
    assert all("scope" in header for header in found.attributes("th"))


def test_names_cannot_become_markup(make: Make, outline: Read) -> None:
    page = told(make(), [[1.0]], EVIL).page()
    assert outline(page).problems == []
    assert "<b onclick" not in page


def test_a_damaged_file_is_named(make: Make) -> None:
    run = make()
    (run.folder.path / "sharing.json").write_text("{")
    with pytest.raises(UsageError, match=r"sharing\.json: cannot be read as a JSON file of the run: "):
        run.page()


def colours(block: str) -> dict[str, tuple[float, ...]]:
    """Return the named colours of a block of the style sheet, channels in 0..1."""
    return {
        name: tuple(int(value[i : i + 2], 16) / 255 for i in (0, 2, 4))
        for name, value in re.findall(r"--([\w-]+): #([0-9a-f]{6});", block)
    }


def luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(part * value for part, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tint", ["accent", "second"])
def test_numbers_can_be_read_on_the_strongest_shade(scheme: str, tint: str) -> None:
    light, dark = STYLE.split("prefers-color-scheme: dark", 2)[:2]
    found = colours({"light": light, "dark": dark}[scheme])
    (percent,) = re.findall(r"calc\(var\(--share\) \* (\d+)%\)", STYLE)
    strength = int(percent) / 100
    mixed = tuple(strength * a + (1 - strength) * b for a, b in zip(found[tint], found["card"], strict=True))
    high, low = sorted((luminance(found["ink"]), luminance(mixed)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5
