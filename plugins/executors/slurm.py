"""The executor `slurm`: jobs of a Slurm cluster, by submitit; its local cluster tries the same out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from shutil import which
from typing import Annotated, Any, Literal

from pydantic import Field

from ...core.base.errors import MissingRequirementError, described
from ...core.contracts import Executor, Job, JobEnding, Seat, Work
from ..packages import require

_LOST = 3
"""The exit status of a job that Slurm ended, or that could not be begun."""
_AT_ONCE = 64
"""Slurm jobs in the queue at a time, where nobody says how many."""
_PAUSE = 0.25
"""Seconds between two looks at the files that ended jobs leave."""


class Slurm(Executor):
    """Each Slurm job does `each` trainings, one after the other: small ones share the start of a process.

    The files of submitit lie in `executor/` in the folder, which all nodes see.
    """

    elsewhere = True

    def __init__(
        self,
        *,
        cluster: Annotated[
            Literal["slurm", "local"], Field(description="local: processes of this machine, to try it out.")
        ] = "slurm",
        each: Annotated[int, Field(ge=1, description="Trainings that one Slurm job does in turn.")] = 1,
        minutes: Annotated[int, Field(ge=1, description="The most that a Slurm job takes.")] = 240,
        cpus: Annotated[int, Field(ge=1, description="Cores of a Slurm job, and its threads.")] = 1,
        gpus: Annotated[
            int | None, Field(ge=0, description="Cards of a Slurm job; null: one for --device cuda.")
        ] = None,
        memory_gb: Annotated[
            float | None, Field(gt=0, description="Memory; null: the cluster's usual.")
        ] = None,
        partition: Annotated[str | None, Field(description="Where it queues; null: the usual.")] = None,
        account: Annotated[str | None, Field(description="Who pays; null: the usual.")] = None,
        setup: Annotated[
            tuple[str, ...], Field(description="Lines of shell before each: [module load cuda].")
        ] = (),
    ) -> None:
        require("executor 'slurm'", "submitit", extra="slurm")
        self.cluster = cluster
        self.each = each
        self.minutes = minutes
        self.cpus = cpus
        self.gpus = gpus
        self.memory_gb = memory_gb
        self.partition = partition
        self.account = account
        self.setup = setup

    def reach(self) -> None:
        """Refuse where there is no Slurm."""
        if self.cluster == "slurm" and which("srun") is None:
            raise MissingRequirementError(
                "executor 'slurm' finds no Slurm here: there is no srun",
                hint="start it where sbatch is, or try it out: --executor '{name: slurm, cluster: local}'",
            )

    def execute(self, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        at_once = work.at_once or _AT_ONCE
        under_way: dict[Any, list[Job]] = {}
        submitting: Any = None
        try:
            while True:
                while len(under_way) < at_once and (some := list(islice(jobs, self.each))):
                    submitting = submitting or self._executor(work)
                    seat = Seat(work.device, self.cpus)
                    under_way[submitting.submit(do_each, work.perform, some, seat)] = some
                if not under_way:
                    return
                ended = [submitted for submitted in under_way if submitted.done()]
                for submitted in ended:
                    yield from _endings(submitted, under_way.pop(submitted))
                if not ended:
                    time.sleep(_PAUSE)
        finally:
            for submitted in under_way:
                submitted.cancel()

    def _executor(self, work: Work) -> Any:
        """Return what submits jobs with this executor's resources."""
        import submitit

        self.reach()
        executor = submitit.AutoExecutor(work.folder / "executor", cluster=self.cluster)
        executor.update_parameters(**self._parameters(work.device))
        return executor

    def _parameters(self, device: str) -> dict[str, Any]:
        """Return the resources of a job in submitit's words."""
        gpus = (1 if device.startswith("cuda") else 0) if self.gpus is None else self.gpus
        known: dict[str, Any] = {"name": "mtl", "timeout_min": self.minutes, "cpus_per_task": self.cpus}
        known |= {"gpus_per_node": gpus} if gpus else {}
        known |= {"mem_gb": self.memory_gb, "slurm_partition": self.partition, "slurm_account": self.account}
        known |= {f"{self.cluster}_setup": list(self.setup) or None}
        return {name: value for name, value in known.items() if value is not None}


def do_each(perform: Any, jobs: Sequence[Job], seat: Seat) -> list[JobEnding]:
    """Do jobs one after the other, on whatever node this is."""
    return [perform(job, seat) for job in jobs]


def _endings(submitted: Any, jobs: Sequence[Job]) -> list[JobEnding]:
    try:
        endings: list[JobEnding] = submitted.result()
    except Exception as error:  # submitit's, or whatever kept the job from being done
        log = Path(submitted.paths.stderr)
        reason = f"Slurm job {submitted.job_id} was not done: {described(error)} (see {log})"
        return [JobEnding(job.key, reason, _LOST) for job in jobs]
    return endings
