"""A runtime in a process of its own: asked by lines of JSON on stdin, it answers by lines of JSON on stdout.

    python worker.py openvino

The module of that name beside this file converts, opens and runs. None of them imports mtl: the Python that
runs them may be another one, with other packages. Arrays go through `.npz` files, in the order of the names
that are known to both sides. What a library prints goes to stderr.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[list[Any]], list[Any]]
"""From inputs in order to outputs in order."""

WARM_UP, FEWEST = 3, 10


class Work:
    """A runtime's module, and the model that it has opened."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.run: Run | None = None

    def convert(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Write the runtime's files into a folder; return what is to be told about them."""
        told = self.module.convert(Path(asked["source"]), Path(asked["folder"]), asked["facts"])
        return {"told": told}

    def open(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Open a model; from here on memory is bounded where whoever asks says by how much."""
        if asked["memory"]:
            bound_memory(asked["memory"])
        self.run, interface = self.module.open_model(Path(asked["folder"]), asked["facts"])
        return {"interface": interface}

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model once."""
        assert self.run is not None
        np.savez(asked["answers"], *map(np.asarray, self.run(_arrays(asked["feed"]))))
        return {}

    def times(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the seconds of each of many calls, after some that are not counted."""
        assert self.run is not None
        feed, taken = _arrays(asked["feed"]), [0.0] * 0
        for _ in range(WARM_UP):
            self.run(feed)
        while len(taken) < FEWEST or sum(taken) < asked["seconds"]:
            began = time.perf_counter()
            self.run(feed)
            taken.append(time.perf_counter() - began)
        return {"times": taken}


def main(runtime: str) -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: Mapping[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        module = _module(runtime)
        say({"version": module.version()})
    except ImportError as error:
        say({"missing": str(error)})
        return
    work = Work(module)
    for line in sys.stdin:
        asked = json.loads(line)
        # Whoever asked may be gone: no question is worked on for longer, whatever a library does.
        signal.alarm(int(asked["limit"]) + 2)
        try:
            say(getattr(work, asked["do"])(asked))
        except MemoryError:
            say({"error": "it needs more memory than it may use", "memory": True})
        except UnicodeError:
            say({"error": "a name or a text in it is damaged: it is no UTF-8"})
        except Exception as error:  # a runtime raises what it likes
            # The modules beside this one say ValueError in words of their own.
            say({"error": str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"})
        signal.alarm(0)


def bound_memory(most: int) -> None:
    """Let this process hold so many bytes that can be written to."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _arrays(path: str) -> list[Any]:
    with np.load(path, allow_pickle=False) as held:
        return [held[f"arr_{number}"] for number in range(len(held.files))]


def _module(name: str) -> Any:
    # By its path: beside this file it would be found instead of the library of the same name.
    place = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"mtl_work_{name}", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1])
