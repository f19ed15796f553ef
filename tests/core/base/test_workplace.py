"""Whatever step a process dies at, the folder that was there before is found again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.base.locks import is_held
from mtl.core.base.workplace import REPLACES, Workplace, enter, enter_new, is_empty, replaced, restore


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with something in it."""
    path = tmp_path / "a"
    path.mkdir()
    (path / "old").write_text("old")
    return path


def names(path: Path) -> list[str]:
    return sorted(str(item.relative_to(path)) for item in path.rglob("*") if item.is_file())


def never(text: str) -> None:
    raise AssertionError(text)


def replace(path: Path) -> None:
    """Replace a folder as `--force` does."""
    with enter(path, never, create=True) as workplace:
        workplace.set_aside()
        (path / "new").write_text("new")
        workplace.finish()


def test_a_folder_is_replaced_and_nothing_else_is_left(old: Path) -> None:
    replace(old)
    assert names(old.parent) == ["a/new"]


class Killed(BaseException):
    """Ends the process, as it seems from the inside."""


def steps(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None], stop: int) -> int:
    """Do work until the step `stop` that changes a folder, which is not done any more; return the steps."""
    count = 0
    with monkeypatch.context() as patch:
        for name in ("rename", "mkdir", "unlink", "replace", "rmdir"):

            def step(
                self: Path, *given: object, _real: object = getattr(Path, name), **named: object
            ) -> object:
                nonlocal count
                count += 1
                if count >= stop:
                    raise Killed
                return _real(self, *given, **named)  # type: ignore[operator]

            patch.setattr(Path, name, step)
        with suppress(Killed):
            work()
    return count


def test_an_interrupt_while_locks_are_given_back_keeps_none(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace = enter(old, never)
    workplace.set_aside()
    assert steps(monkeypatch, workplace.leave, 1) == 2
    assert [lock.stands for lock in workplace.locks] == [False, False]
    assert not is_held(old)


STEPS = 8


def test_replacing_has_so_many_steps(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert steps(monkeypatch, lambda: replace(old), 999) == STEPS


@pytest.mark.parametrize("stop", range(1, STEPS + 1))
def test_after_a_kill_at_any_step_the_old_or_the_new_is_there(
    stop: int, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(monkeypatch, lambda: replace(old), stop)
    found = set(names(old.parent))
    assert any(item.endswith("/old") for item in found) or "a/new" in found
    # An unfinished replacement is begun anew; a finished one is replaced.
    replace(old)
    assert names(old.parent) == ["a/new"]


@pytest.mark.parametrize("stop", range(1, STEPS + 1))
def test_what_was_set_aside_comes_back_where_nothing_came_in_its_stead(
    stop: int, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps(monkeypatch, lambda: replace(old), stop)
    if (old / "new").exists():
        return
    restore(old)
    assert (old / "old").read_text() == "old"
    assert not replaced(old).exists()


def test_an_unfinished_replacement_gives_way_and_the_first_is_kept(old: Path) -> None:
    for attempt in ("first", "second"):
        with enter(old, never) as workplace:
            workplace.set_aside()
            (old / attempt).write_text("")
    assert (replaced(old) / "old").read_text() == "old"
    assert names(old) == [REPLACES, "second"]


def test_what_it_does_not_replace_is_never_deleted(old: Path) -> None:
    replaced(old).mkdir()
    (replaced(old) / "kept").write_text("kept")
    with enter(old, never) as workplace:
        workplace.finish()
        with pytest.raises(UsageError, match="is in the way"):
            workplace.set_aside()
    assert names(old.parent) == [".a.replaced/kept", "a/old"]


def test_a_replacement_at_work_is_not_undone(old: Path) -> None:
    with enter(old, never) as workplace:
        workplace.set_aside()
        with pytest.raises(UsageError, match="another process is at work"):
            restore(old)
    restore(old)
    assert names(old.parent) == ["a/old"]


def test_an_abandoned_replacement_leaves_what_was_there(old: Path) -> None:
    with enter(old, never) as workplace:
        workplace.set_aside()
        (old / "new").write_text("new")
        workplace.abandon()
    assert names(old.parent) == ["a/old"]


def test_garbage_of_killed_processes_is_swept(old: Path) -> None:
    (old / ".x.0123abcd.partial").write_text("half")
    gone = old.with_name(".a.gone")
    gone.mkdir()
    (gone / "x").write_text("")
    with enter(old, never):
        pass
    assert names(old.parent) == ["a/old"]


def test_garbage_that_cannot_be_removed_ends_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (old / ".x.0123abcd.partial").write_text("half")
    told: list[str] = []
    unlink = Path.unlink

    def failing(self: Path, missing_ok: bool = False) -> None:
        if self.suffix == ".partial":
            raise PermissionError(13, "Permission denied")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", failing)
    with enter(old, told.append):
        pass
    assert len(told) == 1
    assert "cannot be removed: Permission denied" in told[0]


def test_numbers_are_given_once(tmp_path: Path) -> None:
    made: list[Workplace] = [enter_new(tmp_path / "runs" / "a", never) for _ in range(2)]
    assert [workplace.path.name for workplace in made] == ["a-001", "a-002"]


def test_a_folder_taken_away_is_noticed(old: Path) -> None:
    with enter(old, never) as workplace:
        workplace.check()
        old.rename(old.with_name("b"))
        old.mkdir()
        with pytest.raises(UsageError, match="was moved or removed while it was written"):
            workplace.check()


def test_what_a_killed_start_leaves_counts_as_nothing(tmp_path: Path) -> None:
    assert is_empty(tmp_path / "missing")
    for name in (".lock", REPLACES, ".recipe.yaml.01234567.partial"):
        (tmp_path / name).write_text("")
    assert is_empty(tmp_path)
    (tmp_path / ".git").mkdir()
    assert not is_empty(tmp_path)
