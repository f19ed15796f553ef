"""R10: requests that are no requests: refused with a status of the 400s, and the server goes on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .jobs import composed
from .mutating import mutated
from .row import Findings
from .serving import INFER, Server, document, request, serving, status_of

_REFUSED = tuple(range(400, 500))
_PATIENCE = 0.5
"""Seconds for a mutated request: many of them leave the server waiting for more."""


class Requests:
    """Chosen ones first, then mutations of good ones."""

    name = "R10"
    title = "malformed requests: heads, framing, JSON, tensors, hosts, paths"
    promise = "status 400 to 499 with a reason, never 500, nothing leaks; the server answers on"
    count = 3000

    def run(self, count: int, seed: int, work: Path) -> Findings:
        import numpy as np

        random_numbers = random.Random(seed)
        model = composed(work / "run", epochs=1) / "model.onnx"
        images = np.full((1, 1, 28, 28), 0.5, np.float32)
        found = Findings()
        with serving(model) as server:
            chosen = [*_heads(), *_bodies(images)]
            random_numbers.shuffle(chosen)
            for name, data, allowed in chosen[:count]:
                _try(server, name, data, allowed, found, seconds=10.0)
            good = request(json.dumps(document(images)).encode())
            mild: tuple[int | None, ...] = (None, 100, 200, 307, *_REFUSED)
            for number in range(count - len(chosen)):
                data = mutated(good, random_numbers)
                _try(server, f"mutation {number}", data, mild, found, seconds=_PATIENCE)
            alive = status_of(server.send(good)) == 200
            found.note("a good request at the end", "answered", broken=None if alive else "not answered")
        return found


def _try(
    server: Server, name: str, data: bytes, allowed: tuple[int | None, ...], found: Findings, seconds: float
) -> None:
    try:
        answer = server.send(data, seconds=seconds)
    except OSError as error:
        found.note(name, "", broken=f"no connection: {error}")
        return
    status = status_of(answer)
    broken = None if status in allowed else f"status {status} to {data[:200]!r}"
    if b"root:" in answer or b"Traceback" in answer:
        broken = "told what nobody may know"
    found.note(name, f"status {status}", broken=broken)


def _heads() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    line = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\n"
    post = f"POST {INFER} HTTP/1.1\r\nHost: localhost\r\n".encode()
    chunked = post + b"Transfer-Encoding: chunked\r\n\r\n"
    yield "good", line + b"Connection: close\r\n\r\n", (200,)
    heads = {
        "70 KB": line + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
        "20,000 headers": line + b"X: y\r\n" * 20_000 + b"\r\n",
        "a long address": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "two hosts": line + b"Host: other\r\n\r\n",
        "no host": b"GET /v2 HTTP/1.1\r\n\r\n",
        "another host": b"GET /v2 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "HTTP/0.9": b"GET /v2\r\n\r\n",
        "HTTP/9.9": b"GET /v2 HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(160),
        "NUL in a header": line + b"X: a\0b\r\n\r\n",
        "no colon": line + b"abc\r\n\r\n",
        "two lengths": post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        "a negative length": post + b"Content-Length: -1\r\n\r\n",
        "a length that is text": post + b"Content-Length: x\r\n\r\n",
        "a length of 30 digits": post + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
        "a gigabyte announced": post + b"Content-Length: 1073741824\r\n\r\n",
        "length and chunks": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a chunk of text": chunked + b"zz\r\n",
        "a chunk of 2^68": chunked + b"F" * 17 + b"\r\n",
        "17 MiB in chunks": chunked + (b"100000\r\n" + bytes(1 << 20) + b"\r\n") * 17 + b"0\r\n\r\n",
        "a trailer without an end": chunked + b"1\r\na\r\n0\r\nX: " + b"a" * 600_000,
        "two encodings": post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    }
    for name, data in heads.items():
        yield name, data, _REFUSED
    paths = (
        "/v2/models/../../etc/passwd",
        "/v2/models/%2e%2e%2fetc%2fpasswd",
        "/v2/models/m%00/infer",
        "//evil/v2",
        "/%",
    )
    for path in paths:
        yield f"path {path}", request(b"{}", path=path), (307, *_REFUSED)
    for method in ("GET", "PUT", "DELETE", "TRACE", "CONNECT", "FOO"):
        yield f"method {method}", request(b"", method=method), _REFUSED
    yield "a picture", request(b"\x89PNG\r\n", ["Content-Type: image/png"]), (415,)
    yield "packed", request(b"x", ["Content-Encoding: gzip"]), (415,)


def _bodies(images: Any) -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    good = json.dumps(document(images))
    bodies = ["", "{", "[]", "null", "NaN", "[" * 100_000, '{"a":' * 50_000, "\0", good + "x", good[:-1]]
    bodies += ['{"inputs": []}', '{"inputs": [1]}', '{"inputs": [{}]}']
    size = images.size
    changes: dict[str, list[Any]] = {
        "shape": [
            None,
            [],
            [0, 1, 28, 28],
            [-1, 1, 28, 28],
            [2**62, 1, 28, 28],
            ["1"],
            [1.0],
            [True],
            [10**400],
            {},
        ],
        "datatype": [None, "FP64", "BYTES", "", 3, []],
        "name": [None, "", 3, [], {}],
        "data": [
            None,
            [],
            [0.5],
            "x",
            {},
            ["0.5"] * size,
            [None] * size,
            [True] * size,
            [2] * size,
            [[0.5] * size],
        ],
        "parameters": [[], {"binary_data_size": 5}, {"binary_data_size": -1}, {"shared_memory_region": "x"}],
    }
    bodies += [
        json.dumps(document(images, **{key: value})) for key, values in changes.items() for value in values
    ]
    first = str(images.flat[0])
    bodies += [good.replace(first, word, 1) for word in ("NaN", "1e999", "9" * 400)]
    for number, body in enumerate(bodies):
        yield f"body {number} {body[:30]!r}", request(body.encode()), _REFUSED
    for length in ("-1", "0", "x", "9" * 30, "+5"):
        data = request(good.encode(), [f"Inference-Header-Content-Length: {length}"])
        yield f"a head of {length}", data, _REFUSED


ROW = Requests()
