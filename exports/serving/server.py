"""The server around the application: its socket, its signals, and its bounds."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from ...core.base.errors import UsageError
from ...core.data.pictures import silently
from .connections import BoundedConnection, bounded
from .draining import Draining
from .refusal import LINGER

_TURN = 0.02
"""Seconds between two looks at what is still open."""
_SPARE = 64
"""File descriptors for everything that is no connection."""
_SWITCH = 0.0005
_LAST = 5
"""Seconds for connections to go when nothing is open any more."""


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
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        except (ValueError, OSError) as error:  # macOS names no limit and has one
            raise UsageError(
                f"{most} connections need {needed} open files; the system refuses them: {error}",
                hint=f"pass a smaller --connections; {soft - _SPARE} need no more than is allowed now",
            ) from error


Started = Callable[[], Callable[[], None]]
"""Called once clients are answered, in the event loop; returns what SIGHUP does from then on."""


def serve(app: ASGIApp, opened: socket.socket, connections: int, grace: float, started: Started) -> int:
    """Answer until SIGTERM or SIGINT; requests that are being answered are finished first.

    They have `grace` seconds, or until a second signal; those that come meanwhile get status 503. Returns how
    many were not finished; those whose answer had not begun got 503 as well, the rest were cut off.
    """
    draining = Draining(app)
    config = uvicorn.Config(
        draining,
        http=bounded(connections),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_LAST,
    )
    # The thread that runs the model asks for the interpreter often, and for moments only.
    sys.setswitchinterval(_SWITCH)
    server = _Server(config, draining, grace, started)
    with silently():
        server.run(sockets=[opened])
    return server.unfinished


class _Server(uvicorn.Server):
    """uvicorn's server, for which a signal is the regular end and no failure."""

    def __init__(self, config: uvicorn.Config, draining: Draining, grace: float, started: Started) -> None:
        super().__init__(config)
        self._draining = draining
        self._grace = grace
        self._started = started
        self._reload: Callable[[], None] = self._remember
        self._reload_early = False
        self.unfinished = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._reload = self._started()
        if self._reload_early:
            self._reload()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let open requests finish while new ones are refused, then close; uvicorn would hang up first."""
        self._draining.begin()
        await self._wait(self._grace, lambda: not self._open() or self.force_exit)
        if self._open():
            self.unfinished = self._open()
            self._draining.cut()
            await self._wait(LINGER + _TURN, lambda: not self._open())
            for connection in [item for item in self._connections() if item.unread]:
                connection.transport.abort()
        self.force_exit = False  # who was refused last hears it
        await super().shutdown(sockets)

    def _remember(self) -> None:
        """Have files read that change while the server starts, as soon as it has."""
        self._reload_early = True

    def _open(self) -> int:
        """Return how many requests are being answered, or have been and wait to be read."""
        written = (item for item in self._connections() if item.cycle and item.cycle.response_complete)
        return self._draining.open + sum(item.unread for item in written)

    def _connections(self) -> list[BoundedConnection]:
        return [item for item in self.server_state.connections if isinstance(item, BoundedConnection)]

    async def _wait(self, seconds: float, done: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while not done() and time.monotonic() < end:
            await asyncio.sleep(_TURN)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        # A terminal that is closed sends SIGHUP too; that ends a server that was not meant to stay.
        stays = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN or not _has_terminal()

        def hang_up(number: int, frame: FrameType | None) -> None:
            if stays or _has_terminal():
                self._reload()
            else:
                stop(number, frame)

        handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: hang_up}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _has_terminal() -> bool:
    """Return whether this process can be reached from a terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
