"""Tracing a model in a copy of this process, which brings in torch's exporter while this one still trains."""

from __future__ import annotations

import io
import os
import signal
import warnings
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

import onnx
import torch
from torch import Tensor, nn

LARGEST = 128 * 2**20
"""Most bytes of a model that is sent there and back: a larger one takes as long to send as to trace."""
PATIENCE = 60.0
"""Seconds after which a model is traced here: nothing that happens to a copy may keep a command waiting."""

Traced = tuple[nn.Module, tuple[Tensor, ...], int]
"""A model, its example inputs, and the version of ONNX's operators."""


class Tracer:
    """A process that can trace models: a copy of this one, with one thread and none of its open files.

    Importing the exporter and tracing for the first time take more than a second, on a core that a small
    training leaves idle. Made where the process is mtl's own and threads of it stand still.
    """

    def __init__(self) -> None:
        context = get_context("fork")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there,), daemon=True)
        with warnings.catch_warnings():
            # Python warns of threads, of which the copy has none; torch loads data in such copies too.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        there.close()
        self._listens = False

    def trace(self, asked: Traced) -> onnx.ModelProto | None:
        """Return the model as it comes from torch's exporter; None where it has to be traced here.

        That is so where it is large, cannot be sent, takes too long, or did not go well there: then it is
        told by who tries it here.
        """
        if sum(value.nbytes for value in asked[0].state_dict().values()) > LARGEST:
            return None
        stream = io.BytesIO()
        try:
            torch.save(asked, stream)
        except Exception:  # what a component keeps in its model need not be of a kind that can be sent
            return None
        with suppress(OSError, EOFError):
            # Before it listens, what is sent would fill the pipe and wait.
            self._listens = self._listens or bool(self._heard())
            self._here.send_bytes(stream.getvalue())
            if found := self._heard():
                return onnx.load_model_from_string(found)
        return None

    def _heard(self) -> bytes:
        """Return what the copy sends next; one that says nothing for long is ended."""
        if self._here.poll(PATIENCE):
            return self._here.recv_bytes()
        self._process.kill()
        return b""

    def close(self) -> None:
        """End the process."""
        self._here.close()
        self._process.kill()
        self._process.join()


def _serve(there: Connection) -> None:
    """Answer what is asked; nothing is told of a failure but that there was one."""
    _leave_alone(there.fileno())
    from .onnx_model import traced

    traced(_Warming(), (torch.zeros(2, 1, 8, 8),), 20)
    there.send_bytes(b"listens")
    while True:
        try:
            asked = there.recv_bytes()
        except (OSError, EOFError):
            return
        try:
            found = traced(*torch.load(io.BytesIO(asked), weights_only=False)).SerializeToString()
        except Exception:  # whatever it is, it comes again where it can be told
            found = b""
        there.send_bytes(found)


def _leave_alone(kept: int) -> None:
    """Let go of what belongs to the process that this one is a copy of: terminal, files, locks, threads."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    # OpenMP's other threads are not in the copy; whoever waited for them would wait for ever.
    torch.set_num_threads(1)


class _Warming(nn.Module):
    """What most models have: tracing it brings in what is made when it is first needed."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))

    def forward(self, image: Tensor) -> Tensor:
        answer: Tensor = self.layers(image).softmax(dim=1)
        return answer
