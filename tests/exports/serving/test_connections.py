"""What is written in one turn of the event loop goes out in one call; what is closed gets nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from mtl.exports.serving.connections import JoinedWrites


class Transport:
    """Notes the calls it gets."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.closing = False

    def writelines(self, parts: list[bytes]) -> None:
        self.calls.append(list(parts))

    def close(self) -> None:
        self.calls.append("close")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def run(*steps: Any) -> list[Any]:
    """Take each step in a turn of its own; return the transport's calls."""
    transport = Transport()

    async def turns() -> None:
        joined = JoinedWrites(transport, asyncio.get_running_loop())  # type: ignore[arg-type]
        for step in steps:
            step(joined, transport)
            await asyncio.sleep(0)

    asyncio.run(turns())
    return transport.calls


def test_writes_of_one_turn_go_out_together_and_in_order() -> None:
    def answer(joined: JoinedWrites, _: Transport) -> None:
        joined.write(b"head")
        joined.write(b"body")

    assert run(answer, answer) == [[b"head", b"body"], [b"head", b"body"]]


def test_closing_sends_what_was_written_first() -> None:
    def answer(joined: JoinedWrites, _: Transport) -> None:
        joined.write(b"last words")
        joined.close()

    assert run(answer) == [[b"last words"], "close"]


def test_nothing_is_written_to_a_client_that_has_gone() -> None:
    def answer(joined: JoinedWrites, transport: Transport) -> None:
        joined.write(b"too late")
        transport.closing = True

    assert run(answer) == []


def test_everything_else_is_the_transports_own() -> None:
    found: list[str] = []
    run(lambda joined, _: found.append(joined.get_extra_info("peername")))
    assert found == ["the peername"]
