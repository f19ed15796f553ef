"""uvicorn's HTTP connection: with bounds on what a client may hold, and fewer calls to the system."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .refusal import LINGER

HEAD_SECONDS = 20.0
"""Seconds in which the head of a request must have arrived, the first one counted from the connection."""

HEAD_BYTES = 65536
"""Largest head of a request: its line and its headers."""

LINE_BYTES = 8192
"""Longest address in a request's line."""

HEADERS = 100
"""Headers of a request, at most."""

_AROUND = len(": \r\n")
"""Bytes of a header beside its name and its value."""

_Fault = tuple[int, bytes, bytes]

_LONG_LINE = (414, b"URI Too Long", b"the address of the request is too long")
_LARGE_HEAD = (431, b"Request Header Fields Too Large", b"the head of the request is too large")
_MANY_HEADERS = (431, b"Request Header Fields Too Large", b"the request has too many headers")
_NO_HTTP = (400, b"Bad Request", b"the request is no valid HTTP/1.1")
_VERSION = (400, b"Bad Request", b"the request is neither HTTP/1.1 nor HTTP/1.0")
_HOSTS = (400, b"Bad Request", b"a request names one Host")
_SLOW = (408, b"Request Timeout", b"the request did not arrive in time")
_CROWDED = (503, b"Service Unavailable", b"too many connections; try again")

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

    def write_eof(self) -> None:
        self._send()
        self._transport.write_eof()

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


class _Refused(Exception):  # noqa: N818 - ends the parser's work; the client gets a regular answer
    """Raised in a callback of the parser when a request breaks a bound."""


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed when there are too many, or its head is too slow, too large or ambiguous.

    Bounds are counted both where bytes arrive, whatever the parser makes of them, and where it has understood
    them, however many came at once.
    """

    most: ClassVar[int] = 1000
    """Connections at a time; `bounded` makes a class with another number."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._in_head = True
        self._unfinished = 0
        self._fault: _Fault = _NO_HTTP
        self._deaf = False

    @property
    def unread(self) -> bool:
        """Whether something that was sent waits for the client to read it."""
        return self.transport.get_write_buffer_size() > 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # Whatever a client has not taken at once counts as waiting for it.
        transport.set_write_buffer_limits(high=0)
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]
        if len(self.connections) > self.most:
            self._tell(*_CROWDED)
            self.transport.close()
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._forget_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
            return
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > HEAD_BYTES and not self._deaf:
            self._refuse(*_LARGE_HEAD)

    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._fault)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._start_timer()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes behind a body is no part of the head: it may be judged already.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._advance()
        self._stop_timer()
        if fault := self._fault_of_head():
            self._fault = fault
            raise _Refused  # uvicorn then asks for the response to bad requests
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._advance()
        if self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > UNREAD_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._advance()
        super().on_message_complete()

    def _advance(self) -> None:
        """Forget how much has come since the parser last got on."""
        self._unfinished = 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        self._forget_unread()
        super().resume_writing()

    def _watch_unread(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._overdue = self.loop.call_later(ANSWER_SECONDS, self._abort_unread, waiting)

    def _forget_unread(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

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
        self._refuse(*_SLOW)

    def _fault_of_head(self) -> _Fault | None:
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return _VERSION
        if len(self.url) > LINE_BYTES:
            return _LONG_LINE
        if len(self.headers) > HEADERS:
            return _MANY_HEADERS
        hosts, size = 0, len(self.url)
        for name, value in self.headers:
            hosts += name == b"host"
            size += len(name) + len(value) + _AROUND
        if size > HEAD_BYTES:
            return _LARGE_HEAD
        return _HOSTS if hosts > 1 or (hosts == 0 and version == "1.1") else None

    def _refuse(self, status: int, phrase: bytes, reason: bytes) -> None:
        """Answer with a refusal and hear the client out, for an answer is lost on one that still sends."""
        self._deaf = True
        self._stop_timer()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self._in_head or self.pipeline or self.cycle.response_started:
                # What was asked before is answered first: two answers at once would be taken for it.
                self.cycle.keep_alive = False
                return
            # The rest of its body never comes.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._tell(status, phrase, reason)
        self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def _tell(self, status: int, phrase: bytes, reason: bytes) -> None:
        body = b'{"error":"' + reason + b'"}'
        head = (
            b"HTTP/1.1 %d %s" % (status, phrase),
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"connection: close",
        )
        self.transport.write(b"\r\n".join((*head, b"", body)))


def bounded(most: int) -> type[BoundedConnection]:
    """Return the class of connections of which there may be `most` at a time."""
    return type("BoundedConnection", (BoundedConnection,), {"most": most})
