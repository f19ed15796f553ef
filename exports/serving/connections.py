"""uvicorn's HTTP connection, with bounds on what a client that says nothing, or too much, may hold."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
"""Seconds in which the head of a request must have arrived, the first one counted from the connection."""

HEAD_BYTES = 65536
"""Largest head of a request: its line and its headers."""


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed when there are too many, or its head is too slow or too large."""

    most: ClassVar[int] = 1000
    """Connections at a time; `bounded` makes a class with another number."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._timer: asyncio.TimerHandle | None = None
        self._head: int | None = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._refuse(503, b"Service Unavailable", b"too many connections; try again")
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._refuse(431, b"Request Header Fields Too Large", b"the head of the request is too large")

    def on_message_begin(self) -> None:
        self._head = 0
        self._start_timer()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        self._stop_timer()
        super().on_headers_complete()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        self._refuse(408, b"Request Timeout", b"the request did not arrive in time")

    def _refuse(self, status: int, phrase: bytes, reason: bytes) -> None:
        if self.transport.is_closing():
            return
        body = b'{"error":"' + reason + b'"}'
        head = (
            b"HTTP/1.1 %d %s" % (status, phrase),
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"connection: close",
        )
        self.transport.write(b"\r\n".join((*head, b"", body)))
        self.transport.close()


def bounded(most: int) -> type[BoundedConnection]:
    """Return the class of connections of which there may be `most` at a time."""
    return type("BoundedConnection", (BoundedConnection,), {"most": most})
