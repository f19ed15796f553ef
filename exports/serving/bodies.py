"""Reading the body of a request, within bounds of size, time and memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope

from .refusal import Refusal

PATIENCE = 30.0
"""Seconds in which a body must have arrived."""

_LATE = f"the body did not arrive within {PATIENCE:.0f} s"


class Bodies:
    """Reads bodies of at most `largest` bytes each, and at most `budget` bytes held at a time by all."""

    def __init__(self, largest: int, budget: int) -> None:
        self.largest = largest
        self.budget = budget
        self.held = 0

    @contextmanager
    def read(self, scope: Scope, receive: Receive) -> Iterator[Body]:
        """Give the body of one request; its bytes count as held until the block ends."""
        body = Body(self, scope, receive)
        try:
            yield body
        finally:
            self.held -= body.reserved


class Body:
    """One request's body, read once."""

    def __init__(self, bodies: Bodies, scope: Scope, receive: Receive) -> None:
        self._bodies = bodies
        self._scope = scope
        self._receive = receive
        self.reserved = 0

    async def content(self) -> bytes:
        """Return the whole body.

        Raises `Refusal`: 413 when it is too large, by its announced length or by counting; 408 when it does
        not arrive; 503 when too many bytes wait already; `asyncio.CancelledError` when the client is gone.
        """
        announced = header(self._scope, b"content-length")
        self._reserve(int(announced) if announced is not None else 0)
        chunks, count, more = [], 0, True
        try:
            async with asyncio.timeout(PATIENCE):
                while more:
                    chunk, more = await self._chunk()
                    chunks.append(chunk)
                    count += len(chunk)
                    self._reserve(count)  # a length that was announced may be less
        except TimeoutError:
            raise Refusal(_LATE, 408) from None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def hold(self, size: int) -> None:
        """Count as held what pictures become, `size` bytes, as if they had been sent so.

        Raises `Refusal` as `content` does.
        """
        if size > self._bodies.largest:
            raise Refusal(f"the pictures become {size} bytes; {self._bodies.largest} are computed", 413)
        self._reserve(max(size, self.reserved))

    async def _chunk(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)

    def _reserve(self, size: int) -> None:
        bodies = self._bodies
        if size > bodies.largest:
            raise Refusal(f"the body is larger than {bodies.largest} bytes", 413)
        if size > self.reserved:
            if bodies.held + size - self.reserved > bodies.budget:
                raise Refusal("too many bytes of other requests are waiting; try again", 503)
            bodies.held += size - self.reserved
            self.reserved = size


class ClientGone(Exception):  # noqa: N818 - happens, and needs no answer
    """Raised when the client closed the connection before its body was complete."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return a header of the request, by its lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None
