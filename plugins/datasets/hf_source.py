"""Data sets of Hugging Face's `datasets` on this machine: no network, and no code of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.base.errors import MissingRequirementError, UsageError
from ...core.base.files import reading

BUILDERS = ("parquet", "arrow", "imagefolder", "csv", "json")
"""Forms of files that are read, by the package's names for what reads them."""

_SAVED = ("dataset_dict.json", "state.json")
"""What is in a folder that `save_to_disk` wrote."""
_HINT = "a folder with Parquet, Arrow, CSV or JSON files, of pictures, or one that save_to_disk wrote"


@dataclass(frozen=True)
class FoundSplits:
    """The parts of a data set by their names, each a `datasets.Dataset`, and the files they are read from."""

    parts: Mapping[str, Any]

    @property
    def files(self) -> Sequence[Path]:
        """The Arrow files below the parts."""
        found = (Path(file["filename"]) for part in self.parts.values() for file in part.cache_files)
        return list(dict.fromkeys(found))

    def arrow(self, name: str) -> Any:
        """Return a part as a `pyarrow.Table`, with pictures as the files have them, not decoded."""
        return self.parts[name].with_format("arrow")[:]


def find_splits(place: Path, config: str) -> FoundSplits:
    """Return the data set in a folder or a file; `config` is the one of several that is meant.

    Raises `MissingRequirementError` without the package, `UsageError` for what it cannot read, or reads by
    other means than its own readers of Parquet, Arrow, CSV, JSON and folders of pictures.
    """
    with _offline(place) as datasets, reading(place, "a data set", hint=_HINT):
        if place.is_dir() and any((place / name).is_file() for name in _SAVED):
            return _named(datasets.load_from_disk(str(place), keep_in_memory=False), datasets)
        if place.is_dir():
            builder = datasets.load_dataset_builder(str(place), name=config or None)
        else:
            kind = {".parquet": "parquet", ".arrow": "arrow", ".csv": "csv"}.get(place.suffix, "json")
            builder = datasets.load_dataset_builder(kind, data_files=[str(place)])
        kind = type(builder).__module__.rpartition(".")[2]
        if not type(builder).__module__.startswith("datasets.packaged_modules.") or kind not in BUILDERS:
            shards = "tar shards are read as a table: leave --dataset out, --data FOLDER"
            hint = shards if kind == "webdataset" else f"what is read: {', '.join(BUILDERS)}"
            raise UsageError(f"{place}: is read by {kind!r}", hint=hint)
        builder.download_and_prepare()
        return _named(builder.as_dataset(), datasets)


def find_cached(name: str, config: str) -> FoundSplits:
    """Return the data set of this name that `datasets` has downloaded before; raise as `find_splits` does."""
    hint = f"download it once: python -c \"import datasets; datasets.load_dataset('{name}')\""
    with _offline(name) as datasets, reading(name, "a data set in the cache", hint=hint):
        from datasets.packaged_modules.cache.cache import Cache

        known = {"config_name": config} if config else {}
        builder = Cache(
            dataset_name=name.rpartition("/")[2], repo_id=name, version="auto", hash="auto", **known
        )
        return _named(builder.as_dataset(), datasets)


def _named(found: Any, datasets: Any) -> FoundSplits:
    parts = found if isinstance(found, Mapping) else {str(found.split or "all"): found}
    return FoundSplits({str(name): _undecoded(part, datasets) for name, part in parts.items()})


def _undecoded(part: Any, datasets: Any) -> Any:
    for name, feature in part.features.items():
        if isinstance(feature, datasets.Image):
            part = part.cast_column(name, datasets.Image(decode=False))
    return part


@contextmanager
def _offline(what: Path | str) -> Iterator[Any]:
    """Give the package, kept from the network and from writing to the terminal while it is used."""
    try:
        import datasets
        from huggingface_hub import constants
    except ImportError:
        raise MissingRequirementError(
            f"{what}: the package datasets, which reads it, is not installed",
            hint="pip install 'mtl-composer[hf]'",
        ) from None
    # From version 4 on it runs no code that a data set brings along.
    if int(datasets.__version__.partition(".")[0]) < 4:
        raise MissingRequirementError(
            f"{what}: datasets {datasets.__version__} may run code of a data set",
            hint="pip install 'datasets>=4'",
        )
    kept = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    loud, bars = datasets.logging.get_verbosity(), datasets.is_progress_bar_enabled()
    try:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
        datasets.logging.set_verbosity_error()
        datasets.disable_progress_bars()
        yield datasets
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = kept
        datasets.logging.set_verbosity(loud)
        if bars:
            datasets.enable_progress_bars()
