"""Files of a run and of comparisons."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from .changes import replace
from .good_run import GoodRun
from .target import Read, Target, written


def run_files(good: GoodRun) -> Iterator[Target]:
    """Yield the targets; each replaces one file of a copy of a good run."""
    from hypothesis import strategies as st

    values = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
        ),
    ).map(lambda value: json.dumps(value).encode())
    readers: dict[str, Callable[[Path], object]] = {
        "checkpoint/manifest.json": _checkpoint,
        "history.csv": _history,
        "environment.json": lambda path: _folder(path).read_environment(),
        "metrics.json": _metrics,
        "verify.json": _proof,
        "plugins/plugins.json": _plugins,
    }
    run = good.run
    for path, read in readers.items():
        name, drawn = Path(path).name, None if path.endswith("csv") else values
        yield Target(name, [run / path], _copied(run, path, read), name, drawn)
    yield Target("sharing.json", [_SHARING], _copied(run, "sharing.json", _sharing), "sharing.json", values)
    yield Target("seeds.json", [_SEEDS], _copied(run, "seeds.json", _seeds), "seeds.json", values)
    yield Target("cell.json", [_CELL], _copied(run, "cell.json", _cell), "cell.json", values)
    yield Target("prepared", [good.prepared], written("prepared", _prepared), None, _notes(good.prepared))
    yield Target("plan.json", [_PLAN], _copied(run, "plan.json", _plan), "plan.json", values)
    yield Target("weights", [good.weights], _weights(run), "manifest.json", together=200)
    yield Target("snapshot", [_snapshot()], _snapshots, "epoch-00001.safetensors")


_SHARING = json.dumps(
    {
        "sharing": "mmoe",
        "images": 3,
        "tables": [{"title": "t", "meaning": "m", "rows": ["a"], "columns": ["b"], "values": [[0.5]]}],
    }
).encode()
_SEEDS = b'{"seeds": [0, 1, 2]}'
_CELL = json.dumps(
    {"key": "k", "origin": {"mtl": "1", "device": "cpu"}, "sha256": {"recipe.yaml": "0" * 64}}
).encode()
_PLAN = json.dumps({"format": 1, "recipe": {"seed": 1}, "seeds": [0, 1]}).encode()


def _folder(path: Path) -> Any:
    from mtl.core.folders.run_folder import RunFolder

    return RunFolder(path)


def _copied(run: Path, name: str, read: Callable[[Path], object]) -> Callable[[Path], Read]:
    def opened(work: Path) -> Read:
        copy = work / "run"
        shutil.copytree(run, copy)

        def act(content: bytes) -> object:
            (copy / name).write_bytes(content)
            return read(copy)

        return act

    return opened


def _checkpoint(run: Path) -> object:
    checkpoints = _folder(run).checkpoints
    checkpoints.state()
    checkpoints.latest()
    return checkpoints.best()


def _history(run: Path) -> object:
    folder = _folder(run)
    return folder.history_of(folder.checkpoints.latest(), lambda text: None), folder.read_history()


def _metrics(run: Path) -> object:
    return _folder(run).read_metrics()


def _proof(run: Path) -> object:
    from mtl.exports.proof import check_proof

    check_proof(run / "model.onnx", (run / "model.onnx").read_bytes())
    return None


def _plugins(run: Path) -> object:
    from mtl.core.folders.kept_plugins import _kept

    return _kept(run)


def _sharing(run: Path) -> object:
    from mtl.core.report.sharing import sharing

    return sharing(cast(Any, SimpleNamespace(path=run)))


def _plan(run: Path) -> object:
    from mtl.core.comparison.folder import ComparisonFolder

    return ComparisonFolder(run)._plan()


def _seeds(run: Path) -> object:
    from mtl.core.running.seeds import seeds_of

    return seeds_of(run)


def _cell(run: Path) -> object:
    from mtl.core.execution.marks import DamagedCell, finished, read_mark

    mark = read_mark(run)
    try:
        return finished(run, mark["key"])
    except DamagedCell:  # what makes the cell be trained again
        return None


def _prepared(path: Path) -> object:
    """Read prepared data, into memory and mapped: what is damaged is None, and made again."""
    from mtl.core.data.store import read_store

    found = [read_store(path, lambda _: True), read_store(path, lambda _: False)]
    return [int(columns.image.sum()) for item in found if item for columns in item.splits.values()]


def _notes(prepared: Path) -> Any:
    """Return a strategy of prepared data whose description is another, under a sum that is right."""
    from hypothesis import strategies as st

    strange = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.lists(st.integers())
    )

    @st.composite
    def changed(draw: Any) -> bytes:
        content = prepared.read_bytes()
        length = int.from_bytes(content[-16:-8], "little")
        note = json.loads(content[-48 - length : -48])
        replace(draw, note, draw(strange))
        rest = json.dumps(note).encode()
        end = hashlib.sha256(rest).digest() + len(rest).to_bytes(8, "little") + content[-8:]
        return content[: -48 - length] + rest + end

    return changed()


def _weights(run: Path) -> Callable[[Path], Read]:
    """Return what reads weights whose sum the manifest confirms."""

    def opened(work: Path) -> Read:
        folder = work / "checkpoint"
        shutil.copytree(run / "checkpoint", folder)
        (name,) = (path.name for path in folder.glob("best-*.safetensors"))
        manifest = json.loads((folder / "manifest.json").read_text())

        def act(content: bytes) -> object:
            from mtl.core.training.checkpoint import CheckpointFolder

            (folder / name).write_bytes(content)
            told = manifest | {"best": manifest["best"] | {"sha256": hashlib.sha256(content).hexdigest()}}
            for key in ("sha256", "vouched"):  # as earlier versions wrote it
                told.pop(key, None)
            (folder / "manifest.json").write_text(json.dumps(told))
            return CheckpointFolder(folder).best()

        return act

    return opened


def _snapshot() -> bytes:
    import torch
    from safetensors.torch import save

    return save({"denoise": torch.zeros(2, 1, 4, 4, dtype=torch.uint8)})


def _snapshots(work: Path) -> Read:
    place = work / "snapshots" / "epoch-00001.safetensors"
    place.parent.mkdir()

    def act(content: bytes) -> object:
        from mtl.core.evaluation.snapshots import read_snapshots

        place.write_bytes(content)
        return read_snapshots(work, 1)

    return act
