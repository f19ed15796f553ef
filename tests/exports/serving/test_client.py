"""A client library of the protocol gets what the exported file answers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import IMAGE

client_library = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
TYPES = {"float32": "FP32", "uint8": "UINT8", "int64": "INT64"}


@pytest.fixture
def client(served):
    with client_library.InferenceServerClient(served.url.removeprefix("http://")) as opened:
        yield opened


def feed(exported, rows, start=0):
    samples = exported.subject.samples
    pixels = samples[IMAGE][start : start + rows].astype(np.float32) / np.float32(255)
    return {IMAGE: pixels, "number": samples["number"][start : start + rows].astype(np.int64)}


def inputs(values, binary):
    found = []
    for name, value in values.items():
        tensor = client_library.InferInput(name, list(value.shape), TYPES[str(value.dtype)])
        tensor.set_data_from_numpy(value, binary_data=binary)
        found.append(tensor)
    return found


def outputs(exported, binary):
    return [
        client_library.InferRequestedOutput(name, binary_data=binary) for name in exported.subject.targets
    ]


def test_health_and_metadata(client, exported):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "1")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "model_repository"]
    assert [row["name"] for row in client.get_model_repository_index()] == ["tiny"]
    metadata = client.get_model_metadata("tiny")
    assert metadata["inputs"] == [
        {
            "name": "image",
            "datatype": "FP32",
            "shape": [-1, 1, 8, 8],
            "description": "pixels in 0..1; normalisation is inside the model",
            "range": [0, 1],
        },
        {
            "name": "number",
            "datatype": "INT64",
            "shape": [-1],
            "description": "a number to add",
            "range": [0, 4],
        },
    ]
    assert [output["name"] for output in metadata["outputs"]] == list(exported.subject.targets)
    assert metadata["outputs"][0]["labels"] == ["cat", "dog", "owl"]
    assert metadata["outputs"][2] == {
        "name": "even-odd",
        "datatype": "FP32",
        "shape": [-1],
        "description": "probability of 'even'",
        "labels": ["even"],
    }
    assert metadata["outputs"][3]["units"] == "pieces"
    assert metadata["outputs"][4]["shape"] == [-1, 1, 8, 8]


@pytest.mark.parametrize("sent", [True, False], ids=["sent-binary", "sent-json"])
@pytest.mark.parametrize("answered", [True, False], ids=["answered-binary", "answered-json"])
def test_every_output_is_what_the_file_answers(client, exported, sent, answered):
    values = feed(exported, 3)
    expected = ExportedModel(exported.path).infer(values)
    result = client.infer("tiny", inputs(values, sent), outputs=outputs(exported, answered))
    for name, wanted in expected.items():
        np.testing.assert_allclose(result.as_numpy(name), wanted, rtol=1e-5, atol=1e-6)


def test_outputs_are_chosen_and_the_id_comes_back(client, exported):
    wanted = [client_library.InferRequestedOutput("count", binary_data=True)]
    result = client.infer("tiny", inputs(feed(exported, 2), True), outputs=wanted, request_id="seven")
    answer = result.get_response()
    assert [output["name"] for output in answer["outputs"]] == ["count"]
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("seven", "tiny", "1")


def test_a_request_larger_than_a_batch_is_computed_in_parts(client, exported):
    values = {name: np.concatenate([value] * 3) for name, value in feed(exported, 70).items()}
    result = client.infer("tiny", inputs(values, True))
    expected = ExportedModel(exported.path).infer(values)
    np.testing.assert_allclose(result.as_numpy("count"), expected["count"], rtol=1e-5, atol=1e-6)


def test_uint8_pixels_are_taken_by_a_model_that_reads_them(served_bytes, exported_bytes):
    samples = exported_bytes.subject.samples
    values = {IMAGE: samples[IMAGE][:2], "number": samples["number"][:2].astype(np.int64)}
    address = served_bytes.url.removeprefix("http://")
    with client_library.InferenceServerClient(address) as client:
        name = httpx.get(f"{served_bytes.url}/v2").json()["models"][0]
        for binary in (True, False):
            result = client.infer(name, inputs(values, binary))
            expected = ExportedModel(exported_bytes.path).infer(values)
            np.testing.assert_allclose(result.as_numpy("shade"), expected["shade"], rtol=1e-5, atol=1e-6)


def test_many_clients_each_get_their_own_answer(served, exported):
    """32 clients ask about different images at once; batches must not mix them up."""
    model = ExportedModel(exported.path)

    def ask(index):
        values = feed(exported, 1 + index % 3, start=index)
        document = {
            "inputs": [
                {
                    "name": name,
                    "shape": value.shape,
                    "datatype": TYPES[str(value.dtype)],
                    "data": value.tolist(),
                }
                for name, value in values.items()
            ],
            "outputs": [{"name": "count"}],
        }
        expected = model.infer(values)["count"]
        with httpx.Client(base_url=served.url) as client:
            for _ in range(5):
                answer = client.post("/v2/models/tiny/infer", json=document).raise_for_status().json()
                found = np.reshape(answer["outputs"][0]["data"], answer["outputs"][0]["shape"])
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        return True

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(32)))


def test_the_client_library_for_asyncio_works_too(served, exported):
    library = pytest.importorskip("tritonclient.http.aio")

    async def ask():
        async with library.InferenceServerClient(served.url.removeprefix("http://")) as client:
            result = await client.infer("tiny", inputs(feed(exported, 2), True))
            return result.as_numpy("even-odd").shape

    assert asyncio.run(ask()) == (2,)
