"""Whatever is sent gets the right status and a message, and the server stays up."""

from __future__ import annotations

import json
import socket

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INFER = "/v2/models/tiny/infer"
POST = b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: localhost\r\n"
IMAGE = {"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": [0.5] * 64}
NUMBER = {"name": "number", "shape": [1], "datatype": "INT64", "data": [3]}
GOOD = {"inputs": [IMAGE, NUMBER]}

WRONG = {
    "no object": ([], "the body must be a JSON object"),
    "no inputs": ({}, "inputs must be a list of at least one JSON object"),
    "inputs no list": ({"inputs": {"image": 1}}, "inputs must be a list of at least one JSON object"),
    "unknown input": (
        {"inputs": [IMAGE | {"name": "picture"}]},
        "the model has no input 'picture'; it has image, number",
    ),
    "missing input": ({"inputs": [IMAGE]}, "the model needs the input 'number'"),
    "input twice": ({"inputs": [IMAGE, IMAGE]}, "input 'image' is given twice"),
    "datatype": (
        {"inputs": [IMAGE | {"datatype": "FP64"}, NUMBER]},
        "input 'image' has datatype 'FP64'; the model reads FP32",
    ),
    "shape": (
        {"inputs": [IMAGE | {"shape": [1, 8, 8]}, NUMBER]},
        "input 'image' has shape [1, 8, 8]; the model reads [B, 1, 8, 8]",
    ),
    "shape no list": (
        {"inputs": [IMAGE | {"shape": "1"}, NUMBER]},
        "input 'image': shape must be a list of whole numbers",
    ),
    "shape of truths": (
        {"inputs": [IMAGE | {"shape": [True, 1, 8, 8]}, NUMBER]},
        "input 'image': shape must be a list of whole numbers",
    ),
    "many dimensions": (
        {"inputs": [IMAGE | {"shape": [1] * 5000}, NUMBER]},
        "input 'image' has shape of 5000 dimensions; the model reads [B, 1, 8, 8]",
    ),
    "nothing": (
        {"inputs": [IMAGE | {"shape": [0, 1, 8, 8], "data": []}, NUMBER]},
        "input 'image' has a batch of 0; at least 1 is needed",
    ),
    "huge batch": (
        {"inputs": [IMAGE | {"shape": [10**15, 1, 8, 8]}, NUMBER]},
        f"input 'image' has 64 values; its shape [{10**15}, 1, 8, 8] needs {64 * 10**15}",
    ),
    "too few values": (
        {"inputs": [IMAGE | {"data": [0.5] * 63}, NUMBER]},
        "input 'image' has 63 values; its shape [1, 1, 8, 8] needs 64",
    ),
    "ragged": (
        {"inputs": [IMAGE | {"data": [[[[0.5] * 8] * 7 + [[0.5] * 7]]]}, NUMBER]},
        "input 'image': data is not nested as its shape [1, 1, 8, 8] says",
    ),
    "text": (
        {"inputs": [IMAGE | {"data": ["0.5"] * 64}, NUMBER]},
        "input 'image': data must hold numbers (FP32)",
    ),
    "nulls": (
        {"inputs": [IMAGE | {"data": [None] * 64}, NUMBER]},
        "input 'image': data must hold numbers (FP32)",
    ),
    "truths": (
        {"inputs": [IMAGE | {"data": [0.5] * 63 + [True]}, NUMBER]},
        "input 'image': data must hold numbers (FP32)",
    ),
    "a truth for a number": (
        {"inputs": [IMAGE, NUMBER | {"data": [True]}]},
        "input 'number': data must hold whole numbers (INT64)",
    ),
    "fraction": (
        {"inputs": [IMAGE, NUMBER | {"data": [0.5]}]},
        "input 'number': data must hold whole numbers (INT64)",
    ),
    "large number": (
        {"inputs": [IMAGE, NUMBER | {"data": [2**63]}]},
        "input 'number': data must hold whole numbers (INT64)",
    ),
    "number out of range": (
        {"inputs": [IMAGE, NUMBER | {"data": [5]}]},
        "input 'number' holds values that are not within 0..4",
    ),
    "pixels out of range": (
        {"inputs": [IMAGE | {"data": [255] * 64}, NUMBER]},
        "input 'image' holds values that are not within 0..1",
    ),
    "infinite": (
        {"inputs": [IMAGE | {"data": [1e300] * 64}, NUMBER]},
        "input 'image' holds values that are not within 0..1",
    ),
    "batches differ": (
        {"inputs": [IMAGE, NUMBER | {"shape": [2], "data": [1, 2]}]},
        "the batches of the inputs differ: {'image': 1, 'number': 2}",
    ),
    "no data": (
        {"inputs": [{key: IMAGE[key] for key in ("name", "shape", "datatype")}, NUMBER]},
        "input 'image' has neither data nor binary_data_size",
    ),
    "shared memory": (
        {"inputs": [IMAGE | {"parameters": {"shared_memory_region": "a"}}, NUMBER]},
        "input 'image': the extension of shared_memory_region is not offered",
    ),
    "unknown output": (
        GOOD | {"outputs": [{"name": "x" * 100}]},
        f"the model has no output '{'x' * 56}...; it has classify, shade, even-odd, count, de-noise",
    ),
    "output twice": (
        GOOD | {"outputs": [{"name": "count"}, {"name": "count"}]},
        "output 'count' is asked for twice",
    ),
    "classification": (
        GOOD | {"outputs": [{"name": "shade", "parameters": {"classification": 1}}]},
        "output 'shade': the extension classification is not offered",
    ),
    "id": (GOOD | {"id": 7}, "id must be a text of at most 256 characters"),
    "parameters": (GOOD | {"parameters": 1}, "the request: parameters must be a JSON object"),
}


@pytest.fixture(scope="module")
def client(served):
    with httpx.Client(base_url=served.url, timeout=30) as opened:
        yield opened


def refused(answer, status, message):
    assert (answer.status_code, answer.json()) == (status, {"error": message})


def test_a_good_request_is_answered(client):
    assert client.post(INFER, json=GOOD).status_code == 200


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_told(client, case):
    document, message = WRONG[case]
    refused(client.post(INFER, json=document), 400, message)
    assert client.post(INFER, json=GOOD).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"NaN", b'{"inputs": [NaN]}', b"[" * 100_000])
def test_what_is_no_json_is_told(client, body):
    answer = client.post(INFER, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(("the body is not JSON", "the body is empty"))


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v2/models/other/infer", 404, "there is no model 'other'; there is tiny"),
        ("GET", "/v2/models/other", 404, "there is no model 'other'; there is tiny"),
        ("GET", "/v2/models/tiny/versions/2", 404, "model 'tiny' has no version '2'; it has 1"),
        ("GET", "/v3", 404, "there is nothing at /v3"),
        ("GET", INFER, 405, "GET is not offered here"),
        ("POST", "/v2", 405, "POST is not offered here"),
    ],
)
def test_wrong_places_are_told(client, method, path, status, message):
    refused(client.request(method, path, json=GOOD if method == "POST" else None), status, message)


@pytest.mark.parametrize(
    "kind", ["image/gif", "IMAGE/SVG+XML", "multipart/form-data; boundary=x", "video/mp4"]
)
def test_other_types_are_told_what_can_be_read(client, kind):
    answer = client.post(INFER, content=b"\x89PNG\r\n", headers={"content-type": kind})
    shown = f"a body of type {kind.lower()!r} cannot be read"
    said = (
        "send a picture as image/png, image/jpeg or image/webp, or pixels as a tensor, in JSON or behind it"
    )
    refused(answer, 415, f"{shown}; {said}")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "text/plain", ""])
def test_types_that_clients_name_without_thinking_pass(client, kind):
    answer = client.post(INFER, content=json.dumps(GOOD), headers={"content-type": kind})
    assert answer.status_code == 200


def test_bytes_that_are_no_text_are_called_that(client):
    told = "the body is not JSON: it is no text (UTF-8) from byte 4 on"
    refused(client.post(INFER, content=b"abc\x89PNG"), 400, told)


def test_compressed_bodies_are_refused(client):
    headers = {"content-encoding": "gzip"}
    message = "content-encoding 'gzip' is not offered; send the body as it is"
    refused(client.post(INFER, content=b"1", headers=headers), 415, message)


def binary(document, tail, length=None):
    text = json.dumps(document).encode()
    headers = {"inference-header-content-length": str(len(text) if length is None else length)}
    return {"content": text + tail, "headers": headers}


def binary_image(size=256, **changes):
    image = {key: IMAGE[key] for key in ("name", "shape", "datatype")}
    return {"inputs": [image | {"parameters": {"binary_data_size": size}} | changes, NUMBER]}


OUTSIDE = "input 'image' holds values that are not within 0..1"
BINARY = {
    "NaN": (binary(binary_image(), np.full(64, np.nan, "<f4").tobytes()), OUTSIDE),
    "infinity": (binary(binary_image(), np.full(64, np.inf, "<f4").tobytes()), OUTSIDE),
    "too few": (
        binary(binary_image(255), bytes(255)),
        "input 'image' has 255 bytes of data; FP32 of shape [1, 1, 8, 8] needs 256",
    ),
    "cut off": (
        binary(binary_image(), bytes(10)),
        "input 'image': binary_data_size is no number of the 10 bytes that are left",
    ),
    "negative": (
        binary(binary_image(-1), bytes(256)),
        "input 'image': binary_data_size is no number of the 256 bytes that are left",
    ),
    "too many": (
        binary(binary_image(), bytes(300)),
        "44 bytes behind the JSON header belong to no input",
    ),
    "both": (
        binary(binary_image(data=[1]), bytes(256)),
        "input 'image' has both data and binary_data_size",
    ),
    "long header": (
        binary(GOOD, b"", 10**6),
        f"the JSON header of {10**6} bytes does not fit a body of {len(json.dumps(GOOD))} bytes",
    ),
    "negative header": (
        binary(GOOD, b"", -1),
        "Inference-Header-Content-Length must be a whole number",
    ),
}


@pytest.mark.parametrize("case", BINARY)
def test_wrong_bytes_are_told(client, case):
    request_, message = BINARY[case]
    refused(client.post(INFER, **request_), 400, message)


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(served):
    with socket.create_connection(("127.0.0.1", served.port), 10) as client:
        client.sendall(POST + b"Content-Length: %d\r\n\r\n" % 2**30)
        assert b"HTTP/1.1 413 " in client.recv(100)
    assert served.alive()


def test_a_chunked_body_that_becomes_too_much_is_refused(client, served):
    chunks = (bytes(2**16) for _ in range(2**10))
    refused(client.post(INFER, content=chunks), 413, f"the body is larger than {2**20} bytes")
    assert served.alive()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, b"431"),
        (POST + b"Content-Length: -5\r\n\r\n", b"400"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
def test_what_is_no_http_is_refused(served, sent, status):
    with socket.create_connection(("127.0.0.1", served.port), 10) as client:
        client.sendall(sent)
        assert client.recv(100).split(b" ")[1] == status
    assert served.alive()


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(served):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", served.port), 10) as client:
            client.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
    assert served.alive()


KEYS = st.sampled_from(["inputs", "name", "shape", "datatype", "data", "parameters", "outputs"])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from([*IMAGE, "parameters"]), JSON, max_size=3), rest=JSON)
def test_any_json_is_answered_or_refused(client, changes, rest):
    for document in (
        {"inputs": [IMAGE | changes, NUMBER]},
        GOOD | {"outputs": rest},
        GOOD | {"parameters": rest},
        rest,
    ):
        answer = client.post(INFER, json=document)
        assert answer.status_code in (200, 400), answer.text
        assert "error" in answer.json() or "outputs" in answer.json()
