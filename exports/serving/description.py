"""What the server says of itself: an OpenAPI document, and a page for people made of the same."""

from __future__ import annotations

from importlib.metadata import version
from math import prod
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...core.base.shapes import BATCH, shown_shape
from .description_page import page
from .pictures import TYPES
from .refusal import as_json
from .served_model import ServedModel
from .shelf import Shelf
from .tensors import TensorForm

_SHOWN = 4096
"""Numbers of an example, at most: larger tensors are better sent as bytes."""

_ABOUT = (
    "Exported models behind the Open Inference Protocol, version 2. Tensors are JSON numbers, flat or nested,"
    " or raw bytes behind the JSON (binary_tensor_data); pictures may be sent as files."
)
_SERVER = {
    "/v2": ("get", "The server and its models"),
    "/v2/health/live": ("get", "Whether the server runs"),
    "/v2/health/ready": ("get", "Whether any model answers"),
    "/v2/repository/index": ("post", "Every model, ready or not"),
    "/metrics": ("get", "Counters in Prometheus's text format"),
}
_REFUSED = {"description": "Refused, with the reason", "content": {"application/json": {"schema": {
    "type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}}}}  # fmt: skip
_TYPES: dict[str, dict[str, Any]] = {"FP32": {"type": ["number", "null"]}, "INT64": {"type": "integer"}}


def description_routes(shelf: Shelf) -> list[Route]:
    """Return the routes of the document and the page."""

    async def document(_: Request) -> Response:
        return as_json(openapi(shelf))

    async def people(_: Request) -> Response:
        return page(openapi(shelf))

    return [Route("/openapi.json", document), Route("/docs", people)]


def openapi(shelf: Shelf) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of what is served now."""
    paths: dict[str, Any] = {
        path: {method: {"summary": says, "tags": ["server"], "responses": {"200": {"description": says}}}}
        for path, (method, says) in _SERVER.items()
    }
    for place in shelf.places():
        at = f"/v2/models/{place.name}"
        tags = [place.name]
        told = {"200": {"description": "It answers"}, "503": {"description": "It does not"}}
        paths[f"{at}/ready"] = {
            "get": {"summary": "Whether the model answers", "tags": tags, "responses": told}
        }
        if place.model is not None:
            said = {"200": {"description": "Names, types, shapes, ranges, labels and units"}}
            paths[at] = {"get": {"summary": "Inputs and outputs", "tags": tags, "responses": said}}
            paths[f"{at}/infer"] = {"post": _infer(place.model) | {"tags": tags}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "mtl serve", "version": version("mtl-composer"), "description": _ABOUT},
        "paths": paths,
    }


def _infer(model: ServedModel) -> dict[str, Any]:
    asked: dict[str, Any] = {"schema": _request(model)}
    if sum(prod(form.shape) for form in model.inputs.values()) <= _SHOWN:
        asked["example"] = {"inputs": [_example(form) for form in model.inputs.values()]}
    bodies = {"application/json": asked}
    if model.pictured and len(model.inputs) == 1:
        bodies |= {kind.decode(): {"schema": {}} for kind in TYPES if kind != b"image/jpg"}
    answer = {"description": "The answers", "content": {"application/json": {"schema": _answer(model)}}}
    return {
        "summary": "Answer a batch of samples",
        "requestBody": {"required": True, "content": bodies},
        "responses": {"200": answer, "default": _REFUSED},
    }


def _request(model: ServedModel) -> dict[str, Any]:
    tensors = [_tensor(form) for form in model.inputs.values()]
    named = {"type": "object", "required": ["name"], "properties": {"name": {"enum": list(model.outputs)}}}
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "minItems": len(tensors), "items": {"anyOf": tensors}},
            "outputs": {"type": "array", "items": named, "description": "Those wanted; none: all"},
        },
    }


def _answer(model: ServedModel) -> dict[str, Any]:
    tensors = [_tensor(form, **model.meaning(name)) for name, form in model.outputs.items()]
    return {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"const": model.name},
            "model_version": {"type": "string"},
            "outputs": {"type": "array", "items": {"anyOf": tensors}},
        },
    }


def _tensor(form: TensorForm, **meaning: Any) -> dict[str, Any]:
    number: dict[str, Any] = dict(_TYPES.get(form.datatype, {"type": "integer"}))
    if form.bounds is not None:
        number |= {"minimum": form.bounds[0], "maximum": form.bounds[1]}
    said = "".join(f"; {name}: {_listed(value)}" for name, value in meaning.items())
    # Data that is nested, or objects by column, are described by the shape and the model's metadata.
    data = {"type": "array", "items": number if not form.shape and form.vector is None else {}}
    return {
        "type": "object",
        "description": f"{form.name}: {form.datatype} {shown_shape([BATCH, *form.shape])}{said}",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"const": form.name},
            "shape": {"type": "array", "items": {"type": "integer"}, "minItems": 1 + len(form.shape)},
            "datatype": {"enum": [form.datatype, "BYTES"] if form.name == "image" else [form.datatype]},
            "data": data,
        },
    }


def _example(form: TensorForm) -> dict[str, Any]:
    return {
        "name": form.name,
        "shape": [1, *form.shape],
        "datatype": form.datatype,
        "data": [0] * prod(form.shape),
    }


def _listed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
