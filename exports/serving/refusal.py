"""A request that is not answered: the HTTP status and one line that says why."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Send

Headers = tuple[tuple[bytes, bytes], ...]

LINGER = 1.0
"""Seconds in which a client that was refused may finish sending."""

CLOSE = (b"connection", b"close")

_UNREAD = (401, 404, 408, 413, 415, 421, 503)
"""Statuses that are told before the body has been read: the connection cannot be used again."""


class Refusal(Exception):  # noqa: N818 - the server's regular answer, not a failure of the program
    """Raised while a request is read; the client gets `{"error": message}` with the status."""

    def __init__(self, message: str, status: int = 400, headers: Headers = ()) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.headers = headers


def as_json(value: Any, status: int = 200) -> Response:
    """Return an answer whose body is JSON."""
    return Response(orjson.dumps(value), status, media_type="application/json")


async def send_refusal(refusal: Refusal, receive: Receive, send: Send) -> None:
    """Answer with a refusal; where the body has not been read, hear the client out and close."""
    text = orjson.dumps({"error": refusal.message})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    unread = refusal.status in _UNREAD
    if unread:
        headers.append(CLOSE)
    await send(
        {"type": "http.response.start", "status": refusal.status, "headers": [*headers, *refusal.headers]}
    )
    await send({"type": "http.response.body", "body": text, "more_body": unread})
    if unread:
        await _discard(receive)
        await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    """Read on for a while and keep nothing, so that a client that still sends can hear the answer."""
    try:
        async with asyncio.timeout(LINGER):
            while (message := await receive())["type"] != "http.disconnect" and message.get("more_body"):
                pass
    except TimeoutError:
        return
