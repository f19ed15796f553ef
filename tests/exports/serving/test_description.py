"""What the server says of itself: counters, an OpenAPI document that is true, a page that needs nothing."""

from __future__ import annotations

import asyncio
import re

import httpx
import jsonschema
import pytest

from mtl.exports.serving.application import application
from mtl.exports.serving.bodies import Bodies
from mtl.exports.serving.metrics import Metrics
from mtl.exports.serving.pictures import Pictures
from mtl.exports.serving.served_model import ServedModel
from mtl.exports.serving.shelf import Shelf


@pytest.fixture
def asked(exported):
    """Return the answers to (method, path, options), of a server with the tiny model."""
    metrics = Metrics()
    model = ServedModel(
        "tiny", exported.path, threads=1, batch=4, window=0.0, limit=30, observe=metrics.observer("tiny")
    )

    def ask(*requests):
        async def send():
            app = application(
                Shelf.of({"tiny": model}), Bodies(10**6, 10**6), Pictures(1, 10**6, 30.0), metrics=metrics
            )
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://test"
            ) as client:
                return [await client.request(method, path, **how) for method, path, how in requests]

        return asyncio.run(send())

    yield ask
    model.close()


def request_of(document, name="tiny"):
    return document["paths"][f"/v2/models/{name}/infer"]["post"]


def test_the_document_says_what_is_asked_and_answered(asked):
    (answer,) = asked(("GET", "/openapi.json", {}))
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    infer = request_of(document)
    body = infer["requestBody"]["content"]["application/json"]
    jsonschema.validate(body["example"], body["schema"])
    (answered, refused) = asked(
        ("POST", "/v2/models/tiny/infer", {"json": body["example"]}),
        ("POST", "/v2/models/tiny/infer", {"json": {}}),
    )
    assert (answered.status_code, refused.status_code) == (200, 400)
    for response, status in ((answered, "200"), (refused, "default")):
        schema = infer["responses"][status]["content"]["application/json"]["schema"]
        jsonschema.validate(response.json(), schema)


def test_every_path_of_the_document_is_there(asked):
    paths = asked(("GET", "/openapi.json", {}))[0].json()["paths"]
    assert {"/metrics", "/v2", "/v2/models/tiny", "/v2/models/tiny/infer"} <= set(paths)
    listed = [(method.upper(), path, {}) for path, methods in paths.items() for method in methods]
    for (method, path, _), answer in zip(listed, asked(*listed), strict=True):
        assert answer.status_code == (400 if path.endswith("/infer") else 200), (method, path)


def test_the_page_shows_the_model_and_loads_nothing(asked):
    (answer,) = asked(("GET", "/docs", {}))
    text = answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "/v2/models/tiny/infer" in text
    assert "image: FP32 [B, 1, 8, 8]" in text
    assert not re.search(r"<script|<link|<img|@import|url\(|src=", text)
    assert set(re.findall(r'href="([^"]*)"', text)) == {"/openapi.json"}


def test_requests_errors_times_and_batches_are_counted(asked):
    number = {"name": "number", "shape": [3], "datatype": "INT64", "data": [1, 2, 3]}
    image = {"name": "image", "shape": [3, 1, 8, 8], "datatype": "FP32", "data": [0.5] * 192}
    good = ("POST", "/v2/models/tiny/infer", {"json": {"inputs": [image, number]}})
    bad = ("POST", "/v2/models/tiny/infer", {"json": {}})
    stranger = ("POST", "/v2/models/made-up/infer", {"json": {}})
    told = asked(good, good, bad, stranger, ("GET", "/metrics", {}))[-1]
    assert told.headers["content-type"].startswith("text/plain; version=")
    lines = told.text.splitlines()
    for line in (
        'mtl_requests_total{model="tiny",status="200"} 2.0',
        'mtl_requests_total{model="tiny",status="400"} 1.0',
        'mtl_requests_total{model="",status="404"} 1.0',
        'mtl_request_seconds_count{model="tiny"} 3.0',
        'mtl_batch_images_count{model="tiny"} 2.0',
        'mtl_batch_images_sum{model="tiny"} 6.0',
        'mtl_batch_images_bucket{le="2.0",model="tiny"} 0.0',
        'mtl_queue_requests{model="tiny"} 0.0',
        'mtl_model_ready{model="tiny"} 1.0',
        "mtl_held_bytes 0.0",
    ):
        assert line in lines
    # Names that clients make up are not kept.
    assert "made-up" not in told.text
