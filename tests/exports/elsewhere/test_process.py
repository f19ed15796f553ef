"""A runtime in a process of its own: whatever becomes of it, one line says so."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from mtl.core.base.errors import MissingRequirementError
from mtl.exports.elsewhere import process
from mtl.exports.elsewhere.process import Worker, WorkerError
from mtl.exports.elsewhere.runtime import OPENVINO

MODULE = """
    import os, time
    import numpy as np

    def version():
        print("a library that prints")
        return "1.0"

    def convert(source, folder, facts):
        return {"bytes": len(source.read_bytes())}

    def open_model(folder, facts):
        if facts.get("waits"):
            time.sleep(60)
        return run, {}

    def run(feed):
        if feed[0].size == 0:
            os._exit(3)
        if feed[0].size == 1:
            raise ValueError("one\\nnumber")
        if feed[0].size == 4:
            b"\\xff".decode()
        if feed[0].size == 2:
            return [np.zeros(2**28)]
        return [2 * feed[0]]
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "worker.py"
    script.write_bytes(process.SCRIPT.read_bytes())
    (tmp_path / "openvino.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.setattr(process, "SCRIPT", script)
    return tmp_path


def test_it_converts_opens_and_answers(work: Path) -> None:
    with Worker(OPENVINO, Path(sys.executable)) as worker:
        assert worker.version == "1.0"
        assert worker.convert(b"12345", work, {}) == {"bytes": 5}
        worker.open(work, {})
        (answer,) = worker.run([np.arange(3.0)], ["double"]).values()
        assert answer.tolist() == [0, 2, 4]
        assert len(worker.times([np.arange(3.0)], 0.0)) >= 10
        with pytest.raises(WorkerError, match="1 outputs, not 2"):
            worker.run([np.arange(3.0)], ["one", "two"])
        with pytest.raises(WorkerError, match=r"^one number$"):
            worker.run([np.zeros(1)], ["double"])
        with pytest.raises(WorkerError, match=r"^a name or a text in it is damaged: it is no UTF-8$"):
            worker.run([np.zeros(4)], ["double"])
        with pytest.raises(WorkerError, match=r"its process ended \(status 3\)"):
            worker.run([np.zeros(0)], ["double"])


def test_its_memory_is_bounded(work: Path) -> None:
    with Worker(OPENVINO, Path(sys.executable)) as worker:
        worker.open(work, {}, memory=2**26)
        with pytest.raises(WorkerError) as caught:
            worker.run([np.zeros(2)], ["much"])
        assert caught.value.memory


def test_its_time_is_bounded(work: Path) -> None:
    with Worker(OPENVINO, Path(sys.executable)) as worker:
        with pytest.raises(WorkerError, match=r"not done within 0.2 s"):
            worker.open(work, {"waits": True}, seconds=0.2)
        with pytest.raises(WorkerError, match="its process ended"):
            worker.open(work, {})


def test_a_library_that_is_missing_is_said_to_be(work: Path) -> None:
    (work / "openvino.py").write_text("import no_such_library")
    with pytest.raises(MissingRequirementError, match=r"OpenVINO is not installed .*no_such_library"):
        Worker(OPENVINO, Path(sys.executable))
