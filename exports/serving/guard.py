"""Who may ask: requests that name a host that is served here and, where one is needed, carry the token."""

from __future__ import annotations

import hmac
import re
import socket
from collections.abc import Collection
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from ...core.base.errors import UsageError
from ...core.base.files import open_regular
from .bodies import header
from .refusal import Refusal, send_refusal

ANY = "*"
"""As a host: all of them, for a server behind a proxy that looks at the name itself."""

OPEN_PATHS = ("/v2/health/live", "/v2/health/ready")
"""Answered without a token: those who watch a server have none, and it says nothing there."""

_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_LONGEST = 4096
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Hosts:
    """The names under which a server answers.

    A page in a browser may let its own name lead to this machine (DNS rebinding) and would then read what
    is served here; the browser sends that name as `Host`, so whoever asks for an unknown name is refused.
    Numbers cannot be led elsewhere: a server on all addresses of its machine (`anywhere`) answers under all.
    """

    def __init__(self, names: Collection[str], *, anywhere: bool = False) -> None:
        self._names = frozenset(map(name_of, names))
        self._anywhere = anywhere

    def allow(self, host: str) -> bool:
        """Return whether this `Host` is served here, whatever its port."""
        name = name_of(host)
        return name in self._names or ANY in self._names or (self._anywhere and _is_number(name))


def hosts_of(opened: socket.socket, host: str, more: Collection[str]) -> Hosts:
    """Return the hosts of a server that listens: its address, the names of this machine, and `more`."""
    bound = opened.getsockname()[0]
    address = ip_address(bound.partition("%")[0])
    names = {bound, host, *more}
    if address.is_loopback or address.is_unspecified:
        names.update(_LOOPBACK)
    if address.is_unspecified:
        names.add(socket.gethostname())
    return Hosts(names, anywhere=address.is_unspecified)


def name_of(host: str) -> str:
    """Return the name in a `Host`, without port, brackets and capitals.

    >>> [name_of(host) for host in ("LocalHost.:8000", "127.0.0.1:80", "[::1]:80", "::1", "[::1]")]
    ['localhost', '127.0.0.1', '::1', '::1', '::1']
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name = host if host.count(":") > 1 else host.partition(":")[0]
    return name.removesuffix(".").lower()


def read_token(path: Path) -> bytes:
    """Return the token in a file; raise `UsageError` when it cannot be read or holds something else."""
    hint = "write one line of letters and digits into it: openssl rand -hex 32 > FILE"
    with open_regular(path, "a token", hint=hint) as file:
        token = file.read(_LONGEST + 1).strip()
    if len(token) > _LONGEST or not _TOKEN.fullmatch(token):
        raise UsageError(f"{path} holds no token of letters, digits and ._~+/-", hint=hint)
    return token


class Guard:
    """An application that is asked only under a host that is served, and with the token if there is one."""

    def __init__(self, app: ASGIApp, hosts: Hosts, token: bytes | None = None) -> None:
        self._app = app
        self._hosts = hosts
        self._digest = None if token is None else sha256(token).digest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_host(scope)
            self._check_token(scope)
        except Refusal as refusal:
            await send_refusal(refusal, receive, send)
        else:
            await self._app(scope, receive, send)

    def _check_host(self, scope: Scope) -> None:
        host = header(scope, b"host")
        # No browser speaks HTTP/1.0; clients of 1.1 always name a host.
        if host is None or self._hosts.allow(text := host.decode("latin-1")):
            return
        remedy = f"start the server with --allow-host {name_of(text)[:100]}"
        raise Refusal(f"the host {text[:100]!r} is not served here; {remedy}", 421)

    def _check_token(self, scope: Scope) -> None:
        if self._digest is None or scope["path"] in OPEN_PATHS:
            return
        scheme, _, given = (header(scope, b"authorization") or b"").partition(b" ")
        if not given or scheme.lower() != b"bearer":
            raise _unauthorized("this server needs the header Authorization: Bearer TOKEN", b"")
        # Of equal length and unknown content, so that the time taken tells nothing about the token.
        if not hmac.compare_digest(sha256(given.strip()).digest(), self._digest):
            raise _unauthorized("the token is not that of this server", b', error="invalid_token"')


def _unauthorized(message: str, more: bytes) -> Refusal:
    return Refusal(message, 401, ((b"www-authenticate", b'Bearer realm="mtl"' + more),))


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
