"""The tracker `wandb`: a run of Weights & Biases, or of trackio, which has the same calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.base.errors import UsageError
from ...core.contracts import Ending, TrackedRun, Tracker
from ..packages import require


class Wandb(Tracker):
    """Writes numbers, the recipe, pictures, the report and the exported files to one run of a project.

    wandb is taken where both are installed. It must be logged in (`wandb login`), or keep what it is told in
    the run's folder (`mode: offline`) for `wandb sync`. A run that is gone on with goes on in the same run.
    """

    patience = 120.0

    def __init__(
        self,
        *,
        project: Annotated[str, Field(min_length=1, description="The project's name.")] = "mtl",
        mode: Annotated[
            Literal["online", "offline"],
            Field(description="Of wandb: send at once, or keep in the run's folder."),
        ] = "online",
        library: Annotated[
            Literal["auto", "wandb", "trackio"], Field(description="auto: whichever is installed.")
        ] = "auto",
        pictures: Annotated[bool, Field(description="Keep pictures of answers too.")] = True,
    ) -> None:
        wanted = ("wandb", "trackio") if library == "auto" else (library,)
        self.library = require("tracker 'wandb'", *wanted, extra=wanted[0])
        self.project, self.mode, self.pictures = project, mode, pictures

    def start(self, run: TrackedRun) -> None:
        self._said: Any = import_module(self.library)
        self._folder = run.folder
        self._step = 0
        config = dict(run.recipe)
        if self.library == "trackio":
            _hush(self._said)
            name = f"{run.name}-{run.recipe_hash[:8]}"
            self._run: Any = self._said.init(
                self.project, name, config=config, resume="allow", embed=False, auto_log_gpu=False
            )
            return
        run.own.mkdir(parents=True, exist_ok=True)
        self._run = self._said.init(
            project=self.project,
            name=run.name,
            id=_identity(run),
            config=config,
            dir=str(run.own),
            mode=self._mode(),
            resume="allow" if run.history else None,
            reinit="create_new",
            settings=self._said.Settings(silent=True, console="off", init_timeout=30),
        )

    def _mode(self) -> str:
        if self.mode == "online" and not self._said.api.api_key:
            raise UsageError("nobody is logged in to wandb: wandb login, or the option mode: offline")
        return self.mode

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        # wandb drops what lies before the last step: test metrics are of an earlier epoch.
        self._step = max(self._step, epoch)
        self._run.log({**values, "epoch": epoch}, step=self._step)

    def picture(self, epoch: int, name: str, pixels: NDArray[np.uint8]) -> None:
        if self.pictures:
            self._run.log({f"answers/{name}": self._said.Image(pixels)}, step=epoch)

    def artifact(self, path: Path) -> None:
        name = path.relative_to(self._folder).as_posix().replace("/", ".")
        self._run.log_artifact(str(path), name=name, type="run-file")

    def finish(self, ended: Ending) -> None:
        if self.library == "trackio":
            self._run.finish()
        else:
            self._run.finish(exit_code=0 if ended == "finished" else 1)


def _identity(run: TrackedRun) -> str:
    """Return the same text whenever the run is gone on with, and another for another folder."""
    from hashlib import sha256

    return sha256(f"{run.folder} {run.recipe_hash}".encode()).hexdigest()[:16]


def _hush(library: Any) -> None:
    """Keep trackio from printing into what a command prints: it has no option for it."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == library.__name__:
            vars(module)["print"] = lambda *words, **how: None
