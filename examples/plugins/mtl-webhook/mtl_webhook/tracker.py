"""Posts what happens in a run, with Python's own library."""

import json
import math
import os
import urllib.request
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from mtl.contracts import MissingRequirementError, TrackedRun, Tracker, UsageError

Variable = Annotated[str, Field(min_length=1, description="The environment variable that holds the address.")]
Every = Annotated[
    int, Field(ge=0, description="Epochs from one message to the next; 0: none while it trains.")
]
Seconds = Annotated[float, Field(gt=0, le=60, description="So long an answer is waited for.")]


class Webhook(Tracker):
    """Posts `{"text", "run", "event", "epoch", "values"}`; `event` is started, epoch, or how the run ended.

    Numbers that are not finite are null. A server that does not answer costs the run nothing: the engine
    calls a tracker from a thread of its own, and tells once what it raises. Raises `MissingRequirementError`
    where the variable is not set, `UsageError` where it holds no address.
    """

    patience = 10.0

    def __init__(
        self, *, variable: Variable = "MTL_WEBHOOK", every: Every = 1, seconds: Seconds = 5.0
    ) -> None:
        address = os.environ.get(variable, "")
        if not address:
            raise MissingRequirementError(
                f"the environment variable {variable} is not set", hint=f"export {variable}=https://..."
            )
        if not address.startswith(("https://", "http://")):
            raise UsageError(f"{variable} holds no address of the web", hint=f"export {variable}=https://...")
        self.address, self.every, self.seconds = address, every, seconds
        self.values: Mapping[str, float] = {}
        self.epoch = 0

    def start(self, run: TrackedRun) -> None:
        self.name, self.epoch = run.name, len(run.history)
        self._post("started", f"{run.name} begins")

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        self.epoch, self.values = epoch, values
        if self.every and epoch % self.every == 0:
            losses = [f"{name} {value:.4g}" for name, value in values.items() if name.endswith("/loss")]
            self._post("epoch", f"{self.name}, epoch {epoch}: {', '.join(losses)}")

    def finish(self, ended: Literal["finished", "failed", "interrupted"]) -> None:
        self._post(ended, f"{self.name} {ended} after epoch {self.epoch}")

    def _post(self, event: str, text: str) -> None:
        values = {name: value if math.isfinite(value) else None for name, value in self.values.items()}
        said = {"text": text, "run": self.name, "event": event, "epoch": self.epoch, "values": values}
        request = urllib.request.Request(
            self.address,
            data=json.dumps(said, allow_nan=False).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=self.seconds):
            pass
