"""uvicorn's HTTP connection: with bounds on what a client may hold, and fewer calls to the system."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
"""Seconds in which the head of a request must have arrived, the first one counted from the connection."""

HEAD_BYTES = 65536
"""Largest head of a request: its line and its headers."""

ANSWER_SECONDS = 30.0
"""Seconds in which a client must read something of an answer that waits for it."""

UNREAD_BYTES = 262_144
"""How much of a body may wait to be read before the client is held up; uvicorn's own 64 KiB cost rounds."""


class JoinedWrites:
    """A transport that sends what is written in one turn of the event loop with one call to the system.

    uvicorn writes the head of an answer and its body apart; on a loopback each costs 20 microseconds.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        parts, self._parts = self._parts, []
        # The client may have gone in the meantime.
        if parts and not self._transport.is_closing():
            self._transport.writelines(parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed when there are too many, or its head is too slow or too large."""

    most: ClassVar[int] = 1000
    """Connections at a time; `bounded` makes a class with another number."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._timer: asyncio.TimerHandle | None = None
        self._head: int | None = 0
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # Whatever a client has not taken at once counts as waiting for it.
        transport.set_write_buffer_limits(high=0)
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]
        if len(self.connections) > self.most:
            self._refuse(503, b"Service Unavailable", b"too many connections; try again")
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._forget_unread()
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

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > UNREAD_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        self._forget_unread()
        super().resume_writing()

    def _watch_unread(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(ANSWER_SECONDS, self._abort_unread, waiting)

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _abort_unread(self, before: int) -> None:
        """Drop a client that has read nothing; `close` would wait for it."""
        if self.transport.get_write_buffer_size() < before:
            self._watch_unread()
        else:
            self.transport.abort()

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
