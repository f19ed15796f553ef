"""A real Ray on this machine: nodes come and are killed, and every training is finished once."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mtl.core.base.errors import MissingRequirementError
from mtl.core.contracts import Seat, Work
from mtl.core.testing.executor_checks import JOBS, perform
from mtl.plugins.executors import ray
from mtl.plugins.executors.ray import Ray

from .conftest import comparing, ends, tables

pytest.importorskip("ray")
SMALL = {"object_store_memory": 80 * 2**20}


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **SMALL})
    yield found
    found.shutdown()


def wait_for(folder: Path, cells: int) -> None:
    """Wait until so many trainings are finished."""
    deadline = time.monotonic() + 300
    while len(list(folder.glob("cells/*/cell.json"))) < cells and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.slow
def test_nodes_may_come_and_be_killed(cluster: Any, sequential: Path, tmp_path: Path) -> None:
    first = cluster.add_node(num_cpus=1, **SMALL)
    command = comparing(tmp_path / "c", {"name": "ray", "address": cluster.address})
    wait_for(tmp_path / "c", 4)
    second = cluster.add_node(num_cpus=1, **SMALL)
    cluster.remove_node(first, allow_graceful=False)
    wait_for(tmp_path / "c", 12)
    cluster.add_node(num_cpus=1, **SMALL)
    cluster.remove_node(second, allow_graceful=False)
    _, err = command.communicate(timeout=400)
    assert command.returncode == 0, err
    assert ends(tmp_path / "c") == [1] * 24
    assert list(tables(tmp_path / "c")) == list(tables(sequential))


@pytest.mark.slow
def test_a_task_that_fails_is_told_and_jobs_are_taken_as_there_is_room(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1, **SMALL)
    taken = []

    def jobs() -> Iterator[Any]:
        for job in JOBS:
            taken.append(job.key)
            yield job

    endings = Ray(address=cluster.address).execute(jobs(), Work(perform, "cpu", tmp_path))
    first = next(endings)
    assert len(taken) <= 2
    assert {ending.key: ending.reason for ending in [first, *endings]} == {
        job.key: perform(job, Seat("cpu")).reason for job in JOBS
    }


def test_without_a_cluster_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirementError, match="finds no cluster at") as refusal:
        next(Ray(address="127.0.0.1:1").execute(iter(JOBS), Work(perform, "cpu", tmp_path)))
    assert "ray start --head" in (refusal.value.hint or "")


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of a server that takes connections and says nothing."""
    with socket.create_server(("", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def refused(address: str = "auto") -> str:
    """Return why Ray is not reached, which must be known soon."""
    began = time.monotonic()
    with pytest.raises(MissingRequirementError, match="finds no cluster at") as refusal:
        Ray(address=address).reach()
    assert time.monotonic() - began < 30
    assert refusal.value.status == 5
    assert "ray start --head" in (refusal.value.hint or "")
    assert "\n" not in refusal.value.message
    return refusal.value.message


def test_a_server_that_says_nothing_is_not_waited_for(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "_LOOK", 0.3)
    assert "TimeoutError: timed out" in refused(silent)
    monkeypatch.setenv("RAY_ADDRESS", silent)
    assert "'auto', which is" in refused()


def test_a_server_of_something_else_is_told_from_a_cluster() -> None:
    class Page(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert "does not answer as Ray does" in refused(f"127.0.0.1:{server.server_port}")
        server.shutdown()


def test_a_cluster_that_is_gone_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `ray start` left behind names a closed port, or Ray knows of no cluster at all."""
    from ray._private import services

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(services, "find_gcs_addresses", list)
    monkeypatch.setattr(services, "find_bootstrap_address", lambda temp_dir: "127.0.0.1:1")
    assert "ConnectionRefusedError" in refused()
    monkeypatch.setattr(services, "find_bootstrap_address", lambda temp_dir: None)
    assert refused().endswith("finds no cluster at 'auto': ConnectionError: Ray knows of none that runs here")


def test_without_jobs_nobody_is_asked(tmp_path: Path) -> None:
    assert list(Ray(address="127.0.0.1:1").execute(iter(()), Work(perform, "cpu", tmp_path))) == []
