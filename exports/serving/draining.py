"""Bringing an application to its end: what is open is finished, what comes later is refused."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusal import Refusal, send_refusal

_LATE = Refusal("the server is being stopped; ask another, or later", 503)
_CUT = Refusal("the server was stopped before this was answered; ask another, or later", 503)


class Draining:
    """An application that knows its open requests.

    After `begin` every request that comes is refused with status 503; those that are open go on. After `cut`
    those that have not begun to answer are refused too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: dict[asyncio.Task[Any], _Answer] = {}
        self._ending = False
        self._cut = False

    @property
    def open(self) -> int:
        """How many requests are being answered; those that are refused do not count."""
        return len(self._open)

    def begin(self) -> None:
        """Refuse whatever comes from now on."""
        self._ending = True

    def cut(self) -> None:
        """Refuse what is open, too, as long as nothing of its answer has been sent."""
        self._cut = True
        for task, answer in self._open.items():
            if not answer.begun:
                task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._ending:
            await send_refusal(_LATE, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        answer = self._open[task] = _Answer(send)
        try:
            await self._app(scope, receive, answer)
        except asyncio.CancelledError:
            if not self._cut:
                raise
            await send_refusal(_CUT, receive, send)
        finally:
            del self._open[task]


class _Answer:
    """Sends an answer, and knows whether something of it is on its way."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)
