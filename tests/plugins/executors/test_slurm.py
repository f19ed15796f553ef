"""Slurm's executor by submitit, whose local cluster is the same but for the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.core.base.errors import MissingRequirementError
from mtl.core.contracts import Job, JobEnding, Seat, Work
from mtl.core.testing.executor_checks import JOBS, perform
from mtl.plugins.executors.slurm import Slurm

from .conftest import compared, ends, tables

pytest.importorskip("submitit")


@pytest.mark.slow
def test_24_trainings_are_finished_once_with_the_same_tables(sequential: Path, tmp_path: Path) -> None:
    how = {"name": "slurm", "cluster": "local", "each": 6}
    assert compared(tmp_path / "c", how, jobs=2) == 0
    assert ends(tmp_path / "c") == [1] * 24
    assert list(tables(tmp_path / "c")) == list(tables(sequential))


class Submitted:
    """A job that was submitted, done at once."""

    job_id = "7"

    def __init__(self, endings: list[JobEnding] | None) -> None:
        self.endings, self.cancelled = endings, False
        self.paths = type("Paths", (), {"stderr": "executor/7_log.err"})

    def done(self) -> bool:
        return True

    def result(self) -> list[JobEnding]:
        if self.endings is None:
            raise RuntimeError("Job (task=0) failed during processing with trace:\nmore")
        return self.endings


class Submitting:
    """Does what is submitted, or loses it."""

    def __init__(self, loses: bool) -> None:
        self.loses, self.sizes = loses, list[int]()

    def submit(self, do, perform, jobs, seat) -> Submitted:
        self.sizes.append(len(jobs))
        return Submitted(None if self.loses else do(perform, jobs, seat))


def test_each_slurm_job_does_so_many_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitting = Submitting(loses=False)
    monkeypatch.setattr(Slurm, "_executor", lambda self, work: submitting)
    endings = list(Slurm(each=3).execute(iter(JOBS), Work(perform, "cpu", tmp_path)))
    assert submitting.sizes == [3, 1]
    assert [ending.reason for ending in endings] == [perform(job, Seat("cpu")).reason for job in JOBS]


def test_a_slurm_job_that_is_lost_fails_what_it_was_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slurm, "_executor", lambda self, work: Submitting(loses=True))
    (ending,) = Slurm().execute(iter(JOBS[:1]), Work(perform, "cpu", tmp_path))
    said = "Slurm job 7 was not done: RuntimeError: Job (task=0) failed during processing with trace:"
    assert ending == JobEnding(JOBS[0].key, f"{said} (see executor/7_log.err)", 3)


def test_resources_are_asked_for_in_submitits_words() -> None:
    wanted = Slurm(minutes=5, cpus=4, partition="gpu", setup=("module load cuda",))
    assert wanted._parameters("cuda") == {
        "name": "mtl",
        "timeout_min": 5,
        "cpus_per_task": 4,
        "gpus_per_node": 1,
        "slurm_partition": "gpu",
        "slurm_setup": ["module load cuda"],
    }
    assert "gpus_per_node" not in wanted._parameters("cpu")


def test_without_slurm_it_says_where_to_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    job = Job("a", "a job", {})
    with pytest.raises(MissingRequirementError, match="finds no Slurm here") as refusal:
        next(Slurm().execute(iter([job]), Work(perform, "cpu", tmp_path)))
    assert "where sbatch is" in (refusal.value.hint or "")
