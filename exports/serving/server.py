"""The server around the application: its socket, its signals, and its bounds."""

from __future__ import annotations

import resource
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ...core.errors import UsageError
from .connections import bounded

GRACE = 10
"""Seconds in which requests may finish when the server is asked to stop."""

_SPARE = 64
"""File descriptors for everything that is no connection."""
_SWITCH = 0.0005


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; raise `UsageError` when the address is taken or none of this machine's."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
        except OSError:
            opened.close()
            raise
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            hint="choose another --port (0: any free one) or --host",
        ) from error
    return opened


def address_of(opened: socket.socket) -> str:
    """Return the URL of a bound socket."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}" if opened.family == socket.AF_INET6 else f"http://{host}:{port}"


def allow_connections(most: int) -> None:
    """Let this process open enough files; raise `UsageError` when the system does not allow so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = most + _SPARE
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise UsageError(
                f"{most} connections need {needed} open files; the system allows {hard}",
                hint=f"pass --connections {max(1, hard - _SPARE)} or raise the limit (ulimit -n)",
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def serve(app: ASGIApp, opened: socket.socket, connections: int, started: Callable[[], None]) -> None:
    """Answer until SIGTERM or SIGINT; requests that are being answered are finished first.

    `started` is called once clients are answered.
    """
    config = uvicorn.Config(
        app,
        http=bounded(connections),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    # The thread that runs the model asks for the interpreter often, and for moments only.
    sys.setswitchinterval(_SWITCH)
    _Server(config, started).run(sockets=[opened])


class _Server(uvicorn.Server):
    """uvicorn's server, for which a signal is the regular end and no failure."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
