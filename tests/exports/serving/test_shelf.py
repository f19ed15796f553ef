"""Models are opened, replaced and taken away while others are answered: with models that compute nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.exports.serving.refusal import Refusal
from mtl.exports.serving.shelf import Shelf
from mtl.exports.serving.sources import sources


@dataclass(eq=False)
class Stub:
    """A model whose file says which inputs and outputs it has: "image>digit"."""

    text: str
    closed: bool = False
    meanings: dict = field(default_factory=dict)

    def __post_init__(self):
        before, _, after = self.text.partition(">")
        self.inputs = dict.fromkeys(before.split("+"), "form")
        self.outputs = dict.fromkeys(after.rstrip().rstrip("!").split("+"), "form")

    def meaning(self, name):
        return {"labels": ["0", "1"] if "!" not in self.text else ["1", "0"]}

    def close(self):
        self.closed = True


class Case:
    """A folder of such files, a shelf over it, and what it told."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder = folder
        for name, text in files.items():
            self.write(name, text)
        self.told: list[str] = []
        self.shelf = Shelf(lambda: sources((str(folder),)), self.open, self.told.append)

    def open(self, name, path):
        text = path.read_text()
        if text.startswith("broken"):
            raise UsageError(f"{path}: {text}")
        if text.startswith("odd"):
            raise ValueError("nobody thought of this")
        return Stub(text)

    def write(self, name, text):
        other = self.folder / ".new"
        other.write_text(text)
        other.replace(self.folder / f"{name}.onnx")

    def refresh(self, **how):
        self.told.clear()
        asyncio.run(self.shelf.refresh(**how))

    def answering(self, name):
        model = self.shelf.place(name).model
        return model and model.text


def test_a_broken_model_of_a_folder_is_told_and_the_others_are_served(tmp_path):
    case = Case(tmp_path, good="image>digit", bad="broken file")
    case.shelf.fill()
    assert case.told == [f"not served: bad: {tmp_path}/bad.onnx: broken file"]
    assert [(row["name"], row["state"]) for row in case.shelf.index()] == [
        ("bad", "UNAVAILABLE"),
        ("good", "READY"),
    ]
    # What clients read names nothing of this machine.
    assert str(tmp_path) not in str(case.shelf.index())
    with pytest.raises(Refusal, match="model 'bad' is not ready") as caught, case.shelf.place("bad").lent():
        pass
    assert caught.value.status == 503


def test_a_folder_whose_models_are_all_broken_is_refused(tmp_path):
    with pytest.raises(UsageError, match="broken file"):
        Case(tmp_path, a="broken file", b="broken too").shelf.fill()


def test_a_new_file_answers_once_it_is_open_and_the_old_one_is_closed(tmp_path):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()
    old = case.shelf.place("a").model
    case.write("a", "image>digit+shade")

    async def replace():
        with case.shelf.place("a").lent() as lent:
            await case.shelf.refresh()
            await asyncio.sleep(0.1)
            assert lent is old
            assert not old.closed
        await asyncio.gather(*case.shelf._tasks)

    asyncio.run(replace())
    assert old.closed
    assert case.answering("a") == "image>digit+shade"
    assert case.told == [f"reloaded: a: {tmp_path}/a.onnx"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("broken file", "broken file"),
        ("odd", "ValueError: nobody thought of this"),
        ("image+number>digit", "its inputs are image, number, and were image"),
        ("image>shade", "it has no output 'digit' any more"),
        ("image>digit!", "its output 'digit' has another shape, other labels or units than before"),
    ],
)
def test_a_new_file_that_cannot_take_its_place_is_told_and_the_old_one_answers(tmp_path, text, why):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()
    case.write("a", text)
    case.refresh()
    assert case.answering("a") == "image>digit"
    (told,) = case.told
    assert told.startswith("not reloaded: a, the file before goes on answering: ")
    assert why in told
    (row,) = case.shelf.index()
    assert row["state"] == "READY"
    assert row["reason"].endswith("the one before goes on answering")
    # Once told is enough; a file that is mended is read.
    case.refresh()
    assert case.told == ["nothing to reload: no file has changed"]
    case.write("a", "image>digit ")
    case.refresh()
    assert case.answering("a") == "image>digit "
    assert case.shelf.index()[0]["reason"] == ""


def test_a_file_that_is_new_in_the_folder_is_served_and_one_that_is_gone_stays(tmp_path):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()
    case.write("b", "image>shade")
    case.refresh()
    assert case.answering("b") == "image>shade"
    (tmp_path / "a.onnx").unlink()
    case.refresh()
    assert case.answering("a") == "image>digit"
    assert "not reloaded: a" in case.told[0]


def test_a_folder_that_has_become_nonsense_is_told_once_and_changes_nothing(tmp_path):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "model.onnx").touch()
    case.refresh(settled=True)
    assert "two models would be called 'a'" in case.told[0]
    case.refresh(settled=True)
    assert case.told == []
    assert case.answering("a") == "image>digit"


def test_a_file_that_is_watched_is_opened_when_it_has_come_to_rest(tmp_path):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()
    case.write("a", "image>digit ")
    case.refresh(settled=True)
    assert case.answering("a") == "image>digit"
    case.refresh(settled=True)
    assert case.answering("a") == "image>digit "


def test_what_is_watched_is_looked_at_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr("mtl.exports.serving.shelf._LOOK", 0.01)
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()

    async def watch():
        case.shelf.begin(watch=True)
        for text in ("image>digit ", "image>digit  "):
            case.write("a", text)
            async with asyncio.timeout(10):
                while case.answering("a") != text:
                    await asyncio.sleep(0.01)

    asyncio.run(watch())


def test_a_hangup_has_the_files_looked_at_from_any_thread(tmp_path):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()

    async def hang_up():
        refresh = case.shelf.begin(watch=False)
        case.write("a", "image>digit ")
        await asyncio.to_thread(refresh)
        async with asyncio.timeout(10):
            while case.answering("a") != "image>digit ":
                await asyncio.sleep(0.01)

    asyncio.run(hang_up())


def test_what_is_unloaded_comes_back_only_when_it_is_loaded(tmp_path):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()

    async def there_and_back():
        await case.shelf.unload("a")
        assert not case.shelf.ready
        case.write("a", "number>digit")
        await case.shelf.refresh()
        assert case.answering("a") is None
        # Unloaded first, it may be another model.
        await case.shelf.load("a")

    asyncio.run(there_and_back())
    assert case.answering("a") == "number>digit"


def test_loading_what_there_is_not_or_what_is_broken_is_refused(tmp_path):
    case = Case(tmp_path, a="image>digit")
    case.shelf.fill()
    with pytest.raises(Refusal, match=r"there is no model '\.\./x'"):
        asyncio.run(case.shelf.load("../x"))
    case.write("b", "broken file")
    with pytest.raises(Refusal, match="model 'b' was not loaded") as caught:
        asyncio.run(case.shelf.load("b"))
    assert str(tmp_path) not in caught.value.message
