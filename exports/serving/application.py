"""The protocol's paths: what lives at each, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from math import prod
from typing import Any

import orjson
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...core.base.errors import VerificationError
from ..metadata import IMAGE
from .bodies import Bodies, Body, ClientGone, header
from .messages import Bytes, InferRequest, read_picture_request, read_request, write_answer
from .pictures import TYPES, Pictures
from .refusal import Refusal, send_refusal
from .served_model import VERSION, ServedModel

_OTHER_TYPES = (b"image/", b"audio/", b"video/", b"font/", b"multipart/")
"""Types of bodies that cannot be read; those of forms pass, for curl names one whatever it sends."""

_BROKEN_ANSWER = "the model answered with numbers that are not finite, or in another form than it states"
_WORTH_NO_COPY = 65_536
"""Bytes of an answer from which its parts are sent apart: joining them would take longer."""


def application(models: Mapping[str, ServedModel], bodies: Bodies, pictures: Pictures) -> ASGIApp:
    """Return the ASGI application that answers for the models."""
    infer = _Infer(models, bodies, pictures)
    everything = _routes(models, infer)
    hurried = {f"/v2/models/{name}/infer": {"name": name} for name in models}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        # Matching patterns and passing middleware would take longer than reading a small request.
        named = hurried.get(scope.get("path", "")) if scope.get("method") == "POST" else None
        if named is None:
            await everything(scope, receive, send)
        else:
            scope["path_params"] = named
            await infer(scope, receive, send)

    return answer


def _routes(models: Mapping[str, ServedModel], infer: ASGIApp) -> Starlette:
    server = {
        "name": "mtl",
        "version": version("mtl-composer"),
        "extensions": ["binary_tensor_data"],
        "models": list(models),
    }
    model = "/v2/models/{name}"
    paths = (model, f"{model}/versions/{{version}}")
    routes = [Route(f"{path}/infer", infer, methods=["POST"]) for path in paths]
    for path in paths:
        routes += [
            Route(path, _answering(lambda request: _find(models, request.path_params).metadata())),
            Route(f"{path}/ready", _answering(lambda request: _ready(_find(models, request.path_params)))),
        ]
    routes += [
        Route("/v2", _answering(lambda _: server)),
        Route("/v2/health/live", _answering(lambda _: {"live": True})),
        Route("/v2/health/ready", _answering(lambda _: {"ready": True})),
    ]
    return Starlette(
        routes=routes, exception_handlers={HTTPException: _explained, Refusal: _refused, Exception: _broken}
    )


class _Infer:
    """The endpoint `infer`: an ASGI application of its own, for every millisecond counts here."""

    def __init__(self, models: Mapping[str, ServedModel], bodies: Bodies, pictures: Pictures) -> None:
        self._models = models
        self._bodies = bodies
        self._pictures = pictures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._bodies.read(scope, receive) as body:
            try:
                parts, json_length = await self._answer(scope, body)
            except ClientGone:
                return
            except Refusal as refusal:
                await send_refusal(refusal, receive, send)
                return
            except VerificationError:
                # Its own words name a file of the server's.
                await send_refusal(Refusal(_BROKEN_ANSWER, 500), receive, send)
                return
            except Exception as error:
                await send_refusal(Refusal(_internal(error), 500), receive, send)
                raise
            size = sum(map(len, parts))
            headers = [
                (
                    b"content-type",
                    b"application/json" if json_length is None else b"application/octet-stream",
                ),
                (b"content-length", str(size).encode()),
            ]
            if json_length is not None:
                headers.append((b"inference-header-content-length", str(json_length).encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if size < _WORTH_NO_COPY:
                parts = [b"".join(parts)]
            last = len(parts) - 1
            for index, part in enumerate(parts):
                await send({"type": "http.response.body", "body": part, "more_body": index < last})

    async def _answer(self, scope: Scope, body: Body) -> tuple[list[Bytes], int | None]:
        model = _find(self._models, scope["path_params"])
        if (encoding := header(scope, b"content-encoding")) not in (None, b"identity"):
            raise Refusal(f"content-encoding {_text(encoding)} is not offered; send the body as it is", 415)
        kind = (header(scope, b"content-type") or b"").strip().lower()
        if kind.partition(b";")[0].rstrip() in TYPES:
            request = read_picture_request(await body.content(), model)
        elif kind.startswith(_OTHER_TYPES):
            raise Refusal(
                f"a body of type {_text(kind)} cannot be read; send a picture as image/png, image/jpeg or "
                "image/webp, or pixels as a tensor, in JSON or behind it",
                415,
            )
        else:
            length = _whole(header(scope, b"inference-header-content-length"))
            request = read_request(await body.content(), length, model)
        feed = await self._decoded(request, model, body) if request.pictures else request.feed
        return write_answer(request, await model.batcher.infer(feed), model)

    async def _decoded(
        self, request: InferRequest, model: ServedModel, body: Body
    ) -> Mapping[str, NDArray[Any]]:
        """Return the inputs of a request, its pictures among them, in the model's order."""
        # Many tiny files can become many large images: they count as if they had been sent as tensors.
        size = len(request.pictures) * prod(model.card.image.shape)
        body.hold(size * (1 if model.card.pixels == "uint8" else 4))
        pictures = await self._pictures.prepared(request.pictures, model.card.preparation)
        feed = {**request.feed, IMAGE: model.pixels(pictures)}
        return {name: feed[name] for name in model.inputs}


def _find(models: Mapping[str, ServedModel], path: Mapping[str, Any]) -> ServedModel:
    name = path["name"]
    if name not in models:
        raise Refusal(f"there is no model {name[:100]!r}; there is {', '.join(models)}", 404)
    if path.get("version", VERSION) != VERSION:
        raise Refusal(f"model {name!r} has no version {path['version'][:100]!r}; it has {VERSION}", 404)
    return models[name]


def _ready(model: ServedModel) -> dict[str, Any]:
    return {"name": model.name, "ready": True}


def _whole(value: bytes | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or len(value) > 18:
        raise Refusal("Inference-Header-Content-Length must be a whole number")
    return int(value)


def _answering(make: Callable[[Request], Mapping[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _json(make(request))

    return endpoint


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _json({"error": error.message}, error.status)


async def _explained(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {
        404: f"there is nothing at {request.url.path[:200]}",
        405: f"{request.method} is not offered here",
    }
    message = known.get(error.status_code, error.detail)
    return Response(
        orjson.dumps({"error": message}), error.status_code, dict(error.headers or {}), "application/json"
    )


async def _broken(_: Request, error: Exception) -> Response:
    return _json({"error": _internal(error)}, 500)


def _internal(error: Exception) -> str:
    return f"internal error: {type(error).__name__}"


def _json(value: Mapping[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _text(value: bytes) -> str:
    return repr(value[:60].decode("latin-1"))
