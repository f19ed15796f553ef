"""A run's card, and runs that go to a hub on this machine, which speaks the protocol, and come from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .hub_server import Hub, serving

pytest.importorskip("huggingface_hub")
Command = Callable[..., Any]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", "hf_nobody")
        yield hub


def test_a_card_tells_what_there_is_and_keeps_what_people_wrote(demo_copy: Path, mtl: Command) -> None:
    assert mtl("card", str(demo_copy)).status == 0
    path = demo_copy / "README.md"
    text = path.read_text()
    sections = ("Intended use", "Answers", "Data", "Metrics", "Weights of others", "Proof", "How to run it")
    assert all(f"\n## {title}\n" in text for title in sections)
    assert "| tasks | denoise, classify |" in text
    assert "['" not in text  # lists are for people, not as Python writes them
    metrics = json.loads((demo_copy / "metrics.json").read_text())
    task, name, values = "classify", "accuracy", metrics["test"]["classify"]
    row = next(line for line in text.splitlines() if line.startswith(f"| {task} | {name} |"))
    low, high = (float(part) for part in row.split("|")[4].split(" to "))
    assert low <= values[name] + 1e-3
    assert high >= values[name] - 1e-3
    assert "To be filled in by whoever publishes" in text
    filled = text.replace(text[text.index("**To be") : text.index("\n<!-- end of yours")], "For my garden.")
    path.write_text(filled)
    assert mtl("card", str(demo_copy)).status == 0
    assert path.read_text() == filled


def test_a_card_tells_the_answers_of_a_file_that_gives_fewer_and_computes_otherwise(
    demo_copy: Path, mtl: Command
) -> None:
    chosen = ("--tasks", "classify", "--precision", "float16", "--max-drop", "classify=100", "--raw")
    assert mtl("export", str(demo_copy), *chosen).status == 0
    assert mtl("card", str(demo_copy)).status == 0
    text = (demo_copy / "README.md").read_text()
    answers = text[text.index("## Answers") : text.index("## Data")]
    assert "| classify |" in answers
    assert "one logit per class" in answers
    assert "denoise" not in answers
    assert (
        "They are the trained model's; the exported file answers classify alone and computes in float16, "
        "which may cost what stands under Proof." in text
    )


def test_a_card_without_an_export_or_over_another_file_says_so(demo_copy: Path, mtl: Command) -> None:
    (demo_copy / "model.onnx").unlink()
    result = mtl("card", str(demo_copy))
    assert result.status == 0
    assert (
        f"warning: {demo_copy} has no exported file with its proof: mtl export {demo_copy} makes"
        in result.err
    )
    assert "**There is no exported file" in (demo_copy / "README.md").read_text()
    (demo_copy / "notes.md").write_text("mine")
    refused = mtl("card", str(demo_copy), "--to", str(demo_copy / "notes.md"))
    assert refused.status == 2
    assert "is there and is no card of mtl's" in refused.err
    assert (demo_copy / "notes.md").read_text() == "mine"
    assert mtl("push", str(demo_copy), "me/digits").err.startswith(
        f"error: {demo_copy} has no exported file\n"
    )


def test_a_run_goes_to_the_hub_and_comes_back(
    demo_copy: Path, mtl: Command, hub: Hub, tmp_path: Path
) -> None:
    refused = mtl("push", str(demo_copy), "me/digits")
    assert refused.err == f"error: {demo_copy} has no card\n  hint: mtl card {demo_copy}, and fill it in\n"
    mtl("card", str(demo_copy))
    dry = mtl("push", str(demo_copy), "me/digits", "--dry-run")
    assert dry.status == 0
    assert "model.onnx" in dry.out
    assert hub.repositories == {}
    done = mtl("push", str(demo_copy), "me/digits")
    assert (done.status, done.out) == (0, f"{hub.address}/me/digits\n"), done.err
    assert hub.private == {"me/digits": True}
    sent = hub.repositories["me/digits"]
    assert sent["model.onnx"] == (demo_copy / "model.onnx").read_bytes()
    assert json.loads(sent["environment.json"])["command"] == []
    assert {name.split()[0] for name in dry.out.splitlines()[1:]} == set(sent)
    checkpoint = {name.rpartition(".")[2] for name in sent if "checkpoint/epoch-" in name}
    assert checkpoint == {"json"}  # what weights are held against goes, what is resumed from stays
    sent["pickle.bin"] = b"not taken"
    back = mtl("pull", "me/digits", "--out", "theirs")
    assert (back.status, back.out) == (0, "theirs\n")
    assert "left there, since no run has such files: pickle.bin" in back.err
    assert not (tmp_path / "theirs" / "pickle.bin").exists()
    assert mtl("evaluate", "theirs", "--json").status == 0
    assert "theirs exists already" in mtl("pull", "me/digits", "--out", "theirs").err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config.json": b"{}"}, "me/x holds no run of mtl: it has no recipe.yaml and no environment.json"),
        ({"recipe.yaml": b"", "../x.yaml": b""}, "me/x names a file outside of its folder: '../x.yaml'"),
        ({"/etc/x.json": b""}, "me/x names a file outside of its folder: '/etc/x.json'"),
        (
            {"recipe.yaml": b"", "environment.json": b"{}", "metrics.json": b"{"},
            "cannot be read as the metrics of a run",
        ),
        (None, "there is no repository me/x, or you may not see it"),
    ],
)
def test_what_is_no_run_is_not_taken(
    files: dict[str, bytes] | None, said: str, mtl: Command, hub: Hub, tmp_path: Path
) -> None:
    if files is not None:
        hub.repositories["me/x"] = files
    result = mtl("pull", "me/x", "--out", "got")
    assert result.status == 2
    assert said in result.err
    assert not (tmp_path / "got").exists()


def test_what_is_not_ours_is_not_written_to(demo_copy: Path, mtl: Command, hub: Hub) -> None:
    mtl("card", str(demo_copy))
    hub.repositories["me/other"] = {"config.json": b"{}"}
    other = mtl("push", str(demo_copy), "me/other")
    assert other.err.startswith("error: me/other holds something else than a run of mtl\n")
    hub.mine = False
    theirs = mtl("push", str(demo_copy), "you/digits")
    assert theirs.err.startswith("error: you/digits is not yours to write\n")
    assert (other.status, theirs.status) == (2, 2)
    for name in ("a/b/c", "../x", "a b", ""):
        refused = mtl("pull", name, "--out", "got")
        assert refused.err.startswith(f"error: {name!r} is no name of a repository\n")


@pytest.mark.slow  # the client tries for twenty seconds
def test_a_hub_that_is_not_there_is_said(mtl: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    result = mtl("pull", "me/x", "--out", "got")
    assert result.status == 5
    assert "error: the hub does not answer as one should: ConnectError: " in result.err
