"""Requests to a server, in this process: connections without sockets, and bodies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ..reliability.r08_pictures import _formats as formats
from ..reliability.serving import document, request
from .target import Read, Target


class ServerError(Exception):
    """A server answered with a status that blames itself."""


def requests() -> Iterator[Target]:
    """Yield the targets: bytes on a connection, and bodies of requests that are read."""
    import numpy as np

    asked = document(np.full((1, 1, 28, 28), 0.5, np.float32))
    body = json.dumps(asked).encode()
    asked["inputs"][0].pop("data")
    asked["inputs"][0]["parameters"] = {"binary_data_size": 3136}
    binary = json.dumps(asked).encode()
    line = b"GET /v2/models/m HTTP/1.1\r\nHost: localhost\r\n\r\n"
    listed = (
        b'POST /v2/repository/index HTTP/1.1\r\nHost: localhost\r\nContent-Length: 14\r\n\r\n{"ready":true}'
    )
    told = [line.replace(b"/v2/models/m", path) for path in (b"/openapi.json", b"/docs", b"/metrics")]
    yield Target("http", [request(body), line, line + line, listed, *told], _connection, None)
    yield Target("body", [body], _body(None), None, _bodies())
    yield Target("tensor bytes", [binary + bytes(3136)], _body(len(binary)), None)
    yield Target("sent pictures", list(formats().values()), _pictures, None)
    asked["inputs"][0] |= {"datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 16}}
    files = json.dumps(asked).encode()
    yield Target("file tensor", [files + 2 * b"\x04\0\0\0\x89PNG"], _body(len(files)), None)


class _Model:
    """Told apart from others by what it is, as a model that is served; a namespace is not."""

    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)


def _model() -> Any:
    """Return what stands for a served model that answers with zeros."""
    import numpy as np

    from mtl.exports.serving.tensors import TensorForm

    def infer(feed: Any) -> asyncio.Future[Any]:
        answer = asyncio.get_running_loop().create_future()
        answer.set_result({"counts": np.zeros((len(feed["image"]), 6), np.float32)})
        return answer

    return _Model(
        name="m",
        inputs={"image": TensorForm("image", "FP32", (1, 28, 28), (0, 1))},
        outputs={"counts": TensorForm("counts", "FP32", (6,))},
        metadata=lambda: {"name": "m"},
        meaning=lambda _: {},
        pictured=True,
        batcher=SimpleNamespace(infer=infer, waiting=0),
    )


def _body(header: int | None) -> Any:
    def opened(work: Path) -> Read:
        model = _model()

        def act(content: bytes) -> object:
            from mtl.exports.serving.messages import read_request
            from mtl.exports.serving.refusal import Refusal

            try:
                return read_request(content, header, model)
            except Refusal as refusal:
                if refusal.status >= 500:
                    raise ServerError(str(refusal.status)) from None
                return None

        return act

    return opened


def _pictures(work: Path) -> Read:
    from mtl.contracts import ImageSpec, Preparation
    from mtl.exports.serving.pictures import Pictures
    from mtl.exports.serving.refusal import Refusal

    decoder = Pictures(1, 10**6, 30.0)
    ways = [Preparation(ImageSpec(1 + 2 * (way == "pad"), 28, 28), way) for way in ("crop", "pad")]

    def act(content: bytes) -> object:
        try:
            return [asyncio.run(decoder.prepared([content], way)) for way in ways]
        except Refusal as refusal:
            if refusal.status >= 500:
                raise ServerError(str(refusal.status)) from None
            return None

    return act


def _bodies() -> Any:
    from hypothesis import strategies as st

    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6))
    names = st.sampled_from(
        [
            "inputs",
            "outputs",
            "name",
            "shape",
            "datatype",
            "data",
            "parameters",
            "id",
            "binary_data_size",
            "image",
        ]
    )
    values = st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=5)),
    )
    return st.dictionaries(names, values, max_size=4).map(lambda value: json.dumps(value).encode())


class _Transport:
    """Takes what a connection writes; there is no socket."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += bytes(data)

    def writelines(self, parts: Any) -> None:
        self.written += b"".join(parts)

    def close(self) -> None:
        self.closed = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)}.get(name, default)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def _connection(work: Path) -> Read:
    import uvicorn
    from uvicorn.server import ServerState

    from mtl.exports.serving.application import application
    from mtl.exports.serving.bodies import Bodies
    from mtl.exports.serving.connections import bounded
    from mtl.exports.serving.guard import Guard, Hosts
    from mtl.exports.serving.pictures import Pictures
    from mtl.exports.serving.shelf import Shelf

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    served = application(Shelf.of({"m": _model()}), Bodies(1 << 20, 16 << 20), Pictures(1, 10**6, 60.0))
    app = Guard(served, Hosts({"localhost"}))
    config = uvicorn.Config(app, http=bounded(100), lifespan="off", log_config=None, access_log=False)
    config.load()
    raised: list[Any] = []
    loop.set_exception_handler(lambda _, context: raised.append(context))

    async def converse(content: bytes) -> bytes:
        transport = _Transport()
        connection = bounded(100)(config, ServerState(), {}, loop)
        connection.connection_made(cast(asyncio.Transport, transport))
        for start in range(0, len(content), 1000):
            connection.data_received(content[start : start + 1000])
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        connection.connection_lost(None)
        for _ in range(5):
            await asyncio.sleep(0)
        return transport.written

    def act(content: bytes) -> object:
        raised.clear()
        answer = loop.run_until_complete(converse(content))
        if answer.startswith(b"HTTP/1.1 5") or raised:
            raise ServerError(answer[:60].decode("latin-1") or str(raised[0]))
        return answer

    return act
