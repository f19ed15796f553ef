"""One model on several devices, through the command line: started, killed, gone on with, refused."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.cli.devices import kept_of
from mtl.core.cli.main import run as run_mtl
from mtl.core.training.checkpoint import Checkpoint, CheckpointFolder

TINY = [
    *("--tasks", "shape-class,shape-count", "--dataset", "shapes-synthetic", "--encoder", "mlp"),
    *("--set", "dataset.train_size=40", "--set", "dataset.test_size=8", "--set", "encoder.hidden=[8]"),
    *("--set", "train.batch_size=8", "--device", "cpu"),
]


def started(*words: str, **variables: str) -> subprocess.Popen[str]:
    alone = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    return subprocess.Popen(
        [sys.executable, "-m", "mtl", *words],
        env=alone | {"OMP_NUM_THREADS": "1"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 300) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def losses(run: Path) -> list[list[float]]:
    with (run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [[float(value) for name, value in row.items() if name.endswith("/loss")] for row in rows]


def test_two_devices_train_export_and_prove_what_one_does(tmp_path: Path) -> None:
    words = ("compose", *TINY, "--epochs", "2", "--json")
    (tmp_path / "temporary").mkdir()
    temporary = {"TMPDIR": str(tmp_path / "temporary")}
    two = started(*words, "--devices", "2", "--out", str(tmp_path / "two"), **temporary)
    assert run_mtl([*words, "--out", str(tmp_path / "one")]) == 0
    code, out, err = ended(two)
    assert code == 0, err
    assert "2 processes" in err
    for found, known in zip(losses(tmp_path / "two"), losses(tmp_path / "one"), strict=True):
        assert found == pytest.approx(known, rel=1e-4)
    assert json.loads(out)["export"]["files"][0] == str(tmp_path / "two" / "model.onnx")
    assert json.loads((tmp_path / "two" / "environment.json").read_text())["processes"] == 2
    left = [path.name for path in (tmp_path / "temporary").iterdir()]
    assert [name for name in left if not name.startswith("torchinductor_")] == []  # a cache of torch's


def test_who_started_a_killed_process_says_what_is_kept_and_where(tmp_path: Path) -> None:
    place, run = tmp_path / "place", tmp_path / "run"
    assert kept_of(place) == "nothing was written yet: repeat the command"
    place.write_text(str(run))
    assert kept_of(place) == f"no epoch was finished; start again with --out {run} --force"
    run.mkdir()
    state = {"epoch": 4, "steps": 20}
    CheckpointFolder(run / "checkpoint").save_within(Checkpoint(4, {"model/a": torch.ones(1)}, state))
    assert kept_of(place) == f"it is kept up to step 20 of epoch 5: mtl resume {run} goes on there"


def ranks_of(parent: int) -> list[int]:
    """Return the processes that a process started, by rank."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                environment = (entry / "environ").read_bytes().split(b"\0")
                ranks = [word[5:] for word in environment if word.startswith(b"RANK=")]
                found.update({int(rank): int(entry.name) for rank in ranks})
        except (OSError, ValueError):
            continue
    return [found[rank] for rank in sorted(found)]


def until(done: Any, seconds: float = 240) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def killed(run: Path, victim: int, after: int, words: tuple[str, ...]) -> None:
    """Start a training, kill a rank (or with -1 who started it) after some epochs; see that all end."""
    whole = started(*words)
    kept = run / "checkpoint" / "manifest.json"
    until(lambda: whole.poll() is not None or (kept.exists() and len(losses(run)) >= after))
    assert whole.poll() is None, whole.communicate()
    ranks = ranks_of(whole.pid)
    os.kill(whole.pid if victim < 0 else ranks[victim], signal.SIGKILL)
    began = time.monotonic()
    code, _, err = ended(whole, 60)
    until(lambda: not any(map(alive, ranks)), 30)
    assert time.monotonic() - began < 30
    if victim >= 0:
        assert code == 5, err
        assert "was ended from outside, by SIGKILL" in err
        assert f": mtl resume {run} goes on there" in err
        assert "internal" not in err


@pytest.mark.slow
def test_twenty_kills_leave_no_process_and_a_run_that_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("--devices", "2")
    first = ("compose", *TINY, "--epochs", "2000", "--out", str(run), *words)
    for place in range(20):
        before = len(losses(run)) if run.exists() else 0
        killed(run, (0, 1, -1)[place % 3], before + 1, first if place == 0 else ("resume", str(run), *words))


@pytest.mark.slow
def test_a_run_goes_on_with_two_one_and_two_devices_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    first = ("compose", *TINY, "--epochs", "60", "--out")
    assert ended(started(*first, str(whole), "--devices", "2"))[0] == 0
    killed(run, 1, 2, (*first, str(run), "--devices", "2"))
    assert ended(started("resume", str(run), "--devices", "2"))[0] == 0
    assert losses(run) == losses(whole)
    weights = [path / "checkpoint" for path in (run, whole)]
    assert (
        len({json.dumps(json.loads((path / "manifest.json").read_text()).get("best")) for path in weights})
        == 1
    )
    mixed = tmp_path / "mixed"
    killed(mixed, 0, 2, (*first, str(mixed), "--devices", "2"))
    interrupted = started("resume", str(mixed))
    until(lambda: interrupted.poll() is not None or len(losses(mixed)) > 8)
    interrupted.send_signal(signal.SIGINT)
    ended(interrupted)
    code, _, err = ended(started("resume", str(mixed), "--devices", "2"))
    assert code == 0, err
    for found, known in zip(losses(mixed), losses(whole), strict=True):
        assert found == pytest.approx(known, rel=1e-3)


def together(*each: tuple[str, ...]) -> list[tuple[int, str, str]]:
    """Return how processes end that are started as the ranks of one training, with words of their own."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        where = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}
    where["WORLD_SIZE"] = str(len(each))
    ranks = [
        started(*words, RANK=str(rank), LOCAL_RANK=str(rank), **where) for rank, words in enumerate(each)
    ]
    return [ended(rank) for rank in ranks]


def test_ranks_with_other_data_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    words = ("compose", *TINY, "--out", str(tmp_path / "run"))
    (code, _, err), (other, _, _) = together(words, (*words, "--set", "dataset.seed=5"))
    assert (code, other) == (2, 2)
    assert "error: rank 1 of 2 has another recipe than rank 0" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--devices", "10000"), "--devices 10000: this machine has"),
        (("--devices", "2", "--seeds", "2"), "several seeds are several models"),
        (("--devices", "2", "--device", "cuda:7"), "device 'cuda:7' is not here"),
        (("--devices", "0"), "0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    words: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_mtl(["compose", *TINY[:-2], *words, "--out", str(tmp_path / "run")]) in (2, 5)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_other_commands_are_not_for_several_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    assert run_mtl(["list", "task"]) == 2
    assert "mtl list is done by one process, and 2 were started together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--device", "cpu", "--devices", "2", "--seeds", "2"), 2, "several seeds are several models"),
        (("--device", "cpu", "--devices", "2", "--set", "train.compile=true"), 2, "is for one device"),
        (("--set", "train.checkpoint_every=shards"), 2, "not trained on shard by shard"),
        (("--device", "cuda:7"), 5, "device 'cuda:7' is not here"),
        (("--device", "cpu", "--seeds", "2", "--executor", "local", "--devices", "2"), 2, "several models"),
        (("--out", "taken"), 2, "taken exists already"),
    ],
)
def test_a_dry_run_refuses_what_the_run_does_before_it_loads(
    words: tuple[str, ...],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").mkdir()
    Path("taken/file").touch()
    assert run_mtl(["compose", *TINY[:-2], *words, "--dry-run"]) == status
    assert told in capsys.readouterr().err
    assert list(Path().iterdir()) == [Path("taken")]


def test_a_plan_says_device_processes_and_seeds_where_they_were_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    several = ["--device", "cpu", "--devices", "2"]
    assert run_mtl(["compose", *TINY[:-2], *several, "--dry-run"]) == 0
    assert "\n  on cpu, 2 processes\n" in capsys.readouterr().err
    seeds = ["--seeds", "4,7", "--executor", "local", "--jobs", "2", "--device", "cpu"]
    assert run_mtl(["compose", *TINY[:-2], *seeds, "--dry-run"]) == 0
    assert "\n  on cpu, by local, 2 at a time\n  2 seeds: 4, 7\n" in capsys.readouterr().err
    assert run_mtl(["compose", *TINY[:-2], *seeds, "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [plan[key] for key in ("device", "executor", "jobs", "seeds")] == ["cpu", "local", 2, [4, 7]]
