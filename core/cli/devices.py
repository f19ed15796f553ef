"""Training one model by several processes: starting them, and what each of them does."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ..base.cores import available_cores
from ..base.errors import MissingRequirementError
from ..base.files import read_bytes
from ..base.ranks import Ranks, join_ranks
from ..base.world import world
from ..folders.run_folder import RunFolder
from .processes import choose_processes
from .progress import PLACE_FILE

PARENT = "MTL_STARTED_BY"
"""The variable by which a process knows who started it, so that it does not outlive that."""

_PR_SET_PDEATHSIG = 1
_LONGEST = 2**16
"""Bytes of a path that no system allows."""


@dataclass(frozen=True)
class Several:
    """How many processes are to train one model on this machine, and with which words they are started."""

    count: int
    arguments: Sequence[str]

    def train(self) -> None:
        """Start them and wait; exit with the status of the one that failed first.

        Raises `MissingRequirementError` when one was killed.
        """
        logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
        # Where torch is given no folder, it leaves one behind each time.
        with TemporaryDirectory(prefix="mtl-devices-") as folder:
            self._launch(Path(folder))

    def _launch(self, folder: Path) -> None:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=self.count,
            run_id=f"mtl-{os.getpid()}",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=str(folder / "logs")),
        )
        # Said here, torchrun does not choose one thread for each.
        threads = os.environ.get("OMP_NUM_THREADS", str(max(1, available_cores() // self.count)))
        place = folder / "place"
        told = {PARENT: str(os.getpid()), PLACE_FILE: str(place), "OMP_NUM_THREADS": threads}
        try:
            with _variables(told):
                elastic_launch(config, sys.executable)("-m", __package__.partition(".")[0], *self.arguments)
        except SignalException as error:
            raise KeyboardInterrupt from error
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            if failure.exitcode < 0:
                raise MissingRequirementError(
                    f"process {rank} of {self.count} was ended from outside, by {failure.signal_name()}",
                    hint=kept_of(place),
                ) from error
            raise SystemExit(failure.exitcode) from error


def kept_of(place: Path) -> str:
    """Return what is left of a run, whose folder `place` names where it was made, and how to go on."""
    if not place.exists():
        return "nothing was written yet: repeat the command"
    run = Path(os.fsdecode(read_bytes(place, "a run's place", hint="mtl resume goes on", most=_LONGEST)))
    checkpoints = RunFolder(run).checkpoints
    if not checkpoints.exist:
        return f"no epoch was finished; start again with --out {run} --force"
    return f"it is kept up to {checkpoints.newest().place}: mtl resume {run} goes on there"


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Let processes that are started in this block have these variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def started_here(
    device: str, devices: int | None, arguments: Sequence[str], *, several: bool
) -> tuple[Ranks, torch.device]:
    """Return who trains here and on which device, after meeting the others; with `devices`, start them first.

    `several` says that models are trained, not one. The process that starts others ends here, with them.
    """
    chosen, processes = choose_processes(device, devices, several=several)
    if processes > world():
        Several(processes, arguments).train()
        raise click.exceptions.Exit(0)
    end_with_parent()
    return join_ranks(chosen)


def end_with_parent() -> None:
    """Let this process end when the one that started it does, where the system can tell (Linux)."""
    if PARENT not in os.environ:
        return
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(os.environ[PARENT]):
        raise KeyboardInterrupt
