"""The protocol's paths: what lives at each, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from math import prod
from time import perf_counter
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
from .description import description_routes
from .messages import Bytes, InferRequest, read_picture_request, read_request, write_answer
from .metrics import Metrics
from .pictures import TYPES, Pictures
from .place import Place
from .refusal import Refusal, as_json, send_refusal
from .repository import Repository
from .served_model import VERSION, ServedModel
from .shelf import Shelf

_MODELS, _INFER = "/v2/models/", "/infer"
_EXTENSIONS = ("binary_tensor_data", "model_repository")

_OTHER_TYPES = (b"image/", b"audio/", b"video/", b"font/", b"multipart/")
"""Types of bodies that cannot be read; those of forms pass, for curl names one whatever it sends."""

_BROKEN_ANSWER = "the model answered with numbers that are not finite, or in another form than it states"
_WORTH_NO_COPY = 65_536
"""Bytes of an answer from which its parts are sent apart: joining them would take longer."""


def application(
    shelf: Shelf,
    bodies: Bodies,
    pictures: Pictures,
    *,
    control: bool = False,
    metrics: Metrics | None = None,
) -> ASGIApp:
    """Return the application that answers for the models; with `control` clients load and unload them."""
    measured = metrics or Metrics()
    infer = _Infer(shelf, bodies, pictures, measured)
    more = [*Repository(shelf, bodies, control).routes(), *description_routes(shelf)]
    told = Route("/metrics", _endpoint(lambda _: measured.response(shelf, bodies)))
    everything = _routes(shelf, infer, [*more, told])

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        # Matching patterns and passing middleware would take longer than reading a small request.
        path = scope.get("path", "")
        if path.startswith(_MODELS) and path.endswith(_INFER) and scope.get("method") == "POST":
            name = path[len(_MODELS) : -len(_INFER)]
            if shelf.place(name) is not None:
                scope["path_params"] = {"name": name}
                await infer(scope, receive, send)
                return
        await everything(scope, receive, send)

    return answer


def _routes(shelf: Shelf, infer: ASGIApp, more: list[Route]) -> Starlette:
    def server(_: Request) -> Response:
        about = {"name": "mtl", "version": version("mtl-composer"), "extensions": list(_EXTENSIONS)}
        return as_json(about | {"models": shelf.names})

    def metadata(request: Request) -> Response:
        with _find(shelf, request.path_params).lent() as model:
            return as_json(model.metadata())

    def ready(request: Request) -> Response:
        place = _find(shelf, request.path_params)
        state = {"name": place.name, "ready": place.model is not None}
        return as_json(state, 200) if place.model else as_json(state | {"error": place.reason}, 503)

    def all_ready(_: Request) -> Response:
        return as_json({"ready": shelf.ready}, 200 if shelf.ready else 503)

    model = f"{_MODELS}{{name}}"
    routes = []
    for path in (model, f"{model}/versions/{{version}}"):
        routes += [
            Route(f"{path}{_INFER}", infer, methods=["POST"]),
            Route(path, _endpoint(metadata)),
            Route(f"{path}/ready", _endpoint(ready)),
        ]
    routes += [
        *more,
        Route("/v2", _endpoint(server)),
        Route("/v2/health/live", _endpoint(lambda _: as_json({"live": True}))),
        Route("/v2/health/ready", _endpoint(all_ready)),
    ]
    return Starlette(
        routes=routes, exception_handlers={HTTPException: _explained, Refusal: _refused, Exception: _broken}
    )


class _Infer:
    """The endpoint `infer`: an ASGI application of its own, for every millisecond counts here."""

    def __init__(self, shelf: Shelf, bodies: Bodies, pictures: Pictures, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shelf = shelf
        self._bodies = bodies
        self._pictures = pictures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = perf_counter()
        name = scope["path_params"]["name"]
        with self._bodies.read(scope, receive) as body:
            try:
                with _find(self._shelf, scope["path_params"]).lent() as model:
                    parts, json_length = await self._answer(scope, body, model)
            except ClientGone:
                return
            except Exception as error:
                refusal = _refusal_of(error)
                self._metrics.answered(self._known(name), refusal.status, perf_counter() - begun)
                await send_refusal(refusal, receive, send)
                if not isinstance(error, (Refusal, VerificationError)):
                    raise
                return
            await _send_answer(send, parts, json_length)
        self._metrics.answered(name, 200, perf_counter() - begun)

    def _known(self, name: str) -> str:
        """Return a name that may be kept: those that clients make up have no end."""
        return name if self._shelf.place(name) else ""

    async def _answer(self, scope: Scope, body: Body, model: ServedModel) -> tuple[list[Bytes], int | None]:
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


async def _send_answer(send: Send, parts: list[Bytes], json_length: int | None) -> None:
    size = sum(map(len, parts))
    kind = b"application/json" if json_length is None else b"application/octet-stream"
    headers = [(b"content-type", kind), (b"content-length", str(size).encode())]
    if json_length is not None:
        headers.append((b"inference-header-content-length", str(json_length).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if size < _WORTH_NO_COPY:
        parts = [b"".join(parts)]
    last = len(parts) - 1
    for index, part in enumerate(parts):
        await send({"type": "http.response.body", "body": part, "more_body": index < last})


def _refusal_of(error: Exception) -> Refusal:
    """Return what a client is told of an error."""
    if isinstance(error, Refusal):
        return error
    # The words of such an error name a file of the server's.
    return Refusal(_BROKEN_ANSWER if isinstance(error, VerificationError) else _internal(error), 500)


def _find(shelf: Shelf, path: Mapping[str, Any]) -> Place:
    name = path["name"]
    place = shelf.place(name)
    if place is None:
        raise Refusal(f"there is no model {name[:100]!r}; there is {', '.join(shelf.names)}", 404)
    if path.get("version", VERSION) != VERSION:
        raise Refusal(f"model {name!r} has no version {path['version'][:100]!r}; it has {VERSION}", 404)
    return place


def _whole(value: bytes | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or len(value) > 18:
        raise Refusal("Inference-Header-Content-Length must be a whole number")
    return int(value)


def _endpoint(answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    # In the loop: Starlette would give a plain function a thread.
    async def endpoint(request: Request) -> Response:
        return answer(request)

    return endpoint


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return as_json({"error": error.message}, error.status)


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
    return as_json({"error": _internal(error)}, 500)


def _internal(error: Exception) -> str:
    return f"internal error: {type(error).__name__}"


def _text(value: bytes) -> str:
    return repr(value[:60].decode("latin-1"))
