"""The executor `ray`: each job is a plain task of a Ray cluster that is there already."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from typing import Annotated, Any

from pydantic import Field

from ...core.base.errors import MissingRequirementError, described
from ...core.contracts import Executor, Job, JobEnding, Seat, Work
from ..packages import require

_LOST = 3
"""The exit status of a job whose process was lost too often, or that could not be begun."""
_LOOK = 5.0
"""Seconds between two looks at how much room the cluster has, and for a server to answer."""

_SETTINGS = b"\x04"
_KIND, _HEADER = 3, 9
"""Where the header of an HTTP/2 frame says what it is, and its length in bytes (RFC 9113, section 4.1)."""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(_KIND) + _SETTINGS + bytes(_HEADER - _KIND - 1)


class Ray(Executor):
    """Asks for the resources of each job; Ray finds a node, and does a job again whose node is lost.

    Without a number of jobs at a time there are as many as the cluster has room for, new nodes included.
    """

    elsewhere = True

    def __init__(
        self,
        *,
        address: Annotated[
            str, Field(description="The cluster: HOST:PORT; auto: that of this machine.")
        ] = "auto",
        cpus: Annotated[int, Field(ge=1, description="Cores of a job, and its threads.")] = 1,
        gpus: Annotated[
            float | None,
            Field(gt=0, description="Cards of a job, or a part of one; null: one for --device cuda."),
        ] = None,
        retries: Annotated[int, Field(ge=0, description="How often a job is done again that was lost.")] = 3,
    ) -> None:
        require("executor 'ray'", "ray", extra="ray")
        self.address = address
        self.cpus = cpus
        self.gpus = gpus
        self.retries = retries
        self._connected = False

    def reach(self) -> None:
        """Connect to the cluster, unless this process is connected already.

        Whether one answers is known within seconds: Ray itself would try for minutes.
        """
        import ray

        if ray.is_initialized():
            return
        place = repr(self.address)
        try:
            found = _found(self.address)
            if self.address == "auto":
                place += f", which is {found}"
            _refuse_silence(found)
            ray.init(address=found, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # by the way it fails: of several kinds
            raise MissingRequirementError(
                f"executor 'ray' finds no cluster at {place}: {described(error)}",
                hint="start one (ray start --head), or name it: --executor '{name: ray, address: HOST:6379}'",
            ) from error
        self._connected = True

    def execute(self, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        first = next(jobs, None)
        if first is None:
            return
        import ray

        self.reach()
        try:
            yield from self._execute(ray, chain((first,), jobs), work)
        finally:
            if self._connected:
                ray.shutdown()
                self._connected = False

    def _execute(self, ray: Any, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        gpus = self.gpus or (1 if work.device.startswith("cuda") else 0)
        task = ray.remote(num_cpus=self.cpus, num_gpus=gpus, max_retries=self.retries)(do)
        perform, seat = ray.put(work.perform), Seat(work.device, self.cpus)
        under_way: dict[Any, Job] = {}
        try:
            while True:
                room = work.at_once or self._room(ray, gpus)
                while len(under_way) < room and (job := next(jobs, None)) is not None:
                    under_way[task.remote(perform, job, seat)] = job
                if not under_way:
                    return
                ready, _ = ray.wait(list(under_way), num_returns=1, timeout=_LOOK)
                for done in ready:
                    yield _ending(ray, done, under_way.pop(done))
        finally:
            for left in under_way:
                ray.cancel(left, force=True)

    def _room(self, ray: Any, gpus: float) -> int:
        """Return how many jobs the cluster has room for now."""
        there = ray.cluster_resources()
        room = there.get("CPU", 0) // self.cpus
        return max(1, int(min(room, there.get("GPU", 0) // gpus) if gpus else room))


def _found(address: str) -> str:
    """Return the HOST:PORT that Ray takes an address for.

    `auto` is in RAY_ADDRESS, or what runs here, or what the last `ray start` left, which may be gone. Raises
    `ConnectionError` where Ray knows of none; the remedy that Ray names is for its own commands.
    """
    services = import_module("ray._private.services")
    # No public name of Ray's says it; a Ray that has this one no more is asked without a look before.
    resolve = getattr(services, "canonicalize_bootstrap_address", lambda named: named)
    try:
        return str(resolve(address) or address)
    except ConnectionError:
        raise ConnectionError("Ray knows of none that runs here") from None


def _refuse_silence(address: str) -> None:
    """Raise `OSError` where nobody listens at HOST:PORT, or one who does not answer as Ray's server does.

    That speaks HTTP/2, which answers a greeting with its settings (RFC 9113, section 3.4); inside of TLS it
    is not looked at.
    """
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()):
        return
    with socket.create_connection((host.strip("[]"), int(port)), _LOOK) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return
        connection.sendall(_GREETING)
        answer = connection.recv(_HEADER)
    if answer[_KIND:][:1] != _SETTINGS:
        raise ConnectionError("who listens there does not answer as Ray does")


def do(perform: Any, job: Job, seat: Seat) -> JobEnding:
    """Do a job, on whatever node this is."""
    ending: JobEnding = perform(job, seat)
    return ending


def _ending(ray: Any, done: Any, job: Job) -> JobEnding:
    try:
        ending: JobEnding = ray.get(done)
    except ray.exceptions.RayError as error:
        reason = f"Ray could not have it done: {_cause(error)} (ray list tasks, ray status)"
        return JobEnding(job.key, reason, _LOST)
    return ending


def _cause(error: Exception) -> str:
    """Return the last line of what Ray says, which names what went wrong; the others are where."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else described(error)
