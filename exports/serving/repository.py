"""The protocol's extension `model_repository`: which models there are, and loading and unloading them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .bodies import Bodies, ClientGone
from .refusal import Refusal, as_json
from .shelf import Shelf

_AT = "/v2/repository"
_NOT_ASKED = "this server does not let clients load or unload models; start it with --control"
_STRANGER = "a page of another server may not load or unload models"


class Repository:
    """The paths of the extension; models are loaded and unloaded where `control` allows it.

    Names are those of the shelf, never paths, so a client chooses among the files that the server was given.
    """

    def __init__(self, shelf: Shelf, bodies: Bodies, control: bool) -> None:
        self._shelf = shelf
        self._bodies = bodies
        self._control = control

    def routes(self) -> list[Route]:
        return [
            Route(f"{_AT}/index", self._index, methods=["POST"]),
            Route(f"{_AT}/models/{{name}}/load", self._changing(self._shelf.load), methods=["POST"]),
            Route(f"{_AT}/models/{{name}}/unload", self._changing(self._shelf.unload), methods=["POST"]),
        ]

    async def _index(self, request: Request) -> Response:
        asked = (await self._document(request)).get("ready", False)
        if not isinstance(asked, bool):
            raise Refusal("ready must be true or false")
        rows = self._shelf.index()
        return as_json([row for row in rows if row["state"] == "READY"] if asked else rows)

    def _changing(self, change: Callable[[str], Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            document = await self._document(request)
            if not self._control:
                raise Refusal(_NOT_ASKED, 403)
            # A browser lets any page send such a request, and says whose it is.
            origin = request.headers.get("origin")
            if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
                raise Refusal(_STRANGER, 403)
            # Tritonclient sends one that says to leave dependent models alone; there are none.
            if set(document.get("parameters") or {}) - {"unload_dependents"}:
                raise Refusal("parameters are not offered: a model is loaded as its file is")
            await change(request.path_params["name"])
            return as_json({})

        return endpoint

    async def _document(self, request: Request) -> dict[str, Any]:
        with self._bodies.read(request.scope, request.receive) as body:
            try:
                content = await body.content()
            except ClientGone:
                raise Refusal("the body ended too soon") from None
        try:
            document = orjson.loads(content or b"{}")
        except orjson.JSONDecodeError as error:
            raise Refusal(f"the body is not JSON: {str(error)[:200]}") from None
        if not isinstance(document, dict) or not isinstance(document.get("parameters") or {}, dict):
            raise Refusal("the body must be a JSON object, with parameters as another one")
        return document
