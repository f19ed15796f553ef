"""The bounds of a request's head hold however its bytes arrive, and ambiguous heads are refused."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from mtl.exports.serving import connections

LINE = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"POST /v2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

HEADS = {
    "good": (LINE + b"\r\n", 200),
    "a hundred headers": (LINE + b"X: y\r\n" * 99 + b"\r\n", 200),
    "a hundred and one headers": (LINE + b"X: y\r\n" * 100 + b"\r\n", 431),
    "twenty thousand headers": (LINE + b"X: y\r\n" * 20_000 + b"\r\n", 431),
    "60 KB": (LINE + b"X: " + b"a" * 60_000 + b"\r\n\r\n", 200),
    "70 KB": (LINE + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    "70 KB in pieces": (LINE + b"".join(b"X: %s\r\n" % (b"a" * 1000) for _ in range(70)) + b"\r\n", 431),
    "70 KB without an end": (LINE + b"X: " + b"a" * 70_000, 431),
    "a name of 70 KB": (LINE + b"a" * 70_000 + b": x\r\n\r\n", 431),
    "empty lines without an end": (b"\r\n" * 40_000, 431),
    "a long address": (b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 8192), 414),
    "two hosts": (LINE + b"host: other\r\n\r\n", 400),
    "no host": (b"GET /v2 HTTP/1.1\r\n\r\n", 400),
    "HTTP/1.0": (b"GET /v2 HTTP/1.0\r\n\r\n", 200),
    "HTTP/0.9": (b"GET /v2\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no HTTP": (b"\x16\x03\x01\x00\xa5\x01", 400),
    "a trailer": (CHUNKED + b"1\r\na\r\n0\r\nHost: other\r\n\r\n", 200),
    "a trailer without an end": (CHUNKED + b"1\r\na\r\n0\r\nX: " + b"a" * 400_000, 431),
    "trailers without an end": (CHUNKED + b"0\r\n" + b"X: y\r\n" * 60_000, 431),
    "a wrong chunk": (CHUNKED + b"zz\r\n", 400),
}


@dataclass
class Transport:
    """Keeps what is written to it."""

    written: bytes = b""
    ended: bool = False
    closed: bool = False

    def writelines(self, parts):
        assert not self.ended
        self.written += b"".join(parts)

    def write_eof(self):
        self.ended = True

    def close(self):
        self.closed = self.ended = True

    def is_closing(self):
        return self.closed

    def get_write_buffer_size(self):
        return 0

    def get_extra_info(self, name):
        return None

    def set_write_buffer_limits(self, high):
        assert high == 0

    def pause_reading(self):
        pass

    resume_reading = pause_reading


async def headers_read(scope, receive, send):
    """Answer with the headers, once the body is there."""
    while (message := await receive())["type"] == "http.request" and message["more_body"]:
        pass
    if message["type"] == "http.request":
        body = json.dumps([name.decode() for name, _ in scope["headers"]]).encode()
        head = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


def received(parts, application=headers_read, until=lambda transport: transport.written):
    """Return the transport of a connection that received these parts."""

    async def talk():
        config = uvicorn.Config(application, lifespan="off", log_config=None)
        loop = asyncio.get_running_loop()
        connection = connections.bounded(5)(config, ServerState(), {}, _loop=loop)
        transport = Transport()
        connection.connection_made(transport)
        for part in parts:
            connection.data_received(part)
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while not until(transport):
                await asyncio.sleep(0)
        connection.connection_lost(None)
        return transport

    return asyncio.run(talk())


def statuses(written):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", written)]


@pytest.mark.parametrize("size", [2**18, 4096, 100], ids=["at once", "in pages", "in drops"])
@pytest.mark.parametrize("case", HEADS)
def test_a_head_gets_the_same_answer_however_it_arrives(case, size):
    sent, status = HEADS[case]
    transport = received([sent[start : start + size] for start in range(0, len(sent), size)])
    assert statuses(transport.written) == [status]
    head, _, body = transport.written.partition(b"\r\n\r\n")
    if status != 200:
        assert b"connection: close" in head
        assert b"application/json" in head
        assert list(json.loads(body)) == ["error"]
        assert transport.ended


@settings(max_examples=100, deadline=None)
@given(case=st.sampled_from([name for name, (sent, _) in HEADS.items() if len(sent) < 1000]), data=st.data())
def test_a_head_gets_the_same_answer_wherever_it_is_cut(case, data):
    sent, status = HEADS[case]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    parts = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    assert statuses(received(parts).written) == [status]


def test_what_comes_behind_a_body_is_no_header():
    written = received([CHUNKED + b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n"]).written
    assert json.loads(written.partition(b"\r\n\r\n")[2]) == ["host", "transfer-encoding"]


def test_many_requests_in_one_read_are_no_large_head():
    count = 65_536 // len(LINE) + 100
    sent = (LINE + b"\r\n") * count
    transport = received([sent], until=lambda transport: len(statuses(transport.written)) == count)
    assert set(statuses(transport.written)) == {200}


@pytest.mark.parametrize("wrong", [b"nonsense\r\n\r\n", LINE + b"Host: b\r\n\r\n"])
def test_a_wrong_head_behind_a_request_leaves_its_answer_alone(wrong):
    """The client would take a refusal for the answer it waits for."""
    transport = received([LINE + b"\r\n" + wrong, LINE + b"\r\n"], until=lambda transport: transport.closed)
    assert statuses(transport.written) == [200]
