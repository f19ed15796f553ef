"""The index of plugins keeps what it knew, and its page says what its JSON says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import ComponentError, UsageError
from mtl.core.ecosystem import conformance
from mtl.core.ecosystem.conformance import Verdict
from mtl.core.ecosystem.index import entry, merged, read_index, write_index


def said(*verdicts: Verdict) -> dict[str, Any]:
    checked = [verdict.to_json() for verdict in verdicts]
    return {"version": "1.0", "date": "2026-11-28", "quick": False, "checked": checked}


GOOD = Verdict("head", "fine", {"ok": 5, "skipped": 1})
BAD = Verdict("loss", "odd", {"ok": 2, "failed": 1}, {"one-check": "expected\n  a | b"})


def test_an_index_is_read_as_it_was_written_and_keeps_other_versions(tmp_path: Path) -> None:
    old = {"version": "0.9", "summary": "Old", "conformance": {"0.0.1": said(BAD)}}
    write_index(tmp_path / "in", {"a": old, "b": old})
    new = {"version": "1.0", "summary": "New", "conformance": {"0.1.0": said(GOOD)}}
    written = write_index(tmp_path / "in", merged(read_index(tmp_path / "in"), [("a", new)]))
    assert [path.name for path in written] == ["index.json", "index.md"]
    found = read_index(tmp_path / "in")
    assert found["b"] == old
    assert found["a"]["summary"] == "New"
    assert list(found["a"]["conformance"]) == ["0.0.1", "0.1.0"]


def test_the_page_has_a_column_for_each_version_and_names_each_failure(tmp_path: Path) -> None:
    row = {
        "version": "1.0",
        "summary": "A | B",
        "conformance": {"0.0.1": said(GOOD), "0.1.0": said(GOOD, BAD)},
    }
    write_index(tmp_path, {"a": row})
    page = (tmp_path / "index.md").read_text()
    assert "| plugin | version | what it is | mtl 0.0.1 | mtl 0.1.0 |" in page
    assert "| [a](#a) | 1.0 | A \\| B | 5 passed | 1 of 8 failed |" in page
    assert "| loss | `odd` | 2 | 1 | 0 |" in page
    assert "loss `odd`, one-check: expected a | b" in page


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format": 2, "plugins": {}}', '{"format": 1, "plugins": {"a": {"conformance": {}}}}'],
)
def test_a_damaged_index_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(UsageError, match=r"index\.json"):
        read_index(tmp_path)


def test_a_plugin_that_ends_the_check_is_a_failure_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object, **__: object) -> None:
        raise ComponentError("mtl plugin check: it ended with status -11")

    monkeypatch.setattr(conformance, "asked", ended)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'bad-one'\nversion = '2'\n")
    name, row = entry(str(tmp_path), quick=True)
    (only,) = row["conformance"].values()
    assert (name, row["version"], only["checked"][0]["failed"]) == ("bad-one", "2", 1)
    assert "status -11" in json.dumps(only)
    with pytest.raises(UsageError, match="no package 'nothing-here' is installed"):
        entry("nothing-here", quick=True)
