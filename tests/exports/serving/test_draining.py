"""A server that is told to stop finishes what is open, refuses what comes, and says what it left."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from mtl.exports.serving import connections
from mtl.exports.serving.draining import Draining
from mtl.exports.serving.server import _Server

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Slow:
    """Answers when it is allowed to."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.asked += 1
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})


@asynccontextmanager
async def serving(application, grace):
    """Serve in this process; give the server and its port, and wait for its end."""
    config = uvicorn.Config(application, http=connections.bounded(9), lifespan="off", log_config=None, port=0)
    server = _Server(config, application, grace, lambda: lambda: None)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await asyncio.wait_for(task, 20)


async def asking(port, sent=GET):
    connection = await asyncio.open_connection("127.0.0.1", port)
    connection[1].write(sent)
    return connection


async def read(connection):
    """Return the status, the headers and the body of an answer, and hang up."""
    reader, writer = connection
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), head, body


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_open_requests_finish_and_later_ones_are_refused(caplog):
    async def talk():
        slow = Slow()
        draining = Draining(slow)
        async with serving(draining, 10) as (server, port):
            idle = await asking(port, b"")
            opened = await asking(port)
            await until(lambda: slow.asked == 1)
            server.should_exit = True
            await until(lambda: draining._ending)
            idle[1].write(GET)
            new = await asking(port)
            late = [await read(connection) for connection in (idle, new)]
            slow.gate.set()
            return await read(opened), late, slow.asked, server

    done, late, asked, server = asyncio.run(talk())
    assert (done[0], done[2], asked, server.unfinished) == (200, b"done", 1, 0)
    for status, head, body in late:
        assert (status, "connection: close" in head) == (503, True)
        assert json.loads(body) == {"error": "the server is being stopped; ask another, or later"}
    assert caplog.text == ""


@pytest.mark.parametrize("forced", [False, True], ids=["grace is over", "a second signal"])
def test_what_does_not_finish_is_refused_and_counted(caplog, forced):
    async def talk():
        slow = Slow()
        async with serving(Draining(slow), 30 if forced else 0.1) as (server, port):
            opened = [await asking(port) for _ in range(3)]
            await until(lambda: slow.asked == 3)
            server.should_exit = True
            server.force_exit = forced
            return [await read(connection) for connection in opened], server

    answers, server = asyncio.run(talk())
    assert server.unfinished == 3
    for status, head, body in answers:
        assert (status, "connection: close" in head) == (503, True)
        assert json.loads(body)["error"].startswith("the server was stopped before this was answered")
    assert caplog.text == ""


@pytest.mark.parametrize("whole", [False, True], ids=["half written", "written"])
def test_an_answer_that_nobody_reads_is_cut_off_and_counted(caplog, whole):
    """The client takes nothing, so the answer stays with the server; silence is all that can be told."""

    async def lavish(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(32 << 20), "more_body": not whole})
        if not whole:
            await send({"type": "http.response.body", "body": b""})

    async def talk():
        async with serving(Draining(lavish), 0.1) as (server, port):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(GET)
            await until(lambda: server._open() == 1)
        client.close()
        return server

    assert asyncio.run(talk()).unfinished == 1
    assert caplog.text == ""


def test_the_command_tells_what_it_did_not_finish(exported, running):
    with (
        running(f"tiny={exported.path}", "--grace", "0") as server,
        socket.create_connection(("127.0.0.1", server.port), 10) as client,
    ):
        client.sendall(
            b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
        )
        assert server.alive()
        server.process.send_signal(signal.SIGTERM)
        head, _, body = client.recv(1000).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close" in head
        assert list(json.loads(body)) == ["error"]
        assert server.process.wait(20) == 130
        assert server.process.stderr.read() == (
            "answering; Ctrl-C stops\nerror: stopped; 1 open requests were not finished within 0 s\n"
        )
