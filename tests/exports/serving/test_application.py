"""The application alone, without a socket."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from mtl.core.base.errors import VerificationError
from mtl.exports.serving.application import application
from mtl.exports.serving.bodies import Bodies
from mtl.exports.serving.pictures import Pictures
from mtl.exports.serving.served_model import ServedModel
from mtl.exports.serving.shelf import Shelf

GOOD = {
    "inputs": [
        {"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": [0.5] * 64},
        {"name": "number", "shape": [1], "datatype": "INT64", "data": [3]},
    ]
}


@pytest.fixture
def model(exported):
    opened = ServedModel("tiny", exported.path, threads=1, batch=4, window=0.0, limit=30)
    yield opened
    opened.batcher.close()


def ask(model, bodies, document):
    async def post():
        app = application(Shelf.of({"tiny": model}), bodies, Pictures(1, 10**6, 60.0))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/v2/models/tiny/infer", json=document)

    return asyncio.run(post())


def test_what_the_runtime_raises_is_an_internal_error_and_frees_the_bytes(model, monkeypatch):
    def fail(feed, requests, options):
        raise RuntimeError("secret path")

    bodies = Bodies(10**6, 10**6)
    monkeypatch.setattr(model.batcher, "_run", fail)
    answer = ask(model, bodies, GOOD)
    assert (answer.status_code, answer.json()) == (500, {"error": "internal error: RuntimeError"})
    assert bodies.held == 0


def test_an_answer_that_the_model_should_not_give_is_told_without_its_path(model, monkeypatch):
    def spoiled(feed, requests, options):
        raise VerificationError("/secret/model.onnx: task 'a' answers with numbers that are not finite")

    monkeypatch.setattr(model.batcher, "_run", spoiled)
    answer = ask(model, Bodies(10**6, 10**6), GOOD)
    assert answer.status_code == 500
    assert "not finite" in answer.json()["error"]
    assert "secret" not in answer.text


def test_a_model_that_does_not_answer_in_time_is_told(exported):
    def never(feed, requests, options):
        while not options.terminate:
            time.sleep(0.01)
        raise RuntimeError("told to stop")

    model = ServedModel("tiny", exported.path, threads=1, batch=4, window=0.0, limit=0.5)
    model.batcher._run = never
    answer = ask(model, Bodies(10**6, 10**6), GOOD)
    model.batcher.close()
    assert (answer.status_code, answer.json()) == (504, {"error": "the model did not answer within 0.5 s"})


def test_an_answer_that_is_not_finite_cannot_be_said_in_json(model, monkeypatch):
    run = model.batcher._run

    def spoil(feed, requests, options):
        return {name: values * float("inf") for name, values in run(feed, requests, options).items()}

    monkeypatch.setattr(model.batcher, "_run", spoil)
    answer = ask(model, Bodies(10**6, 10**6), GOOD)
    assert answer.status_code == 500
    assert answer.json()["error"].endswith("is not finite, which JSON cannot say; ask for binary data")
    binary = GOOD | {"parameters": {"binary_data_output": True}}
    assert ask(model, Bodies(10**6, 10**6), binary).status_code == 200
