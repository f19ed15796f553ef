"""ONNX files in onnxruntime-web, in a headless Chromium: WebAssembly on one thread, as `web` has it."""

from __future__ import annotations

import base64
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl.core.base.errors import MissingRequirementError, VerificationError
from mtl.exports.web.runtime import VERSION, runtime_files

NAME = "onnxruntime-web"
PATIENCE = 120.0
FLAGS = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync")

PAGE = """<!doctype html><script type="module">
import * as ort from "./ort.wasm.bundle.min.js";
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = await (await fetch("./ort-wasm-simd-threaded.wasm")).arrayBuffer();
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
const text = (data) => {
  let found = "";
  const whole = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (const value of whole) found += String.fromCharCode(value);
  return btoa(found);
};
const arrays = { float32: Float32Array, uint8: Uint8Array, int64: BigInt64Array };
let session;
window.load = async (model) => { session = await ort.InferenceSession.create(new Uint8Array(bytes(model))); };
const fed = (inputs) => Object.fromEntries(inputs.map(([name, type, shape, data]) =>
  [name, new ort.Tensor(type, new arrays[type](bytes(data)), shape)]));
window.run = async (inputs) => Object.entries(await session.run(fed(inputs)))
  .map(([name, tensor]) => [name, tensor.dims, text(tensor.data)]);
window.times = async (inputs, count) => {
  const taken = [];
  const feed = fed(inputs);
  for (let turn = 0; turn < count; turn++) {
    const began = performance.now();
    await session.run(feed);
    taken.push(performance.now() - began);
  }
  return taken;
};
window.ready = true;
</script>"""

ASK = """
const done = arguments[arguments.length - 1];
const [name, ...given] = Array.from(arguments).slice(0, -1);
(async () => {
  while (!window.ready) await new Promise((go) => setTimeout(go, 20));
  return await window[name](...given);
})().then(
  (value) => done({ value: value ?? null }),
  (error) => done({ error: String(error?.message ?? error) }),
);
"""


class InBrowser:
    """An ONNX file that the browser has opened; what it cannot do is a `VerificationError`."""

    name = NAME
    version = VERSION

    def __init__(self, driver: Any, data: bytes) -> None:
        self._driver = driver
        self._ask("load", base64.b64encode(data).decode())

    def run(self, feed: Mapping[str, NDArray[Any]], case: str = "") -> dict[str, NDArray[Any]]:
        """Return the outputs by name."""
        found = self._ask("run", _sent(feed))
        return {
            name: np.frombuffer(base64.b64decode(data), dtype=np.float32).reshape(
                [int(side) for side in shape]
            )
            for name, shape, data in found
        }

    def times(self, feed: Mapping[str, NDArray[Any]], count: int) -> list[float]:
        """Return the seconds of each of `count` calls."""
        return [value / 1000 for value in self._ask("times", _sent(feed), count)]

    def _ask(self, *asked: Any) -> Any:
        told = self._driver.execute_async_script(ASK, *asked)
        if "error" in told:
            raise VerificationError(f"{NAME} cannot run the model: {told['error']}")
        return told["value"]


@contextmanager
def browser() -> Iterator[Any]:
    """Yield a headless Chromium with the page that runs models.

    Raises `MissingRequirementError` where there is none.
    """
    try:
        from selenium import webdriver
    except ImportError:
        raise MissingRequirementError(f"{NAME} needs the package selenium") from None
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        raise MissingRequirementError(f"{NAME} needs chromium and chromedriver")
    with ExitStack() as end:
        folder = Path(end.enter_context(tempfile.TemporaryDirectory()))
        for name, content in runtime_files().items():
            (folder / name.replace(".mjs", ".js")).write_bytes(content)
        (folder / "index.html").write_text(PAGE)
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        profile = end.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        for flag in (*FLAGS, f"user-data-dir={profile}"):
            options.add_argument(f"--{flag}")
        opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        end.callback(opened.quit)
        opened.set_script_timeout(PATIENCE)
        opened.get(end.enter_context(_served(folder)))
        yield opened


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    """A static file server that keeps its log to itself."""

    def log_message(self, *_: object) -> None:
        return


def _sent(feed: Mapping[str, NDArray[Any]]) -> list[list[Any]]:
    return [
        [name, str(value.dtype), list(value.shape), base64.b64encode(np.ascontiguousarray(value)).decode()]
        for name, value in feed.items()
    ]
