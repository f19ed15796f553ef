"""Runs on the Hugging Face hub: what of a run goes there, and what is taken from there."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from ..base.errors import MissingRequirementError, MtlError, UsageError, described
from ..base.files import make_folder, read_json, write_text
from ..recipe.recipe_source import write_yaml
from ..recipe.several_runs import to_export
from .card import FILE as CARD
from .run import Run

_WANTED = ("recipe.yaml", "environment.json", "metrics.json")
"""Without these a repository holds no run."""

_TAKEN = (
    *_WANTED,
    *(CARD, "history.csv", "verify.json", "report.html", "sharing.json", "start.json", "extension.json"),
    *(
        "*.onnx",
        "*.onnx.data",
        "*.fine-tuned.safetensors",
        "*.pt2",
        "checkpoint/*.json",
        "checkpoint/best-*.safetensors",
    ),
)
"""What goes to the hub and is taken from there: no plugin's code, nothing that runs when it is opened."""

_NAME = re.compile(r"([\w.-]{1,96}/)?[\w.-]{1,96}")


@dataclass(frozen=True)
class Parcel:
    """What a run gives to the hub: files by their name there; `changed` are written for it."""

    files: dict[str, Path]
    changed: dict[str, str]

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each file by name."""
        kept = {name: path.stat().st_size for name, path in self.files.items()}
        return dict(
            sorted((kept | {name: len(text.encode()) for name, text in self.changed.items()}).items())
        )


def parcel(run: Run) -> Parcel:
    """Return what of a finished run goes to the hub: no paths of this machine, no command, no trackers.

    Raises `UsageError` for a run without an exported file or a card.
    """
    exported = run.path / run.composition.exporter.file_name
    if not exported.is_file():
        raise UsageError(f"{run.path} has no exported file", hint=to_export(run.path))
    if not (run.path / CARD).is_file():
        raise UsageError(f"{run.path} has no card", hint=f"mtl card {run.path}, and fill it in")
    found = {
        path.relative_to(run.path).as_posix(): path
        for path in sorted(run.path.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    # As it was trained, from before there were options that came later.
    trained = (run.folder.checkpoints.state() or {}).get("recipe") or run.composition.recipe.portable()
    environment = {**run.folder.read_environment(), "command": []}
    changed = {
        "recipe.yaml": write_yaml(trained),
        "environment.json": json.dumps(environment, indent=2) + "\n",
    }
    kept = {name: path for name, path in found.items() if _is_taken(name) and name not in changed}
    return Parcel(kept, changed)


def push(run: Run, repository: str, *, private: bool = True) -> str:
    """Send a run to a repository of the hub, which is made where there is none; return its address.

    Raises `UsageError` for a name that is none, a repository that is not ours to write, or holds something
    else, and `MissingRequirementError` without the package, the network or somebody who is logged in.
    """
    found = parcel(run)
    api = _client(repository)
    with _asking(repository), tempfile.TemporaryDirectory(prefix="mtl-push-") as temporary:
        if api.repo_exists(repository):
            _refuse_another(repository, set(api.list_repo_files(repository)))
        address = api.create_repo(repository, private=private, exist_ok=True)
        folder = Path(temporary)
        for name, path in found.files.items():
            make_folder((folder / name).parent)
            (folder / name).symlink_to(path.absolute())
        for name, text in found.changed.items():
            write_text(folder / name, text)
        api.upload_folder(repo_id=repository, folder_path=temporary, commit_message="A run of mtl")
    return str(address)


def pull(repository: str, folder: Path) -> list[str]:
    """Bring a run from the hub into a new folder; return what was left there, since no run has such files.

    Raises as `push` does, and `UsageError` for a repository that holds no run, and for names that lead out of
    the folder; nothing is written then.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already", hint="choose another folder with --out")
    api = _client(repository)
    with _asking(repository):
        names = list(api.list_repo_files(repository))
    for name in names:
        if _leads_out(name):
            raise UsageError(
                f"{repository} names a file outside of its folder: {name!r}", hint="do not trust it"
            )
    if lacking := [name for name in _WANTED if name not in names]:
        raise UsageError(
            f"{repository} holds no run of mtl: it has no {' and no '.join(lacking)}",
            hint="runs are sent there by mtl push",
        )
    make_folder(folder.parent)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        draft = Path(temporary) / "run"
        for name in filter(_is_taken, names):
            with _asking(repository):
                api.hf_hub_download(repository, name, local_dir=draft)
        _tidy(draft)
        read_json(draft / "metrics.json", "the metrics of a run", hint=f"{repository} is damaged")
        draft.rename(folder)
    return [name for name in names if not _is_taken(name) and name != ".gitattributes"]


def _tidy(draft: Path) -> None:
    """Remove what the client keeps for itself."""
    shutil.rmtree(draft / ".cache", ignore_errors=True)


def _is_taken(name: str) -> bool:
    depth = name.count("/")
    return any(fnmatchcase(name, pattern) and pattern.count("/") == depth for pattern in _TAKEN)


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts


def _refuse_another(repository: str, names: set[str]) -> None:
    """Raise `UsageError` where a repository holds something that is no run of mtl."""
    if names - {".gitattributes", CARD} and not names >= set(_WANTED):
        raise UsageError(
            f"{repository} holds something else than a run of mtl", hint="name another repository: NAME/MODEL"
        )


def _client(repository: str) -> Any:
    if not _NAME.fullmatch(repository) or ".." in repository or "--" in repository:
        raise UsageError(f"{repository!r} is no name of a repository", hint="write NAME/MODEL, as on the hub")
    try:
        library = import_module("huggingface_hub")
    except ImportError:
        raise MissingRequirementError(
            "the hub needs the package huggingface_hub, which is not installed",
            hint="pip install 'mtl-composer[hub]'",
        ) from None
    return library.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


@contextmanager
def _asking(repository: str) -> Iterator[None]:
    """Say in a line why the hub did not do what it was asked."""
    errors: Any = import_module("huggingface_hub.errors")
    try:
        yield
    except MtlError:
        raise
    except errors.LocalTokenNotFoundError:
        raise _unknown() from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status == 401 and not isinstance(error, errors.RepositoryNotFoundError):
            raise _unknown() from None
        if status == 403:
            raise UsageError(
                f"{repository} is not yours to write", hint="name one of yours: NAME/MODEL; hf auth whoami"
            ) from None
        if isinstance(error, errors.RepositoryNotFoundError):
            raise UsageError(
                f"there is no repository {repository}, or you may not see it",
                hint="hf auth login, or mend the name",
            ) from None
        raise MissingRequirementError(f"the hub refused ({status}): {described(error)}") from None
    except errors.HFValidationError as error:
        raise UsageError(described(error), hint="write NAME/MODEL, as on the hub") from None
    except Exception as error:  # the client's, its network library's, or what answers there is no hub
        raise MissingRequirementError(
            f"the hub does not answer as one should: {described(error)}",
            hint="look at the network and HF_ENDPOINT",
        ) from error


def _unknown() -> MissingRequirementError:
    return MissingRequirementError("nobody is logged in to the hub", hint="hf auth login, or set HF_TOKEN")
