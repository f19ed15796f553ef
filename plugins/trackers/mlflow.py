"""The tracker `mlflow`: one run of an MLflow server or store."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import MissingRequirementError
from ...core.base.files import read_text, write_bytes
from ...core.contracts import Ending, TrackedRun, Tracker
from ..packages import require

_ENDED = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
_LONGEST = 500
"""Characters of a parameter's value that every store takes."""

_MOST = 100
"""Parameters that one request may hold."""


class Mlflow(Tracker):
    """Writes numbers, the recipe as parameters, pictures, report and exported files to one MLflow run.

    A run that is gone on with goes on in the same MLflow run, whose id lies in `tracking/mlflow/run-id`.
    """

    patience = 120.0

    def __init__(
        self,
        *,
        uri: Annotated[
            str | None,
            Field(description="The server or store; null: what MLFLOW_TRACKING_URI says, or MLflow's own."),
        ] = None,
        experiment: Annotated[str, Field(min_length=1, description="The experiment's name.")] = "mtl",
        pictures: Annotated[bool, Field(description="Keep pictures of answers too.")] = True,
    ) -> None:
        require("tracker 'mlflow'", "mlflow", extra="mlflow")
        self.uri, self.experiment, self.pictures = uri, experiment, pictures

    def start(self, run: TrackedRun) -> None:
        if self.uri is not None:
            _require_server(self.uri)
        from mlflow import MlflowClient

        self._folder = run.folder
        self._client: Any = MlflowClient(tracking_uri=self.uri)
        self._id = self._known(run) or self._new(run)

    def _known(self, run: TrackedRun) -> str | None:
        file = run.own / "run-id"
        if not file.is_file():
            return None
        known = read_text(file, "the id of an MLflow run", hint="remove it: a new run begins", most=1000)
        self._client.update_run(known.strip(), status="RUNNING")
        return known.strip()

    def _new(self, run: TrackedRun) -> str:
        from mlflow.entities import Param

        found = self._client.get_experiment_by_name(self.experiment)
        experiment = found.experiment_id if found else self._client.create_experiment(self.experiment)
        tags = {"mtl.recipe_hash": run.recipe_hash, "mtl.run": str(run.folder)}
        made: str = self._client.create_run(experiment, run_name=run.name, tags=tags).info.run_id
        run.own.mkdir(parents=True, exist_ok=True)
        write_bytes(run.own / "run-id", f"{made}\n".encode())
        params = [Param(key, text[:_LONGEST]) for key, text in _flat(run.recipe)]
        for first in range(0, len(params), _MOST):
            self._client.log_batch(made, params=params[first : first + _MOST])
        return made

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(
            self._id, metrics=[Metric(key, float(value), now, epoch) for key, value in values.items()]
        )

    def picture(self, epoch: int, name: str, pixels: NDArray[np.uint8]) -> None:
        if self.pictures:
            self._client.log_image(self._id, pixels, key=f"answers/{name}", step=epoch)

    def artifact(self, path: Path) -> None:
        inside = path.relative_to(self._folder).parent.as_posix()
        self._client.log_artifact(self._id, str(path), None if inside == "." else inside)

    def finish(self, ended: Ending) -> None:
        self._client.set_terminated(self._id, status=_ENDED[ended])


def _flat(tree: Mapping[str, Any], *before: str) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, *before, str(key))
        else:
            yield ".".join((*before, str(key))), str(value)


def _require_server(uri: str) -> None:
    """Raise `MissingRequirementError` at once where nobody listens: MLflow would try for minutes."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=5).close()
    except OSError as error:
        raise MissingRequirementError(
            f"no server answers at {parts.scheme}://{parts.hostname}:{port}: {error.strerror or error}"
        ) from None
