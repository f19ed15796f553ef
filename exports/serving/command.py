"""`mtl serve`: exported models behind HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.base.cores import available_cores
from ...core.base.errors import CutShortError, MissingRequirementError, UsageError
from ...core.recipe.seed_list import refuse_several

if TYPE_CHECKING:
    from ...core.discovery.answer_forms import Forms
    from ...core.discovery.registry import HasRegistry
    from .pictures import Pictures
    from .served_model import ServedModel

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MEBIBYTE, _MILLION = 2**20, 10**6


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port; 0: any free one."
)
@click.option(
    "--batch", default=64, show_default=True, type=click.IntRange(1), help="Images computed at once, at most."
)
@click.option(
    "--window",
    metavar="MS",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1000),
    help="Milliseconds a batch waits for as many clients as the last one had; a lone client never waits.",
)
@click.option("--threads", type=click.IntRange(1), help="Cores that compute [default: all].")
@click.option(
    "--max-body",
    metavar="MIB",
    default=16,
    show_default=True,
    type=click.IntRange(1),
    help="Largest request.",
)
@click.option(
    "--max-pixels",
    metavar="MILLIONS",
    default=25,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Largest picture that is sent as a file.",
)
@click.option(
    "--connections",
    default=1000,
    show_default=True,
    type=click.IntRange(1),
    help="Open connections, at most.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Time for computing an answer, waiting for its turn included.",
)
@click.option(
    "--grace",
    metavar="SECONDS",
    default=25.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Time for open requests when the server is told to stop.",
)
@click.option(
    "--allow-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="Answer under this name too; may be repeated [default: the address, and localhost there].",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Answer only those who send the token in this file: Authorization: Bearer TOKEN.",
)
@click.option("--json", "as_json", is_flag=True, help="Tell address and models as JSON.")
@click.pass_obj
def serve(
    session: HasRegistry | None,
    /,
    models: tuple[str, ...],
    host: str,
    port: int,
    connections: int,
    grace: float,
    hosts: tuple[str, ...],
    token_file: Path | None,
    as_json: bool,
    **computing: Any,
) -> None:
    """Answer inference requests over HTTP.

    The paths and messages are those of the Open Inference Protocol, version 2 of KServe's. MODEL is an
    exported .onnx file or the folder of a run, with NAME= before it to give it a name. Ctrl-C or SIGTERM
    ends the server once open requests are answered; its exit status is 130 when some were not. torch is not
    needed.

    \b
    Examples:
      mtl serve runs/demo
      mtl serve digits=runs/demo/model.onnx --port 0 --batch 32
    """
    paths = named_paths(models)
    _require_packages()
    from ...core.discovery.answer_forms import forms_in_use
    from . import server
    from .application import application
    from .bodies import Bodies
    from .guard import Guard, hosts_of, read_token

    server.allow_connections(connections)
    token = read_token(token_file) if token_file else None
    largest, pixels = computing.pop("max_body") * _MEBIBYTE, computing.pop("max_pixels") * _MILLION
    with server.listen(host, port) as opened:
        served = _opened(paths, forms_in_use(session), **computing)
        pictures = _pictures(pixels, computing["threads"], computing["timeout"])
        started = partial(_announce, server.address_of(opened), list(served), as_json)
        try:
            answering = application(served, Bodies(largest, 16 * largest), pictures)
            app = Guard(answering, hosts_of(opened, host, hosts), token)
            unfinished = server.serve(app, opened, connections, grace, started)
        finally:
            _close(pictures, served)
    if unfinished:
        raise CutShortError(f"stopped; {unfinished} open requests were not finished within {grace:g} s")
    click.echo("stopped", err=True)


def _opened(
    paths: Mapping[str, Path],
    forms: Forms | None,
    *,
    batch: int,
    window: float,
    threads: int | None,
    timeout: float,
) -> dict[str, ServedModel]:
    """Return each model by its name, opened; `window` is in milliseconds."""
    from .served_model import ServedModel

    cores = threads or available_cores()
    return {
        name: ServedModel(
            name, path, forms=forms, threads=cores, batch=batch, window=window / 1000, limit=timeout
        )
        for name, path in paths.items()
    }


def _close(pictures: Pictures, served: Mapping[str, ServedModel]) -> None:
    pictures.close()
    for model in served.values():
        model.batcher.close()


def _pictures(pixels: int, threads: int | None, timeout: float) -> Pictures:
    from .pictures import Pictures

    return Pictures(threads or available_cores(), pixels, timeout)


def named_paths(arguments: tuple[str, ...]) -> dict[str, Path]:
    """Return each model's file by the name it is served under; raise `UsageError` when two share one."""
    found: dict[str, Path] = {}
    for argument in arguments:
        given, equals, rest = argument.partition("=")
        named = bool(equals) and _NAME.fullmatch(given) is not None and not Path(argument).exists()
        path = Path(rest if named else argument)
        if path.is_dir():
            refuse_several(path)
            path = path / "model.onnx"
        name = given if named else _name_of(path)
        if name in found:
            raise UsageError(
                f"two models would be called {name!r}: {found[name]} and {path}",
                hint=f"give one another name: other={path}",
            )
        found[name] = path
    return found


def _name_of(path: Path) -> str:
    """Return the name of a file, or of its folder when the file is just the model of a run."""
    stem = path.resolve().parent.name if path.stem == "model" else path.stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")
    return name or "model"


def _require_packages() -> None:
    try:
        import httptools  # noqa: F401
        import orjson  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingRequirementError(
            f"mtl serve needs the package {error.name}", hint="pip install 'mtl-composer[serve]'"
        ) from None


def _announce(address: str, names: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"url": address, "models": names}))
    else:
        for name in names:
            click.echo(f"{address}/v2/models/{name}")
    click.echo("answering; Ctrl-C stops", err=True)
