"""What a change of the environment broke, and the commands that take it back."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.core.ecosystem import condition as module
from mtl.core.ecosystem.condition import Condition, broken, condition, differences, new_plugins, way_back


def row(name: str, status: str = "ok", *components: str, reason: str = "") -> dict[str, Any]:
    return {
        "name": name, "distribution": name, "version": "1", "status": status, "reason": reason,
        "components": list(components),
    }  # fmt: skip


def having(*rows: dict[str, Any], conflicts: str = "", failure: str = "", **versions: str) -> Condition:
    return Condition(versions, rows, frozenset(filter(None, [conflicts])), failure)


BROKEN: dict[str, tuple[Condition, Condition, str]] = {
    "a plugin that fails now": (
        having(row("old")),
        having(row("old", "broken", reason="no luck"), row("new")),
        "plugin 'old' of old: no luck",
    ),
    "a plugin that went": (having(row("old")), having(row("new")), "plugin 'old' of old is gone"),
    "a name that two claim": (
        having(row("old", "ok", "head x")),
        having(row("old", "ok", "head x"), row("new", "ok", "head x")),
        "head x is claimed by old and new; recipes must write old/x or new/x",
    ),
    "packages that do not go together": (having(), having(conflicts="a needs b"), "a needs b"),
    "mtl itself": (having(row("old")), having(failure="no torch"), "mtl does not work any more: no torch"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_work_any_more_is_told(case: str) -> None:
    before, after, told = BROKEN[case]
    assert broken(before, after, "new") == [told]


def test_what_was_wrong_before_and_what_was_changed_itself_is_not_told() -> None:
    before = having(row("new"), row("bad", "broken"), row("off", "disabled"), conflicts="old news")
    after = having(row("bad", "broken"), row("off", "disabled"), conflicts="old news")
    assert broken(before, after, "new") == []
    assert broken(having(failure="no"), having(failure="no"), None) == []


def test_the_way_back_removes_what_came_and_restores_what_changed() -> None:
    before, after = having(a="1", b="1", c="1"), having(a="1", b="2", d="1")
    assert differences(before, after) == ["b 1 -> 2", "c 1 -> not there", "d not there -> 1"]
    assert way_back(before, after) == "pip uninstall d && pip install b==1 c==1"
    assert way_back(before, before) == "nothing was changed"


def test_new_plugins_are_those_that_came_or_changed_and_the_one_that_was_named() -> None:
    slower = {**row("same"), "import_seconds": 0.2}
    before = having(row("same"), row("named"), row("changed"))
    after = having(slower, row("named"), {**row("changed"), "version": "2"}, row("came"))
    assert new_plugins(before, after, "named") == ["named", "changed", "came"]


def test_the_condition_is_that_of_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "conflicts", lambda: iter(["x"]))
    found = condition()
    assert found.failure == ""
    assert {item["name"] for item in found.of("MTL_composer")} == {"plugins", "exports"}
    assert found.conflicts == {"x"}
    assert "numpy" in found.versions
