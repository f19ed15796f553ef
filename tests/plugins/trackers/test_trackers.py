"""What the built-in trackers write can be read again, by others than who wrote it."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import MissingRequirementError
from mtl.core.contracts import TrackedRun, Tracker
from mtl.plugins import packages
from mtl.plugins.trackers.jsonl import JsonLines
from mtl.plugins.trackers.mlflow import Mlflow
from mtl.plugins.trackers.tensorboard import TensorBoard
from mtl.plugins.trackers.wandb import Wandb

ROWS = [{"learning_rate": 0.1, "train/a/loss": 0.5 / epoch} for epoch in (1, 2)]
PICTURE = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)
RECIPE = {"seed": 0, "dataset": {"name": "digits"}, "tasks": {"a": {}}}


def run_in(folder: Path, *history: dict[str, float]) -> TrackedRun:
    return TrackedRun(folder, folder / "tracking" / "own", folder.name, RECIPE, "ab" * 32, history)


def tell(tracker: Tracker, run: TrackedRun) -> None:
    """Tell a whole run."""
    tracker.start(run)
    for epoch, row in enumerate(ROWS[len(run.history) :], start=1 + len(run.history)):
        tracker.scalars(epoch, row)
        tracker.picture(epoch, "a", PICTURE)
    tracker.scalars(1, {"test/a/loss": 0.25, "test/a/psnr": float("inf")})
    (run.folder / "report.html").write_text("report")
    tracker.artifact(run.folder / "report.html")
    tracker.finish("finished")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # MLflow writes the files of an SQLite store to the current folder
    (tmp_path / "demo").mkdir()
    return tmp_path / "demo"


def test_jsonl_has_a_line_for_everything(folder: Path) -> None:
    tell(JsonLines(), run_in(folder))
    own = folder / "tracking" / "own"
    events = [json.loads(line) for line in (own / "events.jsonl").read_text().splitlines()]
    assert events[0] == {"event": "start", "name": "demo", "recipe_hash": "ab" * 32, "recipe": RECIPE}
    assert [event["values"] for event in events if event["event"] == "scalars"] == [
        *ROWS,
        {"test/a/loss": 0.25, "test/a/psnr": "inf"},
    ]
    assert events[-2:] == [
        {"event": "artifact", "file": "report.html"},
        {"event": "finish", "ended": "finished"},
    ]
    (first, _) = (event for event in events if event["event"] == "picture")
    assert np.array_equal(np.asarray(Image.open(own / first["file"])), PICTURE)


def test_jsonl_has_an_epoch_once_however_often_a_run_is_gone_on_with(folder: Path) -> None:
    tell(JsonLines(pictures=False), run_in(folder))
    tell(JsonLines(pictures=False), run_in(folder, {"epoch": 1, **ROWS[0]}))
    lines = (folder / "tracking" / "own" / "events.jsonl").read_text().splitlines()
    epochs = [
        event["epoch"] for line in lines if "train/a/loss" in (event := json.loads(line)).get("values", {})
    ]
    assert epochs == [1, 2]


def records(file: Path) -> Iterator[bytes]:
    """Yield the records of an event file: length, its sum, content, the content's sum (TFRecord)."""
    content = file.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield content[12 : 12 + length]
        content = content[16 + length :]


def test_tensorboard_files_hold_numbers_and_pictures(folder: Path) -> None:
    events = pytest.importorskip("tensorboardX.proto.event_pb2")
    tell(TensorBoard(), run_in(folder))
    (file,) = (folder / "tracking" / "own").glob("events.out.tfevents.*")
    found = [events.Event.FromString(record) for record in records(file)]
    numbers = [
        (event.step, value.tag, value.simple_value)
        for event in found
        for value in event.summary.value
        if value.WhichOneof("value") == "simple_value"
    ]
    assert (1, "train/a/loss", 0.5) in numbers
    assert (2, "train/a/loss", 0.25) in numbers
    assert (1, "test/a/psnr", float("inf")) in numbers
    pictures = [value.image for event in found for value in event.summary.value if value.HasField("image")]
    assert [(image.height, image.width) for image in pictures] == [(8, 12), (8, 12)]


def test_tensorboard_forgets_what_a_run_that_is_gone_on_with_does_again(folder: Path) -> None:
    events = pytest.importorskip("tensorboardX.proto.event_pb2")
    tell(TensorBoard(pictures=False, folder=folder / "all"), run_in(folder, {"epoch": 1, **ROWS[0]}))
    (file,) = (folder / "all" / "demo").glob("events.out.tfevents.*")
    found = [events.Event.FromString(record) for record in records(file)]
    assert [event.step for event in found if event.WhichOneof("what") == "session_log"] == [2]


@pytest.mark.parametrize(
    ("tracker", "said", "extra"),
    [
        (TensorBoard, "tracker 'tensorboard' needs the package tensorboardX", "tensorboard"),
        (Mlflow, "tracker 'mlflow' needs the package mlflow", "mlflow"),
        (Wandb, "tracker 'wandb' needs the package wandb or trackio", "wandb"),
    ],
)
def test_a_missing_package_is_refused_before_anything_is_trained(
    tracker: type[Any], said: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingRequirementError) as caught:
        tracker()
    assert caught.value.message == f"{said}, which is not installed"
    assert caught.value.hint == f"pip install 'mtl-composer[{extra}]'"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: name)


@pytest.mark.usefixtures("built")
def test_a_server_that_is_not_there_is_said_at_once(folder: Path) -> None:
    with pytest.raises(
        MissingRequirementError, match=r"no server answers at http://127\.0\.0\.1:9: Connection refused"
    ):
        Mlflow(uri="http://127.0.0.1:9").start(run_in(folder))


def test_no_tracker_imports_its_package_before_it_starts() -> None:
    assert not {"mlflow", "wandb", "trackio"} & set(sys.modules)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of strangers' packages
def test_tensorboard_itself_reads_the_files(folder: Path) -> None:
    pytest.importorskip("tensorboardX")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tell(TensorBoard(), run_in(folder))
    tell(TensorBoard(), run_in(folder, {"epoch": 1, **ROWS[0]}))
    read = accumulator.EventAccumulator(str(folder / "tracking" / "own"))
    read.Reload()
    assert [(item.step, item.value) for item in read.Scalars("train/a/loss")] == [(1, 0.5), (2, 0.25)]
    assert {item.step for item in read.Images("answers/a")} == {1, 2}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of strangers' packages
def test_mlflow_keeps_a_run_and_goes_on_with_it(folder: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{folder / 'store.db'}"
    tell(Mlflow(uri=uri), run_in(folder))
    tell(Mlflow(uri=uri), run_in(folder, {"epoch": 1, **ROWS[0]}))
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("mtl").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "demo"
    assert run.data.params["dataset.name"] == "digits"
    assert run.data.metrics["test/a/loss"] == 0.25
    steps = {(item.step, item.value) for item in client.get_metric_history(run.info.run_id, "train/a/loss")}
    assert steps == {(1, 0.5), (2, 0.25)}
    assert "report.html" in [item.path for item in client.list_artifacts(run.info.run_id)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of strangers' packages
def test_wandb_keeps_a_run_offline(folder: Path) -> None:
    pytest.importorskip("wandb")
    tell(Wandb(mode="offline", library="wandb"), run_in(folder))
    assert [*(folder / "tracking" / "own").glob("wandb/offline-run-*/*.wandb")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of strangers' packages
def test_trackio_keeps_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trackio")
    tell(Wandb(library="trackio"), run_in(folder))
    assert capsys.readouterr().out == ""
