"""A lean HTTP client for benchmarks: many connections in one thread, each asking again once answered.

What it costs itself is little, so that on a small machine the server is measured and not the client.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any


class Connection(asyncio.Protocol):
    """Sends one rendered request over and over and keeps the seconds each answer took."""

    def __init__(self, request: bytes, stop: float) -> None:
        self.request = request
        self.stop = stop
        self.seconds: list[float] = []
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = bytearray()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(self.buffer) < end + 4 + length:
            return
        now = time.perf_counter()
        self.seconds.append(now - self.sent)
        self.failed += not head.startswith(b"http/1.1 200")
        self.buffer.clear()
        if now < self.stop:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        # One that ends before its time has lost the answer it waited for.
        self.failed += time.perf_counter() < self.stop
        self.done.set_result(None)


async def load(port: int, requests: Sequence[bytes], seconds: float) -> dict[str, Any]:
    """Ask over one connection per request for some seconds; return answers, failures and their times."""
    start = time.perf_counter()
    loop = asyncio.get_running_loop()
    connections = []
    for request in requests:
        make = partial(Connection, request, start + seconds)
        connections.append((await loop.create_connection(make, "127.0.0.1", port))[1])
    await asyncio.gather(*(connection.done for connection in connections))
    taken = time.perf_counter() - start
    times = sorted(time for connection in connections for time in connection.seconds)
    return {
        "answers": len(times),
        "failed": sum(connection.failed for connection in connections),
        "seconds": taken,
        "p50_ms": 1000 * times[len(times) // 2],
        "p95_ms": 1000 * times[int(0.95 * (len(times) - 1))],
    }


def main() -> None:
    """Read rendered requests (each a length, a newline and the bytes) from stdin and print the result."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    requests = []
    while line := sys.stdin.buffer.readline():
        requests.append(sys.stdin.buffer.read(int(line)))
    try:
        import uvloop

        result = uvloop.run(load(port, requests, seconds))
    except ImportError:
        result = asyncio.run(load(port, requests, seconds))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
