"""What clients may hold is bounded: connections, bytes, time, memory."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from contextlib import asynccontextmanager

import httpx
import psutil
import pytest

from mtl.core.base.errors import UsageError
from mtl.exports.serving import connections
from mtl.exports.serving.bodies import Bodies, Body
from mtl.exports.serving.refusal import Refusal
from mtl.exports.serving.server import allow_connections

HEAD = b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\n"


def opened(port, count):
    """Open connections that ask once and are then kept; return them with the status of each answer."""
    sockets, statuses = [], []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), 30)
        sockets.append(client)
        client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            statuses.append(client.recv(200).split(b" ")[1])
        except (ConnectionResetError, IndexError):
            # Refused, and closed before the question arrived.
            statuses.append(b"503")
    return sockets, statuses


def test_more_connections_than_allowed_are_told_so_and_room_is_made_again(fresh):
    sockets, statuses = opened(fresh.port, 100)
    assert statuses == [b"200"] * 60 + [b"503"] * 40
    for client in sockets:
        client.close()
    deadline = time.monotonic() + 30
    while httpx.get(f"{fresh.url}/v2/health/live").status_code != 200:
        assert time.monotonic() < deadline


def test_bytes_held_by_all_are_bounded():
    async def read(bodies, announced):
        scope = {"headers": [(b"content-length", str(announced).encode())]}

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        with bodies.read(scope, receive) as body:
            await body.content()
            return bodies.held

    bodies = Bodies(largest=100, budget=150)
    assert asyncio.run(read(bodies, 100)) == 100
    assert bodies.held == 0
    bodies.held = 100
    with pytest.raises(Refusal, match="too many bytes of other requests") as caught:
        asyncio.run(read(bodies, 51))
    assert (caught.value.status, bodies.held) == (503, 100)


@pytest.mark.parametrize("begun", [True, False], ids=["in the middle", "not at all"])
def test_a_body_that_does_not_arrive_is_given_up(begun, monkeypatch):
    monkeypatch.setattr("mtl.exports.serving.bodies.PATIENCE", 0.05)

    async def read():
        async def receive():
            if begun and not sent:
                sent.append(True)
                return {"type": "http.request", "body": b"a", "more_body": True}
            return await asyncio.Event().wait()

        sent: list[bool] = []
        await Body(Bodies(100, 100), {"headers": []}, receive).content()

    with pytest.raises(Refusal, match="did not arrive") as caught:
        asyncio.run(read())
    assert caught.value.status == 408


@asynccontextmanager
async def serving(application):
    """Serve in this process, where the seconds can be shortened; give the server and its port."""
    uvicorn = pytest.importorskip("uvicorn")
    config = uvicorn.Config(application, http=connections.bounded(5), lifespan="off", log_config=None, port=0)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


def test_a_connection_that_says_nothing_is_closed_in_time(monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)

    async def never(scope, receive, send):
        raise AssertionError("there was no request")

    async def talk(sent):
        async with serving(never) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
        return answer

    for sent in (b"", b"GET / HTTP/1.1\r\nHost:"):
        assert asyncio.run(talk(sent)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_client_that_does_not_read_its_answer_is_dropped(monkeypatch):
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 0.5)

    async def lavish(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(32 << 20)})

    async def talk(reads):
        """Ask, read so many times, and return whether the server still holds the connection."""
        loop = asyncio.get_running_loop()
        async with serving(lavish) as (server, port):
            client = socket.socket()
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for _ in range(reads):
                await asyncio.sleep(0.1)
                await loop.sock_recv(client, 4 << 20)
            deadline = time.monotonic() + (10 if not reads else 0)
            while server.server_state.connections and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            held = len(server.server_state.connections)
            client.close()
        return held

    assert asyncio.run(talk(reads=0)) == 0
    assert asyncio.run(talk(reads=10)) == 1  # slow, but reading


def test_more_connections_than_the_system_allows_are_refused_at_the_start(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    with pytest.raises(UsageError, match="5000 connections need 5064 open files; the system allows 1024"):
        allow_connections(5000)


@pytest.mark.slow
def test_ten_thousand_connections_leave_the_server_up(exported, running):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 10_500:
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 10_500), hard))
    with running(f"tiny={exported.path}") as server:
        process = psutil.Process(server.process.pid)
        before = process.memory_info().rss
        sockets, statuses = opened(server.port, 10_000)
        assert statuses.count(b"200") >= 1000
        assert set(statuses) == {b"200", b"503"}
        assert process.num_fds() < 1100
        assert process.memory_info().rss - before < 100 * 2**20
        for client in sockets:
            client.close()
        deadline = time.monotonic() + 30
        while httpx.get(f"{server.url}/v2/health/live").status_code != 200:
            assert time.monotonic() < deadline


@pytest.mark.slow
def test_memory_stays_flat_whatever_is_sent(exported, running):
    """After a while of good and bad requests, ten times as many need no more memory."""
    good = {
        "inputs": [
            {"name": "image", "shape": [64, 1, 8, 8], "datatype": "FP32", "data": [0.5] * 64 * 64},
            {"name": "number", "shape": [64], "datatype": "INT64", "data": [1] * 64},
        ]
    }
    infer = "/v2/models/tiny/infer"

    def annoy(server, client, times):
        for _ in range(times):
            assert client.post(infer, json=good).status_code == 200
            assert client.post(infer, content=b"[" * 50_000).status_code == 400
            assert client.post("/v2/models/none/infer", json=good).status_code == 404
            assert client.post(infer, content=(bytes(2**16) for _ in range(300))).status_code == 413
            with socket.create_connection(("127.0.0.1", server.port), 10) as gone:
                gone.sendall(HEAD + b"Content-Length: 900000\r\n\r\n" + bytes(300_000))
        # A gigabyte: announced, and in chunks.
        with socket.create_connection(("127.0.0.1", server.port), 10) as large:
            large.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % 2**30)
            assert b" 413 " in large.recv(100)
        assert client.post(infer, content=(bytes(2**20) for _ in range(2**10))).status_code == 413

    with (
        running(f"tiny={exported.path}", "--max-body", "1") as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        process = psutil.Process(server.process.pid)
        annoy(server, client, 30)
        before = process.memory_info().rss
        annoy(server, client, 300)
        assert process.memory_info().rss - before < 20 * 2**20
        assert server.alive()
