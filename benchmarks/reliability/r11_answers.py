"""R11: good requests from 128 clients at once, and servers that are told to stop while they answer."""

from __future__ import annotations

import http.client
import random
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .jobs import composed
from .row import Findings
from .serving import Server, serving

_CLIENTS = 128
_DRAINS = 3
_OPEN = 8
_SETTLE = 1.0
"""Seconds for what was sent to arrive."""


class Answers:
    """A third of the requests goes to each of three servers, which are stopped while requests are open."""

    name = "R11"
    title = "good requests, 128 in flight, and three servers stopped with requests open"
    promise = "the numbers of the file; open requests are answered, later ones get 503 in JSON; status 0"
    count = 10_000

    def run(self, count: int, seed: int, work: Path) -> Findings:
        import numpy as np

        from mtl.exports.inference import ExportedModel

        model = composed(work / "run", epochs=1) / "model.onnx"
        expected = ExportedModel(model).infer
        numbers = np.random.default_rng(seed)
        sizes = random.Random(seed).choices((1, 1, 2, 3, 7, 70), k=24)
        images = [numbers.random((size, 1, 28, 28), dtype=np.float32) for size in sizes]
        cases = [(item, expected({"image": item})) for item in images]
        large = numbers.random((300, 1, 28, 28), dtype=np.float32)
        found = Findings()
        for drain in range(_DRAINS):
            with serving(model, "--grace", "120") as server:
                _many(server, cases, (count + _DRAINS - 1) // _DRAINS, found)
                _drain(server, (large, expected({"image": large})), drain, found)
        return found


def _many(server: Server, cases: list[Any], count: int, found: Findings) -> None:
    with ThreadPoolExecutor(_CLIENTS) as pool:
        for broken in pool.map(lambda index: _ask(server, cases[index % len(cases)]), range(count)):
            found.note("a good request", "right", broken=broken)


def _ask(server: Server, case: Any) -> str | None:
    """Return what is wrong with an answer."""
    images, wanted = case
    return _judged(lambda: server.infer(images), wanted)


def _judged(ask: Callable[[], tuple[int, dict[str, Any], str]], wanted: Mapping[str, Any]) -> str | None:
    import numpy as np

    try:
        status, answer, _ = ask()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"no answer: {type(error).__name__}: {error}"
    if status != 200:
        return f"status {status}: {answer}"
    for output in answer["outputs"]:
        values = np.array(output["data"], np.float32).reshape(output["shape"])
        right = wanted[output["name"]]
        if values.shape != right.shape or not np.allclose(values, right, rtol=1e-3, atol=1e-5):
            return f"another answer for {output['name']}"
    return None


def _drain(server: Server, case: Any, number: int, found: Findings) -> None:
    """Stop a server that has open requests, ask it on, and only then let the open ones go on."""
    images, wanted = case
    with ExitStack() as stack:
        opened = [stack.enter_context(server.held(images)) for _ in range(_OPEN)]
        time.sleep(_SETTLE)
        server.running.send(signal.SIGTERM)
        time.sleep(_SETTLE)
        for _ in range(_OPEN):
            found.note(f"after stop {number}", "refused", broken=_ask_late(server, images[:1]))
        for finish in opened:
            found.note(f"open at stop {number}", "right", broken=_judged(finish, wanted))
    done = server.running.wait()
    found.note(f"stop {number}", f"status {done.status}", broken=done.fault((0,)))


def _ask_late(server: Server, images: Any) -> str | None:
    try:
        status, answer, connection = server.infer(images)
    except OSError as error:
        return f"no answer: {error}"
    except ValueError as error:
        return f"no JSON: {error}"
    if status == 503 and answer.get("error") and connection == "close":
        return None
    return f"status {status}, connection {connection!r}: {str(answer)[:100]}"


ROW = Answers()
