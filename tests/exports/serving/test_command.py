from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import termios
import threading

import httpx
import pytest
from click.testing import CliRunner

from mtl.core.base.errors import UsageError
from mtl.exports.serving.command import serve

WITHOUT = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ImportError(f"{{name}} is blocked", name=name)
sys.meta_path.insert(0, Blocker())
from mtl.core.cli.main import main
main({arguments})
"""

POST = b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\n"


def without(blocked, *arguments):
    script = WITHOUT.format(blocked=blocked, arguments=[str(item) for item in arguments])
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_needs_neither_torch_nor_onnx_nor_pydantic(exported):
    with without({"torch", "onnx", "pydantic"}, "serve", exported.path, "--port", "0", "--json") as server:
        try:
            url = json.loads(server.stdout.readline())["url"]
            assert httpx.get(f"{url}/v2/health/ready").json() == {"ready": True}
        finally:
            server.kill()


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "httptools", "orjson", "prometheus_client"])
def test_a_missing_package_is_named_with_the_extra(exported, package):
    with without({package}, "serve", exported.path) as server:
        _, told = server.communicate(timeout=60)
    assert server.returncode == 5
    assert told == (
        f"error: mtl serve needs the package {package.replace('_', '-')}\n"
        "  hint: pip install 'mtl-composer[serve]'\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing.onnx", "--port", "0"), "nothing.onnx: cannot be read as a model: No such file"),
        (("{model}", "--host", "192.0.2.1"), "cannot listen on 192.0.2.1 port 8000: "),
        (("{model}", "--port", "{taken}"), "cannot listen on 127.0.0.1 port {taken}: Address already in use"),
    ],
)
def test_what_cannot_be_served_is_told(exported, arguments, told):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"model": exported.path, "taken": taken.getsockname()[1]}
        given = [argument.format(**names) for argument in arguments]
        result = CliRunner().invoke(serve, given, standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert result.exception.message.startswith(told.format(**names))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_finish_and_ends_with_success(fresh, number):
    with socket.create_connection(("127.0.0.1", fresh.port), 10) as client:
        body = json.dumps(
            {
                "inputs": [
                    {"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": [0] * 64},
                    {"name": "number", "shape": [1], "datatype": "INT64", "data": [1]},
                ]
            }
        ).encode()
        client.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        assert fresh.alive()
        fresh.process.send_signal(number)
        # Sent while the server is being stopped: what it has begun to read is answered.
        threading.Timer(0.3, lambda: client.sendall(body[-1:])).start()
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert fresh.process.wait(20) == 0
    assert fresh.process.stderr.read() == "answering; Ctrl-C stops\nstopped\n"


def test_a_hangup_has_new_files_read_and_tells_what_was_refused(exported, exported_bytes, running, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.onnx").write_bytes(exported.path.read_bytes())
    with running(tmp_path) as server:
        (tmp_path / "a.onnx").write_bytes(exported_bytes.path.read_bytes())
        (tmp_path / "b.onnx").write_bytes(b"half a file")
        (tmp_path / "c.onnx").write_bytes(exported_bytes.path.read_bytes())
        server.process.send_signal(signal.SIGHUP)
        told = [server.process.stderr.readline() for _ in range(6)]
        assert httpx.post(f"{server.url}/v2/repository/index").json()[2]["state"] == "READY"
    assert told[0] == "answering; Ctrl-C stops\n"
    assert told[1].startswith("not reloaded: a, the file before goes on answering: its input 'image' has")
    assert told[2] == "  hint: start the server again to serve it\n"
    assert told[3].startswith("not reloaded: b, the file before goes on answering: ")
    assert told[5] == f"served: c: {tmp_path}/c.onnx\n"


def test_a_closed_terminal_ends_the_server(exported):
    held, terminal = os.openpty()
    command = [sys.executable, "-m", "mtl", "serve", str(exported.path), "--port", "0", "--json"]
    pipes = {"stdin": terminal, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, start_new_session=True, preexec_fn=_take_terminal) as server:
        try:
            assert json.loads(server.stdout.readline())["models"]
            os.close(terminal)
            os.close(held)
            assert server.wait(20) == 0
        finally:
            server.kill()


def _take_terminal() -> None:
    # Tests that nohup started would hand down that it is ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_several_models_are_served_side_by_side(exported, exported_bytes):
    arguments = ("serve", f"a={exported.path}", f"b={exported_bytes.path}", "--port", "0", "--json")
    with subprocess.Popen(
        [sys.executable, "-m", "mtl", *arguments], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            told = json.loads(server.stdout.readline())
            assert told["models"] == ["a", "b"]
            types = [
                httpx.get(f"{told['url']}/v2/models/{name}").json()["inputs"][0]["datatype"]
                for name in ("a", "b")
            ]
            assert types == ["FP32", "UINT8"]
        finally:
            server.kill()


def test_the_examples_of_the_help_run(exported, tmp_path):
    run = tmp_path / "runs" / "demo"
    run.mkdir(parents=True)
    (run / "model.onnx").write_bytes(exported.path.read_bytes())
    text = CliRunner().invoke(serve, ["--help"]).output
    examples = [line.strip() for line in text.split("Examples:")[1].splitlines() if "mtl serve" in line]
    assert len(examples) == 2
    for example in examples:
        arguments = [*shlex.split(example)[1:], "--port", "0"]
        with subprocess.Popen(
            [sys.executable, "-m", "mtl", *arguments], stdout=subprocess.PIPE, text=True, cwd=tmp_path
        ) as server:
            try:
                url = server.stdout.readline().strip()
                assert httpx.get(f"{url}/ready").json()["ready"] is True
            finally:
                server.kill()
