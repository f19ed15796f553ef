from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from click.testing import CliRunner

from mtl.core.base.errors import UsageError
from mtl.exports.serving.command import named_paths, serve

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


def test_models_are_named_after_their_file_or_run(tmp_path):
    run = tmp_path / "my run"
    run.mkdir()
    (run / "model.onnx").touch()
    (tmp_path / "bytes.onnx").touch()
    found = named_paths((str(run), str(tmp_path / "bytes.onnx"), f"b={run}/model.onnx"))
    assert found == {
        "my-run": run / "model.onnx",
        "bytes": tmp_path / "bytes.onnx",
        "b": run / "model.onnx",
    }


def test_a_path_with_an_equals_sign_is_a_path(tmp_path):
    file = tmp_path / "a=b.onnx"
    file.touch()
    assert named_paths((str(file),)) == {"a-b": file}


def test_two_models_of_one_name_are_refused(tmp_path):
    with pytest.raises(UsageError) as caught:
        named_paths(("a/model.onnx", "b/a.onnx"))
    assert caught.value.message == "two models would be called 'a': a/model.onnx and b/a.onnx"
    assert caught.value.hint == "give one another name: other=b/a.onnx"


def test_it_needs_neither_torch_nor_onnx_nor_pydantic(exported):
    with without({"torch", "onnx", "pydantic"}, "serve", exported.path, "--port", "0", "--json") as server:
        try:
            url = json.loads(server.stdout.readline())["url"]
            assert httpx.get(f"{url}/v2/health/ready").json() == {"ready": True}
        finally:
            server.kill()


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "httptools", "orjson"])
def test_a_missing_package_is_named_with_the_extra(exported, package):
    with without({package}, "serve", exported.path) as server:
        _, told = server.communicate(timeout=60)
    assert server.returncode == 5
    assert told == (
        f"error: mtl serve needs the package {package}\n  hint: pip install 'mtl-composer[serve]'\n"
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
