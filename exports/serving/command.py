"""`mtl serve`: exported models behind HTTP."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...core.base.errors import CutShortError, MissingRequirementError
from .sources import sources

if TYPE_CHECKING:
    from ...core.discovery.registry import HasRegistry


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
@click.option("--watch", is_flag=True, help="Look for changed files every second, as SIGHUP does once.")
@click.option("--control", is_flag=True, help="Let clients load and unload models.")
@click.option("--json", "as_json", is_flag=True, help="Tell address and models as JSON.")
@click.pass_obj
def serve(session: HasRegistry | None, /, models: tuple[str, ...], **options: Any) -> None:
    """Answer inference requests over HTTP.

    The paths and messages are those of the Open Inference Protocol, version 2 of KServe's. MODEL is an
    exported .onnx file or the folder of a run, with NAME= before it to give it a name, or a folder of such
    files and folders. SIGHUP has changed files read, while the old ones go on answering. Ctrl-C or SIGTERM
    ends the server once open requests are answered; its exit status is 130 when some were not. torch is not
    needed.

    \b
    Examples:
      mtl serve runs/demo
      mtl serve digits=runs/demo/model.onnx --port 0 --batch 32
    """
    find = partial(sources, models)
    find()
    _require_packages()
    from ...core.discovery.answer_forms import forms_in_use
    from .operation import Settings, operate

    settings = Settings(**options)
    unfinished = operate(find, forms_in_use(session), settings)
    if unfinished:
        told = f"stopped; {unfinished} open requests were not finished within {settings.grace:g} s"
        raise CutShortError(told)
    click.echo("stopped", err=True)


def _require_packages() -> None:
    try:
        import httptools  # noqa: F401
        import orjson  # noqa: F401
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingRequirementError(
            f"mtl serve needs the package {_package(error.name)}", hint="pip install 'mtl-composer[serve]'"
        ) from None


def _package(module: str | None) -> str:
    return (module or "").replace("_", "-")
