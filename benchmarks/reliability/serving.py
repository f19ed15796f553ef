"""A server to attack: `mtl serve` in a child, and a raw connection to it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .children import Child, Running

INFER = "/v2/models/m/infer"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    running: Running
    port: int

    def send(self, data: bytes, *, seconds: float = 10.0) -> bytes:
        """Send bytes and return what comes back until the server hangs up, or the seconds are over."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as client:
            found = b""
            try:
                client.sendall(data)
                while chunk := client.recv(65_536):
                    found += chunk
            except OSError:
                pass
            return found

    @contextmanager
    def held(self, images: Any) -> Iterator[Callable[[], tuple[int, dict[str, Any], str]]]:
        """Open a request, keep its last byte back, and give what sends it and returns the answer."""
        body, length = binary(images)
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        client.putrequest("POST", INFER)
        client.putheader("Inference-Header-Content-Length", str(length))
        client.putheader("Content-Length", str(len(body)))
        client.endheaders(body[:-1])

        def finish() -> tuple[int, dict[str, Any], str]:
            client.send(body[-1:])
            return _answer(client)

        try:
            yield finish
        finally:
            client.close()

    def infer(self, images: Any, *, seconds: float = 300.0) -> tuple[int, dict[str, Any], str]:
        """Ask for answers to `[N, C, H, W]` and return status, body and the header `connection`."""
        body, length = binary(images)
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            client.request("POST", INFER, body, {"Inference-Header-Content-Length": str(length)})
            return _answer(client)
        finally:
            client.close()


def _answer(client: http.client.HTTPConnection) -> tuple[int, dict[str, Any], str]:
    answer = client.getresponse()
    return answer.status, json.loads(answer.read()), answer.getheader("connection") or ""


@contextmanager
def serving(model: Path, *options: object) -> Iterator[Server]:
    """Give a running server; it is killed at the end if it is still there."""
    running = Child(seconds=1e9).begin("serve", f"m={model}", "--port", "0", "--json", *options)
    end = time.monotonic() + 120
    while not (found := re.search(r'"url": ?"http://127\.0\.0\.1:(\d+)"', running.said())):
        if time.monotonic() > end:
            raise AssertionError(f"no server: {running.said()}")
        time.sleep(0.05)
    try:
        yield Server(running, int(found[1]))
    finally:
        try:
            running.send(signal.SIGKILL)
            running.wait()
        except (ProcessLookupError, ChildProcessError):
            pass  # it has been waited for


def status_of(answer: bytes) -> int | None:
    """Return the status of the first answer in what came back."""
    found = _STATUS.match(answer)
    return int(found[1]) if found else None


def request(body: bytes, headers: Sequence[str] = (), *, method: str = "POST", path: str = INFER) -> bytes:
    """Return a request with these headers, after which the server hangs up."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    head = "\r\n".join([*lines, "Connection: close", "", ""])
    return head.encode("latin-1") + body


def document(images: Any, **changes: Any) -> dict[str, Any]:
    """Return the JSON of a request for `[N, C, H, W]`, with changes to its one input."""
    tensor = {
        "name": "image",
        "shape": list(images.shape),
        "datatype": "FP32",
        "data": images.ravel().tolist(),
    }
    return {"inputs": [tensor | changes]}


def binary(images: Any) -> tuple[bytes, int]:
    """Return the body of a request with its numbers as bytes, and how long its JSON is."""
    parameters = {"binary_data_size": images.nbytes}
    tensor = {"name": "image", "shape": list(images.shape), "datatype": "FP32", "parameters": parameters}
    head = json.dumps({"inputs": [tensor]}).encode()
    return head + images.tobytes(), len(head)
