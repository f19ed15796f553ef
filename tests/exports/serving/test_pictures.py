"""Pictures come as files: as a body, or as the elements of a BYTES tensor, and are read as in training."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from dataclasses import replace
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from mtl.core.contracts import Preparation
from mtl.exports.images import picture_in
from mtl.exports.inference import ExportedModel
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.serving.application import application
from mtl.exports.serving.bodies import Bodies
from mtl.exports.serving.pictures import Pictures
from mtl.exports.serving.served_model import ServedModel
from mtl.exports.serving.shelf import Shelf

PLACE = "/v2/models/tiny/infer"
PIXELS = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)


def saved(pixels: np.ndarray, form: str, **options: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def exported_alone(exported, tmp_path_factory):
    """The file of a model that reads pictures alone, of any size: they are cropped."""
    path = tmp_path_factory.mktemp("alone") / "model.onnx"
    subject = exported.subject.only(["shade", "de-noise"])
    stated = Preparation(subject.image, "crop", "bicubic").to_json() | {"mean": [0.0], "std": [1.0]}
    metadata = {**subject.metadata, "preparation": stated}
    OnnxExporter().export(replace(subject, metadata=metadata), path)
    return path


@pytest.fixture
def model(exported):
    """The tiny model: pictures of 8 x 8, grey, and a number beside them."""
    opened = ServedModel("tiny", exported.path, threads=1, batch=4, window=0.0, limit=30)
    yield opened
    opened.batcher.close()


@pytest.fixture
def alone(exported_alone):
    opened = ServedModel("tiny", exported_alone, threads=1, batch=4, window=0.0, limit=30)
    yield opened
    opened.batcher.close()


def ask(model, content, largest=10**6, pixels=10**6, **headers):
    async def post():
        app = application(Shelf.of({"tiny": model}), Bodies(largest, largest), Pictures(1, pixels, 30.0))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.post(PLACE, content=content, headers=sent)

    return asyncio.run(post())


def tensor(pictures, **more):
    """Return the body of a request with pictures behind its JSON, and how long the JSON is."""
    data = b"".join(struct.pack("<I", len(one)) + one for one in pictures)
    image = {"name": "image", "datatype": "BYTES", "shape": [len(pictures)]}
    image["parameters"] = {"binary_data_size": len(data)}
    number = {"name": "number", "datatype": "INT64", "shape": [len(pictures)], "data": [3] * len(pictures)}
    head = json.dumps({"inputs": [image | more, number]}).encode()
    return head + data, len(head)


def answers(answer):
    assert answer.status_code == 200, answer.text
    return {item["name"]: np.float32(item["data"]) for item in answer.json()["outputs"]}


def expected(model, pixels, **numbers):
    return ExportedModel(model).run(pixels, **numbers)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_a_tensor_of_files_is_answered_as_their_pixels(model, exported, form):
    pictures = [saved(PIXELS, form, lossless=True), saved(255 - PIXELS, form, lossless=True)]
    body, head = tensor(pictures)
    found = answers(ask(model, body, inference_header_content_length=str(head)))
    pixels = np.stack([PIXELS, 255 - PIXELS])[:, None]
    for name, values in expected(exported.path, pixels, number=3).items():
        np.testing.assert_allclose(found[name], values.reshape(-1), atol=1e-6)


def test_files_may_stand_in_the_json_in_base64(model, exported):
    document = {
        "inputs": [
            {"name": "number", "datatype": "INT64", "shape": [1], "data": [3]},
            {
                "name": "image",
                "datatype": "BYTES",
                "shape": [1, 1],
                "data": [base64.b64encode(saved(PIXELS, "PNG")).decode()],
            },
        ]
    }
    found = answers(ask(model, json.dumps(document)))
    for name, values in expected(exported.path, PIXELS[None, None], number=3).items():
        np.testing.assert_allclose(found[name], values.reshape(-1), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "form"), [("image/png", "PNG"), ("IMAGE/JPEG; q=1", "JPEG"), ("image/webp", "WEBP")]
)
def test_a_body_that_is_a_picture_is_prepared_as_the_file_says(alone, exported_alone, kind, form):
    content = saved(np.random.default_rng(1).integers(0, 256, (30, 50, 3), dtype=np.uint8), form)
    found = answers(ask(alone, content, content_type=kind))
    opened = ExportedModel(exported_alone)
    pixels, size = picture_in(content, "a", opened.card.preparation)
    assert (pixels.shape, size) == ((1, 8, 8), (30, 50))
    for name, values in opened.run(pixels[None]).items():
        np.testing.assert_allclose(found[name], values.reshape(-1), atol=1e-6)


def test_metadata_say_how_files_are_prepared(alone):
    image = next(item for item in alone.metadata()["inputs"] if item["name"] == "image")
    assert image["preparation"]["resize"] == "crop"


def refused(answer, status, message):
    assert answer.status_code == status, answer.text
    assert message in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"", 400, "the body is empty; a picture is needed"),
        (b"no picture", 400, "picture 1 is none of PNG, JPEG, WEBP"),
        (saved(PIXELS, "PNG")[:60], 400, "picture 1 is"),
        (saved(PIXELS, "GIF"), 400, "picture 1 is none of PNG, JPEG, WEBP"),
        (saved(np.zeros((1, 3000), np.uint8), "PNG"), 413, "a picture of 3000 x 1 pixels is too large"),
    ],
)
def test_what_is_no_picture_or_a_huge_one_is_refused(alone, content, status, message):
    refused(ask(alone, content, pixels=2000, content_type="image/png"), status, message)


def test_another_size_is_refused_where_the_file_names_no_way(model):
    body, head = tensor([saved(np.zeros((9, 8), np.uint8), "PNG")])
    answer = ask(model, body, inference_header_content_length=str(head))
    refused(answer, 400, "picture 1 is 8 x 9 pixels; the model reads 8 x 8")


def test_many_tiny_files_count_as_the_tensors_they_become(alone):
    pictures = [saved(np.zeros((1, 1), np.uint8), "PNG")] * 20
    data = [base64.b64encode(one).decode() for one in pictures]
    document = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [20], "data": data}]}
    refused(ask(alone, json.dumps(document), largest=5000), 413, "the pictures become 5120 bytes; 5000 are")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [2]}, "its bytes end within picture 2 of 2"),
        ({"shape": []}, "pictures as BYTES have shape [B]"),
        ({"shape": [0]}, "pictures as BYTES have shape [B]"),
        ({"shape": [1, 8, 8]}, "pictures as BYTES have shape [B]"),
        ({"shape": "1"}, "pictures as BYTES have shape [B]"),
        ({"parameters": {"binary_data_size": 3}}, "its bytes end within picture 1 of 1"),
        ({"parameters": {}, "data": ["??"]}, "data must be pictures in base64"),
        ({"parameters": {}, "data": [3]}, "a list of 1 texts"),
        ({"parameters": {}, "data": []}, "a list of 1 texts"),
        ({"parameters": {}}, "has neither data nor binary_data_size"),
    ],
)
def test_what_is_no_tensor_of_files_is_refused(model, change, message):
    body, head = tensor([saved(PIXELS, "PNG")], **change)
    refused(ask(model, body, inference_header_content_length=str(head)), 400, message)


def test_a_lone_picture_is_refused_where_more_is_needed(model):
    answer = ask(model, saved(PIXELS, "PNG"), content_type="image/png")
    refused(answer, 400, "the model needs the input 'number' too")


@pytest.mark.parametrize(("form", "kind"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")])
def test_a_picture_without_its_type_gets_a_hint(alone, form, kind):
    # What curl says of any body it is given.
    answer = ask(alone, saved(PIXELS, form), Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert answer.json()["error"] == (
        f"the body is not JSON: it is a picture; say so with the header Content-Type: image/{kind} "
        f"(curl: -H 'Content-Type: image/{kind}')"
    )
