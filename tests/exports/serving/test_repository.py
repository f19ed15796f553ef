"""Which models there are, and loading and unloading them: the protocol's extension `model_repository`."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial

import httpx
import pytest

from mtl.exports.serving.application import application
from mtl.exports.serving.bodies import Bodies
from mtl.exports.serving.pictures import Pictures
from mtl.exports.serving.served_model import ServedModel
from mtl.exports.serving.shelf import Shelf
from mtl.exports.serving.sources import sources

BASE = "http://test"
AT = "/v2/repository"


@pytest.fixture
def shelf(exported, tmp_path):
    """A folder with a model and a file that is none."""
    shutil.copy(exported.path, tmp_path / "tiny.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"nonsense")
    opening = partial(ServedModel, threads=1, batch=4, window=0.0, limit=30)
    shelf = Shelf(lambda: sources((str(tmp_path),)), opening, lambda _: None)
    shelf.fill()
    yield shelf
    shelf.close()


def asked(shelf, *requests, control=True):
    """Return the answers to (method, path, options)."""

    async def ask():
        app = application(shelf, Bodies(10**6, 10**6), Pictures(1, 10**6, 30.0), control=control)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
            return [await client.request(method, path, **how) for method, path, how in requests]

    return asyncio.run(ask())


def test_models_are_listed_with_those_that_are_not_ready(shelf):
    (everything, ready) = asked(
        shelf, ("POST", f"{AT}/index", {}), ("POST", f"{AT}/index", {"json": {"ready": True}})
    )
    assert [(row["name"], row["state"]) for row in everything.json()] == [
        ("broken", "UNAVAILABLE"),
        ("tiny", "READY"),
    ]
    assert [row["name"] for row in ready.json()] == ["tiny"]


def test_a_model_that_is_not_ready_says_so_everywhere(shelf):
    answers = asked(
        shelf,
        ("GET", "/v2/models/broken/ready", {}),
        ("GET", "/v2/models/broken", {}),
        ("POST", "/v2/models/broken/infer", {"json": {}}),
    )
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert answers[0].json()["ready"] is False
    ready = asked(shelf, ("GET", "/v2/health/ready", {}), ("GET", "/v2/models/tiny/ready", {}))
    assert [answer.json()["ready"] for answer in ready] == [True, True]


def test_a_client_unloads_and_loads(shelf):
    answers = asked(
        shelf,
        ("POST", f"{AT}/models/tiny/unload", {"json": {"parameters": {"unload_dependents": False}}}),
        ("GET", "/v2/health/ready", {}),
        ("POST", f"{AT}/models/tiny/load", {}),
        ("GET", "/v2/models/tiny/ready", {}),
        ("POST", f"{AT}/models/broken/load", {}),
        ("POST", f"{AT}/models/nothing/load", {}),
    )
    assert [answer.status_code for answer in answers] == [200, 503, 200, 200, 400, 404]


@pytest.mark.parametrize(
    ("how", "control", "status", "told"),
    [
        ({}, False, 403, "--control"),
        ({"headers": {"Origin": "http://elsewhere"}}, True, 403, "a page of another server"),
        ({"json": {"parameters": {"config": "{}"}}}, True, 400, "parameters are not offered"),
        ({"content": b"{"}, True, 400, "not JSON"),
        ({"json": []}, True, 400, "must be a JSON object"),
        ({"json": {"parameters": 3}}, True, 400, "must be a JSON object"),
        ({"headers": {"Origin": BASE}}, True, 200, ""),
    ],
)
def test_who_may_load_and_how(shelf, how, control, status, told):
    (answer,) = asked(shelf, ("POST", f"{AT}/models/tiny/load", how), control=control)
    assert answer.status_code == status
    assert told in answer.text
