"""Where timm's own weights lie: the cache of Hugging Face's hub, torch's, or the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ...core.base.errors import MissingRequirementError, UsageError, described
from .torch_cache import cached, fetched

_PATIENCE = 10
"""Seconds after which a server counts as one that cannot be reached."""

FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of files of weights on the hub, the preferred one first."""


def source_of(settings: Any) -> str:
    """Return where a model's weights come from: an address, "" where timm has none.

    `settings` are timm's `PretrainedCfg`.
    """
    if settings.hf_hub_id:
        return f"https://huggingface.co/{settings.hf_hub_id}"
    return str(settings.url or "")


def pretrained_file(model: str, settings: Any) -> Path:
    """Return the file of a model's weights, downloaded where it is not in a cache.

    Raises `UsageError` for a model without weights, or with weights in a form of their own;
    `MissingRequirementError` when they are neither here nor to be had.
    """
    source = source_of(settings)
    if not source or settings.custom_load:
        base = model.partition(".")[0]
        reason = "has none" if not source else "keeps them in a form of their own, which is not read"
        raise UsageError(
            f"weights: pretrained: timm {reason} for {model!r}",
            hint=f"mtl list encoder 'timm:{base}*' shows which have some; or weights: none",
        )
    found = _cached_from_hub(settings) if settings.hf_hub_id else None
    if found is None and settings.url:
        found = cached(settings.url)
    if found is not None:
        return found
    with obtaining(f"timm {model!r}", source):
        return _from_hub(settings) if settings.hf_hub_id else fetched(settings.url)


@contextmanager
def obtaining(whose: str, source: str) -> Iterator[None]:
    """Turn whatever hinders a download into `MissingRequirementError` that says how to get the weights."""
    try:
        yield
    except Exception as error:
        raise MissingRequirementError(
            f"the weights of {whose} are not on this machine, and {source} cannot be reached "
            f"({described(error)})",
            hint="download them elsewhere and name the file, weights: FILE; or start from nothing: none",
        ) from error


def _cached_from_hub(settings: Any) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    repository, _, revision = settings.hf_hub_id.partition("@")
    for name in _files(settings):
        found = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(found, str):
            return Path(found)
    return None


def _from_hub(settings: Any) -> Path:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    _reach(constants.ENDPOINT)
    repository, _, revision = settings.hf_hub_id.partition("@")
    *others, last = _files(settings)
    for name in others:
        try:
            return Path(hf_hub_download(repository, name, revision=revision or None))
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repository, last, revision=revision or None))


def _reach(address: str) -> None:
    """Raise at once where a server cannot be reached: the hub's own client tries for minutes, and tells."""
    try:
        urlopen(Request(address, method="HEAD"), timeout=_PATIENCE).close()
    except HTTPError:
        return  # it answers, which is all that is asked


def _files(settings: Any) -> tuple[str, ...]:
    return (settings.hf_hub_filename,) if settings.hf_hub_filename else FILES
