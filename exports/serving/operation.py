"""A server from its settings: the models opened, everything around them put together, and run to its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from ...core.base.cores import available_cores
from ...core.discovery.answer_forms import Forms
from . import server
from .application import application
from .bodies import Bodies
from .guard import Guard, hosts_of, read_token
from .metrics import Metrics
from .pictures import Pictures
from .served_model import ServedModel
from .shelf import Shelf
from .sources import Source

_MEBIBYTE, _MILLION, _MILLISECOND = 2**20, 10**6, 1e-3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the options of `mtl serve` say, in their units.

    Seconds; `window` in milliseconds, `max_body` in MiB, `max_pixels` in millions.
    """

    host: str
    port: int
    hosts: tuple[str, ...]
    token_file: Path | None
    connections: int
    grace: float
    timeout: float
    batch: int
    window: float
    threads: int | None
    max_body: int
    max_pixels: int
    watch: bool
    control: bool
    as_json: bool

    @property
    def cores(self) -> int:
        """How many cores compute."""
        return self.threads or available_cores()


def operate(find: Callable[[], Mapping[str, Source]], forms: Forms | None, settings: Settings) -> int:
    """Serve what `find` finds until a signal ends it; return how many requests were not finished.

    Raises `UsageError` and its kin for what cannot be served as it is asked for.
    """
    server.allow_connections(settings.connections)
    token = read_token(settings.token_file) if settings.token_file else None
    largest = settings.max_body * _MEBIBYTE
    with server.listen(settings.host, settings.port) as opened:
        metrics = Metrics()
        shelf = Shelf(find, _opening(forms, settings, metrics), _tell)
        shelf.fill()
        pictures = Pictures(settings.cores, settings.max_pixels * _MILLION, settings.timeout)
        started = partial(_begin, shelf, settings, server.address_of(opened))
        try:
            bodies = Bodies(largest, 16 * largest)
            answering = application(shelf, bodies, pictures, control=settings.control, metrics=metrics)
            app = Guard(answering, hosts_of(opened, settings.host, settings.hosts), token)
            return server.serve(app, opened, settings.connections, settings.grace, started)
        finally:
            pictures.close()
            shelf.close()


def _opening(forms: Forms | None, settings: Settings, metrics: Metrics) -> Callable[[str, Path], ServedModel]:
    def opened(name: str, path: Path) -> ServedModel:
        return ServedModel(
            name,
            path,
            forms=forms,
            threads=settings.cores,
            batch=settings.batch,
            window=settings.window * _MILLISECOND,
            limit=settings.timeout,
            observe=metrics.observer(name),
        )

    return opened


def _begin(shelf: Shelf, settings: Settings, address: str) -> Callable[[], None]:
    """Tell where the models answer, and return what has their files looked at again."""
    ready = [row["name"] for row in shelf.index() if row["state"] == "READY"]
    if settings.as_json:
        click.echo(json.dumps({"url": address, "models": ready}))
    else:
        for name in ready:
            click.echo(f"{address}/v2/models/{name}")
    _tell("answering; Ctrl-C stops")
    return shelf.begin(settings.watch)


def _tell(text: str) -> None:
    # Whoever started the server may have gone, and the terminal with them.
    with suppress(OSError):
        click.echo(text, err=True)
